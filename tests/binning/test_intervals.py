"""Windows that are merged, and which times lie in one: the same as a look at every window."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spikebin.binning.intervals import Union, merge_windows

numbers = st.integers(-40, 40).map(lambda n: n / 4)


@given(st.lists(st.tuples(numbers, numbers), max_size=8))
def test_merged_windows_are_apart_and_cover_the_same(windows):
    windows = [(min(window), max(window)) for window in windows]
    merged = merge_windows(windows)
    assert (merged[1:, 0] > merged[:-1, 1]).all()
    for time in np.arange(-42, 42) / 4:
        assert any(a <= time <= b for a, b in windows) == any(a <= time <= b for a, b in merged)


far = st.one_of(numbers, st.floats(-1e300, 1e300), st.sampled_from([1e308, -1e308, 5e-324, 1e6 + 2**-30]))


@given(st.lists(st.tuples(far, far), max_size=8), st.lists(far, max_size=30))
def test_the_union_holds_what_a_window_holds(windows, times):
    windows = [(min(window), max(window)) for window in windows]
    ends = [end for window in windows for end in window]
    near = [float(np.nextafter(end, to)) for end in ends for to in (-np.inf, np.inf) if abs(end) < 1e308]
    times = np.array([*times, *ends, *near])
    found = Union(merge_windows(windows)).places(times)
    assert found.tolist() == [i for i, time in enumerate(times) if any(a <= time <= b for a, b in windows)]
