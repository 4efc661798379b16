"""What became of the sheets of a job, a line each, and the exit code; plain text, for which rich need not be loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spikebin.cli.options import answer_json, note, say, size_text
from spikebin.output.state import State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spikebin.pipeline.job import Outcome

__all__ = ["exit_code", "outcome_dict", "outcome_line", "report"]


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
    if header.n_unassigned:
        lost += f", {header.n_unassigned:,} more in no trial"
    return f"{what}: {shape}, {header.n_spikes:,} spikes, {lost}, {size_text(header.size)} -> {outcome.message}"


def outcome_dict(outcome: Outcome) -> dict[str, Any]:
    """The same for a program."""
    header = outcome.header
    return {
        "index": outcome.job.index,
        "part": outcome.job.name,
        "sheet": outcome.sheet,
        "state": str(outcome.state),
        "exported": outcome.exported,
        "path": outcome.message if outcome.exported else "",
        "why": "" if header else outcome.message,
        "shape": header and list(header.shape),
        "n_spikes": header and header.n_spikes,
        "n_collisions": header and header.n_collisions,
        "n_outside": header and header.n_outside,
        "size": header and header.size,
        "notes": list(outcome.notes),
    }


def report(outcomes: Iterable[Outcome], *, json: bool = False) -> int:
    """Say what became of each sheet as it ends; the exit code, 1 also where no sheet has a source."""
    code, states, answer = 0, set(), []
    noted: set[str] = set()
    for outcome in outcomes:
        answer.append(outcome_dict(outcome))
        if outcome.state is State.FAILED:
            note(f"error: {outcome_line(outcome)}")
        elif not json:
            say(outcome_line(outcome))
        for text in outcome.notes:
            if text not in noted:
                note(f"note: {outcome.job.name} {outcome.sheet}: {text}")
        noted.update(outcome.notes)
        code = max(code, exit_code(outcome))
        states.add(outcome.state)
    if json:
        answer_json(answer)
    return 1 if states == {State.NO_SOURCE} else code


def exit_code(outcome: Outcome) -> int:
    """What one sheet contributes to the exit code of its command."""
    if outcome.state is not State.FAILED:
        return 0
    return 3 if outcome.disk_full else 1
