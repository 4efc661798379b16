"""The model of V1: rates, latencies, patterns."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from spikebin.simulate.experiment import Experiment, presentations
from spikebin.simulate.v1 import STEP_MS, V1, SheetModel, scaled

SMALL = (
    SheetModel("X_ON", 40, (16.8, 20.0, 24.6, 29.5, 33.4), polarity=1.0),
    SheetModel("V1_Exc_L2/3", 60),
)


def trains_of(presentation):
    """Spike times of each train, in ms."""
    return np.split(presentation.times, np.cumsum(presentation.counts)[:-1])


def rows_of(presentation):
    """Index of the neuron of each spike."""
    return np.repeat(presentation.indices, presentation.counts)


def test_spikes_are_on_the_grid_of_nest():
    experiment = Experiment(n_images=4, sheets=SMALL)
    at_stop = errors = 0
    for shown in presentations(experiment):
        assert shown.steps.min() >= 1
        assert shown.steps.max() <= shown.duration_steps
        assert shown.duration == (150.0 if shown.null else 560.0)
        np.testing.assert_allclose(shown.times, shown.steps * STEP_MS, rtol=0, atol=1e-11)
        assert all((np.diff(times) > 0).all() for times in trains_of(shown))
        at_stop += (shown.times == shown.duration).sum()
        errors += (shown.times != shown.steps / 10).sum()
    assert at_stop > 0
    assert errors > 0


def test_rates_are_those_of_the_model():
    means = {
        "X_ON": 24.7,
        "X_OFF": 16.5,
        "V1_Exc_L4": 1.92,
        "V1_Inh_L4": 8.4,
        "V1_Exc_L2/3": 2.60,
        "V1_Inh_L2/3": 7.2,
    }
    experiment = Experiment(n_images=20, sheets=scaled(V1, 0.1))
    rates = {model.name: np.zeros(model.n_neurons) for model in experiment.sheets}
    for shown in presentations(experiment):
        rates[shown.sheet] += shown.counts / (20 * 0.710)
    for model in experiment.sheets:
        rate = rates[model.name]
        assert rate.mean() == pytest.approx(means[model.name], rel=0.12)
        assert np.percentile(rate, [50, 90]) == pytest.approx(model.percentiles_hz[2:4], rel=0.2)


def test_images_drive_the_sheets_after_a_latency():
    experiment = Experiment(n_images=20, sheets=(dataclasses.replace(V1[0], n_neurons=400),))
    hz = {"blank": 0.0, "before": 0.0, "onset": 0.0, "late": 0.0}
    windows = {"before": (0, 40), "onset": (50, 100), "late": (400, 560)}
    for shown in presentations(experiment):
        if shown.null:
            hz["blank"] += len(shown.steps) / 0.150
            continue
        for name, (start, stop) in windows.items():
            inside = (shown.times > start) & (shown.times <= stop)
            hz[name] += inside.sum() / (stop - start) * 1000
    assert hz["before"] == pytest.approx(hz["blank"], rel=0.15)
    assert hz["onset"] > 1.5 * hz["late"] > 2 * hz["blank"]


def test_an_image_is_a_pattern_over_the_visual_field():
    models = (
        SheetModel("X_ON", 900, V1[0].percentiles_hz, 1.0),
        SheetModel("X_OFF", 900, V1[0].percentiles_hz, -1.0),
    )
    experiment = Experiment(n_images=1, n_repeats=40, sheets=models)
    counts = {model.name: np.zeros(900) for model in models}
    for shown in presentations(experiment):
        if not shown.null:
            counts[shown.sheet] += shown.counts
    maps = [counts[name].reshape(30, 30) for name in ("X_ON", "X_OFF")]
    on, off = ((m[::2, ::2] + m[1::2, ::2] + m[::2, 1::2] + m[1::2, 1::2]).ravel() for m in maps)
    assert np.corrcoef(on, off)[0, 1] < -0.5
    assert np.corrcoef(maps[0][:, :-1].ravel(), maps[0][:, 1:].ravel())[0, 1] > 0.5


def test_bursts_put_several_spikes_into_one_bin():
    shown = next(presentations(Experiment(n_images=1, sheets=SMALL)))
    bins = rows_of(shown) * 1000 + shown.steps // 10
    assert len(np.unique(bins)) < len(bins)


def test_scaled_keeps_sheets_and_rates():
    small = scaled(V1, 0.01)
    assert [model.n_neurons for model in small] == [72, 72, 375, 94, 375, 94]
    assert [model.percentiles_hz for model in small] == [model.percentiles_hz for model in V1]
    assert {model.n_neurons for model in scaled(V1, 1e-6)} == {1}
