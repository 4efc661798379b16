"""The presentations of a datastore: what was shown to a sheet, in which file, and in which order.

phases.py decides which of them make a trial.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from spikebin.recordings.mozaik.stimulus import BLANK, is_end

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from spikebin.recordings.mozaik.stimulus import Stimulus

__all__ = ["Presentation", "in_time", "interleaved", "kinds_of"]


@dataclass(frozen=True)
class Presentation:
    """One sheet under one stimulus: one segment file.

    Parameters
    ----------
    sheet : str
        Raw name.
    file : str
        Name of the segment's file.
    null : bool
        A null presentation: the blank that mozaik presents before a stimulus by itself, with that stimulus' text.
    when : datetime
        Of the recording; it tells the order alone, not how much time there is between two.
    stimulus : Stimulus
    """

    sheet: str
    file: str
    null: bool
    when: datetime
    stimulus: Stimulus

    @property
    def kind(self) -> str:
        """Of its stimulus."""
        return self.stimulus.kind

    def shows(self, kinds: Collection[str] = ()) -> bool:
        """Whether something is shown: it is neither a blank nor the end of a simulation.

        Parameters
        ----------
        kinds : collection of str
            Kinds that are asked for: a presentation of InternalStimulus is no blank where those are trials.
        """
        return not self.null and not is_end(self.kind) and (self.kind != BLANK or BLANK in kinds)


def in_time(presentations: Sequence[Presentation]) -> list[Presentation]:
    """Presentations of one sheet in the order in which they were recorded.

    Parameters
    ----------
    presentations : sequence of Presentation
        As the index lists them.
    """
    return sorted(presentations, key=lambda presentation: presentation.when)


def interleaved(presentations: Sequence[Presentation]) -> tuple[Presentation, Presentation] | None:
    """Two presentations that show that a store was merged from simulations that ran at the same time.

    mozaik lists what it records in the order in which it records it, and a merged store one simulation after another.
    So where one simulation's presentations end after the next one's begin, the times of the two interleave.

    Parameters
    ----------
    presentations : sequence of Presentation
        Of one sheet, as the index lists them.

    Returns
    -------
    (Presentation, Presentation) or None
        One that is listed before the other, and was recorded after it; None: times and index agree, but for
        simulations that were merged in another order than they ran in.
    """
    shown = [presentation for presentation in presentations if not presentation.null]
    runs = [[one] for one in shown[:1]]
    for before, after in pairwise(shown):
        if after.when < before.when:
            runs.append([])
        runs[-1].append(after)
    by_time = sorted(runs, key=lambda run: run[0].when)
    return next(((one[-1], other[0]) for one, other in pairwise(by_time) if other[0].when < one[-1].when), None)


def kinds_of(presentations: Sequence[Presentation]) -> list[str]:
    """Kinds of stimulus that can be asked for, blanks last.

    Parameters
    ----------
    presentations : sequence of Presentation

    Returns
    -------
    list of str
        In the order of the index. Null presentations and the ends of simulations are no kinds.
    """
    kinds = dict.fromkeys(p.kind for p in presentations if p.shows())
    blanks = dict.fromkeys(p.kind for p in presentations if p.shows({BLANK}))
    return list(kinds | blanks)
