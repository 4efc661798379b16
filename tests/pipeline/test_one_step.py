"""`spikebin bin`: from a file to a matrix in one line; and what becomes of files that are not what they should be."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from conftest import one_line_error
from forked import commands
from here import spikebin_here
from sessions import (
    IDS,
    ONSETS_MS,
    make_trains,
    reference,
    write_csv,
    write_nest,
    write_npy_columns,
    write_npz,
    write_nwb,
    write_phy,
    write_sonata,
    write_trials,
)

import spikebin as package
from spikebin import cli
from spikebin.binning.rules import Binning
from spikebin.errors import RecordingError, SpikebinError
from spikebin.matrixfile.verify import verify_file
from spikebin.matrixfile.write_sheet import Settings
from spikebin.pipeline.one_step import bin_recordings
from spikebin.recordings import FORMATS, open_recording
from spikebin.recordings.settings import Reading, TrialRule

TRAINS = make_trains(seed=1)
EXPECTED = reference(TRAINS, ONSETS_MS - 100, ONSETS_MS + 300, 10)


@pytest.fixture
def session(tmp_path):
    write_csv(tmp_path, TRAINS)
    names = ["left" if k % 2 else "right" for k in range(ONSETS_MS.size)]
    write_trials(
        tmp_path / "events.csv", {"cue_s": (ONSETS_MS / 1000).tolist(), "class": names, "contrast": [0.5] * 20}
    )
    return tmp_path


COMMAND = [
    "bin",
    "session.csv",
    "--trials",
    "events.csv",
    "--align-to",
    "cue_s",
    "--width",
    "10",
    "--window",
    "-100",
    "300",
]


def test_one_line_makes_a_sealed_matrix_file(session):
    result = spikebin_here(*COMMAND, "--values", "bool", "--out", "out.h5", cwd=session)
    assert result.returncode == 0, result.stderr
    facts = dict(line.strip().split("  ", 1) for line in result.stdout.splitlines()[1:])
    header = verify_file(session / "out.h5")
    file = package.open_file(session / "out.h5")
    assert "20 trials x 6 neurons x 40 bins of 10 ms" in facts["shape"]
    assert f"{header.n_spikes:,} in trials" in facts["spikes"]
    assert "1,500 recorded" in facts["spikes"]
    assert facts["collisions"].strip() == f"{header.n_collisions:,}" != "0"
    assert facts["outside"].strip() == f"{header.n_outside:,}"
    assert f"{EXPECTED.sum() / (6 * 20 * 0.4):.2f} Hz a neuron" in facts["rate"]
    np.testing.assert_array_equal(file.spikes[:], EXPECTED > 0)
    assert file.neurons["neuron_id"].tolist() == IDS.tolist()
    assert header.trial["align_to"] == "cue_s"
    assert header.binning == Binning(10.0, "left", False)
    # A column may be called as a Python keyword; PyTables may not be asked to make it an attribute.
    assert file.trials["column_class"].tolist() == ["right", "left"] * 10
    assert file.trials["contrast"].tolist() == [0.5] * 20
    np.testing.assert_array_equal(file.trials["window_start"], ONSETS_MS - 100)
    assert [(row["name"].item(), row["size"]) for row in file.sources] == [
        (name, (session / name).stat().st_size) for name in ("session.csv", "events.csv")
    ]


def test_columns_of_the_events_do_not_change_the_content_digest(session):
    plain = write_trials(session / "plain.csv", {"cue_s": (ONSETS_MS / 1000).tolist()})
    digests = []
    for name, events in (("a", session / "events.csv"), ("b", plain)):
        rule = TrialRule(events=str(events), align_to="cue_s", window_start=-100, window_stop=300)
        settings = Settings(Binning(10, "left", False))
        assert list(bin_recordings([session / "session.csv"], settings, rule, out=session / f"{name}.h5"))
        digests.append(verify_file(session / f"{name}.h5").content_digest)
    assert digests[0] == digests[1]


def test_counts_as_npy_and_npz(session):
    for name in ("out.npy", "out.npz"):
        result = spikebin_here(*COMMAND, "--values", "count", "--out", name, "--json", cwd=session)
        (answer,) = json.loads(result.stdout)
        assert answer["shape"] == [20, 6, 40]
        assert answer["n_binned"] + answer["n_collisions"] + answer["n_outside"] == answer["n_spikes"]
        assert answer["out"] == name
        assert answer["n_recorded"] == 1500
    np.testing.assert_array_equal(np.load(session / "out.npy"), EXPECTED)
    with np.load(session / "out.npz") as found:
        assert found["spikes"].dtype == np.uint8
        np.testing.assert_array_equal(found["spikes"], EXPECTED)
        assert found["neuron_ids"].tolist() == IDS.tolist()
        assert found["trial_column_class"][:2].tolist() == ["right", "left"]
        assert found["trial_n_bins"].tolist() == [40] * 20
        assert found["width"] == 10


def test_nothing_is_written_without_out(session):
    before = sorted(session.iterdir())
    result = spikebin_here(*COMMAND, cwd=session)
    assert "20 trials x 6 neurons x 40 bins" in result.stdout
    assert "nothing is written without --out" in result.stderr
    assert sorted(session.iterdir()) == before


def test_units_of_options_and_the_right_edge(session):
    first = spikebin_here(*COMMAND, "--json", cwd=session)
    other = [word.replace("-100", "-0.1s").replace("300", "0.3 s") for word in COMMAND]
    other[other.index("10")] = "10000us"
    assert json.loads(spikebin_here(*other, "--json", cwd=session).stdout) == json.loads(first.stdout)
    (right,) = json.loads(spikebin_here(*COMMAND, "--closed", "right", "--end-bin", "--json", cwd=session).stdout)
    assert right["shape"] == [20, 6, 41]


def test_ragged_trials_are_refused_or_padded(session):
    stops = ONSETS_MS / 1000 + np.where(np.arange(20) % 2, 0.5, 0.25)
    write_trials(session / "ragged.csv", {"start_s": (ONSETS_MS / 1000).tolist(), "stop_s": stops.tolist()})
    command = ["bin", "session.csv", "-t", "ragged.csv", "--width", "10", "--out", "out.h5"]
    one_line_error(spikebin_here(*command, cwd=session), "trials have 25 to 50 bins", "--window", "--ragged pad")
    assert not (session / "out.h5").exists()
    result = spikebin_here(*command, "--ragged", "pad", cwd=session)
    assert "50 bins of 10 ms (the shortest trial has 25)" in result.stdout
    file = package.open_file(session / "out.h5")
    assert file.trials["n_bins"].tolist() == [25, 50] * 10
    assert not file.spikes[::2, :, 25:].any()
    np.testing.assert_array_equal(file.spikes[1::2], reference(TRAINS, ONSETS_MS[1::2], ONSETS_MS[1::2] + 500, 10))


def test_a_trial_lasts_from_one_column_until_another(session):
    begin, end = ONSETS_MS / 1000, ONSETS_MS / 1000 + 0.4
    write_trials(session / "odd.csv", {"stim_s": begin.tolist(), "gone_s": end.tolist()})
    command = ["bin", "session.csv", "-t", "odd.csv", "-a", "stim_s", "--until", "gone_s", "-w", "10"]
    assert spikebin_here(*command, "--values", "count", "-o", "out.npy", cwd=session).returncode == 0
    np.testing.assert_array_equal(np.load(session / "out.npy"), reference(TRAINS, ONSETS_MS, ONSETS_MS + 400, 10))
    one_line_error(spikebin_here(*command, "--window", "0", "1", cwd=session), "give one of the two")
    one_line_error(spikebin_here(*command[:-4], "--until", "gon_s", "-w", "1", cwd=session), "did you mean 'gone_s'")
    one_line_error(spikebin_here(*command[:6], "-w", "1", cwd=session), "how long is a trial?", "--until")


def test_several_recordings_and_sheets_go_to_a_directory(tmp_path):
    write_sonata(tmp_path, TRAINS)
    write_npz(tmp_path, TRAINS)
    command = ["bin", "spikes.h5", "session.npz", "--width", "10"]
    one_line_error(
        spikebin_here(*command, "--out", "x.h5", cwd=tmp_path), "there are 3 matrices (sheets lgn, v1, neurons)"
    )
    result = spikebin_here(*command, "--out", "out", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    names = ["spikes_lgn_spikes.h5", "spikes_neurons_session.h5", "spikes_v1_spikes.h5"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    verified = spikebin_here("verify", "out", cwd=tmp_path)
    assert "3 of 3 files are complete" in verified.stdout
    one_line_error(spikebin_here(*command, "--out", "out", cwd=tmp_path), "is there already", "--force")
    assert spikebin_here(*command, "--out", "out", "--force", cwd=tmp_path).returncode == 0
    assert spikebin_here(*command[:2], "-s", "v1", "-w", "5", "-o", "one.npy", cwd=tmp_path).returncode == 0
    assert np.load(tmp_path / "one.npy").shape[1] == IDS.size


def test_files_of_one_device_are_one_recording(tmp_path):
    write_nest(tmp_path, TRAINS)
    result = spikebin_here("bin", "v1-0000041-0.dat", "v1-0000041-1.dat", "--width", "10", "--json", cwd=tmp_path)
    (answer,) = json.loads(result.stdout)
    assert answer["n_recorded"] == 1500


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--width", "0"], 1, ["width", "above 0"]),
        (["--width", "nan"], 2, ["nan"]),
        (["--width", "10m"], 2, ["unit"]),
        (["--window", "300", "-100"], 2, ["start must be before"]),
        (["--values", "float"], 2, ["'bool', 'count'"]),
        (["--ragged", "maybe"], 2, ["'refuse', 'pad'"]),
        (["--align-to", "cues"], 1, ["no column 'cues'", "did you mean 'cue_s'"]),
        (["--trials", "nothing.csv"], 1, ["no table of events nothing.csv"]),
        (["--trials", "trials"], 1, ["no tables of events"]),
        (["--image-id", "x"], 1, ["no column 'x' to name the images by"]),
        (["--trials-unit", "h"], 1, []),
        (["--format", "hdf"], 1, ["no format 'hdf'", "spikebin formats"]),
        (["--sheet", "V1"], 1, ["no sheet 'V1'"]),
        (["--out", "x.mat"], 1, [".mat"]),
        (["--out", "events.csv/x.h5"], 1, ["events.csv"]),
        (["--ids", "3-1"], 1, ["from low to high"]),
        (["--ids", "a"], 1, ["1-1000,2001"]),
        (["--ids", "0-99999999999"], 1, ["at most"]),
        (["--unit", "parsec"], 1, ["no unit 'parsec'"]),
        (["--unit", "samples"], 1, ["'time (ms)' says ms", "says samples"]),
        (["--times", "x"], 1, ["no 'x' for the times"]),
        (["--width", "0.00000001"], 1, ["cannot be told apart"]),
        (["--width", "0.000001", "--window", "-1e9", "1e9"], 1, ["cannot be told apart"]),
        (["--width", "0.001", "--window", "-5e9", "5e9"], 1, ["cut shorter windows"]),
    ],
)
def test_wrong_options_are_one_line_and_write_nothing(session, arguments, code, words, monkeypatch, capsys):
    before = sorted(session.iterdir())
    command = list(COMMAND)
    for name in ("--trials", "--align-to", "--width"):
        if name in arguments:
            at = command.index(name)
            del command[at : at + 2]
    if "--window" in arguments:
        at = command.index("--window")
        del command[at : at + 3]
    if "--trials-unit" in arguments:
        write_trials(session / "t.csv", {"cue": ONSETS_MS.tolist()})
        before = sorted(session.iterdir())
        command[command.index("events.csv")] = "t.csv"
        command[command.index("cue_s")] = "cue"
        words = ["no unit 'h'"]
    if "--out" not in arguments:
        arguments = [*arguments, "--out", "out.h5"]
    monkeypatch.chdir(session)
    monkeypatch.setattr(sys, "argv", ["spikebin", *command, *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    out, err = capsys.readouterr()
    one_line_error(subprocess.CompletedProcess([], ended.value.code, out, err), *words, code=code)
    assert sorted(session.iterdir()) == before


BAD_TEXTS = {
    "empty": (b"", "is empty"),
    "only a header": (b"time_ms,neuron\n", "holds no spikes"),
    "nan": (b"time_ms,neuron\n1,1\nnan,2\n", "a spike time of neuron 2 .* is nan"),
    "infinite": (b"time_ms,neuron\n1,1\n-inf,2\n", "is -inf"),
    "enormous": (b"time_s,neuron\n1,1\n1e307,2\n", "neuron 2 .* is inf"),
    "cut off": (b"time_ms,neuron\n1,1\n3.2", r"line 3 has 1 cell, its header 2: it is cut off"),
    "a word": (b"time_ms,neuron\n1,1\n2,two\n", r"line 3, column 'neuron': 'two' is not a number"),
    "half a neuron": (b"time_ms,neuron\n1,1.5\n", "line 2, column 'neuron': 1.5 is not a whole number"),
    "a neuron that is nan": (b"time_ms,neuron\n1,nan\n", "line 2, column 'neuron': nan is not a whole number"),
    "a neuron too large": (b"time_ms,neuron\n1,1e300\n", "is not a whole number"),
    "no unit": (b"time,neuron\n1,1\n", "the unit of its times is not known"),
    "no names": (b"a,b\n1,1\n", "which are the times"),
    "no header": (b"1,1\n2,2\n", "which are the times"),
    "binary": (b"time_ms,neuron\n1,1\n" + bytes(range(128, 256)), "is not UTF-8 text"),
    "nul": (b"time_ms,neuron\n1,\x00\n", "line 2 holds a NUL"),
}


@pytest.mark.parametrize("name", BAD_TEXTS)
def test_bad_text_files_are_one_line(tmp_path, name):
    data, message = BAD_TEXTS[name]
    (tmp_path / "s.csv").write_bytes(data)
    with pytest.raises(RecordingError, match=message) as caught:
        open_recording(tmp_path / "s.csv").sheet("neurons", TrialRule())
    assert "\n" not in str(caught.value)


def bad_npz(path, **members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)


def npy_bytes(array, **changes):
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {**np.lib.format.header_data_from_array_1_0(array), **changes})
    return out.getvalue() + array.tobytes()


TIMES, NEURONS = np.arange(5.0), np.arange(5)
BAD_NPZ = {
    "no archive": (lambda p: p.write_bytes(b"PK\x03\x04 nothing"), "not a complete .npz"),
    "empty": (lambda p: p.write_bytes(b""), "not a complete .npz"),
    "objects": (
        lambda p: np.savez(p, times_ms=np.array([{}, []], object), neurons=NEURONS),
        "pickled objects, which are never run",
    ),
    "lengths": (lambda p: np.savez(p, times_ms=TIMES, neurons=NEURONS[:3]), "5 times and 3 neurons"),
    "shape": (lambda p: np.savez(p, times_ms=np.zeros((5, 5)), neurons=NEURONS), r"shape \(5, 5\)"),
    "complex": (lambda p: np.savez(p, times_ms=TIMES * 1j, neurons=NEURONS), "dtype complex128"),
    "names": (lambda p: np.savez(p, a=TIMES, b=NEURONS), "which are the times"),
    "claims too much": (
        lambda p: bad_npz(p, times_ms=npy_bytes(TIMES, shape=(10**15,)), neurons=npy_bytes(NEURONS, shape=(10**15,))),
        "but there are 40 bytes",
    ),
    "no header": (
        lambda p: bad_npz(p, times_ms=b"\x93NUMPY\x01\x00", neurons=npy_bytes(NEURONS)),
        "times_ms is not an array",
    ),
    "hostile header": (
        lambda p: bad_npz(
            p, times_ms=npy_bytes(TIMES)[:10] + b"[" * 60 + npy_bytes(TIMES)[70:], neurons=npy_bytes(NEURONS)
        ),
        "times_ms has a header that cannot be read",
    ),
    "ids beyond int64": (
        lambda p: np.savez(p, times_ms=TIMES, neurons=NEURONS.astype("u8") + 2**63),
        "not a whole number that can",
    ),
}


@pytest.mark.parametrize("name", BAD_NPZ)
def test_bad_npz_files_are_one_line(tmp_path, name):
    make, message = BAD_NPZ[name]
    make(tmp_path / "s.npz")
    with pytest.raises(RecordingError, match=message) as caught:
        open_recording(tmp_path / "s.npz").sheet("neurons", TrialRule())
    assert "\n" not in str(caught.value)


def test_bad_npy_files_are_one_line(tmp_path):
    path = write_npy_columns(tmp_path, TRAINS)
    whole = path.read_bytes()
    for data, message in (
        (whole[:-8], "it is cut off or damaged"),
        (whole[:50], "session.npy"),
        (b"", "is empty"),
        (npy_bytes(np.zeros((3, 3))), r"shape \(3, 3\)"),
        (npy_bytes(np.zeros((3, 2)), shape=(10**14, 2)), "it is cut off or damaged"),
        (npy_bytes(np.zeros(3), descr="|O"), "session.npy"),
    ):
        path.write_bytes(data)
        with pytest.raises(RecordingError, match=message):
            open_recording(path, None, Reading(unit="ms")).sheet("neurons", TrialRule())
    np.save(path, np.arange(4))
    with pytest.raises(RecordingError, match=r"no file .*who.npy of its neurons"):
        open_recording(path, None, Reading(unit="ms", neurons="who.npy"))


@pytest.mark.parametrize(
    "write", [write_npz, write_nwb, write_sonata, write_csv, write_npy_columns], ids=lambda f: f.__name__
)
def test_a_file_cut_off_anywhere_is_one_line_or_fewer_spikes(tmp_path, write):
    path = write(tmp_path, make_trains(n=60))
    data = path.read_bytes()
    reading = Reading(unit="ms") if path.suffix == ".npy" else None
    whole = open_recording(path, None, reading)
    sheet = whole.sheets[-1]
    n_spikes = whole.sheet(sheet, TrialRule(events="none")).n_recorded
    rng = np.random.default_rng(0)
    for size in [0, 1, 8, 100, *rng.integers(0, len(data), 8).tolist()]:
        path.write_bytes(data[:size])
        if path.suffix == ".csv":
            # A text that ends after a line, or within its last number, cannot tell that it once was longer.
            with suppress(RecordingError):
                found = open_recording(path, None, reading).sheet(sheet, TrialRule(events="none"))
                assert found.n_recorded < n_spikes
            continue
        with pytest.raises(RecordingError) as caught:
            open_recording(path, None, reading).sheet(sheet, TrialRule(events="none"))
        assert "\n" not in str(caught.value)


BAD_EVENTS = {
    "empty": ("", "is empty"),
    "no lines": ("start_s,stop_s\n", "has no lines"),
    "no header": ("1,2\n", "has no header line"),
    "twice": ("start_s,start_s\n1,2\n", "has two columns 'start_s'"),
    "cells": ("start_s,stop_s\n1,2\n3\n", "line 3 has 1 cell, its header 2"),
    "names": ("a,b\n1,2\n", "name one with --align-to"),
    "no stop": ("start_s,b\n1,2\n", "how long is a trial"),
    "missing": ("start_s,stop_s\n1,2\n,3\n", "1 of 2 events have no time in start_s or stop_s, the first is 1: leave"),
    "nan": ("start_s,stop_s\nnan,2\n", "column 'start_s' holds no times: name another with --align-to"),
    "apart": ("start_s,stop_s\nnan,2\n1,nan\n", "2 of 2 events have no time in start_s or stop_s"),
    "infinite": ("start_s,stop_s\n1,inf\n", "lasts from 1000 to inf"),
    "negative": ("start_s,stop_s\n1,0.5\n", "lasts from 1000 to 500 ms"),
    "enormous": ("start_s,stop_s\n1,1e307\n", "lasts from 1000 to inf"),
    "enormous duration": ("start_s,duration_s\n1.7e305,1.7e305\n", "lasts from 1.7e\\+308 to inf"),
    "words": ("start_s,stop_s\nearly,late\n", "column 'start_s' holds 'early', no times"),
    "repeat": ("start_s,stop_s,repeat\n1,2,x\n", "column 'repeat' holds other than whole numbers"),
}


@pytest.mark.parametrize("name", BAD_EVENTS)
def test_bad_tables_of_events_are_one_line(session, name):
    text, message = BAD_EVENTS[name]
    (session / "bad.csv").write_text(text)
    with pytest.raises(RecordingError, match=message) as caught:
        open_recording(session / "session.csv").sheet("neurons", TrialRule(events=str(session / "bad.csv")))
    assert "\n" not in str(caught.value)


def test_events_without_a_time_are_left_out_on_demand(session):
    (session / "t.csv").write_text("start_s,stop_s\n1,2\n,3\n4,5\n")
    rule = TrialRule(events=str(session / "t.csv"), drop_missing=True)
    trials = open_recording(session / "session.csv").sheet("neurons", rule).trials
    assert [(trial.image_id, trial.order) for trial in trials] == [("0", 0), ("2", 1)]
    (session / "t.csv").write_text("start_s,stop_s\n,2\n1,\n")
    with pytest.raises(RecordingError, match="none of 2 events has a time"):
        open_recording(session / "session.csv").sheet("neurons", rule)


def test_events_of_samples_need_a_unit_of_their_own(tmp_path):
    folder = write_phy(tmp_path, TRAINS)
    events = write_trials(tmp_path / "t.csv", {"start": [30_000, 60_000], "stop": [45_000, 75_000]})
    recording = open_recording(folder)
    with pytest.raises(RecordingError, match="no unit of its times: give --trials-unit"):
        recording.sheet("units", TrialRule(events=str(events)))
    spans = [t.phases[0] for t in recording.sheet("units", TrialRule(events=str(events), events_unit="samples")).trials]
    assert [(span.start, span.stop) for span in spans] == [(1000, 1500), (2000, 2500)]


def test_rules_of_the_other_kind_of_recording_are_refused(session, datastores):
    with pytest.raises(RecordingError, match="take `blank` out of"):
        open_recording(session / "session.csv").sheet("neurons", TrialRule(blank="none"))
    with pytest.raises(RecordingError, match=r"no events with a column 'cue'"):
        open_recording(session / "session.csv").sheet("neurons", TrialRule(align_to="cue"))
    mozaik = next(path.parent for path in datastores.rglob("datastore.recordings.pickle") if "broken" not in str(path))
    with pytest.raises(RecordingError, match="the format mozaik takes no `unit`: take it out; it takes allow"):
        open_recording(mozaik, None, Reading(unit="s"))
    recording = open_recording(mozaik)
    with pytest.raises(RecordingError, match="take `events`, `align_to` and `until` out"):
        recording.sheet(recording.sheets[0], TrialRule(align_to="onset"))


SMALL_FILES = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))"


def test_a_full_disk_leaves_nothing(session):
    for name in ("out.h5", "out.npy", "out.npz"):
        before = sorted(session.iterdir())
        result = commands.run([*COMMAND, "--out", name], session, dict(os.environ), 60, prepare=SMALL_FILES)
        one_line_error(result, "no space or quota", code=3)
        assert sorted(session.iterdir()) == before


def test_two_recordings_of_one_name_are_refused(session):
    (session / "other").mkdir()
    write_csv(session / "other", TRAINS)
    settings = Settings(Binning(10, "left", False))
    paths = [session / "session.csv", session / "other" / "session.csv"]
    with pytest.raises(SpikebinError, match="two recordings would both become"):
        list(bin_recordings(paths, settings, TrialRule(), out=session / "out"))
    assert not (session / "out").exists()


def test_formats_lists_every_format_and_what_it_needs():
    listed = json.loads(spikebin_here("formats", "--json").stdout)
    assert [row["format"] for row in listed] == list(FORMATS)
    text = spikebin_here("formats").stdout
    for row in listed:
        assert row["format"] in text
    assert "pip install 'spikebin[neo]'" in text


def test_formats_shows_an_example_of_each_that_bin_understands():
    known = set(re.findall(r"--?[a-z][a-z-]*", spikebin_here("bin", "--help").stdout))
    for name, form in FORMATS.items():
        words = shlex.split(form.example)
        assert words[:2] in (["spikebin", "bin"], ["spikebin", "init"])
        assert {word for word in words if re.fullmatch("--?[a-z].*", word)} <= known, name
    shown = spikebin_here("formats", "phy").stdout
    assert FORMATS["phy"].example in shown
    assert json.loads(spikebin_here("formats", "phy", "--json").stdout)[0]["example"] == FORMATS["phy"].example
    assert "no format 'matlap': did you mean 'matlab'" in spikebin_here("formats", "matlap").stderr


def test_readme_and_the_table_of_formats_name_each():
    root = Path(__file__).parent.parent.parent
    readme = (root / "README.md").read_text("utf-8")
    assert all(f"`{name}`" in readme for name in FORMATS)
    rows = [
        line for line in (root / "spikebin/docs/formats.md").read_text("utf-8").splitlines() if line.startswith("|")
    ]
    assert all(any(f"`{name}" in row for row in rows) for name in FORMATS)
