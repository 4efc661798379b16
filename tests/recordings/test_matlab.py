"""MATLAB's files: v5 as scipy writes them, v7.3 as MATLAB lays it out in HDF5; odd and damaged ones are one line."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from here import spikebin_here
from hypothesis import given
from hypothesis import strategies as st

from spikebin.errors import RecordingError
from spikebin.recordings import format_of, open_recording
from spikebin.recordings.settings import Reading, TrialRule

scipy_io = pytest.importorskip("scipy.io")
h5py = pytest.importorskip("h5py")

TRAINS = {1: [0.125, 0.5], 2: [], 3: [0.25]}


class MatlabHDF5:
    """Lays variables out as MATLAB does with -v7.3: turned around, cells as references into /#refs#."""

    def __init__(self, path):
        self.path = path

    def save(self, variables):
        # A user block of 512 bytes, as MATLAB's files have.
        with h5py.File(self.path, "w", userblock_size=512) as file:
            self.file, self.refs = file, file.create_group("#refs#")
            for name, value in variables.items():
                self.put(file, name, value)

    def put(self, parent, name, value):
        if isinstance(value, dict):
            group = parent.create_group(name)
            group.attrs["MATLAB_class"] = np.bytes_("struct")
            for field, inner in value.items():
                self.put(group, field, inner)
        elif isinstance(value, str):
            self.numbers(parent, name, np.array([[ord(c)] for c in value], np.uint16), "char")
        elif value.dtype == object:
            references = np.empty(value.shape[::-1], h5py.ref_dtype)
            for place, cell in np.ndenumerate(value.T):
                self.put(self.refs, f"{name}{len(self.refs)}", cell)
                references[place] = self.refs[f"{name}{len(self.refs) - 1}"].ref
            parent.create_dataset(name, data=references).attrs["MATLAB_class"] = np.bytes_("cell")
        elif value.size:
            self.numbers(parent, name, value.T, "double")
        else:
            self.numbers(parent, name, np.array(value.shape, np.uint64), "double")
            parent[name].attrs["MATLAB_empty"] = np.uint8(1)

    @staticmethod
    def numbers(parent, name, value, kind):
        parent.create_dataset(name, data=value).attrs["MATLAB_class"] = np.bytes_(kind)


def v5(path, variables):
    scipy_io.savemat(path, variables)


def v73(path, variables):
    MatlabHDF5(path).save(variables)


def v7(path, variables):
    scipy_io.savemat(path, variables, do_compression=True)


WRITERS = {"v5": v5, "v7": v7, "v7.3": v73}


def cells(*lists, shape=None):
    found = np.empty(len(lists), object)
    for i, numbers in enumerate(lists):
        found[i] = np.array(numbers, np.float64).reshape(-1, 1)
    return found.reshape(shape or (1, -1))


def column(*numbers):
    return np.array(numbers, np.float64).reshape(-1, 1)


def trains_of(path, reading, rule=None, trial=0):
    sheet = open_recording(path, None, reading).sheet("neurons", rule or TrialRule(window_start=0, window_stop=1000))
    (found,) = sheet.spikes(trial)
    ids = sheet.neurons["neuron_id"]
    return {int(ids[row]): sorted(found.times[found.rows == row].tolist()) for row in range(len(ids))}


MS = {neuron: [1000 * time for time in times] for neuron, times in TRAINS.items()}


@pytest.fixture(params=WRITERS)
def save(request, tmp_path):
    def write(**variables):
        WRITERS[request.param](tmp_path / "s.mat", variables)
        return tmp_path / "s.mat"

    return write


def test_cells_of_times(save):
    path = save(spikes=cells(*TRAINS.values()), note="made by me", fs=column(30_000))
    assert format_of(path) == "matlab"
    assert open_recording(path, None, Reading(unit="s")).taken == "matlab, spikes in s, neurons by the cells of spikes"
    assert trains_of(path, Reading(unit="s")) == MS
    with pytest.raises(RecordingError, match="the unit of its times is not known"):
        trains_of(path, Reading())


