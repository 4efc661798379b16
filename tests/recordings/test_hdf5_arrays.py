"""Any HDF5 file by paths, and SHD's lists for each sample, as h5py and PyTables write them; odd ones are one line."""

from __future__ import annotations

import contextlib
import json

import numpy as np
import pytest
import tables
from here import spikebin_here
from hypothesis import given, settings
from hypothesis import strategies as st

from spikebin.errors import RecordingError
from spikebin.recordings import format_of, open_recording
from spikebin.recordings.settings import Reading, TrialRule

h5py = pytest.importorskip("h5py")

SAMPLES = [([0.125, 0.25, 0.5], [3, 699, 3]), ([], []), ([0.0, 0.75], [0, 3])]
LABELS = [7, 19, 7]


def h5py_lists(path, samples=SAMPLES, labels=LABELS, times="f2"):
    with h5py.File(path, "w") as file:
        group = file.create_group("spikes")
        for name, dtype, k in (("times", times, 0), ("units", "u2", 1)):
            lists = group.create_dataset(name, (len(samples),), dtype=h5py.vlen_dtype(np.dtype(dtype)))
            for i, sample in enumerate(samples):
                lists[i] = np.array(sample[k], dtype)
        file["labels"] = np.array(labels, np.uint8)
        file["extra/speaker"] = np.array(labels, np.uint16) + 1
        file["extra/keys"] = np.array([b"a", b"b"])
    return path


def pytables_lists(path, samples=SAMPLES, labels=LABELS, times="f2"):
    """As the files of SHD and SSC were written."""
    with tables.open_file(path, "w") as file:
        group = file.create_group("/", "spikes")
        for name, dtype, k in (("times", times, 0), ("units", "u2", 1)):
            lists = file.create_vlarray(group, name, tables.Atom.from_dtype(np.dtype(dtype)))
            for sample in samples:
                lists.append(np.array(sample[k], dtype))
        file.create_array("/", "labels", np.array(labels, np.uint8))
    return path


WRITERS = {"h5py": h5py_lists, "PyTables": pytables_lists}


def spikes_of(sheet, trial):
    (found,) = sheet.spikes(trial)
    return sorted(zip(found.times.tolist(), sheet.neurons["neuron_id"][found.rows].tolist(), strict=True))


@pytest.mark.parametrize("writer", WRITERS)
def test_samples_are_trials_with_their_labels(tmp_path, writer):
    path = WRITERS[writer](tmp_path / "shd.h5")
    assert format_of(path) == "hdf5"
    recording = open_recording(path, None, Reading(unit="s"))
    assert recording.taken == "hdf5, /spikes/times in s, neurons by /spikes/units, trials by its 3 lists"
    sheet = recording.sheet("neurons", TrialRule(image_id="labels"))
    assert sheet.neurons["neuron_id"].tolist() == [0, 3, 699]
    assert [trial.image_id for trial in sheet.trials] == ["7", "19", "7"]
    for i, (times, units) in enumerate(SAMPLES):
        assert spikes_of(sheet, i) == sorted(zip([1000 * t for t in times], units, strict=True))
    assert sheet.n_recorded == sheet.n_in_trials == 5
    named = recording.sheet("neurons", TrialRule(window_start=0, window_stop=300))
    assert [trial.image_id for trial in named.trials] == ["0", "1", "2"]
    assert spikes_of(named, 0) == [(125, 3), (250, 699)]


@pytest.mark.parametrize("writer", WRITERS)
def test_samples_in_one_line(tmp_path, writer):
    WRITERS[writer](tmp_path / "shd.h5")
    command = ["bin", "shd.h5", "--unit", "s", "--ids", "0-699", "--image-id", "labels", "-w", "250ms", "--json"]
    result = spikebin_here(*command, "--out", "m.npz", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)[0]["n_spikes"] == 5
    with np.load(tmp_path / "m.npz") as found:
        assert found["spikes"].shape[:2] == (3, 700)
        assert found["spikes"][:, 3].sum() == 3


drawn = st.lists(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 9)), max_size=8), min_size=1, max_size=130)


# Each is a file of its own, that a child opens first.
@settings(max_examples=settings().max_examples // 3)
@given(drawn, st.sampled_from(list(WRITERS)), st.sampled_from(["f4", "f8", "i4"]))
def test_drawn_samples_are_read_as_they_were_written(tmp_path_factory, samples, writer, dtype):
    lists = [([t for t, _ in sample], [u for _, u in sample]) for sample in samples]
    path = WRITERS[writer](tmp_path_factory.mktemp("h") / "s.h5", lists, [0] * len(lists), dtype)
    recording = open_recording(path, None, Reading(unit="ms", ids="0-9"))
    sheet = recording.sheet("neurons", TrialRule(window_start=0, window_stop=1001))
    for i in reversed(range(len(samples))):
        assert spikes_of(sheet, i) == sorted(samples[i])


def flat(path, **arrays):
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name.replace("__", "/")] = array
    return path


TIMES, IDS = np.array([1.5, 2.0, 30.0]), np.array([4.0, 7.0, 4.0])


