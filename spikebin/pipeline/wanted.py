"""What is wanted: the one rule by which `missing`, `run` and `submit` choose sheets to export.

Which state a sheet is in, output/state.py says; here it is decided which of them are exported now.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from spikebin.output.state import State, survey_jobs

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Container

    from spikebin.output.state import SheetState
    from spikebin.pipeline.plan import Plan

__all__ = ["Queue", "Wanted", "find_wanted"]


class Queue(Protocol):
    """What a cluster holds and runs of a data set; `spikebin.slurm.squeue.Queue` is Slurm's."""

    @property
    def live(self) -> Container[str]:
        """Ids of all of the cluster's jobs, of the users concerned, that have not ended."""

    def covers(self, index: int, sheet: str | None) -> str:
        """Whether a job is "running" or "queued" for a sheet, or for any; "" if neither."""

    def activity(self, found: SheetState) -> str:
        """Whether a sheet of a part is being exported ("running") or waits for that ("queued"); "" if neither."""


@dataclass
class Wanted:
    """The sheets to export, by the index of their job, and why others are not among them.

    Attributes
    ----------
    sheets : dict of int to list of str
        Raw names, in the order of the plan; no job without one.
    done : dict of int to list of str
        Those that are done and were asked for all the same.
    busy : list of int
        Jobs that are queued or running for one of the sheets asked for: they are in neither of the two.
    given_up : list of SheetState
        Sheets that have failed too often.
    troubles : list of SheetState
        All others that are neither done nor simply missing: broken, failed, without a source, excluded.
    """

    sheets: dict[int, list[str]] = field(default_factory=dict)
    done: dict[int, list[str]] = field(default_factory=dict)
    busy: list[int] = field(default_factory=list)
    given_up: list[SheetState] = field(default_factory=list)
    troubles: list[SheetState] = field(default_factory=list)

    @property
    def indices(self) -> list[int]:
        """The jobs to start, in ascending order."""
        return sorted({*self.sheets, *self.done})


def find_wanted(
    plan: Plan,
    *,
    sheet: str | None = None,
    variant: str | None = None,
    indices: Collection[int] | None = None,
    done: bool = False,
    deep: bool = False,
    max_failures: int | None = None,
    live: Container[str] | None = None,
    queue: Queue | None = None,
    on_sheet: Callable[[], None] | None = None,
) -> Wanted:
    """Choose the sheets to export: those that are missing, broken or failed, unless they failed too often.

    Parameters
    ----------
    plan : Plan
    sheet, variant : str, optional
        Only these, by names that the plan knows.
    indices : collection of int, optional
        Only these jobs.
    done : bool
        Choose what is done, too.
    deep : bool
        Compare every byte of every file with its seal, instead of its size.
    max_failures : int, optional
        Leave out what has failed so often; default: nothing.
    live : container of str, optional
        Ids of all Slurm jobs that have not ended, where that is known; default: as `queue` says.
    queue : Queue, optional
        What Slurm runs and holds: leave out the jobs that it has a task for.
    on_sheet : callable, optional
        Called for each sheet of a part that has been looked at.

    Returns
    -------
    Wanted

    Raises
    ------
    PlanError
        As `spikebin.output.state.survey`.
    """
    chosen = Wanted()
    busy: set[int] = set()
    live = queue.live if queue else live
    for states in survey_jobs(plan, sheet=sheet, variant=variant, indices=indices, deep=deep, live=live):
        index = states[0].job.index
        for found in states:
            if on_sheet is not None:
                on_sheet()
            state = found.state
            if state.wanted and max_failures is not None and found.attempts.failures >= max_failures:
                chosen.given_up.append(found)
                continue
            if state is not State.MISSING and found.is_trouble:
                chosen.troubles.append(found)
            if state.wanted:
                chosen.sheets.setdefault(index, []).append(found.sheet)
            elif done and state is State.DONE:
                chosen.done.setdefault(index, []).append(found.sheet)
            else:
                continue
            if queue and (queue.activity(found) or queue.covers(index, sheet)):
                busy.add(index)
    for index in busy:
        chosen.sheets.pop(index, None)
        chosen.done.pop(index, None)
    chosen.busy = sorted(busy)
    return chosen
