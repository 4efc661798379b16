"""Labels of sorted units: which of them are asked for, in capitals or not, and what a mistyped one may have meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spikebin.errors import RecordingError
from spikebin.names import suggest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["USUAL", "chosen_note", "parse_labels", "with_labels"]

# What Phy and spike sorters call units; a recording may have none of one of them.
USUAL = ("good", "mua", "noise", "unsorted")


def chosen_note(unit: str, n_all: int, n_left_out: int, n_spikes: int, kinds: str = "") -> str:
    """How many units were taken of how many, and what was left out with the others.

    Parameters
    ----------
    unit : str
        What they are called: "cluster".
    n_all, n_left_out : int
    n_spikes : int
        Of those that were left out.
    kinds : str
        Which those are: "3 mua, 1 noise".
    """
    units = unit if n_all == 1 else f"{unit}s"
    spikes = f"{n_spikes:,} spike{'' if n_spikes == 1 else 's'}"
    left_out = kinds or f"{n_left_out:,} not asked for"
    return f"took {n_all - n_left_out:,} of {n_all:,} {units} that fire; left out {left_out}, with {spikes}"


def parse_labels(labels: Sequence[str]) -> tuple[str | None, list[str]]:
    """The column and the labels of ``--labels COLUMN=good,mua``.

    Parameters
    ----------
    labels : sequence of str
        Each perhaps after its column and ``=``.

    Returns
    -------
    column : str or None
        None: none is named.
    labels : list of str
        Without it.

    Raises
    ------
    RecordingError
        If they name two columns.
    """
    pairs = [label.rpartition("=") for label in labels]
    columns = list(dict.fromkeys(column for column, _, _ in pairs if column))
    if len(columns) > 1:
        raise RecordingError(f"labels of two columns, {columns[0]} and {columns[1]}: choose by one of them")
    return (columns[0] if columns else None), [label.strip() for _, _, label in pairs]


def with_labels(labels: Iterable[str], asked: Sequence[str], usual: Sequence[str], where: str) -> set[str]:
    """Those of some labels that are asked for, whatever their case.

    Parameters
    ----------
    labels : iterable of str
        Of all units.
    asked : sequence of str
    usual : sequence of str
        Labels that may be asked for where no unit has them.
    where : str
        For messages: what is labelled, ``no cluster of x``.

    Returns
    -------
    set of str
        As they are written.

    Raises
    ------
    RecordingError
        If one that is asked for is neither there nor usual, or none is there.
    """
    known: dict[str, set[str]] = {}
    for label in labels:
        known.setdefault(label.lower(), set()).add(label)
    for label in asked:
        if label.lower() not in {*known, *usual}:
            raise RecordingError(f"{where} is labelled {label!r}: {suggest(label.lower(), sorted(known))}")
    found = {name for label in asked for name in known.get(label.lower(), ())}
    if not found:
        raise RecordingError(
            f"{where} is labelled {' or '.join(asked)}: labels are {', '.join(sorted(known)) or 'none'}"
        )
    return found
