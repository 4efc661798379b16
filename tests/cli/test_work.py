"""Commands that do the work: job, missing, status, retry and clean say what they did, and touch nothing else."""

from __future__ import annotations

import json

import pytest
from here import spikebin_here

from spikebin.output.attempts import attempts_path, note_failure, note_start
from spikebin.output.paths import matrix_path


def test_what_is_done_is_left_alone(done):
    path = matrix_path(done / "dataset", "train", "0", "X_ON")
    before = path.stat().st_mtime_ns
    result = spikebin_here("job", 0, cwd=done)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == ["train/0 X_ON: done already", "train/0 V1_Exc_L2/3: done already"]
    assert path.stat().st_mtime_ns == before
    result = spikebin_here("run", cwd=done)
    assert result.returncode == 0, result.stderr
    assert path.stat().st_mtime_ns == before


def test_what_is_missing_is_one_line_that_sbatch_takes(place):
    assert spikebin_here("missing", cwd=place).stdout == ""
    for part in ("0", "100"):
        matrix_path(place / "dataset", "train", part, "X_ON").unlink()
    assert spikebin_here("missing", cwd=place).stdout == "0-1\n"
    assert spikebin_here("missing", "--sheet", "V1_Exc_L23", cwd=place).stdout == ""
    result = spikebin_here("job", 1, "--sheet", "X_ON", "--json", cwd=place)
    (outcome,) = json.loads(result.stdout)
    assert (result.returncode, outcome["sheet"], outcome["state"]) == (0, "X_ON", "done")
    assert spikebin_here("missing", cwd=place).stdout == "0\n"


def test_failures_are_shown_and_forgotten(place):
    matrix_path(place / "dataset", "train", "0", "X_ON").unlink()
    attempt = attempts_path(place / "dataset", "train", "0", "X_ON")
    note_start(attempt)
    note_failure(attempt, "out of memory")
    shown = spikebin_here("status", "--json", cwd=place)
    assert '"failed": 1' in shown.stdout
    assert spikebin_here("missing", "--max-failures", 1, cwd=place).stdout == ""
    result = spikebin_here("retry", "train/0", cwd=place)
    assert result.returncode == 0, result.stderr
    assert spikebin_here("missing", "--max-failures", 1, cwd=place).stdout == "0\n"


def test_stale_files_are_listed_before_they_go(done):
    result = spikebin_here("clean", "--dry-run", cwd=done)
    assert (result.returncode, result.stdout) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (["job", 7], "no job 7", 1),
        (["job", 0, "--sheet", "X_OFF"], "X_OFF", 1),
        (["job", 0, "--limit", 1], "--out", 2),
        (["missing", "--variant", "validation"], "validation", 1),
        (["run", "--index", "7"], "7", 1),
    ],
)
def test_what_is_not_in_the_plan_is_one_line(done, arguments, words, code):
    result = spikebin_here(*arguments, cwd=done)
    assert result.returncode in {1, code}
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert words in line
