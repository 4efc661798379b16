"""What a datastore holds, for people and for `spikebin init`: kinds of stimulus, their blanks, and a rule for each.

What a rule means is known to phases.py and sheet.py, which try the rules here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from spikebin.choices import Blank
from spikebin.errors import RecordingError
from spikebin.recordings.mozaik.phases import UnpairedError, find_blanks
from spikebin.recordings.mozaik.presentations import in_time, interleaved, kinds_of
from spikebin.recordings.mozaik.stimulus import BLANK, image_id, varying
from spikebin.recordings.settings import TrialRule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spikebin.binning.trial import Trial
    from spikebin.recordings.mozaik.datastore import MozaikRecording
    from spikebin.recordings.mozaik.presentations import Presentation
    from spikebin.recordings.mozaik.sheet import Datastore

__all__ = ["Proposal", "pattern", "propose"]


@dataclass(frozen=True)
class Proposal:
    """A kind of stimulus that a datastore holds, and a rule that makes trials of it.

    Parameters
    ----------
    kind : str
    rule : TrialRule
        Without the kind itself; what the defaults do is left to them.
    what : str
        How many presentations, how long, with which blanks, and in which parameters they differ.
    """

    kind: str
    rule: TrialRule
    what: str


def propose(recording: MozaikRecording) -> list[Proposal]:
    """The kinds of stimulus of a datastore, each with a rule that was tried on all of its sheets.

    Parameters
    ----------
    recording : MozaikRecording

    Returns
    -------
    list of Proposal
        Spontaneous activity only where there is nothing else. Of the rules for blanks, the one that takes most of them,
        and the simplest of those that take as many.

    Raises
    ------
    RecordingError
        If no rule makes trials of a kind, or a segment is missing or damaged.
    """
    listed = [p for p in recording.presentations if p.sheet == recording.sheets[0]]
    mine = in_time(listed)
    kinds = _stimuli(mine)
    if not kinds:
        raise RecordingError(f"{recording.path.name}: it holds no presentation of a stimulus")
    proposals = []
    for kind in kinds:
        shown = [p for p in mine if p.shows({kind}) and p.kind == kind]
        blank = _blank_rule(mine, kind, interleaved(listed))
        identity = _identity(shown)
        rule = TrialRule(stimulus=kind, image_id=identity, blank=blank)
        sheets = {name: recording.sheet(name, rule) for name in recording.sheets}
        trials = next(iter(sheets.values())).trials
        proposals.append(Proposal(kind, TrialRule(image_id=identity, blank=blank), _what(trials, shown)))
    return proposals


def pattern(recording: Datastore) -> str:
    """What kinds of stimulus a datastore holds and which blanks lie around them; equal for parts that are alike.

    Parameters
    ----------
    recording : Datastore

    Returns
    -------
    str
        For people; it says nothing of numbers, and costs no look at a segment.
    """
    listed = [p for p in recording.presentations if p.sheet == next(iter(recording.sheets), "")]
    mine, mixed = in_time(listed), interleaved(listed)
    found = []
    for kind in _stimuli(mine):
        sides = _sides(mine, kind, mixed)
        found.append(f"{kind} with {' and '.join(sides)}" if sides else f"{kind} without blanks")
    return "; ".join(found) or "no stimulus"


def _stimuli(mine: Sequence[Presentation]) -> list[str]:
    """The kinds of stimulus; of spontaneous activity only where there is nothing else."""
    known = kinds_of(mine)
    return [kind for kind in known if kind != BLANK] or known


def _sides(mine: Sequence[Presentation], kind: str, mixed: tuple[Presentation, Presentation] | None) -> list[str]:
    """Where the presentations of a kind have blanks, by the rule that takes most of them."""
    shown = find_blanks(mine, {kind}, _blank_rule(mine, kind, mixed) or "before", mixed=mixed)
    texts = []
    for side in ("before", "after"):
        n = sum(getattr(one, side) is not None for one in shown)
        if n:
            texts.append(f"a blank {side} {'each' if n == len(shown) else 'some'}")
    return texts


def _blank_rule(
    mine: Sequence[Presentation], kind: str, mixed: tuple[Presentation, Presentation] | None
) -> Blank | None:
    """The rule that takes most blanks, the simplest of those that take as many; None where the default is as good."""
    taken: dict[Blank, int] = {}
    for rule in get_args(Blank):
        try:
            shown = find_blanks(mine, {kind}, rule, mixed=mixed)
        except UnpairedError:
            continue
        taken[rule] = sum((one.before is not None) + (one.after is not None) for one in shown)
    n = sum(p.shows({kind}) and p.kind == kind for p in mine)
    most = max(taken.values())
    if taken.get("before") == most and most in {0, n}:
        return None
    return next(rule for rule, n_taken in taken.items() if n_taken == most)


def _identity(shown: Sequence[Presentation]) -> str | tuple[str, ...] | None:
    """The parameters that tell the stimuli apart; None where the default does."""
    told = {(image_id(p.stimulus, ()), p.stimulus.get("trial")) for p in shown}
    if shown[0].kind == BLANK or (len(told) == len(shown) and None not in {name for name, _ in told}):
        return None
    names = varying([p.stimulus for p in shown])
    return tuple(names) if len(names) > 1 else (names or ["name"])[0]


def _what(trials: Sequence[Trial], shown: Sequence[Presentation]) -> str:
    n = len(trials)
    repeats = len({trial.repeat for trial in trials})
    texts = [f"{n} presentation{'s' * (n != 1)}" + (f" ({repeats} repeats)" if repeats > 1 else "")]
    for i, phase in enumerate(trials[0].phases):
        lasting = [trial.phases[i].stop - trial.phases[i].start for trial in trials if trial.phases[i].shown]
        if phase.name == "image":
            texts[0] += f" of {_ms(lasting)}"
        elif lasting:
            which = "each" if len(lasting) == n else f"{len(lasting)} of them"
            texts.append(f"a blank of {_ms(lasting)} {'before' if phase.name == 'blank' else 'after'} {which}")
    differ = varying([p.stimulus for p in shown])
    if differ:
        texts.append(f"they differ in {', '.join(differ)}")
    return ", ".join(texts)


def _ms(durations: Sequence[float]) -> str:
    low, high = min(durations), max(durations)
    return f"{low:g} ms" if f"{low:g}" == f"{high:g}" else f"{low:g} to {high:g} ms"
