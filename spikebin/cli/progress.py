"""Long work as the user sees it: one progress bar on a terminal, plain lines elsewhere; after `run`, its failures."""

from __future__ import annotations

import time
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from spikebin.cli.options import answer_json, note
from spikebin.cli.outcomes import exit_code, outcome_dict, outcome_line
from spikebin.cli.tables import print_failures
from spikebin.cli.wording import number
from spikebin.output.state import State
from spikebin.pipeline.run import run_tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from spikebin.pipeline.job import Outcome
    from spikebin.pipeline.plan import Plan
    from spikebin.pipeline.run import Task

__all__ = ["counted", "followed", "run_with_progress"]

T = TypeVar("T")


def followed(items: Iterable[T], total: int, line: Callable[[T], str] | None) -> Iterator[T]:
    """Pass files through as they are done: a bar of how many on a terminal; elsewhere a line for each, if there is one.

    Nothing may be printed meanwhile: it would stand in the bar.
    """
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("files"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
    )
    with bar if console.is_terminal else nullcontext():
        shown = bar.add_task("files", total=total)
        for item in items:
            bar.advance(shown)
            if line is not None and not console.is_terminal:
                note(line(item))
            yield item


@contextmanager
def counted(what: str, total: int) -> Iterator[Callable[[], None]]:
    """A function to call for each that is done: a bar of how many on a terminal, nothing elsewhere."""
    console = Console(stderr=True)
    bar = Progress(TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console)
    with bar if console.is_terminal else nullcontext():
        shown = bar.add_task(what, total=total)
        yield lambda: bar.advance(shown)


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
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("files"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:.1f} trials/s"),
        TimeRemainingColumn(),
        console=console,
    )
    failures: list[Outcome] = []
    answer = []
    code = n_trials = 0
    begun = time.monotonic()
    with bar if console.is_terminal else nullcontext():
        shown = bar.add_task("files", total=n_files, rate=0.0)

        def count_trial() -> None:
            nonlocal n_trials
            n_trials += 1
            bar.update(shown, rate=n_trials / max(time.monotonic() - begun, 1e-9))

        for outcome in run_tasks(plan.config.path, tasks, workers=workers, force=force, on_trial=count_trial):
            bar.advance(shown)
            answer.append(outcome_dict(outcome))
            code = max(code, exit_code(outcome))
            if outcome.state is State.FAILED:
                failures.append(outcome)
            if not console.is_terminal:
                note(outcome_line(outcome))
    seconds = time.monotonic() - begun
    if json:
        answer_json(answer)
    elif failures:
        print_failures(failures)
    (note if json else typer.echo)(
        f"{n_files - len(failures):,} of {number(n_files, 'file')}, {number(n_trials, 'trial')} in {seconds:.1f} s"
        f" ({n_trials / seconds:.1f} trials/s)"
    )
    return code
