"""Which column or array of a file holds the times of spikes and which the neurons: by their names, or as is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spikebin.errors import RecordingError
from spikebin.names import suggest
from spikebin.recordings.continuous.units import find_column

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["NEURONS", "TIMES", "are_spikes", "choose_column"]

TIMES = ("times", "time", "spike_times", "spike_time", "timestamps", "timestamp", "t", "ts")
NEURONS = (
    "neurons", "neuron", "neuron_ids", "neuron_id", "node_ids", "node_id", "unit_ids", "unit_id", "units", "unit",
    "cluster_ids", "cluster_id", "clusters", "cluster", "spike_clusters", "senders", "sender", "gids", "gid", "ids",
    "id", "cells", "cell",
)  # fmt: skip


def choose_column(names: Iterable[str], given: str | None, what: str, where: str) -> str:
    """The column of times or of neurons.

    Parameters
    ----------
    names : iterable of str
        Of all columns or arrays.
    given : str or None
        The one that the user names.
    what : str
        ``times`` or ``neurons``: the option, too.
    where : str
        For messages.

    Returns
    -------
    str

    Raises
    ------
    RecordingError
        If there is no such column, or not just one that is called so.
    """
    known = list(names)
    if given is not None:
        if given not in known:
            raise RecordingError(f"{where}: no {given!r} for the {what}: {suggest(given, known)}")
        return given
    option = f"--{what} (`{what}` in [[recordings]])"
    try:
        found = find_column(known, TIMES if what == "times" else NEURONS)
    except ValueError as error:
        raise RecordingError(f"{where}: which are the {what}, {error}? Name one with {option}") from None
    if found is None:
        raise RecordingError(
            f"{where}: which are the {what}? Name them with {option}; there are {', '.join(known) or 'none'}"
        )
    return found


def are_spikes(names: Iterable[str]) -> bool:
    """Whether some columns or arrays are called as times and neurons are.

    Parameters
    ----------
    names : iterable of str

    Returns
    -------
    bool
    """
    known = list(names)
    for candidates in (TIMES, NEURONS):
        try:
            if find_column(known, candidates) is None:
                return False
        except ValueError:
            continue
    return True
