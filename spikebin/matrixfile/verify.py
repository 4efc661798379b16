"""Looks at finished matrix files: are they complete, and what is in them. Draws nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.binning.trial import TrialEvents
from spikebin.errors import DamagedFileError, MatrixFileError
from spikebin.matrixfile.digest import ContentDigest
from spikebin.matrixfile.reader import open_file
from spikebin.matrixfile.seal import verify_seal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from spikebin.matrixfile.reader import MatrixFile
    from spikebin.matrixfile.seal import Seal

__all__ = ["Checked", "check_files", "checked_trial", "describe", "matrix_files", "verify_file"]


def verify_file(path: Path) -> Seal:
    """Check every byte and every count of a matrix file.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Seal

    Raises
    ------
    MatrixFileError
        If a byte has changed since the file was sealed, or what it holds is not what its seal says.
    """
    seal = verify_seal(path)
    file = open_file(path)
    digest = ContentDigest(file.neurons["neuron_id"])
    n_events = 0
    for i, trial in enumerate(file.trials):
        flat, values = file.flat_events(i)
        counting = file.binning.values == "count"
        n_events += int(values.sum(dtype=np.int64)) if counting else flat.size
        events = TrialEvents(flat, values if counting else None)
        digest.add(str(trial["image_id"]), int(trial["repeat"]), int(trial["n_bins"]), events)
    if n_events != seal.n_binned or digest.hexdigest() != seal.content_digest:
        raise DamagedFileError(f"{path} does not hold what its seal says (content digest): export it again", path)
    if not seal.tally.adds_up:
        raise DamagedFileError(f"the counts in the seal of {path} do not add up: export it again", path)
    return seal


@dataclass(frozen=True)
class Checked:
    """A file and what is wrong with it; "" if it is complete."""

    path: Path
    error: str
    damaged: bool = False


def matrix_files(paths: Iterable[Path]) -> list[Path]:
    """The files given, and those below the directories given.

    Parameters
    ----------
    paths : iterable of Path
        What is not a directory is taken for a file, even if it is not there.

    Returns
    -------
    list of Path
        Those of a directory sorted.

    Raises
    ------
    MatrixFileError
        If a directory holds none.
    """
    found: list[Path] = []
    for path in paths:
        inside = sorted(path.rglob("spikes_*.h5")) if path.is_dir() else [path]
        if not inside:
            raise MatrixFileError(f"no matrix file in {path}: run `spikebin run`, or give another path")
        found += inside
    return found


def check_files(paths: Iterable[Path]) -> Iterator[Checked]:
    """Verify files one by one.

    Parameters
    ----------
    paths : iterable of Path

    Yields
    ------
    Checked
        For each of them, as `spikebin.matrixfile.verify.verify_file` finds it.
    """
    for path in paths:
        try:
            verify_file(path)
        except MatrixFileError as error:
            yield Checked(path, str(error), isinstance(error, DamagedFileError))
        else:
            yield Checked(path, "")


def checked_trial(file: MatrixFile, trial: int) -> int:
    """A trial's row of the matrix.

    Parameters
    ----------
    file : MatrixFile
    trial : int
        From 0.

    Returns
    -------
    int
        The same.

    Raises
    ------
    MatrixFileError
        If there is none of that number.
    """
    if not 0 <= trial < file.shape[0]:
        raise MatrixFileError(f"no trial {trial} in {file.path}: it has the trials 0 to {file.shape[0] - 1}")
    return trial


def describe(file: MatrixFile) -> dict[str, Any]:
    """The sealed facts of a file, with rates and repeats worked out from what it holds.

    Parameters
    ----------
    file : MatrixFile

    Returns
    -------
    dict
        Its seal, numbers of what there is, `n_bins` and `neuron_ids` as [lowest, highest], `mean_rate_hz` and
        `fraction_true`, or for counts `mean_count`, of a bin; all that JSON can hold.

    Raises
    ------
    MatrixFileError
        If the file is damaged, or was written again since it was opened.

    Notes
    -----
    Rates are spikes inside the trials, collisions included, per neuron and second of what was recorded: columns past
    the end of a short trial are not bins, and the end bin of a phase takes no time, see `MatrixFile.surplus`.
    """
    seal, trials, neurons = file.header, file.trials, file.neurons
    n_bins = file.shape[1] * float(trials["n_bins"].sum())
    past_end = file.shape[1] * float(file.surplus().sum())
    seconds = (n_bins * file.binning.width - past_end) / 1000
    binned = "fraction_true" if file.binning.values == "bool" else "mean_count"
    repeats = np.unique(trials["repeat"])
    return {
        **seal.as_dict(),
        "path": str(file.path),
        "n_trials": file.shape[0],
        "n_neurons": file.shape[1],
        "n_columns": file.shape[2],
        "n_repeats": int(repeats.size),
        "n_images": int(np.unique(trials["image_id"]).size),
        "patterns": _patterns(file),
        "n_bins": [int(trials["n_bins"].min()), int(trials["n_bins"].max())],
        "neuron_ids": [int(neurons["neuron_id"][0]), int(neurons["neuron_id"][-1])],
        "mean_rate_hz": seal.tally.n_inside / seconds if seconds else math.nan,
        binned: seal.n_binned / n_bins,
    }


def _patterns(file: MatrixFile) -> list[dict[str, Any]]:
    """Which phases trials have: each pattern with its number of trials, and how long its phases last, in ms."""
    bins, surplus = file.trials["phase_bins"], file.surplus()
    ms = np.round(bins * file.binning.width - surplus, 6)
    found = []
    for pattern in np.unique(bins > 0, axis=0)[::-1]:
        mine = ((bins > 0) == pattern).all(axis=1)
        phases = [
            {"name": phase.name, "ms": [float(ms[mine, i].min()), float(ms[mine, i].max())]}
            for i, phase in enumerate(file.header.phases)
            if pattern[i]
        ]
        found.append({"trials": int(mine.sum()), "phases": phases})
    return found
