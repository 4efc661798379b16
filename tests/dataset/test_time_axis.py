"""Times of bins: relative to the event, and equal to the numbers that one writes."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from drawn import Shown, images, write_part
from hypothesis import given
from hypothesis import strategies as st

from spikebin import open_dataset, open_file
from spikebin.binning.rules import Binning
from spikebin.dataset.dataset import Dataset
from spikebin.dataset.time_axis import exact, phase_start, times
from spikebin.exports.materialise import materialise
from spikebin.matrixfile.write_sheet import Settings
from spikebin.pipeline.one_step import bin_recordings
from spikebin.recordings.settings import TrialRule


@given(
    width=st.decimals("0.001", "1000", places=3),
    first=st.decimals("-100000", "100000", places=3),
    n=st.integers(1, 50),
)
def test_times_are_the_numbers_that_one_writes(width, first, n):
    found = times(exact(float(first)), exact(float(width)), n)
    assert found.tolist() == [float(first + k * width) for k in range(n)]


@given(rate=st.sampled_from([1000, 20000, 24414, 30000, 44100, 7, 3]), n=st.integers(1, 200))
def test_bins_of_samples_are_rounded_once(rate, n):
    found = times(Fraction(0), exact(1000 / rate), n)
    assert found.tolist() == [1000 * k / rate for k in range(n)]


@given(st.floats(1e-6, 1e6))
def test_what_is_no_simple_number_is_taken_as_it_is(ms):
    assert float(exact(ms)) == ms
    odd = times(exact(ms), Fraction(ms) + Fraction(1, 3**40), 3)
    assert odd.tolist() == [float(exact(ms) + k * (Fraction(ms) + Fraction(1, 3**40))) for k in range(3)]


@pytest.mark.parametrize(
    ("phase", "views", "ms", "zero"),
    [
        ("image", (), 0, "onset of image"),
        ("image+100", ("window(100, 300, short='refuse')",), 10, "onset of image"),
        ("image+100", ("window(100, 300)", "rebin(20, how='count', rest='drop')"), "0.5", "onset of image"),
        ("window", (), -200, "event"),
        ("window+2000", ("rebin(2, how='any', rest='drop')", "window(2000, 2100, None, short='refuse')"), 0, "event"),
    ],
)
def test_what_is_cut_off_a_phase_counts(phase, views, ms, zero):
    found = phase_start(phase, Fraction(1, 10), {"window_start": -200.0}, views)
    assert found == (Fraction(Decimal(ms)), zero)


def test_times_of_images_count_from_their_onset(tmp_path):
    write_part(tmp_path, "X_ON", "1", images(0, 3))
    view = open_dataset(tmp_path, sheet="X_ON")
    assert view.time.tolist() == list(range(-5, 12))
    assert view.time_zero == "onset of image"
    assert view.select(index=[1]).take([0, 2]).time.tolist() == view.time.tolist()
    assert view.window(2, 6).time.tolist() == view.window(7, 11, None).time.tolist() == [2, 3, 4, 5]
    assert view.window(1, 4, "blank").time.tolist() == [-4, -3, -2]
    assert view.rebin(2, how="any", rest="keep").time.tolist() == list(range(-5, 12, 2))
    assert view.window(2, 9).rebin(3, how="any", rest="drop").window(1, 2, None).time.tolist() == [5]
    sheets = open_dataset(tmp_path)
    for i, (chain, first) in enumerate(
        (
            (lambda view: view.window(2, 10).rebin(2, how="any", rest="drop"), 2),
            (lambda view: view.window(2, 10), 2),
            (lambda view: view.window(-3, 10), -3),
            (lambda view: view.take([1]), -5),
        )
    ):
        list(materialise(sheets, tmp_path / str(i), chain))
        assert open_dataset(tmp_path / str(i))["X_ON"].time[0] == first == chain(view).time[0]
    # Its bins do not begin where the phases do, so that a file of them has no phase but the whole trial.
    list(materialise(sheets, tmp_path / "coarse", lambda view: view.rebin(17, how="count", rest="drop")))
    coarse = open_dataset(tmp_path / "coarse")["X_ON"]
    assert (coarse.time.tolist(), coarse.time_zero) == ([0], "first bin")


def test_onsets_that_differ_give_no_common_zero(tmp_path):
    write_part(tmp_path, "X_ON", "1", [Shown("a", blank=3), Shown("b", order=1, blank=6)])
    view = open_dataset(tmp_path, sheet="X_ON")
    assert (view.time[0], view.time_zero) == (0, "first bin")
    assert (view.take([1]).time[0], view.take([1]).time_zero) == (-6, "onset of image")
    assert view.window(-2, 5).time.tolist() == list(range(-2, 5))
    assert view.window(1, 3, "blank").time_zero == "onset of blank"


@pytest.fixture(scope="module")
def continuous(tmp_path_factory):
    """Windows of a continuous recording, -200 to 500 ms around a cue, in bins of 0.1 ms."""
    root = tmp_path_factory.mktemp("continuous")
    np.savez(root / "s.npz", time_s=np.arange(0.5, 20), neuron=np.arange(20) % 2)
    (root / "cues.csv").write_text("cue_s\n5\n9\n")
    rule = TrialRule(events=str(root / "cues.csv"), align_to="cue_s", window_start=-200, window_stop=500)
    out = root / "o.h5"
    list(bin_recordings([root / "s.npz"], Settings(Binning(0.1, end_bin=False)), rule, out=out))
    return out


def test_times_of_windows_count_from_their_event(continuous):
    view = Dataset([open_file(continuous)])
    assert view.time_zero == "event"
    assert (view.time[0], view.time[-1]) == (-200, 499.9)
    for ms in (-199.9, 0.1, 0.3, 0.6, 0.7, 123.4):
        assert (view.time == ms).sum() == 1
    assert view.window(2000, 2100, None).time[0] == 0
    assert view.window(0, 10).time[0] == -200
    assert view.window(0, 10).steps == ("window(0, 10, 'window', short='refuse')",)
    coarse = view.rebin(3, how="any", rest="drop")
    assert coarse.width == 0.3
    assert coarse.time[:3].tolist() == [-200, -199.7, -199.4]
    assert coarse.window(5, 9, "window").rebin(3, how="any", rest="drop").width == 0.9


def test_labelled_arrays_have_these_times(continuous, tmp_path):
    pytest.importorskip("xarray", reason="xarray is not installed (extra xarray)")
    labelled = Dataset([open_file(continuous)]).to_xarray()
    assert labelled.attrs["time_zero"] == "event"
    assert labelled.sel(time=0.3).shape == (2, 2)
