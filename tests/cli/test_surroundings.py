"""Commands in odd surroundings: they work, or end in one line that says why; what they wrote is complete."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from conftest import one_line_error, spikebin, write_toml
from forked import Commands, commands
from sessions import make_trains, write_npz, write_trials
from soak import no_room

from spikebin.matrixfile.verify import verify_file
from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import SheetModel


@pytest.fixture
def place(tmp_path):
    write_datastore(tmp_path / "data", Experiment(0, 2, sheets=(SheetModel("V1_Exc_L2/3", 9),)))
    write_toml(tmp_path / "spikebin.toml", tmp_path / "data")
    return tmp_path


FILE = "dataset/train/spikes/V1_Exc_L23/spikes_V1_Exc_L23_0.h5"
STORE = "data/the only one"
COMMANDS = (
    ("init", "data", "--config", "other.toml"),
    ("plan",),
    ("job", "0"),
    ("missing", "--deep"),
    ("status",),
    ("verify",),
    ("inspect", FILE, "--trial", "0"),
    ("export", "npy", "out"),
    ("view", "--window", "0:9", "--out", "views"),
    ("stats",),
    ("report", "report.html"),
    ("submit", "--dry-run"),
    ("convert", "--layout", "events", "--out", "converted", FILE),
    ("bin", STORE, "--width", "1", "--out", "bin.h5"),
)


def in_place(place, arguments):
    return [f"data/{next((place / 'data').iterdir()).name}" if one == STORE else one for one in arguments]


def run(place, *arguments, python=(), prepare=None, stdout=subprocess.PIPE, **environment):
    env = {key: value for key, value in (os.environ | environment).items() if value is not None}
    return subprocess.run(
        [sys.executable, *python, "-m", "spikebin", *in_place(place, arguments)],
        cwd=place, env=env, stdout=stdout, stderr=subprocess.PIPE, preexec_fn=prepare, timeout=120, check=False,
    )  # fmt: skip


# What a command finds once it runs: it is forked from a process that has imported all.
FORKED = {
    "umask 077, no directory for temporary files": {"umask": 0o077, "TMPDIR": "/nonexistent"},
    "ulimit -n 64, no home": {"files": 64, "HOME": None, "XDG_CACHE_HOME": None, "USER": None},
}


@pytest.mark.parametrize("name", FORKED)
def test_every_command_works_there(place, name):
    limits = {key: value for key, value in FORKED[name].items() if key.islower()}
    changed = os.environ | {key: value for key, value in FORKED[name].items() if key.isupper()}
    environment = {key: value for key, value in changed.items() if value is not None}
    for command in COMMANDS:
        result = commands.run(in_place(place, command), place, environment, 120, **limits)
        assert result.returncode == 0, (command, result.stderr)
        assert "Traceback" not in result.stderr
    all_complete(place, umask=FORKED[name].get("umask", 0))


@pytest.fixture(scope="module")
def filling(tmp_path_factory):
    """Runs a command whose directory for temporary files, and nothing else, takes so many writes."""
    directory = tmp_path_factory.mktemp("filling")
    library = no_room(directory)
    if library is None:
        pytest.skip("no C compiler")
    server = Commands({**os.environ, "LD_PRELOAD": str(library)})

    def run(place, command, writes):
        limit = {"TMPDIR": str(directory), "NO_ROOM_IN": str(directory), "NO_ROOM_AFTER": str(writes)}
        return server.run(in_place(place, command), place, os.environ | limit, 120)

    yield directory, run
    server.end()


def test_a_directory_for_temporary_files_that_is_full(place, filling):
    """No command needs it but `bin --plot`, which writes there and nowhere else: one line, nothing left behind."""
    directory, run = filling
    before = sorted(directory.iterdir())
    for command in COMMANDS:
        # Python tries a directory with one write, and takes another where that fails.
        result = run(place, command, 1)
        assert result.returncode == 0, (command, result.stderr)
        assert "Traceback" not in result.stderr
    all_complete(place)
    plot = ("bin", STORE, "--width", "1", "--plot", "plot.svg")
    assert run(place, plot, 0).returncode == 0
    one_line_error(run(place, plot, 1), "no space or quota", str(directory), "make room", code=3)
    assert sorted(directory.iterdir()) == before


@pytest.mark.slow
def test_every_command_works_where_python_starts_otherwise(place):
    """Without assertions, where all is ASCII; so does the process start from which the commands are forked."""
    environment = os.environ | {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0"}
    environment.pop("PYTHONIOENCODING", None)
    server = Commands(environment, ["-O"])
    try:
        for command in COMMANDS:
            result = server.run(in_place(place, command), place, environment, 120)
            assert result.returncode == 0, (command, result.stderr)
            assert "Traceback" not in result.stderr
    finally:
        server.end()
    all_complete(place)
    for python, changed in ((["-O"], {}), ([], environment)):
        result = run(place, "status", python=python, **changed)
        assert result.returncode == 0, result.stderr.decode()


@pytest.mark.slow
def test_a_home_that_is_not_there(tmp_path):
    """Nothing of ours is cached there, so what a command calls is compiled: here as little as one can call."""
    write_npz(tmp_path, make_trains())
    write_trials(tmp_path / "onsets.csv", {"onset_s": [0.2, 1.0]})
    nowhere = str(tmp_path / "onsets.csv" / "home")
    command = ("bin", "session.npz", "--trials", "onsets.csv", "--window", "0", "200", "--width", "20", "--out", "m.h5")
    result = run(tmp_path, *command, HOME=nowhere, XDG_CACHE_HOME=nowhere, TMPDIR=str(tmp_path))
    assert result.returncode == 0, result.stderr.decode()
    all_complete(tmp_path)


def all_complete(place, umask=0):
    paths = [*place.rglob("*.h5")]
    assert paths
    for path in paths:
        verify_file(path)
        assert not path.stat().st_mode & umask


# What stdout is, as the process of a command makes it.
OUTPUTS = {
    "closed": "os.close(1)",
    "nobody reads": "reading, writing = os.pipe(); os.dup2(writing, 1); os.close(writing); os.close(reading)",
    "full": "os.dup2(os.open('/dev/full', os.O_WRONLY), 1)",
}


@pytest.mark.parametrize("how", OUTPUTS)
def test_an_output_that_cannot_be_written_to_is_one_line_at_most(place, how):
    assert spikebin("plan", cwd=place).returncode == 0
    # Of each way to write there is one: a line, a table, a page of help. A job writes a file, too.
    for command in (("job", "0"), ("missing", "--deep"), ("status",), ("--help",)):
        result = commands.run(command, place, dict(os.environ), 120, prepare=OUTPUTS[how])
        assert "Traceback" not in result.stderr, (command, result.stderr)
        assert result.returncode not in {70, 255}, (command, result.stderr)
        assert not result.stdout
    verify_file(place / FILE)


def test_an_output_that_is_closed_when_python_starts(place):
    assert spikebin("plan", cwd=place).returncode == 0
    result = run(place, "status", prepare=lambda: os.close(1), stdout=None)
    assert b"Traceback" not in result.stderr, result.stderr.decode()
    assert result.returncode != 70, result.stderr.decode()


AS_ANYBODY = """
import ctypes