def test_cells_with_numbers_of_their_own(save):
    path = save(data={"times": cells(*TRAINS.values()), "cluID": column(1, 2, 3), "id": column(30, 10, 20)})
    assert trains_of(path, Reading(unit="s")) == {10: MS[2], 20: MS[3], 30: MS[1]}
    assert trains_of(path, Reading(unit="s", times="data.times", neurons="data.cluID")) == MS


def test_two_vectors(save):
    path = save(spike_times=column(0.125, 0.25, 0.5), cluster=column(7, 3, 7).T)
    assert trains_of(path, Reading(unit="s")) == {3: [250], 7: [125, 500]}
    path = save(a=column(0.125, 0.25, 0.5), b=column(7, 3, 7))
    assert trains_of(path, Reading(unit="s", times="a", neurons="b")) == {3: [250], 7: [125, 500]}
    with pytest.raises(RecordingError, match="s.mat: which are the times.* there are a, b"):
        open_recording(path)


def test_a_struct_of_vectors(save):
    path = save(sp={"times_s": column(0.125, 0.25), "cluster": column(7, 3), "name": "x"}, other={"x": column(1)})
    assert open_recording(path).taken == "matlab, sp.times_s in s, neurons by cluster"
    assert trains_of(path, Reading()) == {3: [250], 7: [125]}


def test_an_array_of_structs(save, request):
    if "v7.3" in request.node.name:
        path = save(units={"ts": cells(*TRAINS.values()), "id": cells([4], [2], [9])})
    else:
        units = np.zeros((1, 3), [("ts", object), ("id", object)])
        for i, (neuron, times) in enumerate(zip([4, 2, 9], TRAINS.values(), strict=True)):
            units[0, i] = (column(*times), neuron)
        path = save(units=units)
    assert trains_of(path, Reading(unit="s")) == {2: [], 4: MS[1], 9: MS[3]}


def test_cellexplorer_tells_its_unit(save):
    spikes = {"times": cells(*TRAINS.values()), "UID": column(1, 2, 3).T, "sr": column(20_000), "sessionName": "rat"}
    path = save(spikes=spikes).rename(save(spikes=spikes).with_name("rat.spikes.cellinfo.mat"))
    assert open_recording(path).taken == "matlab, spikes.times in s, neurons by UID"
    assert trains_of(path, Reading()) == MS


def test_cells_of_neurons_and_trials(save):
    table = cells([0.1], [], [0.2, 0.3], [], [], [0.4], shape=(3, 2))
    path = save(spikes=table)
    with pytest.raises(RecordingError, match="are the neurons its rows or its columns"):
        open_recording(path, None, Reading(unit="s"))
    with pytest.raises(RecordingError, match="--trial trial"):
        open_recording(path, None, Reading(unit="s", neurons="rows"))
    for neurons, expected in (("rows", 2), ("columns", 3)):
        reading = Reading(unit="s", neurons=neurons, trial="trial")
        sheet = open_recording(path, None, reading).sheet("neurons", TrialRule())
        assert len(sheet.trials) == expected
    rule = TrialRule(window_start=0, window_stop=500)
    reading = Reading(unit="s", neurons="rows", trial="trial")
    assert trains_of(path, reading, rule, 0) == {1: [100], 2: [200, 300], 3: []}
    assert trains_of(path, reading, rule, 1) == {1: [], 2: [], 3: [400]}


def test_a_table_of_counts(save):
    path = save(raster=np.array([[0, 1, 0, 2.0], [1, 0, 0, 0], [0, 0, 0, 0]]))
    assert trains_of(path, Reading(times="raster", neurons="rows", rate=100.0)) == {1: [10, 30, 30], 2: [0], 3: []}
    for reading, message in (
        (Reading(times="raster", neurons="rows"), "how many bins a second has with --rate"),
        (Reading(times="raster", rate=100.0), "its rows or its columns"),
        (Reading(times="raster", neurons="rows", rate=100.0, unit="s"), "take --unit s out"),
    ):
        with pytest.raises(RecordingError, match=message):
            open_recording(path, None, reading)


