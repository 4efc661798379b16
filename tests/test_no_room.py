"""A disk that fills at any write of a command: one line, exit code 3, what was there stays, nothing is left behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from conftest import one_line_error, write_toml
from forked import Commands
from soak import no_room, untimed

from spikebin.matrixfile.verify import verify_file
from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import SheetModel

MOST = 40
COMMANDS = {
    "job": ("job", "0", "--force"),
    "plan": ("plan",),
    "view": ("view", "--window", "0:100", "--out", "made/view"),
    "export": ("export", "npy", "made/export"),
    "convert": ("convert", "--layout", "events", "--out", "made/convert", "dataset"),
    "exclude": ("exclude", "train/0", "--reason", "noisy"),
    "init": ("init", "data", "--config", "made.toml"),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    directory = tmp_path_factory.mktemp("no_room")
    library = no_room(directory)
    if library is None:
        pytest.skip("no C compiler")
    write_datastore(directory / "data", Experiment(0, 2, sheets=(SheetModel("X_ON", 9),)))
    write_toml(directory / "spikebin.toml", directory / "data")
    commands = Commands({**os.environ, "LD_PRELOAD": str(library)})

    def run(*arguments, room=None, killed=False):
        environment = {**os.environ, "COLUMNS": "200"} | ({} if room is None else {"NO_ROOM_AFTER": str(room)})
        environment |= {"NO_ROOM_KILLS": "1"} if killed else {}
        return commands.run(arguments, directory, environment, 60)

    for command in (("plan",), ("job", "0")):
        assert run(*command).returncode == 0
    yield directory, run
    commands.end()


def files(directory):
    return {path: path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_disk_that_fills_at_any_write(place, name):
    """One write more fits each time, until all do."""
    directory, run = place
    (matrix,) = (directory / "dataset").rglob("*.h5")
    before = files(directory)
    for room in range(MOST):
        result = run(*COMMANDS[name], room=room)
        if result.returncode == 0:
            break
        one_line_error(result, "no space or quota", "make room", code=3)
        verify_file(matrix)
        left = files(directory)
        assert not [path.name for path in left if path.name.endswith(".tmp")]
        for path in left.keys() - before.keys():
            assert path.suffix != ".h5" or verify_file(path)
        if name != "job":
            assert left.keys() >= before.keys()
            assert all(left[path] == data for path, data in before.items())
    assert 0 < room < MOST - 1
    for path in Path(directory / "made").rglob("*.h5"):
        verify_file(path)
    if name == "exclude":
        assert run("exclude", "train/0", "--undo").returncode == 0


KILLED = {
    "init": ("init", "data", "--config", "killed.toml", "--force"),
    "report": ("report", "killed.html", "--workers", "1"),
    "stats": ("stats", "--workers", "1", "--out", "killed"),
    "view": ("view", "--window", "0:100", "--out", "killed-view", "--force"),
    "export": ("export", "npy", "killed-export", "--force"),
    "convert": ("convert", "--layout", "events", "--out", "killed-convert", "--force", "dataset"),
}


@pytest.mark.parametrize("name", KILLED)
def test_a_command_that_is_killed_at_any_write(place, name):
    """Each file is as it was, as it becomes, or not there; in the end nothing is left of those that were killed."""
    directory, run = place

    def contents():
        found = files(directory)
        for path in found:
            assert path.suffix != ".h5" or verify_file(path)
        kept = {path: data for path, data in found.items() if path.suffix != ".tmp"}
        return {path: untimed(data.decode("latin-1")) for path, data in kept.items()}

    before, states = contents(), []
    for calls in range(MOST):
        result = run(*KILLED[name], room=calls, killed=True)
        states.append(contents())
        if result.returncode != -9:
            break
    assert result.returncode == 0, result.stderr
    assert 0 < calls < MOST - 1
    after = states[-1]
    for state in states:
        assert state.keys() >= before.keys()
        for path, data in state.items():
            # A seal says when it was made.
            assert path.suffix == ".h5" or data in (before.get(path), after[path]), path
    assert not [path.name for path in files(directory) if path.suffix == ".tmp"]
