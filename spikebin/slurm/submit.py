"""Submits arrays to Slurm: which parts, in which arrays, with which script; never twice what is there already.

What the script and the options look like is in sbatch.py, what is queued in squeue.py.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikebin.errors import DiskFullError, SpikebinError
from spikebin.names import directory_name
from spikebin.pipeline.summary import estimate_bytes
from spikebin.pipeline.wanted import find_wanted
from spikebin.slurm.after import report_task, send_report
from spikebin.slurm.array_spec import Slice, slices
from spikebin.slurm.logs import log_directories, log_pattern, make_log_directories
from spikebin.slurm.lost_tasks import note_lost_tasks, queue_now
from spikebin.slurm.notes import Submitted, data_set_id, note_submitted, slurm_directory
from spikebin.slurm.programs import run_slurm
from spikebin.slurm.sbatch import (
    cluster_name,
    last_value,
    long_options,
    max_array_size,
    normal_options,
    option_names,
    parse_job_id,
    tag,
)
from spikebin.slurm.scripts import batch_script, directives
from spikebin.slurm.squeue import ask_queue
from spikebin.slurm.task import VARIABLE, ArrayTask
from spikebin.slurm.templates import find_template
from spikebin.system.lock import locked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spikebin.output.state import SheetState
    from spikebin.pipeline.plan import Plan
    from spikebin.pipeline.wanted import Wanted
    from spikebin.slurm.after import ReportTask

__all__ = ["Array", "Batch", "Choice", "dry_lines", "one_submit_at_a_time", "prepare", "send"]

PATIENCE = 60.0
"""Seconds that Slurm's commands may take; a controller that is down makes them fail after 9 s."""
DEFAULT_MAX_ARRAY_SIZE = 1001


@dataclass(frozen=True)
class Choice:
    """What to submit, and how.

    Parameters
    ----------
    sheet, variant : str, optional
        Only these, by names that the plan knows.
    missing : bool
        Only parts that lack a sheet; else all that have a source.
    max_failures : int
        With `missing`: leave out what has failed so often.
    max_parallel : int, optional
        Tasks that run at once.
    template : Path, optional
        A batch script; None: slurm/export.sbatch.
    options : tuple of str
        More options of sbatch; they win over the config's.
    report : Path, optional
        A page that is written once the arrays have ended.
    """

    sheet: str | None = None
    variant: str | None = None
    missing: bool = False
    max_failures: int = 3
    max_parallel: int | None = None
    template: Path | None = None
    options: tuple[str, ...] = ()
    report: Path | None = None


@dataclass
class Array:
    """One sbatch: its slice of the plan, the sheets of it (none: all), its command line and its script.

    `wanted` are the directory names of the sheets that are not done, `job_id` is "" until it is submitted.
    """

    piece: Slice
    sheets: tuple[str, ...]
    command: list[str]
    directives: list[str]
    script: str
    wanted: tuple[str, ...] = ()
    job_id: str = ""

    @property
    def options(self) -> list[str]:
        """What its script says, then what the command line does, which wins."""
        return [*self.directives, *self.command]


@dataclass(frozen=True)
class Batch:
    """All that one submit submits, and what it leaves out. `blind`: Slurm gave no answer; a dry run does without.

    `report` is the task after the arrays, if there is to be one.
    """

    arrays: list[Array]
    n_files: int
    n_bytes: int
    busy: list[int] = field(default_factory=list)
    given_up: list[SheetState] = field(default_factory=list)
    blind: bool = False
    cluster: str = ""
    report: ReportTask | None = None

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "ids": [array.job_id for array in self.arrays if array.job_id],
            "arrays": [
                {
                    "id": array.job_id,
                    "array": array.piece.spec,
                    "offset": array.piece.offset,
                    "sheets": list(array.sheets),
                    "indices": list(array.piece.indices),
                    "command": array.command,
                }
                for array in self.arrays
            ],
            "files": self.n_files,
            "bytes": self.n_bytes,
            "queued_or_running": self.busy,
            "given_up": [[found.job.index, found.sheet, found.attempts.failures] for found in self.given_up],
            "report": None if self.report is None else {"id": self.report.job_id, "command": self.report.command},
        }


