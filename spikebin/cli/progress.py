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
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from spikebin.cli.options import answer_json, is_terminal, note
from spikebin.cli.outcomes import exit_code, outcome_dict, outcome_line
from spikebin.cli.tables import print_failures
from spikebin.cli.wording import number
from spikebin.errors import same_cause
from spikebin.output.state import State
from spikebin.pipeline.run import run_tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from rich.progress import Task as Shown

    from spikebin.dataset.dataset import Part
    from spikebin.dataset.view import View
    from spikebin.pipeline.job import Outcome
    from spikebin.pipeline.plan import Plan
    from spikebin.pipeline.run import Task

__all__ = [
    "Trials",
    "counted",
    "file_size",
    "followed",
    "followed_by_bytes",
    "followed_by_trials",
    "growing",
    "reading",
    "run_with_progress",
]

T = TypeVar("T")


class _Rate(ProgressColumn):
    """How many are done in a second."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Shown) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.{1 if speed < 100 else 0}f} {self._unit}/s")


def _bar(*columns: ProgressColumn, goes: bool = False) -> Progress:
    """A bar on a terminal, on stderr, that goes away at the end or stays.

    What is said meanwhile stands above it, unless it goes into a pipe.
    """
    console = Console(stderr=True)
    return Progress(
        *columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal, transient=goes,
        redirect_stdout=is_terminal(sys.stdout),
    )  # fmt: skip


def _count(unit: str, *, goes: bool = False) -> Progress:
    return _bar(TextColumn(unit), BarColumn(), MofNCompleteColumn(), _Rate(unit), goes=goes)


def file_size(path: Path) -> int:
    """Bytes of a file; 0 where it is not there."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def followed(
    items: Iterable[T], total: int | None, line: Callable[[T], str] | None = None, *, unit: str = "files"
) -> Iterator[T]:
    """Pass items through as they are done: a bar of how many on a terminal; elsewhere a line for each, if given."""
    with _count(unit) as bar:
        shown = bar.add_task(unit, total=total)
        for item in items:
            bar.advance(shown)
            if line is not None and bar.disable:
                note(line(item))
            yield item


def followed_by_trials(
    items: Iterable[T], parts: Iterable[Part], line: Callable[[T], str] | None = None
) -> Iterator[T]:
    """Pass parts through as they are done, in the order of `parts`: a bar of their trials; elsewhere as `followed`."""
    n_trials = [part.file.shape[0] if part.trials is None else len(part.trials) for part in parts]
    with _count("trials") as bar:
        shown = bar.add_task("trials", total=sum(n_trials))
        for item, n in zip(items, n_trials, strict=False):
            bar.advance(shown, n)
            if line is not None and bar.disable:
                note(line(item))
            yield item


def followed_by_bytes(items: Iterable[T], sizes: Iterable[int]) -> Iterator[T]:
    """Pass files through as they are done: a bar of bytes on a terminal, with how fast they are read."""
    sizes = list(sizes)
    with _bar(TextColumn("read"), BarColumn(), DownloadColumn(), TransferSpeedColumn()) as bar:
        shown = bar.add_task("read", total=sum(sizes))
        for item, size in zip(items, sizes, strict=True):
            bar.advance(shown, size)
            yield item


@contextmanager
def counted(unit: str, total: int) -> Iterator[Callable[[], None]]:
    """A function to call for each that is done: a bar of how many on a terminal, nothing elsewhere."""
    with growing(unit) as tell:
        tell(total, 0)
        yield lambda: tell(0, 1)


@contextmanager
def growing(unit: str) -> Iterator[Callable[[int, int], None]]:
    """As `counted`, of as many as turn up: a function of how many more there are, and how many more are done.

    There is no bar before something has turned up.
    """
    with _count(unit, goes=True) as bar:

        def tell(more: int, done: int) -> None:
            if more and not bar.tasks:
                bar.add_task(unit, total=0)
            for task in bar.tasks:
                bar.update(task.id, advance=done, total=(task.total or 0) + more)

        yield tell


@contextmanager
def reading(views: Mapping[str, View], passes: int = 1) -> Iterator[dict[str, View]]:
    """The same views, each of which is read so many times: a bar of the trials that are read of them."""
    from spikebin.dataset.watched import Watched

    with counted("trials", passes * sum(map(len, views.values()))) as on_trial:
        yield {name: Watched(view, on_trial) for name, view in views.items()}


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
