"""What is shown, in order: images, blanks, gratings and items as they are asked for."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np

from spikebin.simulate.experiment import Experiment, presentations
from spikebin.simulate.v1 import SheetModel

SMALL = (
    SheetModel("X_ON", 40, (16.8, 20.0, 24.6, 29.5, 33.4), polarity=1.0),
    SheetModel("V1_Exc_L2/3", 60),
)


def test_internal_blanks_are_presentations_in_order():
    experiment = Experiment(
        n_images=5, sheets=SMALL[:1], blanks="internal", blank_jitter_ms=60.0, image_key="movie_name"
    )
    shown = list(presentations(experiment))
    assert not any(p.null for p in shown)
    assert [p.order for p in shown] == list(range(10))
    assert ["'InternalStimulus'" in p.stimulus for p in shown] == [True, False] * 5
    assert all(f"\"movie_name\":'{p.image_id}'" in p.stimulus for p in shown[1::2])
    durations = [p.duration for p in shown[::2]]
    assert len(set(durations)) > 1
    assert all(f'"duration":{p.duration}' in p.stimulus for p in shown)
    assert min(durations) >= 90.0
    assert max(durations) <= 210.0
    assert all(b.onset_steps == a.onset_steps + a.duration_steps for a, b in pairwise(shown))


def test_no_blanks_and_gratings_first():
    experiment = Experiment(n_images=2, n_repeats=2, sheets=SMALL[:1], blanks="none", gratings=1)
    names = [re.search(r"\"name\":'(\w+)'", p.stimulus)[1] for p in presentations(experiment)]
    assert names == ["FullfieldDriftingSinusoidalGrating", "NaturalImage", "NaturalImage"] * 2


def test_images_are_shuffled_within_each_repeat():
    experiment = Experiment(n_images=8, n_repeats=3, sheets=SMALL[:1], blanks="none", shuffle_images=True)
    ids = np.array([p.image_id for p in presentations(experiment)]).reshape(3, 8)
    assert len({tuple(row) for row in ids}) == 3
    assert {tuple(sorted(row)) for row in ids} == {tuple(str(50000 + k) for k in range(8))}
