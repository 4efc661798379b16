"""Odd options, odd terminals, odd files: they work, or one line says what is wrong."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import one_line_error
from here import spikebin_here

import spikebin as package
from spikebin.errors import RecordingError
from spikebin.matrixfile.convert import convert_file
from spikebin.matrixfile.verify import verify_file
from spikebin.pipeline.config import load_config
from spikebin.recordings import open_recording
from spikebin.recordings.settings import Reading, TrialRule

TOML = (
    '[[recordings]]\nvariant = "train"\nroot = "s"\nparts = "s_{part}.npz"\nformat = "arrays"\n[binning]\nwidth = 100\n'
)


@pytest.fixture
def session(tmp_path):
    np.savez(tmp_path / "s.npz", time_s=np.arange(0.5, 20), neuron=np.arange(20) % 2)
    return tmp_path


# --- options


@pytest.mark.parametrize("ids", [" ", ",", "1,", "²", "٣", "1-", "-1", "1_0"])
def test_ids_that_are_none_are_an_error(session, ids):
    result = spikebin_here("bin", "s.npz", "-w", "500", "--ids", ids, cwd=session)
    one_line_error(result, f"ids {ids!r}", "give ids and ranges, 1-1000,2001")


@pytest.mark.parametrize("option", ["--ids", "--out", "--trials", "--sheet", "--labels", "--align-to", "-w"])
@pytest.mark.parametrize("joined", [False, True])
def test_an_option_that_is_empty_is_most_often_a_variable_that_is_not_set(session, option, joined):
    if joined and not option.startswith("--"):
        return
    empty = [f"{option}="] if joined else [option, ""]
    result = spikebin_here("bin", "s.npz", "-w", "500", *empty, cwd=session)
    one_line_error(result, f"{option} is empty: is a variable of your shell not set?", code=2)
    assert sorted(path.name for path in session.iterdir()) == ["s.npz"]


def test_an_argument_that_is_empty_is_told(session):
    for command in (["bin", "", "-w", "1"], ["inspect", ""], ["verify", ""]):
        one_line_error(spikebin_here(*command, cwd=session), "an argument is empty", code=2)
    # What is handed on to sbatch is not looked at.
    result = spikebin_here("submit", "--", "--comment", "", cwd=session)
    one_line_error(result, "no config")


@pytest.mark.parametrize("out", ["2026.01.15", "v1.0", "run.2", "a.b c"])
def test_a_directory_may_have_a_dot(session, out):
    result = spikebin_here("bin", "s.npz", "-w", "500", "--out", out, cwd=session)
    assert result.returncode == 0, result.stderr
    assert [path.name for path in (session / out).iterdir()] == ["spikes_neurons_s.h5"]


@pytest.mark.parametrize("out", ["x.mat", "x.csv", "x.hdf5"])
def test_a_kind_of_file_that_is_not_written_is_told(session, out):
    one_line_error(spikebin_here("bin", "s.npz", "-w", "500", "--out", out, cwd=session), "what kind of file is")


@pytest.mark.parametrize(
    "window", [("-0.2s", "0.5s"), ("-.2s", ".5 s"), ("-200", "500ms"), ("-200000us", "500000000ns")]
)
def test_negative_times_with_units(session, window):
    (session / "t.csv").write_text("onset_s\n1\n2\n")
    result = spikebin_here("bin", "s.npz", "-t", "t.csv", "-w", "500", "--window", *window, "-o", "m.h5", cwd=session)
    assert result.returncode == 0, result.stderr
    assert package.open_file(session / "m.h5").trials["window_start"].tolist() == [800.0, 1800.0]


def test_a_negative_width_is_told(session):
    one_line_error(spikebin_here("bin", "s.npz", "-w", "-0.2s", cwd=session), "width -200", "above 0")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("PhyIO", "neo:PhyIO"),
        ("neo.PhyIO", "neo:PhyIO"),
        ("phyio", "neo:phyIO"),
        ("array", "arrays"),
        ("NWB", "nwb"),
        ("Sonata", "sonata"),
        ("neo:PhyIo", "PhyIO"),
        ("csv", "arrays"),
        ("GDF", "nest"),
        ("kilosort", "phy"),
    ],
)
def test_a_mistyped_format_suggests_another(session, name, meant):
    result = spikebin_here("bin", "s.npz", "-w", "1", "--format", name, cwd=session)
    one_line_error(result, f"did you mean '{meant}'?")


def test_packed_tables_are_planned_by_their_bare_names(tmp_path):
    import gzip

    (tmp_path / "s").mkdir()
    for day in (1, 2):
        (tmp_path / "s" / f"day_{day}.csv.gz").write_bytes(gzip.compress(b"time_s,neuron\n1,2\n2,3\n"))
    result = spikebin_here("init", "s", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert 'parts = "day_{part}.csv.gz"' in (tmp_path / "spikebin.toml").read_text()
    assert spikebin_here("plan", cwd=tmp_path).returncode == 0
    for index in (0, 1):
        assert spikebin_here("job", index, cwd=tmp_path).returncode == 0
    names = sorted(path.name for path in (tmp_path / "dataset/train/spikes/neurons").iterdir())
    assert names == ["spikes_neurons_1.h5", "spikes_neurons_2.h5"]
    result = spikebin_here("bin", "s/day_1.csv.gz", "-w", "1", "-o", "out", cwd=tmp_path)
    assert (tmp_path / "out/spikes_neurons_day_1.h5").exists()


# --- files


@pytest.mark.parametrize("n", [600, 2000])
def test_a_table_of_trials_may_have_two_thousand_columns(session, n):
    names = [f"covariate_{i}" for i in range(n)]
    text = [",".join(["onset_s", *names]), *(",".join([str(k), *(f"{i + k / 4}" for i in range(n))]) for k in (1, 2))]
    (session / "t.csv").write_text("\n".join(text) + "\n")
    command = ["bin", "s.npz", "-w", "500", "--window", "0", "1000", "-t", "t.csv"]
    # A table of HDF5 holds 500 of them: the few more are also written and converted to what else there is.
    few = n < 1000
    for out in ("m.h5", "m.npz") if few else ("m.h5",):
        result = spikebin_here(*command, "--out", out, cwd=session)
        assert result.returncode == 0, result.stderr
    verify_file(session / "m.h5")
    if few:
        convert_file(session / "m.h5", session / "z.h5", layout="events", codec="zlib")
    for name in ("m.h5", "z.h5") if few else ("m.h5",):
        trials = package.open_file(session / name).trials
        for i in (0, 1, n - 1):
            assert trials[f"covariate_{i}"].tolist() == [i + 0.25, i + 0.5]
        assert trials.dtype.names[:3] == ("part", "image_id", "repeat")
    if few:
        with np.load(session / "m.npz") as found:
            assert found[f"trial_covariate_{n - 1}"].tolist() == [n - 1 + 0.25, n - 1 + 0.5]


def test_a_config_may_begin_with_a_byte_order_mark(session):
    (session / "s").mkdir()
    (session / "s.npz").rename(session / "s" / "s_1.npz")
    (session / "spikebin.toml").write_bytes(b"\xef\xbb\xbf" + TOML.encode())
    assert load_config(session / "spikebin.toml").binning.width == 100
    assert spikebin_here("plan", cwd=session).returncode == 0
    assert spikebin_here("missing", cwd=session).stdout == "0\n"


# Runs one command after another as if each were typed, in one process, and ends with the code of each in a line.
ONE_AFTER_ANOTHER = """
import runpy, sys
codes, given = [], sys.argv[1:]
while given:
    end = given.index("then")
    sys.argv, given = ["spikebin", *given[:end]], given[end + 1 :]
    try:
        runpy.run_module("spikebin", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        codes.append(end.code or 0)
print(*codes)
"""


def started(directory, environment, *commands):
    """Commands in a new process, as what is in the environment acts when Python starts; outputs, and their codes."""
    done = subprocess.run(
        [sys.executable, "-c", ONE_AFTER_ANOTHER, *(word for command in commands for word in (*command, "then"))],
        cwd=directory, env={**os.environ, "COLUMNS": "200", **environment}, capture_output=True,
        encoding="utf-8", errors="replace", timeout=120, check=False,
    )  # fmt: skip
    *lines, codes = done.stdout.splitlines()
    return "\n".join(lines), done.stderr, [int(code) for code in codes.split()]


@pytest.mark.parametrize(
    "environment", [{"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}, {"LC_ALL": "C"}]
)
def test_terminals_that_are_not_utf_8(session, environment):
    (session / "s").mkdir()
    (session / "s.npz").rename(session / "s" / "s_Müller.npz")
    (session / "spikebin.toml").write_text(TOML)
    for command in (["plan"], ["job", "0"]):
        assert spikebin_here(*command, cwd=session).returncode == 0
    file = next((session / "dataset").rglob("*.h5"))
    out, err, codes = started(session, environment, ["status"], ["inspect", "--trial", "0", file])
    assert codes == [0, 0], err
    assert "Traceback" not in err
    status, inspected = out.split("\nfile ", 1)
    assert "neurons" in status
    assert "20 spikes" in inspected


def test_names_that_a_locale_cannot_write_are_told(session):
    (session / "spikebin.toml").write_text(TOML.replace('"train"', '"traün"'), "utf-8")
    (session / "s").mkdir()
    (session / "s.npz").rename(session / "s" / "s_ü.npz")
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = ["bin", next((session / "s").iterdir()), "-w", "500", "-o", "m.h5"]
    _, err, codes = started(session, plain, ["plan"], command)
    assert codes == [1, 1]
    told = [line for line in err.splitlines() if "is not UTF-8: rename it" in line]
    assert len(told) == len(err.splitlines()) == 2
    assert "is not UTF-8: rename it, or set PYTHONUTF8=1" in told[1]
    assert all(line.startswith("error: ") for line in told)
    _, err, codes = started(session, {**plain, "PYTHONUTF8": "1"}, command)
    assert codes == [0], err


def test_names_of_files_that_are_no_text_are_told(session):
    path = session / os.fsdecode(b"s_\xff.npz")
    (session / "s.npz").rename(path)
    with pytest.raises(RecordingError, match="is not UTF-8: rename it"):
        open_recording(path)


# --- one bad sheet


def test_one_recording_that_cannot_be_read_stops_no_other(session):
    (session / "bad.npz").write_bytes(b"PK no")
    (session / "empty.csv").write_text("time_s,neuron\n")
    paths = ["bad.npz", "s.npz", "empty.csv", "nowhere.csv"]
    result = spikebin_here("bin", *paths, "-w", "500", "--out", "out", cwd=session)
    assert result.returncode == 1
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 3
    assert "holds no spikes" in " ".join(errors)
    assert [path.name for path in (session / "out").iterdir()] == ["spikes_neurons_s.h5"]
    alone = spikebin_here("bin", "bad.npz", "s.npz", "-w", "500", "--out", "one.h5", cwd=session)
    one_line_error(alone, "bad.npz is not a complete .npz file")
    assert not (session / "one.h5").exists()


def test_a_rate_that_nothing_needs_is_refused(session):
    (session / "t.csv").write_text("onset_samples\n30000\n")
    rule = TrialRule(events=str(session / "t.csv"), window_start=0.0, window_stop=1.0)
    recording = open_recording(session / "s.npz", None, Reading(rate=30_000.0))
    assert recording.sheet("neurons", rule).trials[0].phases[0].start == 1000.0
    one_line_error(
        spikebin_here("bin", "s.npz", "-w", "1", "--rate", "30000", cwd=session), "no times of it are in samples"
    )
