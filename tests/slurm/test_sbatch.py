"""What spikebin says to Slurm and reads from it, as text: specs, slices, scripts, options, squeue's lines."""

from __future__ import annotations

from dataclasses import replace

import pytest
from conftest import write_toml
from hypothesis import given
from hypothesis import strategies as st

from spikebin.errors import SpikebinError
from spikebin.pipeline.config import load_config
from spikebin.pipeline.plan import make_plan
from spikebin.pipeline.wanted import Wanted
from spikebin.slurm import submit
from spikebin.slurm.array_spec import LONGEST_SPEC, Slice, array_spec, parse_array_spec, slices
from spikebin.slurm.notes import data_set_id
from spikebin.slurm.sbatch import (
    last_value,
    long_options,
    max_array_size,
    normal_options,
    option_names,
    parse_job_id,
    parse_tag,
    tag,
)
from spikebin.slurm.squeue_lines import SEPARATOR, parse_squeue
from spikebin.slurm.submit import Choice
from spikebin.slurm.templates import find_template


def spread(spec):
    return sorted({index for span in parse_array_spec(spec) for index in span})


INDICES = st.sets(st.integers(0, 20_000), max_size=400)


@pytest.mark.parametrize(
    ("indices", "spec"),
    [([], ""), ([3], "3"), ([3, 4], "3-4"), ([41, 9, 8, 7, 3, 7], "3,7-9,41"), (range(3000), "0-2999")],
)
def test_array_spec(indices, spec):
    assert array_spec(indices) == spec


@given(INDICES)
def test_array_spec_is_read_back(indices):
    assert not indices or spread(array_spec(indices)) == sorted(indices)


@pytest.mark.parametrize(
    ("spec", "indices"),
    [("0-10:5", [0, 5, 10]), ("0-4:2,20-30:5%4", [0, 2, 4, 20, 25, 30]), ("9,3,3", [3, 9]), ("7-7", [7])],
)
def test_array_specs_that_sbatch_takes(spec, indices):
    assert spread(spec) == indices


@pytest.mark.parametrize(
    "spec", ["", "x", "3-", "-3", "9-7", "1-2-3", "1,,2", "0-9:0", "%4", "1 2", "²", "٣", "0-99999999999"]
)
def test_array_specs_that_name_nothing(spec):
    with pytest.raises(SpikebinError, match=r"3,7-9,41|7-9"):
        parse_array_spec(spec)


@given(INDICES, st.integers(2, 2000))
def test_slices_hold_every_index_once_within_the_limits(indices, limit):
    pieces = slices(indices, limit)
    assert [index for piece in pieces for index in piece.indices] == sorted(indices)
    for piece in pieces:
        own = spread(piece.spec)
        assert [index + piece.offset for index in own] == list(piece.indices)
        assert max(own) < limit
        assert len(piece.spec) <= LONGEST_SPEC


def test_slices_have_round_offsets():
    assert [(piece.offset, piece.spec) for piece in slices(range(2500), 1001)] == [
        (0, "0-999"),
        (1000, "0-999"),
        (2000, "0-499"),
    ]
    assert slices([5, 2041], 1001) == [Slice(0, (5,)), Slice(2000, (2041,))]


def test_specs_that_are_too_long_are_split():
    pieces = slices(range(0, 9000, 2), 10_000)
    assert len(pieces) > 1
    assert {piece.offset for piece in pieces} == {0}
    assert sum(len(piece.indices) for piece in pieces) == 4500


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


@pytest.fixture
def planned(tmp_path):
    """A plan of 30 parts, of which an array holds at most 20, in a config with options of its own."""
    for i in range(30):
        (tmp_path / "data" / f"Images_from_{i}_to_x").mkdir(parents=True)
    config = write_toml(
        tmp_path / "spikebin.toml", tmp_path / "data", 'sheets = ["X_ON"]', parts="Images_from_{part}_*"
    )
    config.write_text(f'{config.read_text()}[slurm]\ncomment = "account 7"\ndependency = "singleton"\n')
    return make_plan(load_config(config))[0]


@pytest.mark.parametrize(
    ("given", "comment", "dependency"),
    [
        ([], "account 7", "singleton"),
        (["--comment=mine"], "mine", "singleton"),
        (["--comment", "mine", "--dependency", "afterok:7"], "mine", "afterok:7"),
        (["-d", "afterok:7"], "account 7", "afterok:7"),
    ],
)
def test_what_the_user_gives_is_kept_beside_what_spikebin_adds(planned, given, comment, dependency):
    choice = Choice(max_parallel=2, options=tuple(given))
    template = find_template("export.sbatch").read_text()
    array = submit._array(planned, choice, Slice(20, (20, 21)), (), template, Wanted())
    for command, wanted in (
        (array.command, dependency),
        (submit._chained(array.command, "9"), f"{dependency},afterany:9"),
    ):
        assert last_value(command, "dependency") == wanted
        said = last_value(command, "comment")
        assert said.startswith(f"{comment} spikebin/")
        assert parse_tag(said) == (data_set_id(planned.config.output), 20, ())


def test_what_a_template_says_is_kept_unless_the_user_says_otherwise(planned):
    plan = replace(planned, config=replace(planned.config, slurm={}))
    template = '#!/bin/bash\n#SBATCH --comment="project 7"\n#SBATCH --dependency afterok:7\n: $SLURM_ARRAY_TASK_ID\n'
    for options, comment, dependency in (((), "project 7", "afterok:7"), (("--comment=mine",), "mine", "afterok:7")):
        choice = Choice(max_parallel=2, options=options)
        command = submit._chained(submit._array(plan, choice, Slice(20, (20, 21)), (), template, Wanted()).command, "9")
        assert last_value(command, "dependency") == f"{dependency},afterany:9"
        assert last_value(command, "comment").startswith(f"{comment} spikebin/")


def test_one_submit_at_a_time(planned):
    with submit.one_submit_at_a_time(planned), pytest.raises(SpikebinError, match="another spikebin is at work"):
        submit.one_submit_at_a_time(planned).__enter__()
    with submit.one_submit_at_a_time(planned):
        pass


@pytest.mark.parametrize("sheets", [(), ("X_ON",), ("V1_Exc_L23", "X_ON")])
def test_a_tag_is_read_back_from_any_comment(sheets):
    text = tag("0123456789ab", 20, sheets)
    assert parse_tag(f"my comment {text}") == ("0123456789ab", 20, sheets)
    assert parse_tag("my comment") is None


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


def test_lines_of_squeue():
    rows = [
        ("14", "12", "3", "RUNNING", "spikebin", "a|b spikebin/0123456789ab/0/", "/data/a|b"),
        ("12", "12", "4", "PENDING", "spikebin", "(null)", "/data"),
        ("13", "13", "N/A", "COMPLETING", "other", "(null)", "/data"),
    ]
    tasks = parse_squeue("\n".join(map(SEPARATOR.join, rows)) + "\nslurm: a word of warning\n")
    assert [(task.array_index, task.running) for task in tasks] == [(3, True), (4, False), (None, True)]
    assert tasks[0].directory == "/data/a|b"
    assert parse_squeue("") == []
