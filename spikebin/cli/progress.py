"""Long work as the user sees it: one progress bar on a terminal, plain lines elsewhere; after `run`, its failures."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from spikebin.cli.options import answer_json, is_terminal, note
from spikebin.cli.outcomes import exit_code, outcome_dict, outcome_line
from spikebin.cli.tables import print_failures
from spikebin.cli.wording import number
from spikebin.errors import same_cause
from spikebin.output.state import State
from spikebin.pipeline.run import run_tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from spikebin.pipeline.job import Outcome
    from spikebin.pipeline.plan import Plan
    from spikebin.pipeline.run import Task

__all__ = ["Trials", "counted", "file_size", "followed", "followed_by_bytes", "run_with_progress", "waiting"]

T = TypeVar("T")


def _bar(*columns: ProgressColumn) -> Progress:
    """A bar on a terminal, on stderr. What is said meanwhile stands above it, unless it goes into a pipe."""
    console = Console(stderr=True)
    shown = console.is_terminal
    return Progress(
        *columns, TimeRemainingColumn(), console=console, disable=not shown, redirect_stdout=is_terminal(sys.stdout)
    )


def followed(items: Iterable[T], total: int, line: Callable[[T], str] | None) -> Iterator[T]:
    """Pass files through as they are done: a bar of how many on a terminal; elsewhere a line for each, if given."""
    with _bar(TextColumn("files"), BarColumn(), MofNCompleteColumn()) as bar:
        shown = bar.add_task("files", total=total)
        for item in items:
            bar.advance(shown)
            if line is not None and bar.disable:
                note(line(item))
            yield item


def file_size(path: Path) -> int:
    """Bytes of a file; 0 where it is not there."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def followed_by_bytes(items: Iterable[T], sizes: Iterable[int]) -> Iterator[T]:
    """Pass files through as they are done: a bar of bytes on a terminal, with how fast they are read."""
    sizes = list(sizes)
    with _bar(TextColumn("read"), BarColumn(), DownloadColumn(), TransferSpeedColumn()) as bar:
        shown = bar.add_task("read", total=sum(sizes))
        for item, size in zip(items, sizes, strict=True):
            bar.advance(shown, size)
            yield item


@contextmanager
def counted(what: str, total: int) -> Iterator[Callable[[], None]]:
    """A function to call for each that is done: a bar of how many on a terminal, nothing elsewhere."""
    with _bar(TextColumn(what), BarColumn(), MofNCompleteColumn()) as bar:
        shown = bar.add_task(what, total=total)
        yield lambda: bar.advance(shown)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """What is being done, and for how long, on a terminal, where nobody can know how much there is."""
    console = Console(stderr=True)
    bar = Progress(
        SpinnerColumn(), TextColumn(what), TimeElapsedColumn(), console=console, disable=not console.is_terminal,
        transient=True, redirect_stdout=is_terminal(sys.stdout),
    )  # fmt: skip
    with bar:
        bar.add_task(what, total=None)
        yield


class Trials:
    """Files and trials of exports: a bar on a terminal that says how many trials a second are written."""

    def __init__(self, n_files: int, what: str = "trials") -> None:
        rate = TextColumn(f"{{task.fields[trials]:,}} {what}, {{task.fields[rate]:.1f}} {what}/s")
        self.bar = _bar(TextColumn("files"), BarColumn(), MofNCompleteColumn(), rate)
        self.n_trials = 0
        self._n_files = 0
        self._begun = time.monotonic()
        self._shown = self.bar.add_task("files", total=n_files, trials=0, rate=0.0)

    @property
    def seconds(self) -> float:
        """Since it was made."""
        return max(time.monotonic() - self._begun, 1e-9)

    def trial(self) -> None:
        """One more trial."""
        self.n_trials += 1
        self.bar.update(self._shown, trials=self.n_trials, rate=self.n_trials / self.seconds)

    def of_file(self, n_done: int, n_all: int) -> None:
        """One more trial, of the file that is written: how many it has by now, and will have."""
        self.trial()
        self.bar.update(self._shown, completed=self._n_files + min(n_done / n_all, 1.0))

    def files(self, outcomes: Iterable[T], line: Callable[[T], str] | None = None) -> Iterator[T]:
        """Pass them through; each is one more file. Where there is no bar a line is written for each, if given."""
        for outcome in outcomes:
            self._n_files += 1
            self.bar.update(self._shown, completed=self._n_files)
            if line is not None and self.bar.disable:
                note(line(outcome))
            yield outcome


def run_with_progress(
    plan: Plan, tasks: Sequence[Task], *, workers: int, force: bool = False, json: bool = False
) -> int:
    """Run tasks and tell how they go; the exit code."""
    n_files = sum(len(task.sheets) for task in tasks)
    if not n_files:
        note("nothing to do: all that has a source is done, `spikebin status` shows it")
        if json:
            answer_json([])
        return 0
    failures: list[Outcome] = []
    noted: dict[str, list[tuple[str, Outcome]]] = {}
    answer = []
    code = 0
    progress = Trials(n_files)
    with progress.bar as bar:
        done = run_tasks(plan.config.path, tasks, workers=workers, force=force, on_trial=progress.trial)
        for outcome in progress.files(done):
            answer.append(outcome_dict(outcome))
            code = max(code, exit_code(outcome))
            if outcome.state is State.FAILED:
                failures.append(outcome)
            for text in outcome.notes:
                alike = same_cause(text, outcome.job.part, outcome.sheet)
                noted.setdefault(alike, []).append((text, outcome))
            if bar.disable:
                note(outcome_line(outcome))
    for told in noted.values():
        text, first = told[0]
        others = f" (and {len(told) - 1:,} more)" if len(told) > 1 else ""
        note(f"note: {first.job.name} {first.sheet}: {text}{others}")
    seconds, n_trials = progress.seconds, progress.n_trials
    if json:
        answer_json(answer)
    elif failures:
        print_failures(failures)
    (note if json else typer.echo)(
        f"{n_files - len(failures):,} of {number(n_files, 'file')}, {number(n_trials, 'trial')} in {seconds:.1f} s"
        f" ({n_trials / seconds:.1f} trials/s)"
    )
    return code
