"""Run one job: export each of its sheets that is not done.

Joins the packages: a recording gives spikes, binning/ bins them, matrixfile/ writes them. What a job is, plan.py says.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.binning.trial import TrialEvents, bin_trial
from spikebin.errors import DiskFullError, PlanError, RecordingError, SpikebinError
from spikebin.matrixfile.seal import is_newer
from spikebin.matrixfile.writer import Identity, MatrixWriter
from spikebin.names import directory_name
from spikebin.output.attempts import attempts_path, forget, note_ended, note_failure, note_start
from spikebin.output.ids import image_ids, write_npy
from spikebin.output.paths import matrix_path
from spikebin.output.state import State, sheet_state
from spikebin.recordings import open_recording
from spikebin.system.files import os_error
from spikebin.system.leftovers import remove_stale
from spikebin.system.signals import Ended
from spikebin.system.threads import in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from spikebin.binning.trial import Trial
    from spikebin.output.jobs import Job
    from spikebin.pipeline.config import Config, Recordings
    from spikebin.pipeline.plan import Plan
    from spikebin.recordings.protocol import Recording, SheetRecording, SourceFile

__all__ = ["Outcome", "export_sheet", "one_line", "run_job"]


@dataclass(frozen=True)
class Outcome:
    """What became of one sheet of a job: its state now, a line for the user, and whether it was exported just now."""

    job: Job
    sheet: str
    state: State
    message: str = ""
    header: dict[str, Any] | None = None
    exported: bool = False
    disk_full: bool = False


def run_job(
    plan: Plan,
    job: Job,
    *,
    sheets: Sequence[str] | None = None,
    force: bool = False,
    limit: int | None = None,
    out: Path | None = None,
    threads: int = 1,
    on_trial: Callable[[], None] | None = None,
) -> Iterator[Outcome]:
    """Export the sheets of a job that are not done; one sheet's failure does not stop the others.

    Parameters
    ----------
    plan : Plan
    job : Job
    sheets : sequence of str, optional
        Raw names; all of the job's by default.
    force : bool
        Export what is done, too.
    limit : int, optional
        Only so many trials, into `out`; their number is sealed, and such a file never counts as done.
    out : Path, optional
        A directory apart from the data set; files go to OUT/VARIANT.
    threads : int
        How many trials are read, binned and compressed at once.
    on_trial : callable, optional
        Called after each trial, in this thread.

    Yields
    ------
    Outcome
        One for each sheet, in the order of the plan.

    Raises
    ------
    PlanError
        If a sheet is not in the job, or `out` lies in the data set; or as `spikebin.output.state.sheet_state`.
    Ended
        If a signal ends this process; the try is noted.
    """
    for sheet in sheets or ():
        if sheet not in job.sheets:
            raise PlanError(f"part {job.name} has no sheet {sheet!r} in the plan: run `spikebin plan` to add it")
    output = plan.config.output
    if out is not None and out.resolve().is_relative_to(output.resolve()):
        raise PlanError(f"--out {out} lies in the data set {output}: give a directory elsewhere")
    opened: dict[tuple[str, Recordings], Recording] = {}
    for sheet in sheets or job.sheets:
        now = sheet_state(plan, job, sheet)
        tries = attempts_path(output, job.variant, job.part, sheet)
        source = job.source(sheet)
        if now.state in {State.EXCLUDED, State.NO_SOURCE}:
            yield Outcome(job, sheet, now.state, now.reason)
            continue
        if not source and (out is not None or force or now.state is not State.DONE):
            yield Outcome(job, sheet, State.NO_SOURCE, "no recording holds it yet")
            continue
        if out is not None:
            target = out / job.variant / f"spikes_{directory_name(sheet)}_{job.part}.h5"
        else:
            target = matrix_path(output, job.variant, job.part, sheet)
            if now.state is State.DONE and not force:
                yield Outcome(job, sheet, now.state, now.reason, now.header)
                continue
            if not force and is_newer(target):
                reason = f"{now.reason}; --force replaces it"
                note_failure(tries, reason)
                yield Outcome(job, sheet, State.FAILED, reason)
                continue
            note_start(tries)
        try:
            remove_stale(target.parent, target.name)
            entry = plan.entry(job, source, sheet)
            if (source, entry) not in opened:
                opened[source, entry] = open_recording(plan.config.resolve(source), entry.format, entry.reading)
            recording = opened[source, entry].sheet(sheet, plan.config.rule(job.part), entry.repeat(Path(source).name))
            header = export_sheet(
                recording, plan.config, Identity(sheet, job.variant, job.part), target,
                limit=limit, threads=threads, on_trial=on_trial, with_ids=out is None,
            )  # fmt: skip
        except Ended as ended:
            if out is None:
                note_ended(tries, f"ended by {ended}: scancel, a time limit, preemption or Ctrl-C")
            raise
        except Exception as error:
            if os.environ.get("SPIKEBIN_DEBUG") == "1":
                raise
            reason = one_line(error)
            if out is None:
                note_failure(tries, reason)
            yield Outcome(job, sheet, State.FAILED, reason, disk_full=isinstance(error, DiskFullError))
        else:
            if out is None:
                forget(tries)
            yield Outcome(job, sheet, State.DONE, str(target), header, exported=True)


def export_sheet(
    recording: SheetRecording,
    config: Config,
    identity: Identity,
    target: Path,
    *,
    limit: int | None = None,
    threads: int = 1,
    on_trial: Callable[[], None] | None = None,
    with_ids: bool = True,
) -> dict[str, Any]:
    """Bin the trials of one sheet of a recording and write them as one matrix file.

    Parameters
    ----------
    recording : SheetRecording
    config : Config
        Binning, trial rule, layout and codec.
    identity : Identity
    target : Path
        Of the matrix file.
    limit, threads, on_trial
        See `run_job`.
    with_ids : bool
        Write the .npy files of image and neuron ids before it, where the data set has them.

    Returns
    -------
    dict
        The sealed header.

    Raises
    ------
    RecordingError
        If what is on disk is not complete or contradicts itself.
    BinningError
        If bins of this width cannot be told apart.
    MatrixFileError
        If there is nothing to write, or the seal cannot hold what it is to say.
    SpikebinError
        If the file cannot be written.
    """
    trials = recording.trials[:limit]
    with MatrixWriter(
        identity,
        recording.neurons,
        trials,
        binning=config.binning,
        trial_rule=config.trial.settings,
        layout=config.layout,
        codec=config.codec,
    ) as writer:

        def work(i: int) -> tuple[TrialEvents, Any]:
            events = bin_trial(trials[i], recording.spikes(i), config.binning, writer.n_columns, recording.where)
            return events, writer.encode(events)

        for events, encoded in in_order(work, len(trials), threads):
            writer.append(events, encoded)
            if on_trial is not None:
                on_trial()

        def write_ids(_: Path) -> None:
            if with_ids:
                _write_ids(target, identity, recording, trials)

        # The ids are put in place once the matrix file is written, right before it is put in place itself: where it
        # cannot be written, those of the one that was there stay.
        return writer.write(target, recording.name, _files(recording), threads=threads, limit=limit, check=write_ids)


def one_line(error: Exception) -> str:
    """One line for whatever stopped a sheet; the sheets after it are exported all the same.

    Parameters
    ----------
    error : Exception

    Returns
    -------
    str
    """
    if isinstance(error, SpikebinError):
        return str(error)
    if isinstance(error, MemoryError):
        return "out of memory: give the job more, or fewer --threads"
    if isinstance(error, OSError) and error.filename:
        return str(os_error(error, Path(os.fsdecode(error.filename))))
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return f"unexpected {text}; a fault of spikebin, SPIKEBIN_DEBUG=1 shows where: please report it"


def _files(recording: SheetRecording) -> Sequence[SourceFile]:
    """What was read; one of them may be gone since."""
    try:
        return recording.files
    except OSError as error:
        raise RecordingError(
            f"{error.filename} cannot be looked at ({error.strerror}): copy it again, if it is missing, then start the"
            " job again"
        ) from None


def _write_ids(target: Path, identity: Identity, recording: SheetRecording, trials: Sequence[Trial]) -> None:
    """The two .npy files that the models downstream read, named after the matrix file."""
    variant = target.parent.parent.parent
    stem = f"{directory_name(identity.sheet)}_{identity.part}"
    names = image_ids((trial.repeat, trial.image_id) for trial in trials)
    neurons = recording.neurons["neuron_id"].astype(np.int64)

    def write_neurons(_: Path) -> None:
        write_npy(variant / "neuron_ids" / f"neuron_ids_{stem}.npy", neurons)

    write_npy(variant / "image_ids" / f"image_ids_{stem}.npy", names, check=write_neurons)
