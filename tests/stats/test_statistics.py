"""Statistics of any view equal the same worked out by numpy on its dense array."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from drawn import Shown, images, write_part
from hypothesis import given, settings
from hypothesis import strategies as st

from spikebin import open_dataset
from spikebin.errors import DatasetError
from spikebin.stats.formulas import groups, reliability, robust_z
from spikebin.stats.sums import Total, add_up, sample_rows
from spikebin.stats.tables import stats_tables

IDS = (3, 4, 8, 9, 100, 101)
# Trials of unequal lengths, repeats, an image that two parts show, a part whose repeats alternate.
PARTS = {
    "9": [Shown(f"9{i}", 0, i, 4 + i, 9 + 2 * i) for i in range(3)],
    "10": images(100, 3, repeats=3),
    "11": [*images(101, 2), Shown("103", 1, 2)],
    "12": [Shown(f"11{i // 2}", i % 2, i) for i in range(4)],
}


@pytest.fixture(scope="module", params=["bool", "count"])
def root(request, tmp_path_factory):
    root = tmp_path_factory.mktemp("stats")
    for part, shown in PARTS.items():
        write_part(root, "X_ON", part, shown, values=request.param, ids=IDS, end_bin=request.param == "count")
    return root


views = st.tuples(
    st.none() | st.lists(st.integers(0, 5), min_size=1, max_size=6, unique=True),
    st.none() | st.lists(st.integers(0, 18), min_size=1, max_size=19, unique=True),
    st.none() | st.tuples(st.integers(-6, 8), st.integers(1, 30), st.sampled_from(["pad", "drop"])),
    st.none() | st.tuples(st.integers(1, 3), st.sampled_from(["count", "any"])),
)


def follow(view, steps):
    rows, trials, window, rebin = steps
    if window is not None:
        start, length, short = window
        try:
            view = view.window(start, start + length, across=True, short=short)
        except DatasetError:
            view = view.window(start, start + length, across=True, short="pad")
    if rebin is not None and rebin[0] <= view.shape[2]:
        view = view.rebin(rebin[0], how=rebin[1], rest="keep")
    if trials is not None:
        view = view.take([i for i in trials if i < len(view)] or [0])
    return view if rows is None else view.select(index=rows)


@given(steps=views, factors=st.lists(st.integers(1, 7), min_size=1, max_size=3, unique=True))
@settings(max_examples=20)
def test_any_view_is_as_numpy_has_it(root, steps, factors):
    view = follow(open_dataset(root, sheet="X_ON"), steps)
    dense, n_bins = view.to_numpy().astype(np.int64), view.trials["n_bins"]
    factors = [k for k in factors if k <= dense.shape[2]] or [1]
    stats = view.stats([k * view.width for k in factors], sample=4)
    recorded = view.recorded().sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        assert np.allclose(stats.rates, dense.sum(axis=(0, 2)) / recorded * 1000, equal_nan=True)
        assert np.allclose(stats.rates, view.rates(), equal_nan=True)
    assert stats.neurons.tobytes() == view.neurons.tobytes()
    _, group = groups(view.trials["image_id"])
    for k in factors:
        found = stats[k * view.width]
        kept = [trial[:, : n // k * k] for trial, n in zip(dense, n_bins, strict=True)]
        cells = [trial.reshape(len(trial), trial.shape[1] // k, k).sum(axis=2) for trial in kept]
        check_trials(found, cells)
        flat = np.concatenate(cells, axis=1)
        assert np.array_equal(found.neuron_counts, flat.sum(axis=1))
        check_histogram(found.trial_histogram, np.concatenate([trial.sum(axis=1) for trial in cells]))
        check_histogram(found.bin_histogram, flat.reshape(-1))
        coarse = view.rebin(k, how="count", rest="drop")
        n = max(trial.shape[1] for trial in cells)
        assert np.array_equal(found.bin_counts, coarse.to_numpy().sum(axis=(0, 1))[:n])
        assert np.allclose(found.psth, coarse.psth()[:n], equal_nan=True)
        check_images(stats, found, group)
        sampled = flat[stats.sample].astype(float)
        for i in range(len(sampled)):
            for j in range(len(sampled)):
                wanted = np.nan
                if sampled.shape[1] and sampled[i].std() and sampled[j].std():
                    wanted = np.corrcoef(sampled[i], sampled[j])[0, 1]
                assert found.correlations[i, j] == pytest.approx(wanted, abs=1e-9, nan_ok=True)


def check_trials(found, cells):
    assert found.n_bins.tolist() == [trial.shape[1] for trial in cells]
    assert found.totals.tolist() == [trial.sum() for trial in cells]
    for i, trial in enumerate(cells):
        facts = (trial.mean(), trial.var(), (trial > 0).mean()) if trial.size else (np.nan,) * 3
        mine = found.mean[i], found.variance[i], found.synchrony[i]
        assert mine == pytest.approx(facts, rel=1e-9, abs=1e-12, nan_ok=True)
        assert found.density[i] == pytest.approx(trial.mean(axis=0).mean() if trial.size else np.nan, nan_ok=True)


def check_histogram(found, values):
    wanted = np.bincount(values) if len(values) else np.zeros(1)
    assert np.array_equal(found, wanted)


def check_images(stats, found, group):
    for i in range(len(stats.images)):
        totals = found.totals[group == i]
        assert stats.n_repeats[i] == len(totals)
        assert found.image_mean[i] == pytest.approx(totals.mean())
        assert found.image_variance[i] == pytest.approx(totals.var(), abs=1e-9)
        wanted = totals.var() / (totals.mean() + 1e-6) if len(totals) > 1 else np.nan
        assert found.fano[i] == pytest.approx(wanted, abs=1e-9, nan_ok=True)


@given(steps=views)
@settings(max_examples=15)
def test_intervals_of_any_view(root, steps):
    view = follow(open_dataset(root, sheet="X_ON"), steps)
    dense = view.to_numpy().astype(np.int64)
    sums = add_up(view, [1])["all"]
    for row in range(dense.shape[1]):
        found = []
        for trial in dense[:, row]:
            found.extend(np.diff(np.repeat(np.arange(trial.size), trial)).tolist())
        assert sums.intervals[:, row].tolist() == [len(found), sum(found), sum(x * x for x in found)]


@pytest.mark.parametrize("rows", [None, [4, 1, 2]])
def test_sums_of_parts_add_up_to_those_of_the_whole(root, rows):
    whole = open_dataset(root, sheet="X_ON")
    subsets = {"some": None if rows is None else np.array(rows)}
    wanted = add_up(whole, [1, 3, 5], subsets=subsets, sample=3)["some"]
    parts = whole.trials["part"]
    taken = [whole.take(parts == part) for part in whole.parts]
    total = Total()
    for one in taken:
        total.add(add_up(one, [1, 3, 5], subsets=subsets, sample=3)["some"])
    found = total.sums()
    for name, value in vars(wanted).items():
        assert np.array_equal(getattr(found, name), value), name
    only = found.only([1, 5])
    assert only.steps.tolist() == [1, 5]
    assert np.array_equal(only.totals[1], wanted.totals[2])
    assert np.array_equal(only.neuron_ids, wanted.neuron_ids)


def test_what_does_not_add_up(root):
    whole = open_dataset(root, sheet="X_ON")
    total = Total()
    with pytest.raises(DatasetError, match="no sums to add up"):
        total.sums()
    total.add(add_up(whole, [1])["all"])
    words = "part 9 of train/X_ON does not add up with part 9, which has other neuron_ids"
    with pytest.raises(DatasetError, match=words):
        total.add(add_up(whole.select(index=[0, 1, 2, 3, 5, 4]), [1])["all"])
    with pytest.raises(DatasetError, match="which has other steps"):
        total.add(add_up(whole, [1, 2])["all"])


def test_subsets_are_read_in_one_pass(root):
    whole = open_dataset(root, sheet="X_ON")
    subsets = {"a": np.array([5, 0]), "b": None, "c": np.array([2])}
    found = add_up(whole, [1, 4], subsets=subsets)
    for name, rows in subsets.items():
        view = whole if rows is None else whole.select(index=np.sort(rows))
        wanted = add_up(view, [1, 4])["all"]
        for field, value in vars(wanted).items():
            assert np.array_equal(getattr(found[name], field), value), (name, field)


def test_widths_that_cannot_be(root):
    view = open_dataset(root, sheet="X_ON").rebin(2, how="count", rest="drop")
    for widths, words in (
        ([3.0], "3 ms is not a multiple of the 2 ms of a bin"),
        ([0.0], "0 ms is not a multiple"),
        ([np.nan], "nan ms is not a multiple"),
        ([4.0, 4.0], "4 ms is given twice"),
        ([], "no width is given"),
        ([1000.0], "1000 ms are longer than the trials"),
    ):
        with pytest.raises(DatasetError, match=words):
            view.stats(widths)
    with pytest.raises(DatasetError, match="in bins of 3 ms: there are those in 2, 4 ms"):
        view.stats([2.0, 4.0])[3.0]


def test_tables(root):
    view = open_dataset(root, sheet="X_ON")
    stats = view.stats([1, 5])
    frames = stats.to_pandas()
    assert set(frames) == set(stats_tables(stats))
    n_trials, n_neurons, _ = view.shape
    lengths = {name: len(frame) for name, frame in frames.items()}
    assert lengths["trials"] == 2 * n_trials
    assert lengths["neurons"] == n_neurons
    assert lengths["neuron_counts"] == 2 * n_neurons
    assert lengths["correlations"] == 2 * n_neurons * (n_neurons - 1) // 2
    assert lengths["parts"] == len(PARTS)
    for frame in frames.values():
        assert (frame["variant"] == "train").all()
        assert (frame["sheet"] == "X_ON").all()
    trials = frames["trials"]
    assert trials[trials["width_ms"] == 5]["total"].tolist() == stats[5].totals.tolist()
    histograms = frames["histograms"]
    cells = histograms[(histograms["of"] == "neuron, trial and bin") & (histograms["width_ms"] == 1)]
    assert cells["n"].sum() == n_neurons * view.trials["n_bins"].sum()
    assert (cells["n"] * cells["count"]).sum() == stats[1].totals.sum()
    assert isinstance(trials, pd.DataFrame)
    parts = frames["parts"].set_index("part")
    for part in PARTS:
        mine = view.take(view.trials["part"] == part)
        assert parts.loc[part, "rate_hz"] == pytest.approx(mine.rates().mean())


def test_reliability_is_the_share_of_variance_between_images():
    rng = np.random.default_rng(0)
    images, repeats = 400, 5
    group = np.repeat(np.arange(images), repeats)
    signal, noise = rng.normal(0, 3, images), rng.normal(0, 1, images * repeats)
    counts = np.round(1000 * np.column_stack([signal[group] + noise, noise, signal[group], 0 * noise])).astype(np.int64)
    found = reliability(counts, group, images)
    assert found[0] == pytest.approx(0.9, abs=0.02)
    assert found[1] == pytest.approx(0, abs=0.04)
    assert found[2] == pytest.approx(1)
    assert np.isnan(found[3])
    assert np.isnan(reliability(counts[::repeats], np.arange(images), images)).all()
    assert np.isnan(reliability(counts[:repeats], group[:repeats], 1)).all()


def test_reliability_is_that_of_the_textbook():
    # Shrout and Fleiss (1979), table 2: six targets, four judges; their ICC(1,1) is .17.
    ratings = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]])
    found = reliability(ratings.reshape(-1, 1), np.repeat(np.arange(6), 4), 6)
    assert found[0] == pytest.approx(0.17, abs=0.005)


def test_robust_z():
    values = np.array([10.0, 11, 9, 10, 10.5, 9.5, 30, np.nan])
    z = robust_z(values)
    assert abs(z[6]) > 3.5
    assert (np.abs(z[:6]) < 2.5).all()
    assert np.isnan(z[7])
    same = robust_z(np.array([1.0, 1, 1, 1, 5]))
    assert same[4] > 3.5
    assert same[0] == 0
    assert np.isnan(robust_z(np.array([2.0, 2.0]))).all()
    assert np.isnan(robust_z(np.array([np.nan]))).all()


def test_the_sample_is_evenly_spaced():
    assert sample_rows(5, 100).tolist() == [0, 1, 2, 3, 4]
    assert sample_rows(101, 3).tolist() == [0, 50, 100]
    assert len(sample_rows(37_500, 100)) == 100