def prepare(plan: Plan, choice: Choice, *, dry_run: bool = False) -> Batch:
    """Work out what to submit. Nothing is submitted, and nothing written but the failures of tasks that left no word.

    Parameters
    ----------
    plan : Plan
    choice : Choice
    dry_run : bool
        Do without Slurm where it does not answer.

    Returns
    -------
    Batch

    Raises
    ------
    DiskFullError
        If the files would take more than is free.
    SpikebinError
        If Slurm does not answer, an option is not for sbatch to take, or the template cannot be submitted.
    """
    config = plan.config
    queue = queue_now(plan)[0] if dry_run else ask_queue(plan, patience=PATIENCE)
    if not dry_run:
        if queue is None:
            raise SpikebinError("there is no squeue here: submit where Slurm is, or use `spikebin run`")
        note_lost_tasks(plan, queue)
    wanted = find_wanted(
        plan,
        sheet=choice.sheet,
        variant=choice.variant,
        done=not choice.missing,
        max_failures=choice.max_failures if choice.missing else None,
        queue=queue,
    )
    n_files, n_bytes = sum(map(len, wanted.sheets.values())), estimate_bytes(plan, wanted.sheets)
    free = shutil.disk_usage(config.output).free
    if n_bytes > free:
        raise DiskFullError(
            f"the {n_files} files to submit take about {n_bytes:,} bytes, {free:,} are free in"
            f" {config.output}: make room, or submit less with --variant or --sheet"
        )
    limit, cluster = DEFAULT_MAX_ARRAY_SIZE, ""
    if queue is not None and wanted.indices:
        answer = run_slurm(["scontrol", "show", "config"], patience=PATIENCE)
        limit, cluster = max_array_size(answer), cluster_name(answer)
    template = choice.template or find_template("export.sbatch")
    try:
        text = template.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpikebinError(f"the template {template} cannot be read ({error}): give another --template") from None
    arrays = [
        _array(plan, choice, piece, sheets, text, wanted)
        for sheets, indices in _by_sheets(choice, wanted).items()
        for piece in slices(indices, limit)
    ]
    if choice.max_parallel and len(arrays) > 1 and "?" in last_value(arrays[0].command, "dependency"):
        raise SpikebinError(
            "--max-parallel chains the arrays, for which no dependency may hold a ?: leave one of them out"
        )
    report = report_task(plan, choice.options, choice.report) if choice.report is not None and arrays else None
    return Batch(arrays, n_files, n_bytes, wanted.busy, wanted.given_up, queue is None, cluster, report)


def send(plan: Plan, choice: Choice, batch: Batch) -> None:
    """Submit the arrays of a batch, make the directory of their logs first, and note each one's id.

    Parameters
    ----------
    plan : Plan
    choice : Choice
        That of the batch.
    batch : Batch
        From `prepare`; its arrays get their `job_id`.

    Raises
    ------
    SpikebinError
        If Slurm does not take an array or the task after them, or a note or directory cannot be written; those before
        it are submitted and noted, and have their `job_id`.
    """
    output = plan.config.output
    before = ""
    for n, array in enumerate(batch.arrays):
        if choice.max_parallel and before:
            array.command = _chained(array.command, before)
        make_log_directories(array.options)
        try:
            array.job_id = parse_job_id(run_slurm(array.command, patience=PATIENCE, text=array.script))
        except SpikebinError as error:
            so_far = f"{n} of {len(batch.arrays)} arrays are submitted" if n else "nothing is submitted"
            raise SpikebinError(f"{error}: {so_far}; fix that, then `spikebin submit --missing`") from None
        now = datetime.now(UTC).isoformat(timespec="seconds")
        note = Submitted(
            array.job_id,
            array.piece.spec,
            array.piece.offset,
            array.sheets,
            os.getuid(),
            now,
            log=log_pattern(array.options, "error") or log_pattern(array.options),
            cluster=batch.cluster,
            wanted=array.wanted,
        )
        note_submitted(output, note, array.script)
        before = array.job_id
    if batch.report is not None:
        send_report(batch.report, [array.job_id for array in batch.arrays], patience=PATIENCE)