def test_flat_arrays_by_their_paths(tmp_path):
    # As NetPyNE writes them, ids as numbers with a point.
    path = flat(tmp_path / "net.h5", simData__spkt=TIMES, simData__spkid=IDS, simData__soma__v=np.zeros(9))
    recording = open_recording(path, None, Reading(unit="ms", times="/simData/spkt", neurons="simData/spkid"))
    assert recording.reading.format == "hdf5"
    sheet = recording.sheet("neurons", TrialRule(window_start=0, window_stop=40))
    assert spikes_of(sheet, 0) == [(1.5, 4), (2.0, 7), (30.0, 4)]
    with pytest.raises(RecordingError, match="net.h5: which are the neurons"):
        open_recording(path, None, Reading(unit="ms", times="/simData/spkt"))
    with pytest.raises(RecordingError, match=r"has no array /simData/t of times; it holds .*/simData/spkt"):
        open_recording(path, None, Reading(unit="ms", times="/simData/t", neurons="/simData/spkid"))
    with pytest.raises(RecordingError, match="which are the times"):
        open_recording(path, "hdf5")


def test_arrays_beside_them_split_the_spikes(tmp_path):
    path = flat(
        tmp_path / "s.h5", times_ms=TIMES, unit=np.array([1, 2, 1]), population=np.array([b"a", b"b", b"a"]), x=[1]
    )
    assert format_of(path) == "hdf5"
    recording = open_recording(path)
    assert list(recording.sheets) == ["a", "b"]
    assert spikes_of(recording.sheet("a", TrialRule(window_start=0, window_stop=40)), 0) == [(1.5, 1), (30.0, 1)]


@pytest.mark.parametrize(("dtype", "last"), [("f2", 0.75), ("f4", 2.0**11 + 0.0005), ("f8", 0.75)])
def test_the_last_spike_lies_inside(tmp_path, dtype, last):
    # Large chunks that are not packed, and an end that is not told: coarse times near it would count as lying on it.
    with h5py.File(tmp_path / "s.h5", "w") as file:
        file.create_dataset("times_s", data=np.array([0, last], dtype), chunks=(1 << 20,), maxshape=(None,))
        file.create_dataset("unit", data=np.array([1, 2]), chunks=(1 << 20,), maxshape=(None,))
    result = spikebin_here("bin", "s.h5", "-w", "250ms", "--out", "m.npz", "--json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)[0]["n_binned"] == 2


def test_neurons_with_names(tmp_path):
    path = flat(tmp_path / "s.h5", times_ms=TIMES, neuron=np.array([b"TT2_1", b"TT1_1", b"TT2_1"]))
    sheet = open_recording(path).sheet("neurons", TrialRule(window_start=0, window_stop=40))
    assert sheet.neurons["neuron_name"].tolist() == ["TT1_1", "TT2_1"]
    assert spikes_of(sheet, 0) == [(1.5, 1), (2.0, 0), (30.0, 1)]


def test_an_attribute_tells_the_unit(tmp_path):
    path = flat(tmp_path / "s.h5", times=TIMES, unit=IDS)
    with pytest.raises(RecordingError, match="the unit of its times is not known"):
        open_recording(path).sheet("neurons", TrialRule())
    with h5py.File(path, "a") as file:
        file["times"].attrs["units"] = "milliseconds"
    assert open_recording(path).taken == "hdf5, /times in ms, neurons by /unit"
    with pytest.raises(RecordingError, match="they are in milliseconds, `unit` says s"):
        open_recording(path, None, Reading(unit="s"))


def other(path, **changes):
    samples = changes.pop("samples", SAMPLES)
    h5py_lists(path, samples)
    with h5py.File(path, "a") as file:
        for name, value in changes.items():
            del file[f"spikes/{name}"]
            if value is not None:
                file[f"spikes/{name}"] = value


def pickled(path):
    with tables.open_file(path, "w") as file:
        for name in ("times", "units"):
            file.create_vlarray("/", name, tables.ObjectAtom()).append([1, 2])


BAD = {
    "one flat": (lambda p: other(p, units=np.arange(3)), "holds lists, the other does not"),
    "other lengths": (lambda p: other(p, samples=[([0.5, 1.0], [1])]), "sample 0 has 2 times and 1 neurons"),
    "not finite": (lambda p: other(p, samples=[([np.nan], [1])]), "a spike time is not finite"),
    "texts": (lambda p: other(p, units=["a", "b", "c"]), "lists of something else than numbers"),
    "pickles": (pickled, "lists of something else than numbers"),
    "too short": (lambda p: flat(p, times_s=TIMES, unit=IDS[:2]), r"3 values in /times_s and 2 in /unit"),
    "two axes": (lambda p: flat(p, times_s=np.zeros((3, 2)), unit=IDS), "is not a flat array of numbers"),
    "fractions": (lambda p: flat(p, times_s=TIMES, unit=IDS + 0.5), "neuron 4.5 is not a whole number"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_odd_is_one_line(tmp_path, name):
    make, message = BAD[name]
    make(tmp_path / "s.h5")
    with pytest.raises(RecordingError, match=message) as caught:
        open_recording(tmp_path / "s.h5", "hdf5", Reading(unit="s")).sheet("neurons", TrialRule())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("writer", WRITERS)
def test_damaged_bytes_never_crash(tmp_path, writer):
    whole = WRITERS[writer](tmp_path / "shd.h5").read_bytes()
    rng = np.random.default_rng(5)
    for _ in range(24):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), 4):
            data[place] ^= 1 << int(rng.integers(8))
        (tmp_path / "d.h5").write_bytes(data)
        with contextlib.suppress(RecordingError):
            sheet = open_recording(tmp_path / "d.h5", "hdf5", Reading(unit="s")).sheet("neurons", TrialRule())
            spikes_of(sheet, 0)
