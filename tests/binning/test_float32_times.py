"""A time that means an edge counts as that edge in float32 and float16, too; or the width is refused."""

from __future__ import annotations

import math
from fractions import Fraction

import naive
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from spikebin import Binning, bin_spikes, bin_trials
from spikebin.binning.rules import DOUBLE, Precision, coarsest, edge_tolerance
from spikebin.binning.trial import Phase, PhaseSpikes, Trial, bin_trial
from spikebin.errors import BinningError
from spikebin.kernels import binning as kernels

TYPES = st.sampled_from(["f4", "f2", "f8", ">f4"])
WIDTHS = st.sampled_from([1.0, 0.1, 0.5, 1 / 3, 2.0, 1 / 30, 1 / 30000, 0.025, 20.0, 0.001])
# However an edge was computed: in the type itself, or in float64 and then rounded.
WAYS = {
    "rounded": lambda k, width, t0, kind: (t0 + k * width).astype(kind),
    "product": lambda k, width, t0, kind: (np.asarray(t0, kind) + k.astype(kind) * np.asarray(width, kind)).astype(
        kind
    ),
    "quotient": lambda k, width, t0, kind: (np.asarray(t0, kind) + k.astype(kind) / np.asarray(1 / width, kind)).astype(
        kind
    ),
    "seconds": lambda k, width, t0, kind: (((t0 + k * width) / 1000).astype(kind) * np.asarray(1000, kind)).astype(
        kind
    ),
}


@given(
    first=st.integers(0, 200_000),
    width=WIDTHS,
    t0=st.sampled_from([0.0, -7.25, 100.0, 4096.0, 1e5]),
    way=st.sampled_from(sorted(WAYS)),
    kind=TYPES,
    closed=st.sampled_from(["left", "right"]),
)
def test_an_edge_however_computed_is_on_its_edge_or_the_width_is_refused(first, width, t0, way, kind, closed):
    k = np.arange(first, first + 50)
    with np.errstate(over="ignore"):
        times = WAYS[way](k, width, t0, kind)
    assume(np.isfinite(times).all())
    start, stop = t0 + first * width, t0 + (first + 50) * width
    # The tolerance is that of the times and their window: small differences of large numbers are beyond it.
    assume((np.maximum(abs(t0), k * width) <= 2 * np.maximum(np.abs(t0 + k * width), abs(start))).all())
    arguments = {"n_neurons": 1, "start": start, "stop": stop, "width": width, "closed": closed, "dtype": "u1"}
    far = np.asarray(max(abs(start), abs(stop)), np.dtype(kind).newbyteorder("="))
    if 8 * float(np.spacing(far)) >= width / 4:
        with pytest.raises(BinningError, match="wider bin"):
            bin_spikes(times, np.zeros(50, int), **arguments)
        return
    found = bin_spikes(times, np.zeros(50, int), **arguments)
    expected = np.ones(50, int)
    if closed == "right":
        expected[-1] = 0
    assert found[0, 0].tolist() == expected.tolist()


@given(
    k=st.integers(0, 1 << 20),
    width=st.floats(1e-3, 1e3) | st.fractions(Fraction(1, 1000), 100, max_denominator=3000).map(float),
    t0=st.sampled_from([0.0, -7.25, 100.0, 1 / 3]),
    kind=st.sampled_from(["f4", "f8", ">f4"]),
    right=st.booleans(),
)
def test_an_edge_of_any_width_is_on_its_edge_or_the_width_is_refused(k, width, t0, kind, right):
    """Of four bins around it; the edge is rounded to what was stored, as a file holds it."""
    start, stop = t0 + (k - 2) * width, t0 + (k + 2) * width
    edge = np.array([t0 + k * width]).astype(kind)
    arguments = {"n_neurons": 1, "start": start, "stop": stop, "width": width, "closed": "right" if right else "left"}
    far = np.asarray(max(abs(start), abs(stop)), np.dtype(kind).newbyteorder("="))
    if 8 * float(np.spacing(far)) >= width / 4:
        with pytest.raises(BinningError, match="wider bin"):
            bin_spikes(edge, [0], **arguments)
        return
    assert np.flatnonzero(bin_spikes(edge, [0], **arguments)).tolist() == [1 if right else 2]


@given(
    k=st.integers(0, 3000),
    fraction=st.floats(0.0, 1.0),
    width=st.sampled_from([1.0, 10.0, 0.5]),
    t0=st.sampled_from([0.0, 100.0, -3000.0]),
    right=st.booleans(),
)
def test_a_float32_time_further_inside_a_bin_is_never_moved(k, fraction, width, t0, right):
    time = np.float32(t0 + (k + fraction) * width)
    inside = (float(time) - t0) / width
    tolerance = 8 * float(np.spacing(np.float32(max(abs(time), abs(t0), 1e-3)))) / width
    assume(tolerance < inside % 1 < 1 - tolerance)
    found = bin_spikes(
        np.array([time]), [0], n_neurons=1, start=t0, stop=t0 + 3001 * width, width=width,
        closed="right" if right else "left",
    )  # fmt: skip
    assert np.flatnonzero(found).tolist() == [math.floor(inside)]


