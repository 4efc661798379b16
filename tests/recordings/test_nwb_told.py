"""What is wrong with an NWB file is told by its true reason: locks, filters, old formats, tables, missing times."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from compare_hdf5 import compare
from conftest import spikebin

from spikebin.errors import RecordingError
from spikebin.recordings import open_recording
from spikebin.recordings.settings import TrialRule


def nwb(path, *, compression=None, index=None, tables=("trials",), **columns):
    with h5py.File(path, "w") as file:
        units = file.create_group("units")
        units["id"] = np.arange(2)
        units.create_dataset("spike_times", data=np.arange(1, 7) / 10, compression=compression)
        units["spike_times_index"] = np.array([3, 6], "u4") if index is None else index
        for name in tables:
            table = file.create_group(f"intervals/{name}")
            table["id"] = np.arange(2)
            for column, values in ({"start_time": [0.0, 0.3], "stop_time": [0.3, 0.6]} | columns).items():
                table[column] = values
    return path


def test_a_file_that_another_program_writes_is_locked(tmp_path):
    path = nwb(tmp_path / "a.nwb")
    code = f"import h5py, sys; f = h5py.File({str(path)!r}, 'r+'); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout.readline() == b"open\n"
        with pytest.raises(RecordingError, match=r"a\.nwb is locked: .*HDF5_USE_FILE_LOCKING=FALSE"):
            open_recording(path)
        writer.communicate()
    assert open_recording(path).sheets == ["units"]


def test_a_filter_that_is_not_there_is_named(tmp_path):
    with pytest.raises(RecordingError, match=r"spike_times is compressed with lzf, a filter .*h5repack"):
        open_recording(nwb(tmp_path / "a.nwb", compression="lzf"))


@pytest.mark.parametrize("version", [np.bytes_("NWB-1.0.6"), "NWB-1.0.6"])
def test_nwb_1_is_told_with_its_version(tmp_path, version):
    with h5py.File(tmp_path / "a.nwb", "w") as file:
        file["nwb_version"] = version
        file.create_group("processing/sorting/UnitTimes/1")["times"] = [0.1, 0.2]
    word = "NWB-1.0.6" if isinstance(version, bytes) else "NWB 1"
    with pytest.raises(RecordingError, match=f"NWB 1 format .*{word}.*convert it to NWB 2"):
        open_recording(tmp_path / "a.nwb")


def test_an_index_of_region_references_is_told(tmp_path):
    path = nwb(tmp_path / "a.nwb")
    with h5py.File(path, "r+") as file:
        units = file["units"]
        del units["spike_times_index"]
        regions = [units["spike_times"].regionref[:3], units["spike_times"].regionref[3:]]
        units.create_dataset("spike_times_index", data=regions, dtype=h5py.regionref_dtype)
    with pytest.raises(RecordingError, match="region references"):
        open_recording(path)


def test_tables_that_are_not_called_trials_are_named(tmp_path):
    result = spikebin("bin", nwb(tmp_path / "a.nwb", tables=("epochs", "licks")), "--width", "100")
    assert result.returncode == 0, result.stderr
    assert "it has no trials; choose with --trials one of epochs, licks, or none" in result.stdout
    chosen = open_recording(tmp_path / "a.nwb").sheet("units", TrialRule(events="licks"))
    assert len(chosen.trials) == 2


def test_stop_times_that_are_all_missing_are_named(tmp_path):
    path = nwb(tmp_path / "a.nwb", stop_time=[np.nan, np.nan])
    for drop in (False, True):
        for rule, words in (
            ({}, r"'stop_time' holds no times: give --window START STOP .* around start_time, or"),
            ({"until": "stop_time"}, r"'stop_time' holds no times: give --window .*or name another with --until"),
            ({"align_to": "stop_time", "window_start": 0.0, "window_stop": 5.0}, r"'stop_time' .*--align-to"),
            (
                {"relative_to": "stop_time", "window_start": 0.0, "window_stop": 5.0},
                r"'stop_time' holds no times: name another with --relative-to",
            ),
        ):
            with pytest.raises(RecordingError, match=words):
                open_recording(path).sheet("units", TrialRule(drop_missing=drop, **rule))
    sheet = open_recording(path).sheet("units", TrialRule(window_start=0.0, window_stop=200.0))
    assert len(sheet.trials) == 2


def test_events_relative_to_their_trial(tmp_path):
    """Cues 0.05 s after the start of trials that begin at 10 and 20 s."""
    path = nwb(tmp_path / "a.nwb", start_time=[10.0, 20.0], stop_time=[11.0, 21.0], cue=[0.05, 0.05])
    with h5py.File(path, "r+") as file:
        file["units/spike_times"][...] = [10.1, 10.2, 20.1, 10.1, 20.1, 20.2]
    rule = TrialRule(align_to="cue", window_start=0.0, window_stop=50.0)
    sheet = open_recording(path).sheet("units", rule)
    assert any("no spike in any trial" in text and "--relative-to start_time" in text for text in sheet.notes)
    rule = TrialRule(align_to="cue", window_start=0.0, window_stop=100.0, relative_to="start_time")
    sheet = open_recording(path).sheet("units", rule)
    assert [trial.phases[0].start for trial in sheet.trials] == [10_050.0, 20_050.0]
    assert [sheet.spikes(i)[0].times.size for i in range(2)] == [2, 2]
    assert not any("no spike" in text for text in sheet.notes)
    with pytest.raises(RecordingError, match="no column 'nothing' that times are relative to"):
        open_recording(path).sheet("units", TrialRule(relative_to="nothing"))


def test_one_empty_population_stops_no_other(tmp_path):
    with h5py.File(tmp_path / "s.h5", "w") as file:
        for name, n in (("empty", 0), ("full", 3)):
            file[f"spikes/{name}/timestamps"] = np.arange(float(n))
            file[f"spikes/{name}/node_ids"] = np.arange(n)
        file["spikes/elsewhere"] = h5py.ExternalLink("other.h5", "/spikes/elsewhere")
    result = spikebin("bin", tmp_path / "s.h5", "--width", "1", "--json")
    assert result.returncode == 1
    assert '"full"' in result.stdout
    assert "empty of s.h5 holds no spikes" in result.stderr
    assert "a link into another file, other.h5" in result.stderr


def test_files_of_other_programs_read_as_h5py_reads_them(tmp_path):
    nwb(tmp_path / "a.nwb")
    data = Path(__file__).parents[1] / "data" / "sonata"
    lines = [line for directory in (tmp_path, data) for line, _ in compare(directory)]
    assert len(lines) == 3
    assert all(line.startswith("the same") for line in lines), lines
