"""Rates by condition are what numpy makes of the dense array, trial by trial."""

from __future__ import annotations

import numpy as np
import pytest
from drawn import Shown, write_part
from hypothesis import given, settings
from hypothesis import strategies as st

from spikebin import open_dataset
from spikebin.display.text import condition_lines
from spikebin.errors import DatasetError
from spikebin.stats.conditions import as_json, condition_rates, group_trials, grouped_columns

SHOWN = [Shown(f"{i % 3}", i // 3, i, 8, 30) for i in range(9)] + [Shown("10", 0, 9, 8, 20)]


@pytest.fixture(scope="module", params=["bool", "count"])
def view(request, tmp_path_factory):
    root = tmp_path_factory.mktemp("conditions")
    write_part(root, "X_ON", "1", SHOWN, values=request.param, end_bin=request.param == "count")
    return open_dataset(root, sheet="X_ON")


def rates_of(view, starts, rows):
    """(trial, group) in Hz, slowly."""
    dense = view.to_numpy().astype(float)[:, rows].mean(axis=1)
    trials, bins, lost = view.unrecorded()
    ms = np.where(np.arange(view.shape[2]) < view.trials["n_bins"][:, np.newaxis], view.width, 0.0)
    np.subtract.at(ms, (trials, bins), lost)
    out = np.full((len(view), len(starts)), np.nan)
    for g, (first, stop) in enumerate(zip(starts, [*starts[1:], view.shape[2]], strict=True)):
        for i in range(len(view)):
            there = ms[i, first:stop] > 1e-9
            if there.any():
                out[i, g] = dense[i, first:stop][there].sum() / ms[i, first:stop].sum() * 1000
    return out


@given(most=st.integers(3, 60), units=st.lists(st.sampled_from([3, 4, 8, 9, 100, 101]), max_size=3, unique=True))
@settings(max_examples=15)
def test_means_and_errors(view, most, units):
    found = condition_rates(view, "image_id", units=units, most_bins=most)
    starts = grouped_columns(view, most)
    ids = view.neurons["neuron_id"].tolist()
    assert len(found) == (len(units) or 1)
    for k, one in enumerate(found):
        rows = [ids.index(units[k])] if units else list(range(len(ids)))
        wanted = rates_of(view, starts, rows)
        assert np.allclose(one.rates, wanted, equal_nan=True)
        assert [condition.label for condition in one.conditions] == ["0", "1", "2", "10"]
        assert np.array_equal(one.edges[:-1], view.time[starts])
        for condition in one.conditions:
            mine = wanted[view.trials["image_id"] == condition.label]
            assert len(condition.trials) == len(mine)
            n = np.isfinite(mine).sum(axis=0)
            assert np.array_equal(one.coverage(condition), n)
            for g in range(len(starts)):
                values = mine[np.isfinite(mine[:, g]), g]
                mean = values.mean() if n[g] else np.nan
                sem = values.std(ddof=1) / np.sqrt(n[g]) if n[g] > 1 else np.nan
                assert condition.mean[g] == pytest.approx(mean, nan_ok=True)
                assert condition.sem[g] == pytest.approx(sem, nan_ok=True, abs=1e-9)


def test_events_of_a_neuron_are_its_spikes(view):
    (found,) = condition_rates(view, units=[8])
    dense = view.to_numpy().astype(int)[:, 2]
    for trial, times in zip(dense, found.events, strict=True):
        assert times.tolist() == np.repeat(view.time, trial).tolist()
    assert condition_rates(view)[0].events is None


def test_a_group_begins_at_time_zero(view):
    assert view.time_zero == "onset of image"
    for most in (5, 10, 100):
        starts = grouped_columns(view, most)
        assert starts[0] == 0
        assert 0 in view.time[starts]


def test_smoothing_keeps_a_constant_and_the_sum(view):
    (rough,) = condition_rates(view, most_bins=40)
    (smooth,) = condition_rates(view, most_bins=40, smooth=3)
    there = np.isfinite(rough.rates)
    assert np.array_equal(there, np.isfinite(smooth.rates))
    assert smooth.rates[there].std() < rough.rates[there].std()
    assert smooth.rates[there].mean() == pytest.approx(rough.rates[there].mean(), rel=0.1)
    (wide,) = condition_rates(view, most_bins=40, smooth=1e6)
    for i in range(len(view)):
        mine = there[i]
        weights = np.diff(wide.edges)[mine]
        assert np.allclose(wide.rates[i, mine], np.average(rough.rates[i, mine], weights=weights))


def test_conditions_in_order(view):
    assert [label for label, _ in group_trials(view, "repeat")] == ["0", "1", "2"]
    assert group_trials(view, None)[0][0] == ""
    assert sum(len(trials) for _, trials in group_trials(view, "image_id")) == len(view)


def test_what_cannot_be_grouped(view, tmp_path):
    for by, words in (("images", "no column 'images': did you mean 'image_id'"), ("order", None)):
        if words is None:
            assert len(group_trials(view, by)) == 10
            continue
        with pytest.raises(DatasetError, match=words):
            condition_rates(view, by)
    with pytest.raises(DatasetError, match="5 of 5 neuron ids|1 of 1 neuron ids"):
        condition_rates(view, units=[5])
    with pytest.raises(DatasetError, match="smoothing over -1 ms"):
        condition_rates(view, smooth=-1)
    write_part(tmp_path, "X_ON", "1", [Shown(str(i), 0, i) for i in range(30)])
    with pytest.raises(DatasetError, match="has 30 different values, more than the 24 conditions"):
        condition_rates(open_dataset(tmp_path, sheet="X_ON"), "image_id")


def test_json_has_no_nan(view):
    (found,) = condition_rates(view, "image_id", most_bins=40)
    answer = as_json(found)
    one = answer["conditions"][3]
    assert one["n_trials"] == 1
    assert set(one["sem_hz"]) == {None}
    assert len(answer["edges_ms"]) == len(one["mean_hz"]) + 1


def test_where_bins_differ_in_their_trials_it_is_said(view):
    (found,) = condition_rates(view, most_bins=60)
    last = found.coverage(found.conditions[0])
    assert set(last.tolist()) >= {9, 10}
    bars, said = condition_lines(found, 80)
    assert bars.endswith("10 trials")
    assert said.strip().startswith("trials: 10 from ")
    assert ", 9 from " in said
    assert as_json(found)["conditions"][0]["n_trials_per_bin"] == last.tolist()
    (alike,) = condition_rates(view.take(np.arange(9)), most_bins=1)
    assert len(condition_lines(alike, 80)) == 1
