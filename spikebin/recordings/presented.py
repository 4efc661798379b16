"""What a recording presents, blanks included, in time and on one clock, and its spikes: for what goes beyond trials.

The modules of the formats say which recordings have it, see mozaik/timeline.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from spikebin.recordings.mozaik.stimulus import Stimulus

__all__ = ["STEP", "Presented", "Stretch", "TimelineSpikes", "are_steps"]

STEP = 0.1
"""ms of a step of NEST, as most simulations have it."""


@dataclass(frozen=True)
class Stretch:
    """One presentation on the clock of its recording.

    Parameters
    ----------
    kind : {"blank", "image", "video"}
        A blank is a null presentation, InternalStimulus, or the end of a simulation.
    start, stop : float
        ms since the first presentation began.
    stimulus : Stimulus
    null : bool
        A null presentation.
    image_id : str
        "" for a blank.
    n_frames : int
        Of a movie; 1 otherwise.
    """

    kind: Literal["blank", "image", "video"]
    start: float
    stop: float
    stimulus: Stimulus
    null: bool
    image_id: str
    n_frames: int


@dataclass(frozen=True)
class TimelineSpikes:
    """All spikes of one sheet on the clock of its recording.

    Parameters
    ----------
    times : float64 (n,)
        ms; neuron after neuron by ascending id, ascending in each. It may lie on disk.
    counts : int64 (n_neurons,)
        Spikes of each neuron.
    n_outside : int
        Spikes outside of their presentation, which are left out.
    """

    times: NDArray[np.float64]
    counts: NDArray[np.int64]
    n_outside: int


class Presented(Protocol):
    """All presentations of a recording, one after the other, and the spikes of its sheets."""

    @property
    def name(self) -> str:
        """Of the recording."""
        ...

    @property
    def sheets(self) -> Sequence[str]:
        """Raw names."""
        ...

    @property
    def stretches(self) -> Sequence[Stretch]:
        """In time; at least one. The first begins at 0, each of the others where the one before it ends."""
        ...

    def neurons(self, sheet: str) -> NDArray[Any]:
        """What is known of a sheet's neurons, by ascending id: NEURON_FIELDS, and what else the recording has."""
        ...

    def spikes(self, sheet: str) -> TimelineSpikes:
        """The spikes of a sheet, of the neurons of `neurons`."""
        ...


def are_steps(times: NDArray[np.float64]) -> bool:
    """Whether all times are steps of a simulation of 0.1 ms, but for rounding.

    Parameters
    ----------
    times : float64 (n,)
        ms.

    Returns
    -------
    bool
    """
    return bool((np.abs(times / STEP - np.rint(times / STEP)) < 1e-4).all())
