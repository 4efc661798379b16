"""Several runs of one NEST simulation as trials: which files are of which run, by a pattern of their names.

`run{trial}_` of run1_exc-9-0.dat is run 1 of the recorder exc-9; `run_{trial}/` is a directory for each run. Each run
has a clock of its own. What a file holds is known to nest.py.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from spikebin.errors import RecordingError
from spikebin.names import in_natural_order

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from spikebin.recordings.continuous.units import Clock

    Spikes = tuple[NDArray[np.float64], NDArray[np.int64]]

__all__ = ["TRIAL", "Run", "SpikesOfRuns", "runs_of"]

TRIAL = "trial"
FIELD = "{trial}"
# Of what a run is called: no part of a label, and no number of a device, is taken with it.
WORD = r"(?P<trial>[^\W_]+)"


class Run(Protocol):
    """Spikes of one recorder in one run."""

    def chunks(self) -> Iterator[Spikes]:
        """Times in ms, and neurons."""
        ...


class SpikesOfRuns:
    """The runs of one recorder; see `spikebin.recordings.split_spikes.Rows`.

    Parameters
    ----------
    runs : mapping of str to Run
        By the name of the trial.
    """

    names = [TRIAL]  # noqa: RUF012
    times_name = ids_name = ""
    stored: np.dtype[Any] = np.dtype(np.float64)

    def __init__(self, runs: Mapping[str, Run]) -> None:
        self._runs = runs

    def rows(self, labels: Sequence[str], clock: Clock) -> Iterator[tuple[Spikes, list[NDArray[np.str_]]]]:  # noqa: ARG002
        """Spikes, and the trial of each."""
        for trial, run in self._runs.items():
            for times, ids in run.chunks():
                yield (times, ids), [np.full(ids.size, trial) for _ in labels]


def runs_of(labels: Sequence[str], pattern: str, where: str) -> dict[str, dict[str, str]]:
    """Sort devices by recorder and run.

    Parameters
    ----------
    labels : sequence of str
        Of the devices, ``run1_exc-9``; with their directory before it, ``run_1/exc-9``, where the pattern has a slash.
    pattern : str
        What of a label tells the run, with ``{trial}`` where its name stands: ``run{trial}_``.
    where : str
        For messages.

    Returns
    -------
    dict of str to dict of str to str
        Recorder -> name of the run, in natural order -> label.

    Raises
    ------
    RecordingError
        If the pattern has not one field, a label does not fit, or a recorder is not there in each run, or twice.
    """
    before, field, after = pattern.partition(FIELD)
    if not field or FIELD in after or not (before or after):
        raise RecordingError(
            f"{where}: `trial` is {pattern!r}: give what of the names of files tells the run, run{{trial}}_, or of the"
            " directory of each run, run_{trial}/"
        )
    finder = re.compile(re.escape(before) + WORD + re.escape(after))
    found: dict[str, dict[str, str]] = {}
    for label in labels:
        place = finder.search(label)
        if place is None:
            raise RecordingError(
                f"{where}: {label} does not fit {pattern!r}: it is of no run, move it away or give another `trial`"
            )
        recorder = label[: place.start()] + label[place.end() :]
        runs = found.setdefault(recorder, {})
        if place["trial"] in runs:
            raise RecordingError(
                f"{where}: {runs[place['trial']]} and {label} are both {recorder} of run {place['trial']}: give another"
                " `trial`"
            )
        runs[place["trial"]] = label
    trials = in_natural_order({trial for runs in found.values() for trial in runs})
    for recorder, runs in found.items():
        lacking = next((trial for trial in trials if trial not in runs), None)
        if lacking is not None:
            raise RecordingError(
                f"{where}: run {lacking} has no files of {recorder}, run {next(iter(runs))} has: copy them, or move"
                " those of the others away"
            )
    return {recorder: {trial: runs[trial] for trial in trials} for recorder, runs in found.items()}
