"""Slurm's programs are run with settings of spikebin's and the site's, whatever the user's environment says."""

from __future__ import annotations

import json
import os
import sys
from unittest import mock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spikebin.errors import SpikebinError
from spikebin.slurm.programs import environment, own_defaults, run_slurm

LETTERS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789", min_size=1, max_size=12)
SETTINGS = st.builds(
    "{}_{}".format, st.sampled_from(["SQUEUE", "SBATCH", "SLURM", "SLURMD", "SCONTROL", "SPANK"]), LETTERS
)
VALUES = st.text(st.characters(codec="ascii", exclude_characters="\0\r"), max_size=6)
OTHERS = st.sampled_from(
    ["PATH", "HOME", "LANG", "OMP_NUM_THREADS", "SPIKEBIN_CONFIG", "MY_SLURM_", "SLURM", "slurm_x"]
)


@given(st.dictionaries(SETTINGS, st.text(max_size=3)), st.dictionaries(OTHERS, st.text(max_size=3)))
@example({"SQUEUE_STATES": "RUNNING", "SBATCH_WAIT": "1", "SLURM_ARRAY_TASK_ID": "3", "SLURM_CLUSTERS": "b"}, {})
def test_no_setting_of_slurms_gets_through_and_all_else_does(settings, others):
    kept = {name: value for name, value in settings.items() if name in {"SLURM_CONF", "SLURM_JWT"}}
    assert environment({**settings, **others}) == {**kept, **others}


@settings(max_examples=10)
@given(st.dictionaries(SETTINGS, VALUES), st.dictionaries(OTHERS.filter(lambda name: name != "PATH"), VALUES))
@example({"SQUEUE_STATES": "RUNNING", "SLURM_CONF": "/a/slurm.conf", "SLURM_ARRAY_TASK_ID": "3"}, {"SLURM": "\n=1"})
def test_a_program_sees_none_of_the_drawn_settings(settings, others):
    path = {"PATH": os.environ["PATH"]}
    with mock.patch.dict(os.environ, {**path, **settings, **others}, clear=True):
        lines = run_slurm(["env", "-0"], patience=20).split("\0")
        assert own_defaults() == sorted(n for n in settings if n.startswith("SBATCH_") or n == "SLURM_CLUSTERS")
    kept = {name: value for name, value in settings.items() if name in {"SLURM_CONF", "SLURM_JWT"}}
    assert dict(line.split("=", 1) for line in lines if line) == {**path, **kept, **others}


def test_what_the_program_sees(monkeypatch):
    for name in ("SQUEUE_FORMAT", "SBATCH_PARTITION", "SLURM_JOB_ID"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("SLURM_CONF", "/etc/slurm.conf")
    code = "import os, json; print(json.dumps(sorted(n for n in os.environ if n.startswith('S') and '_' in n)))"
    seen = json.loads(run_slurm([sys.executable, "-c", code], patience=20))
    assert "SLURM_CONF" in seen
    assert not {"SQUEUE_FORMAT", "SBATCH_PARTITION", "SLURM_JOB_ID"} & set(seen)


def test_the_users_own_defaults_are_named():
    variables = {"SBATCH_WAIT": "1", "SBATCH_ACCOUNT": "lab", "SQUEUE_FORMAT": "%i", "SLURM_CLUSTERS": "b", "PATH": ""}
    assert own_defaults(variables) == ["SBATCH_ACCOUNT", "SBATCH_WAIT", "SLURM_CLUSTERS"]


def test_answers_in_another_encoding_can_be_read():
    assert run_slurm(["printf", r"caf\351"], patience=10) == "caf\ufffd"


def test_text_of_any_encoding_is_handed_on_whatever_the_locale(monkeypatch):
    monkeypatch.setenv("LC_ALL", "C")
    assert run_slurm(["cat"], patience=10, text="Käse\n") == "Käse\n"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["no-such-program"], "there is no no-such-program here.*spikebin run"),
        (["sh", "-c", "echo 'sbatch: error: a' >&2; echo 'sbatch: error: Job b.' >&2; exit 1"], "^sh failed: Job b$"),
        (["sh", "-c", "exit 3"], "exit code 3"),
        (["sleep", "5"], "no answer in 0.2 s"),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_one_line(command, words):
    with pytest.raises(SpikebinError, match=words) as error:
        run_slurm(command, patience=0.2 if command[0] == "sleep" else 20)
    assert "\n" not in str(error.value)
