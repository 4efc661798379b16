"""pynapple's own .npz, and Brian2's monitors: the same spikes as in the program that wrote them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spikebin.errors import RecordingError
from spikebin.recordings import format_of, open_recording
from spikebin.recordings.settings import Reading, TrialRule

MONITOR = Path(__file__).parent.parent / "data" / "brian2" / "monitor.npz"
TRAINS = {3: [0.1, 0.5], 7: [0.2, 0.3, 1.5], 9: []}


@pytest.fixture
def group(tmp_path):
    nap = pytest.importorskip("pynapple")
    support = nap.IntervalSet(0, 2)
    trains = {i: nap.Ts(np.array(times), time_support=support) for i, times in TRAINS.items()}
    nap.TsGroup(trains, time_support=support, metadata={"region": ["V1", "LM", "V1"]}).save(str(tmp_path / "g.npz"))
    return tmp_path / "g.npz"


def test_a_group_of_pynapple(group):
    recording = open_recording(group)
    assert recording.taken == "pynapple, t in s, neurons by index"
    sheet = recording.sheet("units", TrialRule())
    assert sheet.neurons["neuron_id"].tolist() == [3, 7, 9]
    (phase,) = sheet.trials[0].phases
    assert (phase.start, phase.stop) == (0, 2000)
    (found,) = sheet.spikes(0)
    ids = sheet.neurons["neuron_id"][found.rows]
    assert {i: sorted(found.times[ids == i].tolist()) for i in TRAINS} == {
        i: [pytest.approx(1000 * t) for t in times] for i, times in TRAINS.items()
    }


@pytest.mark.parametrize(("starts", "ends"), [([0.0], [1.5]), ([0.0, 1.0], [0.6, 2.0])])
def test_a_window_past_its_support(tmp_path, starts, ends):
    """Also where the last spike is at the very end, and where the support has a gap."""
    nap = pytest.importorskip("pynapple")
    support = nap.IntervalSet(starts, ends)
    trains = {i: nap.Ts(np.array(times), time_support=support) for i, times in TRAINS.items() if times}
    nap.TsGroup(trains, time_support=support).save(str(tmp_path / "g.npz"))
    recording = open_recording(tmp_path / "g.npz")
    window = {"window_start": 1000.0, "window_stop": 3000.0}
    with pytest.raises(RecordingError, match=rf"recorded from 0 to {1000 * ends[-1]:g}: .*--short pad, cut or drop"):
        recording.sheet("units", TrialRule(**window))
    stops = {
        short: recording.sheet("units", TrialRule(**window, short=short)).trials[0].phases[0].stop
        for short in ("pad", "cut")
    }
    assert stops == {"pad": 3000.0, "cut": 1000 * ends[-1]}


def test_another_npz_is_none(tmp_path):
    np.savez(tmp_path / "x.npz", t=np.arange(3.0), index=np.arange(3), type=np.array(["Tsd"]))
    assert format_of(tmp_path / "x.npz") == "arrays"
    with pytest.raises(RecordingError, match="it is not an .npz of a TsGroup"):
        open_recording(tmp_path / "x.npz", "pynapple")
    # Each spike has an index of its own: it counts the spikes.
    with pytest.raises(RecordingError, match="no neuron fires twice, so 'index' counts the spikes"):
        open_recording(tmp_path / "x.npz", None, Reading(unit="s")).sheet("neurons", TrialRule())


def test_a_monitor_of_brian():
    with pytest.raises(RecordingError, match="the unit of its times is not known"):
        open_recording(MONITOR).sheet("neurons", TrialRule())
    recording = open_recording(MONITOR, None, Reading(unit="s"))
    assert recording.taken == "arrays, t in s, neurons by i"
    sheet = recording.sheet("neurons", TrialRule())
    with np.load(MONITOR) as truth:
        assert sheet.n_recorded == truth["t"].size
        assert sheet.neurons["neuron_id"].tolist() == np.unique(truth["i"]).tolist()


@pytest.mark.parametrize(
    "names",
    [("t", "i"), ("spiketime", "cellid"), ("spikeTimes", "cell_id"), ("times", "unit_index"), ("time", "neuron_idx"),
     ("timestamps", "channel"), ("spiketimes", "clusterId")],
)  # fmt: skip
@pytest.mark.parametrize("end", [".npz", ".csv"])
def test_columns_by_other_names(tmp_path, names, end):
    path = tmp_path / f"s{end}"
    if end == ".npz":
        np.savez(path, **{names[0]: [0.5, 1.5, 2.5], names[1]: [3, 4, 3]})
    else:
        path.write_text(f"{names[0]},{names[1]}\n0.5,3\n1.5,4\n2.5,3\n")
    assert format_of(path) == "arrays"
    sheet = open_recording(path, None, Reading(unit="s")).sheet("neurons", TrialRule())
    assert (sheet.neurons["neuron_id"].tolist(), sheet.n_recorded) == ([3, 4], 3)


def test_a_sample_index_is_in_samples(tmp_path):
    (tmp_path / "s.csv").write_text("sample_index,unit_index\n300,1\n600,2\n900,1\n")
    recording = open_recording(tmp_path / "s.csv", None, Reading(rate=30_000.0))
    assert recording.taken == "arrays, sample_index in samples, neurons by unit_index"
    ((times, _),) = recording.population("neurons").source.chunks()
    assert times.tolist() == [10, 20, 30]
