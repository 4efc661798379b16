"""Steps of a simulation, told from times that are none."""

from __future__ import annotations

import numpy as np
import pytest

from spikebin.recordings.presented import are_steps


@pytest.mark.parametrize(("times", "wanted"), [([], True), ([0.1, 12.3, 1e6], True), ([0.1, 12.35], False)])
def test_steps_of_a_simulation(times, wanted):
    rebased = (np.array(times) + 1e5) - 1e5
    assert are_steps(rebased) is wanted
