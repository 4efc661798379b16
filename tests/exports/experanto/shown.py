"""A recording as shards take it, small enough to be written down here."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from spikebin.recordings.continuous.neuron_rows import neuron_table
from spikebin.recordings.mozaik.stimulus import written_down
from spikebin.recordings.presented import Stretch, TimelineSpikes


def stretch(kind, start, stop, image="", n_frames=1, trial=3):
    stimulus = written_down({"name": "PixelMovieExperanto", "movie_name": image, "trial": trial})
    return Stretch(kind, start, stop, stimulus, False, image, n_frames)


@dataclass
class Shown:
    """20 ms: X has spikes of two of three neurons, two more lie outside; Y has one spike on an edge."""

    name: str = "shown"
    sheets: tuple = ("X", "Y")
    stretches: list = field(default_factory=lambda: [stretch("blank", 0.0, 5.0), stretch("image", 5.0, 20.0, "a")])

    def spikes(self, sheet):
        if sheet == "Y":
            return TimelineSpikes(np.array([10.0]), np.array([1]), 0)
        return TimelineSpikes(np.array([1.0, 9.5, 20.0, 4.0]), np.array([3, 0, 1]), 2)

    def neurons(self, sheet):
        return neuron_table(np.arange(self.spikes(sheet).counts.size))
