"""Which blanks belong to which stimulus: the rule `blank` of [trial], by what lies next to what in time.

Knows presentations in their order; reads no file.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from spikebin.recordings.mozaik.stimulus import BLANK, is_end, is_moving

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from spikebin.choices import Blank
    from spikebin.recordings.mozaik.presentations import Presentation

__all__ = ["PHASES", "Shown", "UnpairedError", "find_blanks"]

Side = Literal["before", "after"]
_Type = tuple[str, bool]

PHASES: dict[Blank, tuple[str, ...]] = {
    "before": ("blank", "image"),
    "after": ("image", "blank_after"),
    "both": ("blank", "image", "blank_after"),
    "none": ("image",),
}
"""Names of the phases that trials have by each rule, in time."""

EXPERANTO = "PixelMovieExperanto"


class UnpairedError(Exception):
    """Blanks of which it is not certain to which stimulus they belong; says why, and what to do."""


@dataclass(frozen=True)
class Shown:
    """A stimulus that is shown, and the blanks that belong to it.

    Parameters
    ----------
    image : Presentation
    before, after : Presentation or None
    """

    image: Presentation
    before: Presentation | None = None
    after: Presentation | None = None

    @property
    def phases(self) -> dict[str, Presentation | None]:
        """What is presented in each phase, by its name."""
        return {"blank": self.before, "image": self.image, "blank_after": self.after}


def find_blanks(
    mine: Sequence[Presentation],
    kinds: Collection[str],
    rule: Blank,
    *,
    mixed: tuple[Presentation, Presentation] | None = None,
) -> list[Shown]:
    """The stimuli of the kinds that are asked for, each with the blanks that belong to it.

    Parameters
    ----------
    mine : sequence of Presentation
        All of one sheet, in time.
    kinds : collection of str
    rule : {"before", "after", "both", "none"}
    mixed : (Presentation, Presentation), optional
        See `interleaved`: then it is not known what lies next to what.

    Returns
    -------
    list of Shown
        In time. No blank belongs to two stimuli.

    Raises
    ------
    UnpairedError
        If null presentations do not pair with stimuli; if a blank lies alone between two stimuli, and nothing tells to
        which of them it belongs; or if what lies next to what is needed and not known.

    Notes
    -----
    A null presentation is the blank before the stimulus whose text it carries; only the rule "after" takes it as the
    blank after the stimulus that was presented before it, as the old pipeline did.

    A blank that is presented as a stimulus of its own (InternalStimulus) belongs to a stimulus next to it. Of several
    between two stimuli, the first belongs to the one before them, the last to the one after them. One alone belongs to
    the stimulus whose kind has a blank on that side wherever that is certain. Where this does not tell, or both are of
    one kind, the rules "before" and "after" do. Whether a movie has one frame or more makes two kinds of it. Of
    mozaik's Experanto experiments it is known that images have a blank before and after them, and videos have none
    (RandomizedExperanto in mozaik.experiments.vision).
    """
    stimuli = [p for p in mine if p.shows(kinds)]
    if rule == "none":
        return [Shown(p) for p in stimuli if p.kind in kinds]
    nulls = {} if rule == "after" else _pair_nulls(mine, kinds)
    before, after = _next_to(mine, kinds, rule, nulls)
    if mixed and (after or before):
        raise UnpairedError(
            f"it was merged from simulations that ran at the same time ({mixed[0].file} was recorded after"
            f" {mixed[1].file}), so which blank lies next to which stimulus is not known: export the datastores that it"
            ' was merged from, or set blank = "none" in [trial]'
        )
    before = nulls | before
    with_before, with_after = rule != "after", rule != "before"
    return [
        Shown(p, before.get(p.file) if with_before else None, after.get(p.file) if with_after else None)
        for p in stimuli
        if p.kind in kinds
    ]


def _next_to(
    mine: Sequence[Presentation], kinds: Collection[str], rule: Blank, nulls: Mapping[str, Presentation]
) -> tuple[dict[str, Presentation], dict[str, Presentation]]:
    """File of a stimulus -> the blank before it, and the one after it, of blanks that are presented on their own."""
    before: dict[str, Presentation] = {}
    after: dict[str, Presentation] = {}
    seen: defaultdict[tuple[_Type, Side], set[bool]] = defaultdict(set)
    alone: list[tuple[Presentation, Presentation, Presentation]] = []
    for first, blanks, last in _gaps(mine, kinds):
        head = blanks[0] if first and blanks and (rule == "after" or _is_plain(blanks[0], kinds)) else None
        tail = blanks[-1] if last and blanks and _is_plain(blanks[-1], kinds) and last.file not in nulls else None
        if first and last and head is not None and head is tail:
            alone.append((first, head, last))
            continue
        if first:
            seen[_type_of(first), "after"].add(head is not None)
            after |= {first.file: head} if head else {}
        if last:
            own = any(p.null and p.kind == last.kind for p in blanks)
            seen[_type_of(last), "before"].add(own or tail is not None)
            before |= {last.file: tail} if tail else {}
    for first, blank, last in alone:
        side = _side(first, last, seen, rule)
        if side is None:
            raise UnpairedError(
                f"{blank.file} is a blank alone between {first.file} and {last.file}, and nothing tells to which of"
                ' them it belongs: set blank = "before" or "after" in [trial]'
            )
        if side == "after":
            after[first.file] = blank
        else:
            before[last.file] = blank
    return before, after


def _gaps(
    mine: Sequence[Presentation], kinds: Collection[str]
) -> Iterator[tuple[Presentation | None, list[Presentation], Presentation | None]]:
    """The blanks between two stimuli that follow each other; None for the first and the last, and for an end."""
    first: Presentation | None = None
    blanks: list[Presentation] = []
    for p in mine:
        if p.shows(kinds) or (is_end(p.kind) and not p.null):
            last = p if p.shows(kinds) else None
            yield first, blanks, last
            first, blanks = last, []
        else:
            blanks.append(p)
    yield first, blanks, None


def _is_plain(blank: Presentation, kinds: Collection[str]) -> bool:
    """Whether it is not the null presentation of a stimulus, or of the end, which goes with that."""
    return blank.kind == BLANK and BLANK not in kinds


def _type_of(stimulus: Presentation) -> _Type:
    return stimulus.kind, is_moving(stimulus.stimulus)


def _side(
    first: Presentation, last: Presentation, seen: Mapping[tuple[_Type, Side], set[bool]], rule: Blank
) -> Side | None:
    """Whether a blank alone between two stimuli is the one after the first or before the last; None: either may be."""
    asked: Side | None = "before" if rule == "before" else "after" if rule == "after" else None
    if asked and _type_of(first) == _type_of(last):
        return asked
    after, before = _has(_type_of(first), "after", seen), _has(_type_of(last), "before", seen)
    if after is before:
        return asked
    return "after" if after or before is False else "before"


def _has(kind: _Type, side: Side, seen: Mapping[tuple[_Type, Side], set[bool]]) -> bool | None:
    """Whether stimuli of a type have a blank on one side, as far as that is certain."""
    found = seen.get((kind, side), set())
    if len(found) == 1:
        return next(iter(found))
    return not kind[1] if kind[0] == EXPERANTO else None


def _pair_nulls(mine: Sequence[Presentation], kinds: Collection[str]) -> dict[str, Presentation]:
    """File of each stimulus -> the null presentation that carries its text and was recorded before it."""
    pairs: dict[str, Presentation] = {}
    for kind in kinds:
        images = [p for p in mine if p.shows(kinds) and p.kind == kind]
        nulls = [p for p in mine if p.null and p.kind == kind]
        waiting: defaultdict[str, deque[Presentation]] = defaultdict(deque)
        for null in nulls:
            waiting[null.stimulus.text].append(null)
        for image in images if nulls else ():
            queue = waiting[image.stimulus.text]
            if not queue:
                raise _do_not_pair(images, nulls, f"none has the stimulus of {image.file}")
            if queue[0].when > image.when:
                raise _do_not_pair(
                    images,
                    nulls,
                    f"that of {image.file}, {queue[0].file}, was recorded after it and goes with another image",
                )
            pairs[image.file] = queue.popleft()
        left = [null for queue in waiting.values() for null in queue]
        if left:
            raise _do_not_pair(images, nulls, f"no image is left for {left[0].file}")
    return pairs


def _do_not_pair(images: Sequence[Presentation], nulls: Sequence[Presentation], why: str) -> UnpairedError:
    return UnpairedError(
        f"blanks and images do not pair: {len(images)} images, {len(nulls)} blanks; {why}: copy the datastore again,"
        " or exclude the part"
    )
