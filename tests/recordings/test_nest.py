"""NEST's text files: what spike recorders write is read, what others write is told, and nothing is taken for spikes."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import one_line_error
from here import spikebin_here

from spikebin.errors import RecordingError
from spikebin.recordings import format_of, open_recording
from spikebin.recordings.settings import Reading, TrialRule

DATA = Path(__file__).parent.parent / "data" / "nest"
OTHERS = ["mm-12", "vm-13", "weights-14"]


def spikes_of(recording, sheet):
    chunks = list(recording.population(sheet).source.chunks())
    times, ids = map(np.concatenate, zip((np.empty(0), np.empty(0, np.int64)), *chunks, strict=True))
    order = np.lexsort((times, ids))
    return ids[order], times[order]


def truth(prefix, exc):
    with np.load(DATA / f"truth_{prefix}.npz") as found:
        senders, times = found["senders"], found["times"]
    mine = (senders <= 4) == exc
    order = np.lexsort((times[mine], senders[mine]))
    return senders[mine][order], times[mine][order]


def write(path, text):
    path.write_text(text)
    return path


@pytest.mark.parametrize(("prefix", "rate"), [("ms_", None), ("steps_", 10_000.0)])
@pytest.mark.parametrize("packed", [False, True])
def test_spikes_as_nest_has_them_in_memory(tmp_path, prefix, rate, packed):
    for path in DATA.glob(f"{prefix}*.dat"):
        if packed:
            (tmp_path / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        else:
            shutil.copy(path, tmp_path)
    recording = open_recording(tmp_path, None, Reading(rate=rate))
    assert list(recording.sheets) == [f"{prefix}exc-9", f"{prefix}precise-10", f"{prefix}silent-11"]
    for sheet, exc in ((f"{prefix}exc-9", True), (f"{prefix}precise-10", False)):
        ids, times = spikes_of(recording, sheet)
        expected_ids, expected = truth(prefix, exc)
        np.testing.assert_array_equal(ids, expected_ids)
        np.testing.assert_allclose(times, expected, atol=6e-4)  # three decimals
    assert spikes_of(recording, f"{prefix}silent-11")[0].size == 0
    (note,) = recording.notes
    assert note.startswith("passed over 6 files that are not of spikes: ")
    assert "V_m" in note
    end = ".dat.gz" if packed else ".dat"
    alone = open_recording(tmp_path / f"{prefix}exc-9-1{end}", None, Reading(rate=rate))
    assert [path.name for path in alone.paths] == [f"{prefix}exc-9-{i}{end}" for i in range(2)]
    assert spikes_of(alone, f"{prefix}exc-9")[0].size == truth(prefix, True)[0].size


@pytest.mark.parametrize("prefix", ["ms_", "steps_"])
@pytest.mark.parametrize("device", OTHERS)
@pytest.mark.parametrize("kind", [None, "nest"])
def test_files_of_other_recorders_are_told(prefix, device, kind):
    path = DATA / f"{prefix}{device}-0.dat"
    assert format_of(path) is None
    with pytest.raises(RecordingError, match=r"no spikes of NEST in it \(.* has the columns sender, time_.*") as caught:
        open_recording(path, kind, Reading(rate=10_000.0))
    assert "\n" not in str(caught.value)


def test_steps_need_a_rate_and_a_rate_needs_steps():
    steps, ms = DATA / "steps_exc-9-0.dat", DATA / "ms_exc-9-0.dat"
    with pytest.raises(RecordingError, match="steps_exc-9 holds times in steps: give their number .* with --rate"):
        open_recording(steps).sheet("steps_exc-9", TrialRule())
    with pytest.raises(RecordingError, match="no times of it are in samples or steps: take `rate` out"):
        open_recording(ms, None, Reading(rate=10_000.0)).sheet("ms_exc-9", TrialRule())
    # An offset lies within its step: a rate that is another is seen.
    with pytest.raises(RecordingError, match="line 4 .* or --rate is not its steps in a second"):
        list(open_recording(DATA / "steps_precise-10-0.dat", None, Reading(rate=100_000.0)).population(
            "steps_precise-10").source.chunks())  # fmt: skip


OWN = {
    "ms": ("3\t0.500\t\n4\t0.600\t\n", None, [0.5, 0.6]),
    "steps": ("3\t5\t\n4\t6\t\n", 10_000.0, [0.5, 0.6]),
    "steps and offsets": ("3\t5\t0.05\t\n4\t6\t0.000\t\n", 10_000.0, [0.45, 0.6]),
}


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("end", ["gdf", "dat"])
def test_files_of_nest_2(tmp_path, name, end):
    text, rate, expected = OWN[name]
    path = write(tmp_path / f"spike_detector-5-0.{end}", text)
    assert format_of(path) == "nest"
    ids, times = spikes_of(open_recording(path, None, Reading(rate=rate)), "spike_detector-5")
    assert ids.tolist() == [3, 4]
    np.testing.assert_allclose(times, expected)


NOT_SPIKES = {
    "a multimeter": "1\t0.100\t-70.000\t\n",
    "a multimeter of three": "1\t0.100\t-70.000\t0.000\t0.000\t\n",
    "weights": "1\t0.100\t5.000\t\n",
    "ids of populations": "1 2068\n2069 2651\n",
    "ids of populations, NEST 2": "1  2068 \n2069  2651 \n",
    "rates": "3.000000000000000000e+00\n7.000000000000000000e+00\n",
    "time first": "0.1\t3\n0.2\t4\n",
    "blanks": "3 0.1\n4 0.2\n",
    "no tab at the end": "3\t0.1\n4\t0.2\n",
    "a header": "time\tid\n0.1\t3\n",
    "a header and more": "sender\ttime_ms\trate\n3\t0.1\t5\n",
    "time before sender": "time_ms\tsender\n0.1\t3\n",
    "commas": "3,0.1\n",
    "words": "spikes of my simulation\n",
    "id zero": "0\t0.1\t\n",
}


@pytest.mark.parametrize("name", NOT_SPIKES)
def test_what_only_looks_like_spikes_is_not_recognised(tmp_path, name):
    path = write(tmp_path / "x-1-0.dat", NOT_SPIKES[name])
    assert format_of(path) is None
    with pytest.raises(RecordingError, match="no spikes of NEST in it|is in none of the known formats") as caught:
        open_recording(path)
    assert "\n" not in str(caught.value)
    write(tmp_path / "y-2-0.gdf", "3\t0.500\t\n")
    recording = open_recording(tmp_path)
    assert list(recording.sheets) == ["y-2"]
    assert recording.notes[0].startswith("passed over 1 file that is not of spikes: x-1-0.dat ")


def test_separated_by_blanks_by_name_or_by_option(tmp_path):
    text = "3 0.100\n4 0.200\n"
    named = open_recording(write(tmp_path / "a.gdf", text))
    asked = open_recording(write(tmp_path / "b.txt.dat", text), "nest")
    for recording in (named, asked):
        assert [column.tolist() for column in spikes_of(recording, recording.sheets[0])] == [[3, 4], [0.1, 0.2]]
    with pytest.raises(RecordingError, match="give it alone, with --format nest"):
        open_recording(tmp_path / "b.txt.dat")


def test_whole_numbers_are_steps_and_never_ms(tmp_path):
    """Ids of populations as well as files of a student: step, id."""
    nodes = write(tmp_path / "nodes.dat", "1 2068\n2069 2651\n")
    student = write(tmp_path / "student.gdf", "101\t5\n102\t3\n102\t9\n140\t5\n")
    for path, kind in ((nodes, "nest"), (student, None)):
        with pytest.raises(RecordingError, match="holds times in steps: give their number"):
            open_recording(path, kind).sheet(path.stem, TrialRule())
    with pytest.raises(RecordingError, match="its first column ascends as times do, its second does not"):
        open_recording(student, None, Reading(rate=10_000.0)).sheet("student", TrialRule())
    write(student, "5\t101\n3\t102\n9\t102\n5\t140\n")
    ids, times = spikes_of(open_recording(student, None, Reading(rate=10_000.0)), "student")
    assert (ids.tolist(), times.tolist()) == ([3, 5, 5, 9], [10.2, 10.1, 14.0, 10.2])
    write(student, "5\t101\n3\t102.5\n")
    with pytest.raises(RecordingError, match="line 2 does not hold a step"):
        open_recording(student, None, Reading(rate=10_000.0)).sheet("student", TrialRule())


@pytest.mark.parametrize("path", ["ms_exc-9-0.dat", "steps_exc-9-1.dat"])
def test_a_last_line_without_an_end_is_a_file_that_is_cut(tmp_path, path):
    data = (DATA / path).read_bytes()
    for other in DATA.glob(f"{path[:-5]}*"):
        shutil.copy(other, tmp_path)
    sheet = path[:-6]
    for size in (1, 2, 3):
        (tmp_path / path).write_bytes(data[:-size])
        with pytest.raises(RecordingError, match=rf"{path} ends within a line: it is cut off"):
            open_recording(tmp_path / path).sheet(sheet, TrialRule())
    # Cut within its head, it is not of spikes, though the other file of its device is.
    (tmp_path / path).write_bytes(data[:66])
    with pytest.raises(RecordingError, match=rf"{path} .*, but other files of {sheet} are of spikes"):
        open_recording(tmp_path).sheet(sheet, TrialRule())


def test_files_of_one_device_agree_on_their_times(tmp_path):
    write(tmp_path / "a-1-0.gdf", "3\t0.500\t\n")
    write(tmp_path / "a-1-1.gdf", "4\t5\t\n")
    with pytest.raises(RecordingError, match=r"a-1-1.gdf has times in steps, and not in ms"):
        open_recording(tmp_path).sheet("a-1", TrialRule())


def test_one_recorder_never_stops_the_others(tmp_path):
    for path in DATA.glob("ms_*.dat"):
        shutil.copy(path, tmp_path)
    (tmp_path / "ms_precise-10-0.dat").write_bytes((DATA / "ms_precise-10-0.dat").read_bytes()[:-1])
    result = spikebin_here("bin", ".", "--width", "1", "--out", "out", "--json", cwd=tmp_path)
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert result.returncode == 1
    assert len(errors) == 2
    assert "ms_precise-10-0.dat ends within a line" in errors[0]
    assert "ms_silent-11 of" in errors[1]
    (answer,) = json.loads(result.stdout)
    assert (answer["sheet"], answer["taken"]) == ("ms_exc-9", "nest, times in ms, neurons by sender")
    assert answer["n_recorded"] == truth("ms_", True)[0].size
    assert len(list((tmp_path / "out").iterdir())) == 1


def test_what_was_taken_is_said(tmp_path):
    result = spikebin_here("bin", DATA / "steps_exc-9-0.dat", "-w", "1", "--rate", "10000", cwd=tmp_path)
    first = result.stdout.splitlines()[0]
    assert first == (
        "steps_exc-9-0.dat, steps_exc-9: nest, times in steps and offsets (10000 a second), neurons by sender"
    )
    one_line_error(spikebin_here("bin", DATA / "ms_mm-12-0.dat", "-w", "1", cwd=tmp_path), "sender, time_ms, V_m")


def test_init_takes_the_threads_of_a_device_as_one_recording(tmp_path):
    (tmp_path / "run").mkdir()
    for path in DATA.glob("ms_*.dat"):
        shutil.copy(path, tmp_path / "run")
    for root in ("run", "run/ms_exc-9-1.dat"):
        result = spikebin_here("init", root, "--force", cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        assert "# 1 found" in (tmp_path / "spikebin.toml").read_text()


def test_the_threads_of_a_device_are_no_parts(tmp_path):
    for path in DATA.glob("ms_exc*.dat"):
        shutil.copy(path, tmp_path)
    text = '[[recordings]]\nvariant = "train"\nroot = "."\nparts = "{}"\nformat = "nest"\nsheets = ["ms_exc-9"]\n'
    (tmp_path / "spikebin.toml").write_text(text.format("ms_exc-9-{part}.dat"))
    one_line_error(spikebin_here("plan", cwd=tmp_path), "'ms_exc-9-0.dat' and 'ms_exc-9-1.dat' are one recording")
    (tmp_path / "spikebin.toml").write_text(text.format("ms_{part}-9-0.dat"))
    assert spikebin_here("plan", cwd=tmp_path).returncode == 0
