"""The batch scripts that come with spikebin: where they are found, and what they do without Slurm."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import spikebin
from spikebin.errors import SpikebinError
from spikebin.slurm.templates import find_template, templates


def test_templates_are_shell_scripts():
    names = sorted(path.name for path in templates().iterdir())
    assert names == [
        *("export.sbatch", "recordings.sbatch", "report.sbatch", "resubmit.cron", "run.sbatch", "stats.sbatch"),
        "verify.sbatch",
    ]
    for path in templates().glob("*.sbatch"):
        assert subprocess.run(["bash", "-n", path], check=False).returncode == 0


def test_an_unknown_template_names_those_there_are():
    with pytest.raises(SpikebinError, match=r"export\.sbatch"):
        find_template("exprt.sbatch")


def test_a_wheel_finds_its_templates_inside_the_package(tmp_path):
    package = Path(spikebin.__file__).parent
    shutil.copytree(package, tmp_path / "spikebin", ignore=shutil.ignore_patterns("__pycache__", "templates"))
    shutil.copytree(templates(), tmp_path / "spikebin" / "templates")
    code = "from spikebin.slurm.templates import find_template; print(find_template('export.sbatch'))"
    answer = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == str(tmp_path / "spikebin" / "templates" / "export.sbatch")


def test_the_wheel_is_told_to_take_the_templates_along():
    pyproject = Path(spikebin.__file__).parent.parent / "pyproject.toml"
    if not pyproject.is_file():
        pytest.skip("not a checkout")
    assert '"slurm" = "spikebin/templates"' in pyproject.read_text()


def run_template(name, *arguments, **environment):
    return subprocess.run(
        ["bash", find_template(name), *arguments],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_template_refuses_to_run_without_an_index():
    result = run_template("export.sbatch")
    assert result.returncode == 2
    assert result.stderr.startswith("error: this job has no array index")
    assert result.stderr.count("\n") == 1


def test_the_template_hands_on_index_sheets_and_log(tmp_path):
    program = tmp_path / "spikebin"
    program.write_text('#!/bin/bash\nprintf "%s\\n" "$@" "log=$SPIKEBIN_LOG" "threads=$NUMBA_NUM_THREADS"\n')
    program.chmod(0o755)
    log = tmp_path / "task.log"
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "SLURM_ARRAY_TASK_ID": "7",
        "SPIKEBIN_OFFSET": "1000",
        "SPIKEBIN_SHEETS": "V1_Exc_L2/3 X_ON",
        "SLURM_CPUS_PER_TASK": "3",
    }
    with log.open("w") as out:
        subprocess.run(["bash", find_template("export.sbatch")], env=environment, stdout=out, check=True)
    words = log.read_text().split("\n")
    assert words[:6] == ["job", "1007", "--sheet", "V1_Exc_L2/3", "--sheet", "X_ON"]
    assert words[6:8] == [f"log={log.resolve()}", "threads=3"]


@pytest.mark.parametrize(("offset", "index"), [("010", "17"), ("08", "15"), ("", "7"), ("1000", "1007")])
def test_an_offset_is_decimal(tmp_path, offset, index):
    program = tmp_path / "spikebin"
    program.write_text('#!/bin/bash\necho "$@"\n')
    program.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    result = run_template("export.sbatch", PATH=path, SLURM_ARRAY_TASK_ID="7", SPIKEBIN_OFFSET=offset)
    assert result.stdout == f"job {index}\n", result.stderr


def test_the_template_of_recordings_hands_on_what_to_export(tmp_path):
    program = tmp_path / "spikebin"
    program.write_text('#!/bin/bash\necho "$@"\n')
    program.chmod(0o755)
    script = find_template("recordings.sbatch")
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_ARRAY_TASK_ID": "08", "SPIKEBIN_OFFSET": "1000"}
    command = ["bash", script, "experanto", "OUT", "--by", "trial"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert result.stdout == "export experanto OUT --by trial --index 1008\n"
    result = run_template("recordings.sbatch")
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize("offset", ["x", "-1", "1 0", "0x10"])
def test_an_offset_that_is_not_a_number_is_refused(offset):
    result = run_template("export.sbatch", SLURM_ARRAY_TASK_ID="7", SPIKEBIN_OFFSET=offset)
    assert result.returncode == 2
    assert result.stderr.startswith(f"error: SPIKEBIN_OFFSET is '{offset}'")


def test_the_crontab_is_one_line_and_nobody_is_told_to_replace_theirs():
    text = find_template("resubmit.cron").read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert len(lines) == 1
    assert lines[0].startswith("*/30 * * * * ")
    assert "%" not in lines[0], "cron ends the command there"
    assert "crontab -e" in text
    for harmful in ("crontab -r", "crontab slurm", "crontab <"):
        assert harmful not in text
