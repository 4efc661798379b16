"""Which column or array of a file holds the times of spikes and which the neurons: by their names, or as is said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spikebin.errors import RecordingError
from spikebin.names import suggest
from spikebin.recordings.continuous.units import find_column, split_unit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spikebin.recordings.settings import Reading

__all__ = ["NEURONS", "TIMES", "Splits", "are_spikes", "choose_column", "find_splits"]

NO_COLUMN = "none"
TIMES = (
    "times", "time", "spike_times", "spike_time", "spiketimes", "spiketime", "timestamps", "timestamp", "t", "ts",
    "sample_index", "sample_idx", "samples",
)  # fmt: skip
NEURONS = (
    "neurons", "neuron", "neuron_ids", "neuron_id", "neuron_index", "neuron_idx", "node_ids", "node_id", "unit_ids",
    "unit_id", "unit_index", "unit_idx", "units", "unit", "cluster_ids", "cluster_id", "clusters", "cluster",
    "spike_clusters", "senders", "sender", "gids", "gid", "cell_ids", "cell_id", "cellids", "cellid", "cells", "cell",
    "ids", "id", "channels", "channel", "index", "i",
)  # fmt: skip
# What may as well be the running number of a spike.
RUNNING = {"ids", "id", "index", "i"}
# Columns that tell apart what has ids, or clocks, of its own.
POPULATIONS = {"population", "populations", "pop", "population_name"}
TRIALS = {
    *("trial", "trials", "trial_id", "trial_ids", "trial_nr", "trial_no", "trial_num", "trial_number", "trial_index"),
    *("trial_idx", "repetition", "repetitions", "repeat", "rep", "sweep", "sweep_id", "sweep_number", "episode"),
    *(
        "segment",
        "segment_id",
        "segment_index",
        "epoch",
        "epoch_id",
        "block",
        "block_id",
        "trialno",
        "trialnum",
        "trialid",
    ),
    *("presentation", "presentation_id", "stimulus_presentation", "stimulus_presentation_id"),
}
GROUPS = {
    *("session", "session_id", "subject", "subject_id", "animal", "animal_id", "mouse", "rat", "monkey", "experiment"),
    *("recording", "recording_id", "probe", "probe_id", "shank", "shank_id", "tetrode", "tetrode_id", "file", "run"),
    *("channel", "channel_id", "electrode", "electrode_id", "electrode_group", "device", "device_id", "sheet", "layer"),
    *("area", "brain_area", "region", "brain_region", "structure", "nucleus", "cell_type", "day", "date"),
}


@dataclass(frozen=True)
class Splits:
    """Columns that split the spikes of a file.

    Parameters
    ----------
    population : str or None
        Each of its values is a sheet.
    trial : str or None
        Each of its values is a trial with a clock of its own.
    groups : tuple of str
        One neuron may not have two values of these.
    """

    population: str | None = None
    trial: str | None = None
    groups: tuple[str, ...] = ()


def find_splits(names: Iterable[str], reading: Reading, where: str) -> Splits:
    """The columns that split the spikes of a file, by their names and what is said.

    Parameters
    ----------
    names : iterable of str
        Of all columns but those of times and neurons.
    reading : Reading
    where : str
        For messages.

    Returns
    -------
    Splits

    Raises
    ------
    RecordingError
        If there is no such column as is said, or one that may split the spikes into trials of which nothing is said.
    """
    known = list(names)
    for what, given in (("population", reading.population), ("trial", reading.trial)):
        if given not in {None, NO_COLUMN} and given not in known:
            raise RecordingError(f"{where}: no column {given!r} for --{what}: {suggest(str(given), known)}")
    bare = {name: split_unit(name)[0] for name in known}
    populations = [name for name in known if bare[name] in POPULATIONS and name != reading.trial]
    if len(populations) > 1 and reading.population is None:
        raise RecordingError(f"{where}: is it {' or '.join(populations)}? Name one with --population")
    population = reading.population or next(iter(populations), None)
    trials = [name for name in known if bare[name] in TRIALS and name != population]
    if trials and reading.trial is None:
        raise RecordingError(
            f"{where} has a column {trials[0]!r}: where its times are relative to that, read them with --trial"
            f" {trials[0]} (`trial` in [[recordings]]); where all are on one clock, say --trial none"
        )
    said = {population, reading.trial}
    groups = tuple(name for name in known if bare[name] in GROUPS and name not in said)
    return Splits(
        None if population == NO_COLUMN else population,
        None if reading.trial == NO_COLUMN else reading.trial,
        () if reading.population == NO_COLUMN else groups,
    )


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
