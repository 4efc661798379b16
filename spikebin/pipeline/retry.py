"""Forgetting failures, so that what was given up is tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spikebin.output.attempts import attempts_path, forget
from spikebin.output.state import survey

if TYPE_CHECKING:
    from spikebin.output.jobs import Job
    from spikebin.output.state import SheetState
    from spikebin.pipeline.plan import Plan

__all__ = ["forget_failures"]


def forget_failures(
    plan: Plan, *, job: Job | None = None, sheet: str | None = None, variant: str | None = None
) -> list[SheetState]:
    """Forget the failed tries of sheets that are not done: whatever `--max-failures` says, they are wanted again.

    Parameters
    ----------
    plan : Plan
    job : Job, optional
        Only of this part.
    sheet, variant : str, optional
        Only these, by names that the plan knows.

    Returns
    -------
    list of SheetState
        What was forgotten, as it was before.

    Raises
    ------
    PlanError
        As `spikebin.output.state.survey`.
    """
    indices = None if job is None else {job.index}
    failed = [
        found
        for found in survey(plan, sheet=sheet, variant=variant, indices=indices)
        if found.state.wanted and found.attempts.failures
    ]
    for found in failed:
        forget(attempts_path(plan.output, found.job.variant, found.job.part, found.sheet))
    return failed
