"""Trials by what was shown, and tables for pandas."""

from __future__ import annotations

import math

import numpy as np
import pytest
from drawn import images, write_part

from spikebin import bin_recording, open_dataset, open_file
from spikebin.dataset.arguments import groups_of
from spikebin.errors import DatasetError


@pytest.fixture(scope="module")
def view(tmp_path_factory):
    root = tmp_path_factory.mktemp("groups")
    rng = np.random.default_rng(3)
    np.savez(root / "s.npz", time_s=np.sort(rng.uniform(0, 20, 4000)), neuron=rng.integers(0, 5, 4000))
    rows = ["90,left,9", "0,right,10", "90,left,10", ",left,9", "0,left,9", ",right,10"]
    lines = [f"{i + 1}.5,{row}" for i, row in enumerate(rows)]
    (root / "t.csv").write_text("\n".join(["cue_s,orientation,side,block_id", *lines]) + "\n")
    out = root / "o.h5"
    bin_recording(
        root / "s.npz", 10, trials=root / "t.csv", window=(-200, 500), align_to="cue_s", out=out, values="count"
    )
    return open_file(out)


def test_a_view_for_each_value(view):
    groups = view.groupby("side")
    assert list(groups) == ["left", "right"]
    assert np.array_equal(groups["right"][...], view[[1, 5]])
    both = view.groupby(["side", "block_id"])
    assert [tuple(map(str, key)) for key in both] == [("left", "9"), ("left", "10"), ("right", "10")]
    assert sum(map(len, both.values())) == len(view)
    assert np.allclose(groups["left"].psth(), view.take([0, 2, 3, 4]).psth())
    with pytest.raises(DatasetError, match="no column 'sid' to group by: did you mean 'side'"):
        view.groupby("sid")
    for wrong in ("phase_bins", [], 3 and ["side", "x"]):
        with pytest.raises(DatasetError, match="column"):
            view.groupby(wrong)


def test_values_ascend_and_nan_is_one_value():
    trials = np.array(
        [(2.0, "b10"), (math.nan, "b9"), (1.0, "b9"), (math.nan, "a"), (2.0, "b9")], [("x", "f8"), ("y", "U3")]
    )
    by_x = groups_of(trials, "x", "v")
    assert [rows.tolist() for rows in by_x.values()] == [[2], [0, 4], [1, 3]]
    assert list(by_x)[:2] == [1.0, 2.0]
    assert math.isnan(list(by_x)[2])
    assert list(groups_of(trials, "y", "v")) == ["a", "b9", "b10"]


def test_sheets_are_grouped_alike(tmp_path):
    for sheet in ("X_ON", "X_OFF"):
        write_part(tmp_path, sheet, "1", images(9, 3, repeats=2))
    groups = open_dataset(tmp_path).groupby("image_id")
    assert list(groups) == ["9", "10", "11"]
    assert [len(sheets["X_OFF"]) for sheets in groups.values()] == [2, 2, 2]


def test_tables_for_pandas(view):
    pytest.importorskip("pandas", reason="pandas is not installed (extra pandas)")
    events = view.to_pandas()
    assert list(events) == ["trial", "neuron_id", "bin", "time", "count"]
    whole = np.zeros(view.shape, np.uint8)
    rows = np.searchsorted(view.neurons["neuron_id"], events["neuron_id"])
    whole[events["trial"], rows, events["bin"]] = events["count"]
    assert np.array_equal(whole, view[...])
    assert np.array_equal(events["time"], view.time[events["bin"]])
    trials = view.to_pandas("trials")
    assert trials.index.name == "trial"
    assert trials["side"].tolist() == view.trials["side"].tolist()
    assert "phase_bins" not in trials
    joined = events.join(trials, on="trial")
    assert joined.groupby("side")["count"].sum()["left"] == view.groupby("side")["left"].counts().sum()
    assert view.to_pandas("neurons")["neuron_id"].tolist() == view.neurons["neuron_id"].tolist()
    assert "count" not in view.rebin(70, how="any", rest="drop").to_pandas()
    with pytest.raises(DatasetError, match="give 'events', 'trials' or 'neurons'"):
        view.to_pandas("spikes")
