"""What spikebin says to Slurm and reads from it, as text: specs, slices, scripts, options, squeue's lines."""

from __future__ import annotations

import pytest

from spikebin.errors import SpikebinError
from spikebin.slurm.array_spec import slices
from spikebin.slurm.sbatch import (
    last_value,
    long_options,
    max_array_size,
    normal_options,
    option_names,
    parse_job_id,
)


@pytest.mark.parametrize("limit", [0, 1])
def test_a_slurm_without_arrays(limit):
    with pytest.raises(SpikebinError, match=r"run\.sbatch"):
        slices([0], limit)


def test_options_of_the_config():
    assert long_options({"time": "01:00:00", "nice": 5, "requeue": True, "exclusive": False}) == [
        "--time=01:00:00",
        "--nice=5",
        "--requeue",
    ]


@pytest.mark.parametrize(
    ("arguments", "options", "names"),
    [
        ([], [], set()),
        (
            ["--mem=2G", "--time", "10", "-p", "long", "-J", "me", "--requeue"],
            ["--mem=2G", "--time=10", "-p", "long", "--job-name=me", "--requeue"],
            {"mem", "time", "p", "job-name", "requeue"},
        ),
        (["-o/tmp/x", "-H", "-n4"], ["--output=/tmp/x", "-H", "-n4"], {"output", "H", "n"}),
        (["-d", "afterok:7", "-dafterok:8"], ["--dependency=afterok:7", "--dependency=afterok:8"], {"dependency"}),
    ],
)
def test_options_in_one_form(arguments, options, names):
    assert normal_options(arguments) == options
    assert option_names(options) == names
    assert last_value(options, "dependency") == ("afterok:8" if "dependency" in names else "")


@pytest.mark.parametrize(
    "arguments",
    [
        *["--array=1", "-a 1", "-a1", "--parsable", "--wrap=ls", "-W", "other.sbatch", "-p a b"],
        # What sbatch takes for --array and so on, and what would eat the next argument.
        *["--arr=1", "--dep 7", "--comm=x", "--comment", "-d", "--output"],
    ],
)
def test_options_that_are_not_for_the_user(arguments):
    with pytest.raises(SpikebinError, match=r"cannot be given|not an option|write the option out|lacks its value"):
        normal_options(arguments.split())


@pytest.mark.parametrize(("answer", "job_id"), [("12\n", "12"), ("12;cluster\n", "12")])
def test_answers_of_sbatch(answer, job_id):
    assert parse_job_id(answer) == job_id


@pytest.mark.parametrize("answer", ["", "Submitted\n", "error"])
def test_answers_that_hold_no_id(answer):
    with pytest.raises(SpikebinError, match="squeue --me"):
        parse_job_id(answer)


def test_max_array_size():
    assert max_array_size("MailProg = /bin/true\nMaxArraySize            = 1001\nMaxJobCount = 9\n") == 1001
    with pytest.raises(SpikebinError, match="MaxArraySize"):
        max_array_size("slurm_load_ctl_conf error")
