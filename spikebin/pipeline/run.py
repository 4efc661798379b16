"""Many jobs on this machine: worker processes that each run one job at a time, and whatever becomes of them.

What a job does is in job.py; what the user sees of it is drawn by the caller.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import deque
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any

from spikebin.output.state import State, sheet_state
from spikebin.pipeline.wanted import find_wanted
from spikebin.system.process import cpus
from spikebin.system.signals import GRACE, Ended, ending_on_signals, holding_signals, listen

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from multiprocessing.connection import Connection
    from pathlib import Path

    from spikebin.output.jobs import Job
    from spikebin.pipeline.job import Outcome
    from spikebin.pipeline.plan import Plan

__all__ = ["Task", "run_tasks", "wanted_tasks"]

PATIENCE = 0.75 * GRACE
"""Seconds for workers to end; ended by a signal, this process has something to say before it must be gone."""


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
    indices: Collection[int] | None = None,
    force: bool = False,
) -> list[Task]:
    """What there is to do: for each job the sheets that are missing, broken or failed, or done with `force`.

    Parameters
    ----------
    plan : Plan
    sheet, variant : str, optional
        Only these, by names that the plan knows.
    indices : collection of int, optional
        Only these jobs.
    force : bool
        What is done, too.

    Returns
    -------
    list of Task
        In the order of the plan; no job twice.
    """
    wanted = find_wanted(plan, sheet=sheet, variant=variant, indices=indices, done=force)
    tasks = []
    for job in map(plan.job, wanted.indices):
        names = {*wanted.sheets.get(job.index, ()), *wanted.done.get(job.index, ())}
        tasks.append(Task(job, tuple(name for name in job.sheets if name in names)))
    return tasks


def run_tasks(
    config: Path, tasks: Sequence[Task], *, workers: int, force: bool = False, on_trial: Callable[[], None]
) -> Iterator[Outcome]:
    """Run tasks on worker processes; a sheet that fails, or kills its worker, does not stop the others.

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
    from spikebin.pipeline.config import load_config
    from spikebin.pipeline.plan import load_plan

    plan = load_plan(load_config(config)) if tasks else None
    queue = deque(tasks)
    n_workers = min(workers, len(tasks))
    threads = max(1, cpus() // n_workers) if n_workers else 1
    crew: list[_Worker] = []
    try:
        while queue or any(worker.task for worker in crew):
            while len(crew) < min(n_workers, len(queue) + sum(worker.task is not None for worker in crew)):
                crew.append(_Worker(config, threads, force))
            for worker in [worker for worker in crew if worker.task is None]:
                if not queue:
                    break
                if worker.start(queue[0]):
                    queue.popleft()
                else:
                    crew.remove(worker)
                    worker.bury()
            # With nobody at work there is nothing to wait for, and `wait` would wait for ever.
            busy = [worker.connection for worker in crew if worker.task]
            for connection in wait(busy) if busy else ():
                worker = next(worker for worker in crew if worker.connection is connection)
                try:
                    message: Any = worker.connection.recv()
                except (EOFError, OSError):
                    crew.remove(worker)
                    reason = worker.bury()
                    assert worker.task is not None and plan is not None  # noqa: S101, PT018
                    job, (sheet, *rest) = worker.task.job, worker.left
                    if rest:
                        queue.appendleft(Task(job, tuple(rest)))
                    yield _after_death(plan, job, sheet, reason, worker.process.pid, force=force)
                    continue
                if message == "trial":
                    on_trial()
                else:
                    # Sheets end in their order, so that the first one left is the one in work.
                    worker.left.remove(message.sheet)
                    if not worker.left:
                        worker.task = None
                    yield message
    finally:
        for worker in crew:
            worker.dismiss()
        deadline = time.monotonic() + PATIENCE
        for worker in crew:
            worker.join(deadline - time.monotonic())


def _after_death(plan: Plan, job: Job, sheet: str, reason: str, pid: int | None, *, force: bool) -> Outcome:
    """What became of the sheet that a worker was at when it died; a failure is noted in its name."""
    from spikebin.output.attempts import attempts_path, forget, note_failure
    from spikebin.output.paths import matrix_path
    from spikebin.pipeline.job import Outcome

    tries = attempts_path(plan.output, job.variant, job.part, sheet)
    now = sheet_state(plan, job, sheet)
    # It may have died after the rename. With `force` nobody can tell that file from the one before.
    if now.state is State.DONE and not force:
        forget(tries)
        target = matrix_path(plan.output, job.variant, job.part, sheet)
        return Outcome(job, sheet, State.DONE, str(target), now.header, exported=True)
    note_failure(tries, reason, pid=pid)
    return Outcome(job, sheet, State.FAILED, reason)


class _Worker:
    """One process, seen from its parent."""

    def __init__(self, config: Path, threads: int, force: bool) -> None:  # noqa: FBT001
        # A forked child would inherit the parent's threads' locks and its HDF5 state.
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, config, threads, force))
        # Started with the first worker, it would let the signals in again.
        resource_tracker.ensure_running()
        with holding_signals():
            self.process.start()
            theirs.close()
        self.task: Task | None = None
        self.left: list[str] = []

    def start(self, task: Task) -> bool:
        """Hand a task to an idle worker; False: it has died meanwhile."""
        try:
            self.connection.send(task)
        except OSError:
            return False
        self.task, self.left = task, list(task.sheets)
        return True

    def bury(self) -> str:
        """Why a worker that hung up has ended."""
        self.connection.close()
        self.process.join(PATIENCE)
        code = self.process.exitcode
        if code is None:
            self.join(0)
            return "its worker hung up, did not end and was killed: run `spikebin job` on it alone to see more"
        if code < 0:
            name = signal.Signals(-code).name
            hint = ", most often for want of memory: use fewer --workers" if -code == signal.SIGKILL else ""
            return f"its worker was ended by {name}{hint}"
        return f"its worker ended with exit code {code}: run `spikebin job` on it alone to see more"

    def dismiss(self) -> None:
        self.connection.close()
        if self.task is not None:
            self.process.terminate()

    def join(self, patience: float) -> None:
        self.process.join(max(0, patience))
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def _work(connection: Connection, config: Path, threads: int, force: bool) -> None:  # noqa: FBT001
    """Life of a worker: take a task, run it, tell; until the parent hangs up."""
    from spikebin.pipeline.config import load_config
    from spikebin.pipeline.plan import load_plan
    from spikebin.system.process import settle_in

    settle_in()
    from spikebin.pipeline.job import Outcome, one_line, run_job

    def tell(message: object) -> None:
        try:
            connection.send(message)
        except OSError:
            raise Ended(signal.SIGHUP) from None

    plan: Plan | None = None
    try:
        with ending_on_signals():
            listen()
            while True:
                task = connection.recv()
                left = list(task.sheets)
                try:
                    if plan is None:
                        plan = load_plan(load_config(config))
                    for outcome in run_job(
                        plan,
                        plan.job(task.job.index),
                        sheets=task.sheets,
                        force=force,
                        threads=threads,
                        on_trial=lambda: tell("trial"),
                    ):
                        left.remove(outcome.sheet)
                        tell(outcome)
                except Exception as error:
                    if os.environ.get("SPIKEBIN_DEBUG") == "1":
                        raise
                    for sheet in left:
                        tell(Outcome(task.job, sheet, State.FAILED, one_line(error)))
    except (EOFError, ConnectionError):
        return
    except Ended as ended:
        os._exit(ended.exit_code)
