"""Commands for a data set: export, compare, view."""

from __future__ import annotations

import contextlib
import functools
import os
import pickle
import shutil
import threading

import numpy as np
import pytest
from conftest import one_line_error, spikebin
from drawn import images, write_part
from forked import commands
from here import spikebin_here

from spikebin import open_dataset


def dumped(path, value):
    path.write_bytes(pickle.dumps(value, 2))
    return path


@pytest.fixture
def uneven(tmp_path):
    """Two sheets: one lacks a trial and a part, and its parts have other neurons."""
    root = tmp_path / "uneven"
    arrays = {
        ("X_ON", "1"): write_part(root, "X_ON", "1", images(0, 4)),
        ("X_OFF", "1"): write_part(root, "X_OFF", "1", [one for one in images(0, 4) if one.order != 1]),
        ("X_ON", "11"): write_part(root, "X_ON", "11", images(10, 2), ids=(4, 8, 9, 100, 101, 102)),
        ("X_OFF", "11"): write_part(root, "X_OFF", "11", images(10, 2)),
        ("X_ON", "21"): write_part(root, "X_ON", "21", images(20, 2)),
    }
    return root, arrays


@pytest.mark.slow
def test_commands_take_what_all_sheets_have(uneven, tmp_path):
    root, _ = uneven
    here = functools.partial(spikebin_here, cwd=tmp_path)
    for command in (["export", "npy", tmp_path / "out"], ["view", "--out", tmp_path / "out", "--window", "0:12"]):
        one_line_error(here(*command, "--dataset", root, "--leave-out", 21), "the same trials in 1", "common")
        one_line_error(here(*command, "--dataset", root, "--match", "all"), "'exact', 'common'", code=2)
        result = here(*command, "--dataset", root, "--match", "common")
        assert result.returncode == 0, result.stderr
        assert result.stderr.splitlines()[0] == "left out: train/21: not there for X_OFF"
        assert result.stdout == "train: 4 written, 0 there already\n"
    wanted = open_dataset(root, match="common").window(0, 12)
    found = open_dataset(tmp_path / "out")
    for name in found:
        assert np.array_equal(found[name][...], wanted[name][...])
        assert found[name].trials["image_id"].tolist() == ["0", "2", "3", "10", "11"]
    result = here("compare", tmp_path, "--dataset", root, "--match", "common")
    assert "holds no spikes" in result.stderr


def on_a_terminal(*arguments, cwd):
    """Exit code, stdout, and what a terminal on stderr shows."""
    mine, theirs = os.openpty()
    terminal = f"os.dup2(os.open({os.ttyname(theirs)!r}, os.O_WRONLY | os.O_NOCTTY), 2)"
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "200"}
    seen = []

    def read():
        # Linux ends a terminal whose other side is closed with an error.
        with contextlib.suppress(OSError):
            while block := os.read(mine, 4096):
                seen.append(block)

    reader = threading.Thread(target=read)
    reader.start()
    result = commands.run([*map(str, arguments)], cwd, environment, 120, prepare=terminal)
    os.close(theirs)
    reader.join()
    os.close(mine)
    return result.returncode, result.stdout, b"".join(seen).decode()


@pytest.mark.slow
@pytest.mark.parametrize("command", [["export", "npy", "out"], ["view", "--out", "out"]])
def test_a_terminal_sees_a_bar_and_a_pipe_lines(uneven, tmp_path, command):
    root, _ = uneven
    arguments = [*command, "--dataset", root, "--sheet", "X_OFF"]
    piped = spikebin(*arguments, cwd=tmp_path)
    assert len(piped.stderr.splitlines()) == 2, piped.stderr
    assert piped.stdout == "train: 2 written, 0 there already\n"
    assert "\x1b" not in piped.stderr
    shutil.rmtree(tmp_path / "out")
    returncode, answer, seen = on_a_terminal(*arguments, cwd=tmp_path)
    assert (returncode, answer) == (0, "train: 2 written, 0 there already\n")
    assert "5/5" in seen
    assert "X_OFF" not in seen


@pytest.mark.slow
def test_command_view(exported, tmp_path):
    here = functools.partial(spikebin_here, cwd=tmp_path)
    dataset = exported / "dataset/test"
    np.save(tmp_path / "ids.npy", open_dataset(dataset)["X_ON"].neurons["neuron_id"][[4, 1]])
    arguments = ["--dataset", dataset, "--out", tmp_path / "view", "--window", "-10:30", "--short", "refuse"]
    arguments += ["--rebin", 10, "--how", "any", "--rest", "drop"]
    result = here("view", *arguments, "--sheet", "X_ON", "--ids", tmp_path / "ids.npy")
    assert (result.returncode, result.stdout) == (0, "test: 1 written, 0 there already\n")
    assert "20 x 2 x 4" in result.stderr
    wanted = open_dataset(dataset)["X_ON"].select(index=[1, 4]).window(-10, 30).rebin(10, how="any", rest="drop")
    assert np.array_equal(open_dataset(tmp_path / "view")["X_ON"][...], wanted[...])
    result = here("view", *arguments, "--sheet", "X_ON", "--ids", tmp_path / "ids.npy")
    assert result.stdout == "test: 0 written, 1 there already\n"
    one_line_error(here("view", *arguments, "--ids", tmp_path / "ids.npy"), "say which with --sheet")
    one_line_error(here("view", "--dataset", dataset, "--out", tmp_path / "v", "--window", "712"), "as in 0:712")
    for wrong, words in (
        (["--rebin", 3], "say how"),
        (["--how", "any"], "give rebin, too"),
        (["--across"], "give window, too"),
    ):
        one_line_error(here("view", "--dataset", dataset, "--out", tmp_path / "v", *wrong), words)
    wrong = here("view", "--dataset", dataset, "--out", tmp_path / "v", "--layout", "dense")
    one_line_error(wrong, "'dense' is not one of 'matrix', 'events'", code=2)
    for command in (["view", "--out", tmp_path / "v"], ["export", "npz", tmp_path / "v"]):
        one_line_error(here(*command, "--dataset", tmp_path / "nowhere"), "no data set in")
    assert not (tmp_path / "v").exists()
    one_line_error(here("view", "--dataset", dataset, "--out", tmp_path / "v", "--window", "0:712"), "--short pad")
    chosen = dumped(tmp_path / "chosen.pkl", {"X_OFF": [1], "V1_Exc_L23": [0]})
    result = here("view", "--dataset", dataset, "--out", tmp_path / "few", "--neurons-index", chosen)
    assert set(open_dataset(tmp_path / "few")) == {"X_OFF", "V1_Exc_L2/3"}


def test_the_config_tells_where_the_data_set_is_and_what_to_leave_out(tmp_path):
    for part in ("1", "2"):
        write_part(tmp_path / "dataset", "X_ON", part, images(0, 2))
    config = tmp_path / "spikebin.toml"
    config.write_text(
        'output = "dataset"\n[[recordings]]\nvariant = "train"\nroot = "."\nparts = "part{part}"\nexclude = [3]\n'
    )
    jobs = "index,variant,part,sheets,sources\n" + "".join(f"{i},train,{i + 1},X_ON,part{i + 1}\n" for i in range(3))
    (tmp_path / "dataset/jobs.csv").write_text(jobs)
    result = spikebin("export", "npy", "out", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "left out: train/3" in result.stderr
    assert len(list((tmp_path / "out").rglob("*.npy"))) == 2
    result = spikebin("export", "npy", "out", "--leave-out", "2", cwd=tmp_path)
    assert "0 written, 1 there already" in result.stdout
