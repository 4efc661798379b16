"""Neurons as rows: which of a recording's neurons are asked for, and the row that each id has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.errors import RecordingError
from spikebin.names import find_sheet, suggest
from spikebin.recordings.protocol import NEURON_FIELDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["NeuronRows", "ids_of", "neuron_table", "parse_ids"]

MOST_IDS = 100_000_000
WIDEST_TABLE = 1 << 20


class NeuronRows:
    """The rows of a matrix: those asked for, else those listed, else those that fire.

    Parameters
    ----------
    listed : structured array (n_neurons,) or None
        NEURON_FIELDS of all neurons that a recording lists, by ascending id; None: it lists none.
    fire : int64 (n,)
        Ids that have spikes, ascending.
    ids : str or None
        Those asked for; see `parse_ids`.
    select : bool
        Spikes of neurons that are not listed are passed over.
    where : str
        For messages.
    names : sequence of str, optional
        Of the neurons with the ids 0, 1 and so on: they can be asked for by these, and keep them in the table.

    Attributes
    ----------
    table : structured array (n_rows,)
        NEURON_FIELDS, by ascending id; and `neuron_name`, where they have names.
    select : bool
        Spikes of other neurons may come.

    Raises
    ------
    RecordingError
        If there are none, or spikes of one that is not listed; or as `parse_ids`.
    """

    def __init__(
        self,
        listed: NDArray[Any] | None,
        fire: NDArray[np.int64],
        ids: str | None,
        *,
        select: bool,
        where: str,
        names: Sequence[str] | None = None,
    ) -> None:
        self.select = select or ids is not None
        self.table = _chosen(listed, fire, _numbers(ids, names), select=select, where=where)
        if names is not None:
            self.table = _named(self.table, names, where)
        self._ids = np.ascontiguousarray(self.table["neuron_id"])
        self._place = _row_of_id(self._ids)

    def of(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """The row of each id.

        Parameters
        ----------
        ids : int64 (n,)

        Returns
        -------
        int64 (n,)
            -1 for an id that has none; only where `select` may there be such.
        """
        if self._place is not None:
            places = ids - self._ids[0]
            if self.select:
                places[(places < 0) | (places >= self._place.size)] = self._place.size - 1
            found: NDArray[np.int64] = self._place[places]
            return found
        rows = np.searchsorted(self._ids, ids).clip(max=self._ids.size - 1)
        return np.where(self._ids[rows] == ids, rows, -1)


def neuron_table(ids: NDArray[np.int64], places: NDArray[np.float64] | None = None) -> NDArray[Any]:
    """NEURON_FIELDS by ascending id.

    Parameters
    ----------
    ids : int64 (n,)
        In any order.
    places : float64 (n, 2) or (n, 3), optional
        x, y and z; nan without.

    Returns
    -------
    structured array (n,)
    """
    table = np.empty(ids.size, NEURON_FIELDS)
    table["neuron_id"] = ids
    for i, axis in enumerate("xyz"):
        table[axis] = places[:, i] if places is not None and i < places.shape[1] else np.nan
    return table[np.argsort(ids, kind="stable")]


def ids_of(
    text: str | None, sheet: str, sheets: Sequence[str], where: str, names: Sequence[str] | None = None
) -> str | None:
    """What of the ids asked for is meant for one sheet: ``v1=1-1000,2001,lgn=1-20``.

    Parameters
    ----------
    text : str or None
        A sheet's name, raw or of its directory, and "=" before the first of its ids. Without any: for all sheets.
    sheet : str
        One of `sheets`.
    sheets : sequence of str
        Those of the recording.
    where : str
        For messages.
    names : sequence of str, optional
        Of the sheet's neurons: an "=" may be part of one.

    Returns
    -------
    str or None
        As `parse_ids` and `NeuronRows` take it; None: nothing is asked of this sheet.

    Raises
    ------
    RecordingError
        If there is no such sheet, or ids without one stand before the first.
    """
    if text is None or "=" not in text:
        return text
    known = {*(names or ())}
    pieces = [piece.strip() for piece in text.split(",")]
    if not any("=" in piece and piece not in known for piece in pieces):
        return text
    mine: list[str] = []
    of: str | None = None
    for piece in pieces:
        ids = piece
        if "=" in piece and piece not in known:
            of, ids = _split_sheet(piece, sheets, where)
        if of is None:
            raise RecordingError(
                f"{where}: ids {text!r}: {piece!r} comes before the first sheet: begin with one, {sheet}={piece}"
            )
        if of == sheet:
            mine.append(ids)
    return ",".join(mine) if mine else None


def _split_sheet(piece: str, sheets: Sequence[str], where: str) -> tuple[str, str]:
    """The sheet that a piece names before one of its "=", and what follows."""
    words = piece.split("=")
    for n in range(1, len(words)):
        sheet = find_sheet("=".join(words[:n]).strip(), sheets)
        if sheet is not None:
            return sheet, "=".join(words[n:]).strip()
    name = words[0].strip()
    raise RecordingError(f"{where}: ids {piece!r}: there is no sheet {name!r}: {suggest(name, sheets)}")


def parse_ids(text: str, where: str) -> NDArray[np.int64]:
    """Ids from a text such as ``1-1000,2001``, ascending.

    Parameters
    ----------
    text : str
    where : str
        For messages.

    Returns
    -------
    int64 (n,)
        Each of them once.

    Raises
    ------
    RecordingError
        If it holds none or something else, or a range is empty or longer than 100,000,000 ids.
    """
    ranges = []
    for piece in text.split(","):
        low, dash, high = (part.strip() for part in piece.partition("-"))
        if not _is_whole(low) or (dash and not _is_whole(high)):
            raise RecordingError(f"{where}: ids {text!r}: give ids and ranges, 1-1000,2001")
        first, last = int(low), int(high or low)
        if last < first or last - first >= MOST_IDS or last >= 1 << 63:
            raise RecordingError(
                f"{where}: ids {piece.strip()!r}: give a range from low to high, of at most {MOST_IDS:,} ids"
            )
        ranges.append(np.arange(first, last + 1))
    return np.unique(np.concatenate(ranges)).astype(np.int64)


def _numbers(ids: str | None, names: Sequence[str] | None) -> str | None:
    """Ids that are asked for, each name among them as its number."""
    if ids is None or names is None:
        return ids
    number = {name: str(i) for i, name in enumerate(names)}
    return ",".join(number.get(piece.strip(), piece) for piece in ids.split(","))


def _named(table: NDArray[Any], names: Sequence[str], where: str) -> NDArray[Any]:
    """A table of neurons with the name of each."""
    ids = table["neuron_id"]
    if ids.size and ids[-1] >= len(names):
        raise RecordingError(f"{where} has no neuron {ids[-1]}: it has {len(names):,} names, from 0 on: fix `ids`")
    texts = np.array([names[i] for i in ids.tolist()], np.str_)
    named = np.empty(ids.size, [*table.dtype.descr, ("neuron_name", texts.dtype)])
    for field in table.dtype.names or ():
        named[field] = table[field]
    named["neuron_name"] = texts
    return named


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _chosen(
    listed: NDArray[Any] | None, fire: NDArray[np.int64], ids: str | None, *, select: bool, where: str
) -> NDArray[Any]:
    if ids is not None:
        wanted = parse_ids(ids, where)
        return neuron_table(wanted) if listed is None else _some(listed, wanted, where)
    if listed is None:
        if not fire.size:
            raise RecordingError(f"{where} holds no spikes: list its neurons with `ids`, or check that it was written")
        return neuron_table(fire)
    if not len(listed):
        raise RecordingError(f"{where} has no neurons: check that it was written to its end")
    if not select:
        unknown = np.setdiff1d(fire, listed["neuron_id"])
        if unknown.size:
            raise RecordingError(
                f"{where} has spikes of neuron {unknown[0]}, which it does not list: it is damaged, write it again"
            )
    return listed


def _some(listed: NDArray[Any], wanted: NDArray[np.int64], where: str) -> NDArray[Any]:
    places = np.searchsorted(listed["neuron_id"], wanted)
    known = places < len(listed)
    known[known] = listed["neuron_id"][places[known]] == wanted[known]
    if not known.all():
        raise RecordingError(f"{where} lists no neuron {wanted[~known][0]}: fix `ids`")
    return listed[places]


def _row_of_id(ids: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Row of each id from the lowest on, -1 at the end and for those that are not ids; None where ids lie far apart."""
    span = int(ids[-1]) - int(ids[0]) + 1
    if span > max(WIDEST_TABLE, 4 * ids.size):
        return None
    table = np.full(span + 1, -1, np.int64)
    table[ids - ids[0]] = np.arange(ids.size)
    return table
