"""Progress on a real terminal, of tmux: how far, how fast; what is said stands above it; Ctrl-C ends in one line."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time

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
    for command in (["plan"], ["run", "--workers", "1"]):
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
    for command in (["verify"], ["job", "0"], ["missing", "--deep"], ["plan", "--check"], ["status", "--watch"]):
        result = spikebin(*command, cwd=project)
        assert result.returncode == 0, result.stderr
        assert not re.search("[━\x1b\r⠋]", result.stdout + result.stderr), command