def dry_lines(choice: Choice, batch: Batch) -> list[str]:
    """What `send` would do, as lines that a shell could run.

    Parameters
    ----------
    choice : Choice
        That of the batch.
    batch : Batch
        From `prepare`.

    Returns
    -------
    list of str
    """
    lines = []
    for n, array in enumerate(batch.arrays):
        command = _chained(array.command, "ID_OF_THE_ARRAY_ABOVE") if choice.max_parallel and n else array.command
        lines += [f"{shlex.join(command)} <<'END_OF_SCRIPT'", array.script + "END_OF_SCRIPT", ""]
    if batch.report is not None:
        command = batch.report.after([f"ID_OF_ARRAY_{n + 1}" for n in range(len(batch.arrays))])
        lines += [f"{shlex.join(command)} <<'END_OF_SCRIPT'", batch.report.script + "END_OF_SCRIPT", ""]
    return lines


def _by_sheets(choice: Choice, wanted: Wanted) -> dict[tuple[str, ...], list[int]]:
    """Indices by the sheets that their tasks are to export, none for all: what is given up must not be tried again."""
    partial = {found.job.index for found in wanted.given_up}
    groups: dict[tuple[str, ...], list[int]] = {}
    for index in wanted.indices:
        sheets = (choice.sheet,) if choice.sheet else tuple(wanted.sheets[index]) if index in partial else ()
        for sheet in sheets:
            if set(sheet) & set(" \t,"):
                raise SpikebinError(f"the sheet {sheet!r} has a name that no task can be given: submit without --sheet")
        groups.setdefault(tuple(map(directory_name, sheets)), []).append(index)
    return groups


def _array(plan: Plan, choice: Choice, piece: Slice, sheets: tuple[str, ...], template: str, wanted: Wanted) -> Array:
    config = plan.config
    own = directives(template)
    # What stands on the command line hides what the script says: these two are added to, so they are taken from there.
    options = [option for option in own if option.startswith(("--comment=", "--dependency="))]
    options += normal_options(long_options(config.slurm)) + normal_options(choice.options)
    names = option_names([*own, *options])
    spec = piece.spec + (f"%{choice.max_parallel}" if choice.max_parallel else "")
    command = ["sbatch", "--parsable", f"--array={spec}"]
    if "output" not in names:
        # A percent sign in a path would begin a pattern of sbatch's.
        logs = str(slurm_directory(config.output) / "logs").replace("%", "%%")
        command.append(f"--output={logs}/%A_%a.log")
    if "job-name" not in names:
        command.append("--job-name=spikebin")
    comment = [last_value(options, "comment"), tag(data_set_id(config.output), piece.offset, sheets)]
    command += [option for option in options if not option.startswith("--comment=")]
    command.append(f"--comment={' '.join(filter(None, comment))}")
    variables = {
        "SPIKEBIN_CONFIG": str(config.path),
        "SPIKEBIN_OFFSET": str(piece.offset),
        "SPIKEBIN_SHEETS": " ".join(sheets),
        VARIABLE: ArrayTask(str(config.path), piece.offset, sheets).variable,
    }
    log_directories([*own, *command])
    names = {directory_name(sheet) for index in piece.indices for sheet in wanted.sheets.get(index, ())}
    script = batch_script(template, variables, _program_directory())
    return Array(piece, sheets, command, own, script, tuple(sorted(names)))


def _program_directory() -> Path | None:
    """Where the command `spikebin` lies that belongs to this Python, so that the tasks run it and no other."""
    directory = Path(sys.executable).parent
    return directory if (directory / "spikebin").exists() else None


def _chained(command: list[str], before: str) -> list[str]:
    """The command with a wait for another array: each has a limit of tasks of its own, one by one they keep to it."""
    wanted = filter(None, [last_value(command, "dependency"), f"afterany:{before}"])
    rest = [option for option in command if not option.startswith("--dependency=")]
    return [*rest, f"--dependency={','.join(wanted)}"]


@contextmanager
def one_submit_at_a_time(plan: Plan) -> Iterator[None]:
    """Keep two submits, one by hand and one by cron, from submitting the same parts.

    Parameters
    ----------
    plan : Plan

    Raises
    ------
    SpikebinError
        If another one is at work, or the lock file cannot be made.
    """
    with locked(slurm_directory(plan.config.output), patience=0):
        yield
