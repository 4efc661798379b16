"""`status --watch`: how far a data set is, how fast, when it will be done, and the last words of what failed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import typer

from spikebin.cli.fit_table import terminal
from spikebin.cli.options import note
from spikebin.cli.tables import status_table
from spikebin.cli.wording import number
from spikebin.output.state import State
from spikebin.pipeline.summary import summarise
from spikebin.slurm.lost_tasks import queue_now

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spikebin.pipeline.plan import Plan
    from spikebin.pipeline.summary import Summary

__all__ = ["last_words", "pace", "watch_status"]

MOST_LOGS = 3
LOG_LINES = 3
LOG_BYTES = 8192


def watch_status(plan: Plan, *, sheet: str | None, variant: str | None, every: int) -> None:
    """Show the status every so many seconds until nothing is missing.

    Parameters
    ----------
    plan : Plan
    sheet, variant : str, optional
        Only these, by names that the plan knows.
    every : int
        s.
    """
    begun, n_before = time.monotonic(), -1
    while True:
        queue, trouble = queue_now(plan)
        summary = summarise(plan, sheet=sheet, variant=variant, queue=queue)
        n_done = _count(summary, State.DONE)
        n_before = n_done if n_before < 0 else n_before
        n_wanted = sum(row.states[state] for row in summary.rows for state in State if state.wanted)
        terminal().clear()
        status_table(summary)
        typer.echo(pace(n_done - n_before, time.monotonic() - begun, n_wanted))
        for line in last_words(summary):
            typer.echo(line)
        if trouble:
            note(f"what is queued is not known: {trouble}")
        if not n_wanted:
            return
        time.sleep(every)


def pace(n_files: int, seconds: float, n_left: int) -> str:
    """How many files an hour are done, and when the rest will be.

    Parameters
    ----------
    n_files : int
        Done since the watch began.
    seconds : float
        Since then.
    n_left : int
        Not done yet.

    Returns
    -------
    str
    """
    if not n_left:
        return "nothing is missing"
    if not n_files:
        return f"{number(n_left, 'file')} left; none done since {_duration(seconds)}"
    left = _duration(n_left * seconds / n_files)
    return f"{3600 * n_files / seconds:,.0f} files an hour, {number(n_left, 'file')} left: about {left}"


def last_words(summary: Summary) -> Iterator[str]:
    """The last lines of the logs of what failed last, by the numbers of the jobs.

    Parameters
    ----------
    summary : Summary

    Yields
    ------
    str
    """
    logs = dict.fromkeys(
        found.attempts.log for found in summary.troubles if found.state is State.FAILED and found.attempts.log
    )
    for log in list(logs)[-MOST_LOGS:]:
        try:
            with open(log, "rb") as file:  # noqa: PTH123
                file.seek(max(0, file.seek(0, 2) - LOG_BYTES))
                lines = file.read().decode("utf-8", "replace").split("\n")
        except OSError:
            continue
        yield f"\n{log}:"
        yield from (f"  {line.rstrip()}" for line in list(filter(str.strip, lines))[-LOG_LINES:])


def _count(summary: Summary, state: State) -> int:
    return sum(row.states[state] for row in summary.rows)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
