"""Progress on a real terminal, of tmux: how far, how fast; what is said stands above it; Ctrl-C ends in one line."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import spikebin, write_toml
from here import spikebin_here

from spikebin.cli.progress import Trials
from spikebin.output.paths import matrix_path
from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import SheetModel


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    place = tmp_path_factory.mktemp("project")
    for part in range(3):
        write_datastore(place / "data", Experiment(100 * part, 2, sheets=(SheetModel("X_ON", 5),)))
    write_toml(place / "spikebin.toml", "data")
    for command in (["plan"], *(["job", str(index)] for index in range(3))):
        assert spikebin_here(*command, cwd=place).returncode == 0
    return place


def test_the_part_of_a_file_that_was_read_counts():
    progress = Trials(2, "presentations")
    (shown,) = progress.bar.tasks
    found = []
    for _ in progress.files(iter("ab")):
        found.append(shown.completed)
        progress.of_file(1, 4)
        found.append(shown.completed)
    assert found == [1, 1.25, 2, 2.25]
    assert progress.bar.columns[3].render(shown).plain.startswith("2 presentations, ")


class Terminal:
    """A shell in a window of tmux of 100 columns, apart from any tmux of the user's."""

    def __init__(self, place):
        self.socket = str(place / "tmux")
        environment = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "PS1": "$ "}
        environment.pop("TMUX", None)
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "40", "sh", env=environment, cwd=place)

    def tmux(self, *arguments, **options):
        command = ["tmux", "-S", self.socket, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=20, **options).stdout

    def type(self, *arguments):
        self.tmux("send-keys", f"{shlex.join([sys.executable, '-m', 'spikebin', *arguments])}; echo ended $?", "Enter")

    def screen(self):
        return self.tmux("capture-pane", "-p", "-J", "-S", "-200").rstrip()

    def until(self, pattern):
        """The screen once it shows that."""
        end = time.monotonic() + 90
        while not re.search(pattern, self.screen(), re.MULTILINE):
            assert time.monotonic() < end, self.screen()
            time.sleep(0.05)
        return self.screen()


@pytest.fixture(scope="module")
def window(project):
    if shutil.which("tmux") is None:
        pytest.skip("no tmux here: apt-get install tmux")
    shell = Terminal(project)
    yield shell
    shell.tmux("kill-server")


@pytest.fixture
def terminal(window):
    """The window, empty."""
    window.tmux("send-keys", "clear", "Enter")
    window.until(r"\A[#$]\Z")
    window.tmux("clear-history")
    return window


def test_a_job_tells_how_far_it_is_and_what_is_done_stands_above(terminal):
    terminal.type("job", "0", "--force")
    lines = terminal.until("^ended 0").splitlines()
    (said,) = [i for i, line in enumerate(lines) if line.startswith("train/0 X_ON: 2 x 5 x 712")]
    (bar,) = [i for i, line in enumerate(lines) if re.search(r"files ━+ 1/1 2 trials, \d+\.\d trials/s", line)]
    assert said < bar


def test_verify_counts_bytes(terminal):
    terminal.type("verify")
    assert re.search(r"^read ━+ [\d.]+/[\d.]+ kB .*", terminal.until("^ended 0"), re.MULTILINE)
    assert "3 of 3 files are complete" in terminal.screen()


def test_ctrl_c_ends_a_watch_in_one_line(terminal, project):
    path = matrix_path(project / "dataset", "train", "200", "X_ON")
    kept = path.read_bytes()
    path.unlink()
    try:
        terminal.type("status", "--watch", "--every", "1")
        terminal.until(r"^1 file left; none done since [1-9] s")
        terminal.tmux("send-keys", "C-c")
        screen = terminal.until("^ended 130")
    finally:
        path.write_bytes(kept)
    assert "2 of 3 files done (66.7 %), 1 missing" in screen
    assert "error: ended by SIGINT" in screen
    assert "Traceback" not in screen


def test_a_pipe_gets_no_bar(project):
    file = matrix_path(project / "dataset", "train", "0", "X_ON")
    commands = [["verify"], ["job", "0"], ["missing", "--deep"], ["plan", "--check"], ["status", "--watch"]]
    commands += [["psth", file], ["inspect", file], ["status", "--rates"], ["compare", "dataset"]]
    for i, command in enumerate(commands):
        result = (spikebin if i < 2 else spikebin_here)(*command, cwd=project)
        assert result.returncode == 0, result.stderr
        assert not re.search("[━\x1b\r⠋]", result.stdout + result.stderr), command


COUNTING = {
    "bin": (["bin", "session.npz", "--width", "10", "--trials", "trials.csv", "--window", "0", "100"], "trials", 2),
    "init": (["init", "data", "--config", "new.toml"], "recordings", 3),
    "plan": (["plan"], "recordings", 3),
    "plan --check": (["plan", "--check"], "recordings", 3),
    "psth": (["psth", "{file}"], "trials", 2),
    "psth --most-active": (["psth", "{file}", "--most-active", "2"], "trials", 4),
    "inspect": (["inspect", "{file}"], "trials", 2),
    "status --rates": (["status", "--rates"], "trials", 6),
    "status --deep": (["status", "--deep"], "files", 3),
    "missing --deep": (["missing", "--deep"], "files", 3),
    "run": (["run", "--workers", "1", "--index", "0", "--force"], "files", 1),
    "stats": (["stats"], "trials", 6),
    "stats --index": (["stats", "--index", "0-1"], "files", 2),
    "report": (["report", "page.html"], "parts", 3),
    "convert": (["convert", "dataset", "--out", "converted"], "read", r"[\d.]+"),
    "verify": (["verify"], "read", r"[\d.]+"),
    "view": (["view", "--out", "few", "--window", "0:10"], "trials", 6),
    "export npy": (["export", "npy", "out"], "trials", 6),
    "export nwb": (["export", "nwb", "out"], "files", 3),
    "export experanto": (["export", "experanto", "shards"], "files", 3),
    "compare": (["compare", "dataset"], "files", 3),
    "warm": (["warm"], "kinds of files", 8),
}
"""What counts which of what up to how many, on a terminal. `job` writes its bar to a real terminal alone, see above;
`demo` runs others; `submit`, `exclude`, `retry`, `clean` and what only prints never take long."""


@pytest.mark.parametrize("name", COUNTING)
def test_what_may_take_long_counts_and_says_how_fast(project, tmp_path, name):
    if name == "export nwb":
        pytest.importorskip("h5py", reason="h5py is not installed (extra nwb)")
    place = tmp_path / "project"
    shutil.copytree(project, place, ignore=shutil.ignore_patterns("tmux"))
    np.savez(place / "session.npz", time_s=np.arange(0.5, 20), neuron=np.arange(20) % 2)
    (place / "trials.csv").write_text("cue_s\n5\n9\n")
    command, unit, n = COUNTING[name]
    arguments = [one.format(file=matrix_path(Path("dataset"), "train", "0", "X_ON")) for one in command]
    result = spikebin_here(*arguments, cwd=place, env={"FORCE_COLOR": "1", "NO_COLOR": "1", "TERM": "xterm"})
    assert result.returncode == 0, result.stderr
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", result.stderr).replace("\r", "\n")
    rate = r"[\d.,]+ [kM]?\w+( of files)?/s" if name != "run" else r"2 trials, [\d.]+ trials/s"
    assert re.search(rf"^{unit} ━+ {n}/{n} .*{rate}", shown, re.MULTILINE), shown
    assert "━" not in result.stdout
