"""What became of the sheets of a job, a line each, and the exit code; plain text, for which rich need not be loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spikebin.cli.options import note, size_text
from spikebin.output.state import State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spikebin.pipeline.job import Outcome

__all__ = ["exit_code", "outcome_line", "report"]


def outcome_line(outcome: Outcome) -> str:
    """One line for a sheet of a job."""
    what = f"{outcome.job.name} {outcome.sheet}"
    if outcome.header is None:
        return f"{what}: {outcome.state}: {outcome.message}" if outcome.message else f"{what}: {outcome.state}"
    if not outcome.exported:
        return f"{what}: done already"
    header = outcome.header
    shape = " x ".join(map(str, header.shape))
    lost = f"{header.n_collisions:,} collisions, {header.n_outside:,} outside"
    return f"{what}: {shape}, {header.n_spikes:,} spikes, {lost}, {size_text(header.size)} -> {outcome.message}"


def report(outcomes: Iterable[Outcome]) -> int:
    """Say what became of each sheet as it ends; the exit code, 1 also where no sheet has a source."""
    code, states = 0, set()
    for outcome in outcomes:
        prefix = "error: " if outcome.state is State.FAILED else ""
        note(prefix + outcome_line(outcome))
        code = max(code, exit_code(outcome))
        states.add(outcome.state)
    return 1 if states == {State.NO_SOURCE} else code


def exit_code(outcome: Outcome) -> int:
    """What one sheet contributes to the exit code of its command."""
    if outcome.state is not State.FAILED:
        return 0
    return 3 if outcome.disk_full else 1