def test_in_one_line(save, tmp_path):
    save(spikes=cells(*TRAINS.values()))
    result = spikebin_here("bin", "s.mat", "--unit", "s", "-w", "10", "--out", "m.npz", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    with np.load(tmp_path / "m.npz") as found:
        assert found["spikes"].sum(axis=(0, 2)).tolist() == [2, 0, 1]


@given(
    st.lists(st.lists(st.integers(0, 999).map(float), max_size=9), min_size=2, max_size=6), st.sampled_from([*WRITERS])
)
def test_drawn_trains_are_read_as_they_were_saved(tmp_path_factory, trains, writer):
    path = tmp_path_factory.mktemp("m") / "s.mat"
    WRITERS[writer](path, {"spikes": cells(*trains)})
    if any(trains):
        found = trains_of(path, Reading(unit="ms"))
        assert found == {i: sorted(train) for i, train in enumerate(trains, 1)}


ODD = {
    "no spikes": ({"fs": column(3)}, "which are the times"),
    "two of them": ({"a": cells([1], [2]), "b": cells([1], [2])}, "are they those of a or b"),
    "lengths": ({"times": column(1, 2), "unit": column(1, 2, 3)}, "2 times and 3 neurons"),
    "ids": ({"s": {"times": cells([1], [2]), "id": column(1, 1)}}, "does not number the 2 cells"),
    "texts": ({"s": {"times": "abc", "unit": column(1)}}, "which are the times"),
    "tables in cells": (
        {"times": np.array([[column(1, 2) @ column(1, 2).T, column(3)]], object)[:, :1], "unit": column(1)},
        "cell 1 of times is not a list of times",
    ),
    "fractions": ({"times": column(1, 2), "unit": column(1.5, 2)}, "neuron 1.5 is not a whole number"),
    "not a number": ({"times": column(1, np.nan), "unit": column(1, 2)}, "is nan"),
}


@pytest.mark.parametrize("name", ODD)
def test_what_is_odd_is_one_line(save, name):
    variables, message = ODD[name]
    with pytest.raises(RecordingError, match=message) as caught:
        trains_of(save(**variables), Reading(unit="s"))
    assert "\n" not in str(caught.value)


def test_what_is_cut_or_damaged_is_one_line(save):
    path = save(spikes=cells(*TRAINS.values()), x=np.zeros((30, 30)))
    whole = path.read_bytes()
    rng = np.random.default_rng(3)
    damaged = [whole[: len(whole) // 2], whole[:200], b"", b"MATLAB 5.0", b"times = [1 2 3]\n"]
    for _ in range(40):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), 3):
            data[place] ^= 1 << int(rng.integers(8))
        damaged.append(bytes(data))
    for i, data in enumerate(damaged):
        path.write_bytes(data)
        with contextlib.suppress(RecordingError) if i > 4 else pytest.raises(RecordingError):
            trains_of(path, Reading(unit="s"))


def test_links_out_of_the_file_are_refused(tmp_path):
    v73(tmp_path / "other.mat", {"times": column(1, 2), "unit": column(1, 2)})
    with h5py.File(tmp_path / "s.mat", "w") as file:
        file["times"] = h5py.ExternalLink("other.mat", "/times")
        file["unit"] = column(1, 2)
    with pytest.raises(RecordingError, match="times lies in another file, other.mat"):
        open_recording(tmp_path / "s.mat", None, Reading(unit="s"))
    with h5py.File(tmp_path / "s.mat", "w") as file:
        file.create_dataset("times", (1, 1 << 40), "f8", chunks=(1, 1 << 10))
        file["unit"] = column(1, 2)
    with pytest.raises(RecordingError, match="times claims 1 x 1,099,511,627,776 values"):
        open_recording(tmp_path / "s.mat", None, Reading(unit="s"))