@given(
    stored=st.sampled_from(["float64", "float32", "float16"]),
    unit=st.sampled_from([1.0, 1000.0, 0.001, 1000 / 30000]),
    times=st.lists(
        st.one_of(
            st.floats(-50, 700),
            st.integers(-5, 600).map(float),
            st.integers(0, 60000).map(lambda k: float(np.float32(k * 0.01))),
            st.sampled_from([math.nan, math.inf, -math.inf]),
        )
    ),
    start=st.sampled_from([0.0, 0.3, -20.0, 1e5]),
    duration=st.sampled_from([560.0, 150.0, 10.5, 0.3]),
    width=st.sampled_from([1.0, 0.1, 0.7, 20.0]),
    right=st.booleans(),
    end_bin=st.booleans(),
)
def test_the_kernel_equals_its_twin_for_every_type(stored, unit, times, start, duration, width, right, end_bin):
    precision, stop = Precision(stored, unit), start + duration
    try:
        n = Binning(width=width, end_bin=end_bin).n_bins(start, stop, precision)
    except BinningError:
        assert edge_tolerance(width, max(abs(start), abs(stop)), precision) >= width / 4
        return
    edge = precision.edge(width)
    assert n == naive.n_bins(start, stop, width, end_bin, edge)
    guard = kernels.guard_of(start, stop, width, edge)
    for time in times:
        place = start + time, start, stop, width, right, end_bin, n, edge
        assert kernels.bin_of(*place, guard) == naive.bin_of(*place)
    for farthest in (abs(start), abs(stop), 3.0, 1e-9):
        assert kernels.tolerance_of(farthest, edge) == naive.tolerance_of(farthest, edge)


@given(value=st.floats(0, 60000, width=16), width=WIDTHS, kind=st.sampled_from(["f2", "f4", "f8"]))
def test_the_tolerance_is_eight_ulp_of_the_type_that_times_were_stored_in(value, width, kind):
    ulp = float(np.spacing(np.asarray(value, kind)))
    for unit in (1.0, 1024.0, 0.25):
        expected = max(1e-8, 1e-7 * width, 8 * ulp * (1.0 if kind == "f8" else unit))
        found = edge_tolerance(width, value * (1.0 if kind == "f8" else unit), Precision.of(np.dtype(kind), unit))
        assert found == expected


def test_integers_texts_and_wider_floats_are_exact():
    for kind in ("i2", "u8", "i4", "f8", ">f8", "g", "U5", "?"):
        assert Precision.of(np.dtype(kind), 1000.0) == DOUBLE
    assert Precision.of(np.dtype(">f4"), 1000.0) == Precision("float32", 1000.0)
    assert coarsest() == DOUBLE
    assert coarsest(DOUBLE, Precision("float16"), Precision("float32")).stored == "float16"


def test_a_width_that_float32_cannot_tell_apart_is_refused_and_says_so():
    """At 10,000 s one float32 is a ms from the next."""
    times = np.array([9999.5], "f4")
    arguments = {"n_neurons": 1, "start": 0, "stop": 10_000}
    with pytest.raises(BinningError, match="cannot be told apart at 10000 in times stored as float32.*wider bin"):
        bin_spikes(times, [0], width=0.001, **arguments)
    assert bin_spikes(times.astype("f8"), [0], width=0.001, **arguments).sum() == 1
    assert bin_spikes(times, [0], width=0.1, **arguments).sum() == 1
    with pytest.raises(BinningError, match="float32"):
        bin_trials([times], onsets=[0.0, 9999.0], start=0, stop=1, width=0.001)


@pytest.mark.parametrize("argument", ["times", "onsets", "start", "stop", "width"])
def test_the_coarsest_of_all_times_sets_the_tolerance(argument):
    """Edges from 100 s on, of which one side is float32: off by up to 4 us, and on their edge."""
    given_times = {
        "times": 100 + np.arange(500) * 0.001,
        "onsets": np.array([100.0, 100.1]),
        "start": 0.0,
        "stop": 0.1,
        "width": 0.001,
    }
    given_times[argument] = np.asarray(given_times[argument]).astype("f4")[()]
    times = given_times.pop("times")
    found = bin_trials([times], **given_times, dtype="u1")
    assert found[:, 0].tolist() == [[1] * 100] * 2
    flat = bin_trials(times, np.zeros(500, int), n_neurons=1, **given_times, dtype="u1")
    assert np.array_equal(flat, found)


@pytest.mark.parametrize(("kind", "width"), [("f4", 1.0), ("f2", 100.0)])
def test_a_trial_follows_the_precision_of_its_spikes(kind, width):
    seconds = (10 + np.arange(40) * width / 1000).astype(kind)
    spikes = PhaseSpikes(seconds.astype(float) * 1000, np.zeros(40, np.int64), Precision.of(seconds.dtype, 1000.0))
    phase = Phase("window", 10_000.0, 10_000.0 + 40 * width)
    trial = Trial("a", 0, 0, "", (phase,))
    binning = Binning(width, end_bin=False, values="count")
    if kind == "f2":
        with pytest.raises(BinningError, match="float16"):
            bin_trial(trial, [spikes], Binning(20.0, end_bin=False), 40, "here")
        binning = Binning(1000.0, end_bin=False, values="count")
        events = bin_trial(trial, [spikes], binning, 40, "here")
        assert events.values.tolist() == [10] * 4
        return
    events = bin_trial(trial, [spikes], binning, 40, "here")
    assert events.flat.tolist() == list(range(40))
    assert events.values.tolist() == [1] * 40
