"""Tables of trials as others write them, each through the command and the call: the same matrix as numpy makes."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import one_line_error
from here import spikebin_here
from sessions import IDS, ONSETS_MS, TRAINS, flat, reference, write_npz, write_nwb, write_sonata

from spikebin import bin_recording

N = ONSETS_MS.size
SIDES = ["left" if i % 2 else "right" for i in range(N)]


def bids(path):
    """Times in s, no value is n/a, further columns; see the BIDS specification."""
    lines = [f"{t / 1000!r}\t0.5\t{side}\tn/a" for t, side in zip(ONSETS_MS.tolist(), SIDES, strict=True)]
    path.write_text("\n".join(["onset\tduration\ttrial_type\tresponse_time", *lines, ""]))
    return path


def by_arrays(place):
    """spikes.times and spikes.clusters, trials.* beside them, as ONE names them."""
    times, ids = flat(TRAINS)
    np.save(place / "spikes.times.npy", times / 1000)
    np.save(place / "spikes.clusters.npy", ids)
    np.save(place / "_ibl_trials.intervals.npy", np.c_[ONSETS_MS, ONSETS_MS + 500] / 1000)
    np.save(place / "_ibl_trials.side.npy", np.array(SIDES))
    return place, None


def by_table(place):
    place, _ = by_arrays(place)
    for path in place.glob("_ibl_trials.*"):
        path.unlink()
    columns = {"intervals_0": ONSETS_MS / 1000, "intervals_1": (ONSETS_MS + 500) / 1000, "side": SIDES}
    parquet(place / "_ibl_trials.table.pqt", columns)
    return place, None


def parquet(path, columns):
    pandas, _ = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    frame = pandas.DataFrame(columns)
    (frame.to_feather if path.suffix == ".feather" else frame.to_parquet)(path)
    return path


WAYS = {
    "BIDS": lambda place: (write_npz(place, TRAINS), bids(place / "sub-01_task-see_events.tsv")),
    "BIDS of spikes in ms": lambda place: (write_sonata(place, TRAINS), bids(place / "sub-01_task-see_events.tsv")),
    "NWB": lambda place: (write_nwb(place, TRAINS), None),
    "ALF, arrays": by_arrays,
    "ALF, table": by_table,
    "Parquet": lambda place: (
        write_npz(place, TRAINS),
        parquet(place / "t.parquet", {"start_ms": ONSETS_MS, "stop_ms": ONSETS_MS + 500, "side": SIDES}),
    ),
    "Feather": lambda place: (
        write_npz(place, TRAINS),
        parquet(place / "t.feather", {"start_s": ONSETS_MS / 1000, "duration_s": np.full(N, 0.5), "side": SIDES}),
    ),
}


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("window", [False, True])
def test_trials_as_numpy_cuts_them(tmp_path, name, window):
    recording, trials = WAYS[name](tmp_path)
    start, stop = (-100.0, 300.0) if window else (0.0, 500.0)
    expected = reference(TRAINS, ONSETS_MS + start, ONSETS_MS + stop, 10.0)
    sheet = ("--sheet", "v1") if recording.name == "spikes.h5" else ()
    options = [*sheet, *(("--trials", trials) if trials else ()), *(("--window", start, stop) if window else ())]
    result = spikebin_here("bin", recording, "-w", "10", *options, "-o", "a.npz", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    with np.load(tmp_path / "a.npz") as found:
        np.testing.assert_array_equal(found["spikes"], expected)
        conditions = next((found[f"trial_{key}"] for key in ("side", "trial_type") if f"trial_{key}" in found), None)
        assert name == "NWB" or conditions.tolist() == SIDES
        assert found["neuron_ids"].tolist() == IDS.tolist()
    bin_recording(
        recording,
        10,
        trials=trials,
        sheets=sheet[1:],
        window=(start, stop) if window else None,
        out=tmp_path / "b.npy",
    )
    np.testing.assert_array_equal(np.load(tmp_path / "b.npy"), expected)


def test_a_table_that_may_be_of_bids_is_asked_for_its_unit(tmp_path):
    spikes, trials = write_sonata(tmp_path, TRAINS), bids(tmp_path / "events.tsv")
    command = ("bin", spikes, "-s", "v1", "-w", "10", "--trials", trials)
    one_line_error(spikebin_here(*command, cwd=tmp_path), "no unit of its times: give --trials-unit")
    given = spikebin_here(*command, "--trials-unit", "s", cwd=tmp_path)
    assert "onset in s, duration in s" in given.stdout


def test_events_of_bids_that_do_not_last_need_a_window(tmp_path):
    spikes, trials = write_npz(tmp_path, TRAINS), tmp_path / "sub-01_events.tsv"
    trials.write_text("onset\tduration\n1.5\tn/a\n2.5\tn/a\n")
    command = ("bin", spikes, "-w", "10", "--trials", trials)
    one_line_error(spikebin_here(*command, cwd=tmp_path), "column 'duration' holds no times: give --window START STOP")
    assert spikebin_here(*command, "--window", "0", "100", cwd=tmp_path).returncode == 0
