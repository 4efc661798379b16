"""Files are looked at byte by byte and count by count; what is in them is said in numbers."""

from __future__ import annotations

import hdf5plugin  # noqa: F401  registers Blosc2 with h5py
import numpy as np
import pytest
import tables
from small_file import write

from spikebin import Binning
from spikebin.binning.trial import Phase, PhaseSpikes, Trial, bin_trial
from spikebin.errors import MatrixFileError
from spikebin.matrixfile.reader import open_file
from spikebin.matrixfile.seal import SEAL_SIZE, Identity, pack_facts, read_seal, verify_seal
from spikebin.matrixfile.verify import check_files, checked_trial, describe, matrix_files, verify_file
from spikebin.matrixfile.write_sheet import Settings
from spikebin.matrixfile.writer import MatrixWriter
from spikebin.recordings.protocol import NEURON_FIELDS


def test_flipped_bytes_and_truncations_are_found_before_hdf5_is_asked(tmp_path, monkeypatch):
    path = tmp_path / "a.h5"
    write(path, durations=(9.0,))
    whole = path.read_bytes()
    monkeypatch.setattr(tables, "open_file", lambda *_, **__: pytest.fail("libhdf5 was asked"))
    rng = np.random.default_rng(0)
    # Every byte of the seal, and of what it seals each seventh, the first and the last.
    places = [*range(SEAL_SIZE), *range(SEAL_SIZE, len(whole) - 1, 7), len(whole) - 1]
    with path.open("r+b") as file:
        for at in places:
            flipped = whole[at] ^ (1 << int(rng.integers(8)))
            file.seek(at)
            file.write(bytes([flipped]))
            file.flush()
            with pytest.raises(MatrixFileError):
                verify_file(path)
            file.seek(at)
            file.write(whole[at : at + 1])
        file.flush()
        assert verify_seal(path)
        for size in reversed(places):
            file.truncate(size)
            with pytest.raises(MatrixFileError):
                read_seal(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(MatrixFileError, match="bytes"):
        read_seal(path)


def test_a_file_whose_content_is_not_what_its_seal_says(tmp_path):
    path = tmp_path / "a.h5"
    write(path)
    for change, word in (({"content_digest": "0" * 64}, "content digest"), ({"n_outside": 1}, "add up")):
        data = path.read_bytes()
        (tmp_path / "b.h5").write_bytes(pack_facts(read_seal(path).as_dict() | change) + data[SEAL_SIZE:])
        with pytest.raises(MatrixFileError, match=word):
            verify_file(tmp_path / "b.h5")


def test_bins_that_reach_past_the_end_of_a_phase(tmp_path):
    neurons = np.zeros(2, NEURON_FIELDS)
    neurons["neuron_id"] = 1, 2
    phases = (Phase("blank", 0.0, 15.0), Phase("image", 0.0, 22.5), Phase("after", 0.0, 0.0))
    for end_bin, surplus in ((False, [5, 7.5, 0]), (True, [5, 7.5, 10])):
        binning = Binning(10.0, end_bin=end_bin)
        path = tmp_path / f"{end_bin}.h5"
        with MatrixWriter(
            Identity("S", "train", "0"),
            neurons,
            [Trial("0", 0, 0, "", phases)],
            Settings(binning),
        ) as writer:
            spikes = [PhaseSpikes(np.array([1.0]), np.array([0])) for _ in phases]
            events = bin_trial(writer.trials[0], spikes, binning, writer.n_columns, "drawn")
            writer.append(events, writer.encode(events))
            writer.write(path, "drawn", [])
        file = open_file(path)
        assert file.surplus().tolist() == [surplus]
        recorded = file.shape[2] * 10 - sum(surplus)
        assert describe(file)["mean_rate_hz"] == pytest.approx(file.header.n_binned / 2 / recorded * 1000)


def test_directories_are_looked_through_and_each_file_gets_a_line(tmp_path):
    for name in ("spikes_b_1.h5", "spikes_a_1.h5"):
        write(tmp_path / name)
    (tmp_path / "spikes_a_1.h5").write_bytes((tmp_path / "spikes_a_1.h5").read_bytes()[:-1])
    paths = matrix_files([tmp_path, tmp_path / "not_there.h5"])
    assert [path.name for path in paths] == ["spikes_a_1.h5", "spikes_b_1.h5", "not_there.h5"]
    cut, complete, missing = check_files(paths)
    assert not complete.error
    for found in (cut, missing):
        assert str(found.path) in found.error
        assert "\n" not in found.error
    (tmp_path / "empty").mkdir()
    with pytest.raises(MatrixFileError, match="no matrix file in .*empty: run `spikebin run`"):
        matrix_files([tmp_path / "empty"])


def test_a_trial_that_is_not_there_is_refused(tmp_path):
    write(tmp_path / "a.h5")
    file = open_file(tmp_path / "a.h5")
    assert checked_trial(file, 2) == 2
    for wrong in (-1, 3):
        with pytest.raises(MatrixFileError, match=rf"no trial {wrong} in .*: it has the trials 0 to 2"):
            checked_trial(file, wrong)
