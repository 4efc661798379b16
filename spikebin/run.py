"""Many jobs on this machine: worker processes that each run one job at a time, and whatever becomes of them.

What a job does is in job.py; what the user sees of it is drawn by the caller.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any

from spikebin.cores import cpus
from spikebin.signals import Ended, ending_on_signals
from spikebin.state import State, survey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.connection import Connection
    from pathlib import Path

    from spikebin.job import Outcome
    from spikebin.plan import Job, Plan

__all__ = ["Task", "run_tasks", "wanted_tasks"]

PATIENCE = 3.0


@dataclass(frozen=True)
class Task:
    """A job and the sheets of it to export."""

    job: Job
    sheets: tuple[str, ...]


def wanted_tasks(
    plan: Plan,
    *,
    sheet: str | None = None,
    variant: str | None = None,
    indices: Sequence[int] | None = None,
    force: bool = False,
) -> list[Task]:
    """What there is to do: for each job the sheets that are missing, broken or failed, or done with `force`."""
    sheets: dict[int, list[str]] = {}
    for found in survey(plan, sheet=sheet, variant=variant):
        if found.state.wanted or (force and found.state is State.DONE):
            sheets.setdefault(found.job.index, []).append(found.sheet)
    return [
        Task(plan.job(index), tuple(names)) for index, names in sheets.items() if indices is None or index in indices
    ]


def run_tasks(
    config: Path, tasks: Sequence[Task], *, workers: int, force: bool = False, on_trial: Callable[[], None]
) -> Iterator[Outcome]:
    """Run tasks on worker processes; a task that fails, or kills its worker, does not stop the others.

    Parameters
    ----------
    config : Path
        Of the spikebin.toml, which each worker reads for itself.
    tasks : sequence of Task
    workers : int
        How many processes; CPUs left over become threads of each.
    force : bool
        Export what is done, too.
    on_trial : callable
        Called after each trial of any worker.

    Yields
    ------
    Outcome
        One for each sheet of each task, as they end.
    """
    from spikebin.attempts import KILLED, attempts_path, note_failure
    from spikebin.config import load_config
    from spikebin.job import Outcome
    from spikebin.plan import load_plan

    output = load_plan(load_config(config)).config.output if tasks else None
    queue = deque(tasks)
    n_workers = min(workers, len(tasks))
    threads = max(1, cpus() // n_workers) if n_workers else 1
    crew: list[_Worker] = []
    try:
        while queue or any(worker.task for worker in crew):
            while len(crew) < min(n_workers, len(queue) + sum(worker.task is not None for worker in crew)):
                crew.append(_Worker(config, threads, force))
            for worker in crew:
                if worker.task is None and queue:
                    worker.start(queue.popleft())
            for connection in wait([worker.connection for worker in crew if worker.task]):
                worker = next(worker for worker in crew if worker.connection is connection)
                try:
                    message: Any = worker.connection.recv()
                except (EOFError, OSError):
                    crew.remove(worker)
                    reason = worker.bury()
                    for sheet in worker.left:
                        assert worker.task is not None and output is not None  # noqa: S101, PT018
                        job = worker.task.job
                        note_failure(attempts_path(output, job.variant, job.part, sheet), reason or KILLED)
                        yield Outcome(job, sheet, State.FAILED, reason or KILLED)
                    continue
                if message == "trial":
                    on_trial()
                elif message == "end":
                    worker.task = None
                else:
                    worker.left.remove(message.sheet)
                    yield message
    finally:
        for worker in crew:
            worker.dismiss()
        for worker in crew:
            worker.join()


class _Worker:
    """One process, seen from its parent."""

    def __init__(self, config: Path, threads: int, force: bool) -> None:  # noqa: FBT001
        # A forked child would inherit the parent's threads' locks and its HDF5 state.
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, config, threads, force))
        self.process.start()
        theirs.close()
        self.task: Task | None = None
        self.left: list[str] = []

    def start(self, task: Task) -> None:
        self.task, self.left = task, list(task.sheets)
        self.connection.send((task.job.index, task.sheets))

    def bury(self) -> str:
        """Why a worker that hung up has ended."""
        self.process.join(PATIENCE)
        code = self.process.exitcode
        if code is not None and code < 0:
            name = signal.Signals(-code).name
            hint = ", most often for want of memory: use fewer --workers" if -code == signal.SIGKILL else ""
            return f"its worker was ended by {name}{hint}"
        return f"its worker ended with exit code {code}: run `spikebin job` on it alone to see more"

    def dismiss(self) -> None:
        self.connection.close()
        if self.task is not None:
            self.process.terminate()

    def join(self) -> None:
        self.process.join(PATIENCE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def _work(connection: Connection, config: Path, threads: int, force: bool) -> None:  # noqa: FBT001
    """Life of a worker: take a task, run it, tell; until the parent hangs up."""
    from spikebin.config import load_config
    from spikebin.job import run_job
    from spikebin.plan import load_plan

    try:
        with ending_on_signals():
            plan = load_plan(load_config(config))
            while True:
                index, sheets = connection.recv()
                outcomes = run_job(
                    plan,
                    plan.job(index),
                    sheets=sheets,
                    force=force,
                    threads=threads,
                    on_trial=lambda: connection.send("trial"),
                )
                for outcome in outcomes:
                    connection.send(outcome)
                connection.send("end")
    except (EOFError, BrokenPipeError):
        return
    except Ended as ended:
        os._exit(ended.exit_code)