library = ctypes.CDLL(None, use_errno=True)
header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
if library.capget(header, sets):
    raise OSError(ctypes.get_errno(), "capget")
for which in (0, 1):
    # CAP_DAC_OVERRIDE, of what is in force and of what may be.
    sets[which] &= ~(1 << 1)
if library.capset(header, sets):
    raise OSError(ctypes.get_errno(), "capset")
"""
"""Of root, takes the right to write where nobody may."""


def test_an_output_that_is_read_only(place):
    """What only looks works; what would write says in one line that it cannot."""
    for command in (("plan",), ("job", "0")):
        assert spikebin(*command, cwd=place).returncode == 0

    def run(*command):
        return commands.run(in_place(place, command), place, dict(os.environ), 120, prepare=AS_ANYBODY)

    inside = [place / "dataset", *(path for path in (place / "dataset").rglob("*") if path.is_dir())]
    before = {path: path.read_bytes() for path in (place / "dataset").rglob("*") if path.is_file()}
    for directory in inside:
        directory.chmod(0o555)
    try:
        for command in (("exclude", "train/0", "--reason", "noise"), ("plan",), ("job", "0", "--force")):
            result = run(*command)
            assert result.returncode == 1, result.stderr
            assert result.stderr.count("error: ") == result.stderr.count("\n") == 1, result.stderr
        looking = (("job", "0"), ("missing", "--deep"), ("status",), ("verify",), ("export", "npy", "out"))
        for command in looking:
            result = run(*command)
            assert result.returncode == 0, (command, result.stderr)
            assert "error" not in result.stderr
    finally:
        for directory in inside:
            directory.chmod(0o755)
    assert before == {path: path.read_bytes() for path in (place / "dataset").rglob("*") if path.is_file()}
