"""Batch scripts: which are taken, what their ``#SBATCH`` lines say, and where the settings go."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import DATA
from hypothesis import given
from hypothesis import strategies as st

from spikebin.errors import SpikebinError
from spikebin.slurm.scripts import batch_script, directives
from spikebin.slurm.task import ArrayTask
from spikebin.slurm.templates import find_template


def test_batch_script_is_as_recorded():
    variables = {
        "SPIKEBIN_CONFIG": "/data/a b/spikebin.toml",
        "SPIKEBIN_OFFSET": "1000",
        "SPIKEBIN_SHEETS": "X_ON X_OFF",
        "SPIKEBIN_TASK": ArrayTask("/data/a b/spikebin.toml", 1000, ("X_ON", "X_OFF")).variable,
    }
    script = batch_script(find_template("export.sbatch").read_text(), variables, Path("/opt/venv/bin"))
    recorded = DATA / "export_recorded.sbatch"
    if os.environ.get("SPIKEBIN_RECORD") == "1":
        recorded.write_text(script)
    assert script == recorded.read_text(), "run once with SPIKEBIN_RECORD=1 if this is meant"


def test_settings_come_after_the_last_directive_and_before_the_first_command():
    template = "#!/bin/bash\n\n# words\n  # more\n#SBATCH --mem=1G\n\necho $SLURM_ARRAY_TASK_ID\n"
    lines = batch_script(template, {"A": "x'y"}).splitlines()
    assert lines[:5] == ["#!/bin/bash", "", "# words", "  # more", "#SBATCH --mem=1G"]
    assert lines.index("""export A='x'"'"'y'""") < lines.index("echo $SLURM_ARRAY_TASK_ID")


@pytest.mark.parametrize(
    "first", ["/bin/sh", "/bin/bash -l", "/usr/bin/env bash", "/usr/bin/env -S A=1 zsh -f", " /bin/dash"]
)
def test_scripts_of_every_posix_shell_are_taken(first):
    script = batch_script(f"#!{first}\r\n: $SLURM_ARRAY_TASK_ID\r\n", {"A": "1"})
    assert script.startswith(f"#!{first}\n")
    assert "export A=1\n" in script
    assert "\r" not in script


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("", "#!"),
        ("echo $SLURM_ARRAY_TASK_ID", "#!"),
        ("#!/bin/bash\nspikebin job 3\n", "SLURM_ARRAY"),
        ("#!/bin/tcsh -f\nexec spikebin job $SLURM_ARRAY_TASK_ID\n", "tcsh.*export"),
        ("#!/usr/bin/env python3\nimport os; os.environ['SLURM_ARRAY_TASK_ID']\n", "python3.*export"),
        ("#!\n$SLURM_ARRAY_TASK_ID\n", "no program"),
        ("#!/usr/bin/env\n$SLURM_ARRAY_TASK_ID\n", "no program"),
    ],
)
def test_templates_that_cannot_be_used(template, words):
    with pytest.raises(SpikebinError, match=words):
        batch_script(template, {})


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@pytest.mark.parametrize("shell", ["sh", "bash"])
@given(values=st.lists(TEXTS, min_size=1, max_size=4))
def test_any_text_reaches_what_the_script_starts(shell, values):
    variables = {f"A{i}": value for i, value in enumerate(values)}
    show = "printf '%s\\0' " + " ".join(f'"${name}"' for name in variables)
    script = batch_script(f"#!/bin/{shell}\n: $SLURM_ARRAY_TASK_ID\nexec sh -c {shlex.quote(show)}\n", variables)
    shown = subprocess.run([shell, "-c", script], capture_output=True, check=True, env={"PATH": os.environ["PATH"]})
    assert shown.stdout.decode() == "".join(f"{value}\0" for value in values)


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_script_without_exec_waits_for_what_it_has_started(tmp_path, shell):
    """Of the signal that Slurm sends to the shell and to its children."""
    child = "trap 'sleep 0.3; echo cleaned; exit 143' TERM; echo started; while :; do sleep 0.05; done"
    text = batch_script(f"#!/bin/{shell}\n: $SLURM_ARRAY_TASK_ID\nsh -c {shlex.quote(child)}\necho more\n", {})
    script = tmp_path / "script"
    script.write_text(text)
    with subprocess.Popen([shell, script], stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout.readline() == "started\n"
        time.sleep(0.1)
        os.killpg(process.pid, signal.SIGTERM)
        assert process.stdout.read() == "cleaned\n", "the rest of the script is not run"
    assert process.returncode == 143


@pytest.mark.parametrize(
    ("lines", "options"),
    [
        ([], []),
        (["#SBATCH --mem=2G --time 10", "# words", "", "#SBATCH -o x # y"], ["--mem=2G", "--time=10", "--output=x"]),
        (['#SBATCH --comment="project 7" -J me', "##SBATCH --mem=1G"], ["--comment=project 7", "--job-name=me"]),
        (["#SBATCH -D/data", "module load python", "#SBATCH --mem=2G"], ["--chdir=/data"]),
        (["#SBATCH --array=0-9 --requeue", "#SBATCH --time=5 min"], ["--array=0-9", "--requeue", "--time=5", "min"]),
    ],
)  # fmt: skip
def test_directives_of_a_script(lines, options):
    assert directives("\n".join(["#!/bin/bash", *lines])) == options


@pytest.mark.parametrize("line", ["--wait", "-W", "--test-only", "--clusters=b", "-M b", "--comment='x"])
def test_directives_with_which_nothing_could_be_submitted(line):
    with pytest.raises(SpikebinError, match="take it out|correct it"):
        directives(f"#!/bin/bash\n#SBATCH {line}\n")
