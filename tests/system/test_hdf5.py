"""HDF5 files that attack: whatever their attributes and arrays hold, no pickle in them is run."""

from __future__ import annotations

import hashlib
import os
import pickle
import signal
from dataclasses import replace

import h5py
import numpy as np
import pytest
import tables
from drawn import images, write_part

from spikebin.errors import MatrixFileError, RecordingError
from spikebin.matrixfile.reader import open_file
from spikebin.matrixfile.seal import SEAL_SIZE, pack_facts, read_seal
from spikebin.matrixfile.verify import verify_file
from spikebin.output.paths import matrix_path
from spikebin.recordings import format_of, open_recording
from spikebin.recordings.continuous.hdf5_group import opened
from spikebin.system.hdf5 import UnreadableError, open_hdf5


class Attack:
    """Unpickled, it makes a directory."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.makedirs, (str(self.path), 0o777, True)


@pytest.fixture
def trace(tmp_path):
    """The directory that an attack makes."""
    return tmp_path / "attacked"


@pytest.fixture
def matrix(tmp_path):
    write_part(tmp_path, "S", "1", images(0, 2))
    return matrix_path(tmp_path, "train", "1", "S")


def sealed_anew(path, header):
    """Seal what a file holds now."""
    image = path.read_bytes()[SEAL_SIZE:]
    # As format_version 1 does, which has no checksums of parts.
    facts = replace(header, format_version=1, size=len(image), sha256=hashlib.sha256(image).hexdigest()).as_dict()
    path.write_bytes(pack_facts(facts) + image)


def attack(path, place, name, trace, *, version=None):
    """Give a node of a file an attribute that PyTables takes for a pickle."""
    with h5py.File(path, "r+") as file:
        file[place].attrs[name] = np.bytes_(pickle.dumps(Attack(trace), 0))
        if version is not None:
            file.attrs["PYTABLES_FORMAT_VERSION"] = np.bytes_(version)


def walk(path):
    """Open every node, as PyTables does by itself."""
    with tables.open_file(path) as file:
        for node in file.walk_nodes("/"):
            assert node._v_attrs is not None


ATTRIBUTES = [
    ("/", "made_by", None),
    ("/", "FILTERS", "1.6"),
    ("/", "FILTERS", None),
    ("/trials", "made_by", None),
    ("/trials", "FIELD_1_FILL", "1.5"),
    ("/neurons", "TITLE", None),
    ("/spikes", "made_by", None),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("place", "name", "version"), ATTRIBUTES)
def test_attributes_of_a_sealed_file_run_nothing(matrix, trace, place, name, version):
    header = read_seal(matrix)
    dense = np.asarray(open_file(matrix).spikes)
    attack(matrix, place, name, trace, version=version)
    sealed_anew(matrix, header)
    for read in (
        verify_file,
        lambda path: open_file(path).trials,
        lambda path: open_file(path).neurons,
    ):
        read(matrix)
    assert np.array_equal(np.asarray(open_file(matrix).spikes), dense)
    assert not trace.exists()
    # By itself PyTables runs it: the attack is one, and PyTables has its pickle back.
    walk(matrix)
    assert trace.is_dir()


@pytest.mark.parametrize("name", ["trials", "neurons", "source", "spikes"])
def test_objects_in_a_sealed_file_run_nothing(matrix, trace, name):
    header = read_seal(matrix)
    with tables.open_file(matrix, "r+") as file:
        file.remove_node("/", name)
        file.create_vlarray("/", name, tables.ObjectAtom()).append(Attack(trace))
    sealed_anew(matrix, header)
    found = open_file(matrix)
    for read in (
        lambda: found.trials,
        lambda: found.neurons,
        lambda: found.sources,
        lambda: found.stored_table(name),
        lambda: found.spikes[0],
        lambda: verify_file(matrix),
    ):
        try:
            read()
        except MatrixFileError:
            continue
    assert not trace.exists()
    with tables.open_file(matrix) as file:
        file.root[name].read()
    assert trace.is_dir()


def nwb(path):
    with h5py.File(path, "w") as file:
        file["units/id"] = [1, 2]
        file["units/spike_times"] = [0.5, 1.5, 0.25]
        file["units/spike_times_index"] = [2, 3]


def sonata(path):
    with h5py.File(path, "w") as file:
        file["spikes/cells/timestamps"] = [0.5, 1.5, 0.25]
        file["spikes/cells/node_ids"] = [1, 1, 2]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("place", "name"), [("/", "made_by"), ("/", "FILTERS"), ("/leaf", "note"), ("/leaf", "TITLE")])
@pytest.mark.parametrize(
    ("write", "leaf", "kind"), [(nwb, "/units/spike_times", "nwb"), (sonata, "/spikes/cells/timestamps", "sonata")]
)
def test_attributes_of_other_peoples_files_run_nothing(tmp_path, trace, write, leaf, kind, place, name):
    path = tmp_path / f"session.{'nwb' if kind == 'nwb' else 'h5'}"
    write(path)
    attack(path, leaf if place == "/leaf" else place, name, trace)
    assert format_of(path) == kind
    recording = open_recording(path)
    recording.population(recording.sheets[0]).source.read(0, 3)
    assert not trace.exists()
    walk(path)
    assert trace.is_dir()


def test_pickles_are_given_back_after_an_error(matrix):
    with pytest.raises(UnreadableError), open_hdf5(matrix) as file:
        file.get_node("/nothing")
    with pytest.raises(RecordingError, match="not an HDF5 file"), opened(matrix.parent):
        pass
    assert tables.attributeset.pickle is tables.atom.pickle is pickle


def test_a_data_set_that_crashes_its_library_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "foreign.h5"
    with h5py.File(path, "w") as file:
        file["deep/down/times"] = [1.0, 2.0]

    def crash(_):
        os.kill(os.getpid(), signal.SIGSEGV)

    monkeypatch.setattr(tables.Array, "_g_open", crash)
    with pytest.raises(UnreadableError, match="crashes on it, SIGSEGV"), open_hdf5(path):
        pass
