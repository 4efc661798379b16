"""What is sent to sbatch, and by whom at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest
from conftest import write_toml

from spikebin.errors import SpikebinError
from spikebin.pipeline.config import load_config
from spikebin.pipeline.plan import make_plan
from spikebin.pipeline.wanted import Wanted
from spikebin.slurm import submit
from spikebin.slurm.array_spec import Slice
from spikebin.slurm.notes import data_set_id
from spikebin.slurm.sbatch import (
    last_value,
    parse_tag,
)
from spikebin.slurm.submit import Choice
from spikebin.slurm.templates import find_template


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
