"""The task behind the arrays: what is said to sbatch of it, on text alone."""

from __future__ import annotations

import pytest
from conftest import write_toml

from spikebin.errors import SpikebinError
from spikebin.pipeline.config import load_config
from spikebin.pipeline.plan import make_plan
from spikebin.slurm.after import report_task


@pytest.fixture
def plan(datastores, tmp_path):
    toml = write_toml(
        tmp_path / "spikebin.toml",
        datastores / "small_neo012_np126_p4default",
        recordings_extra='[slurm]\npartition = "long"\noutput = "a/%A_%a.log"\ncomment = "account 7"\n',
    )
    return make_plan(load_config(toml))[0]


def test_it_waits_for_all_arrays_and_keeps_what_is_of_the_cluster(plan, tmp_path):
    options = ("--mem", "3G", "-o", "b.log", "--dependency=afterok:5", "--job-name=mine", "-q", "low")
    task = report_task(plan, options, tmp_path / "r.html")
    command = task.after(["17", "18"])
    assert command[:2] == ["sbatch", "--parsable"]
    assert command[-1] == "--dependency=afterany:17:18"
    assert set(command) >= {"--partition=long", "--mem=3G", "-q", "low"}
    assert command[2] == f"--output={tmp_path}/dataset/slurm/logs/report_%j.log"
    told = " ".join(command[3:-1])
    for word in ("%a", "b.log", "afterok", "mine", "comment", "array"):
        assert word not in told
    assert f"export SPIKEBIN_REPORT={tmp_path}/r.html\n" in task.script
    assert f"export SPIKEBIN_CONFIG={plan.config.path}\n" in task.script
    assert task.script.index("export SPIKEBIN_REPORT") < task.script.index("exec spikebin report")


def test_an_option_that_is_not_sbatchs_to_take(plan, tmp_path):
    with pytest.raises(SpikebinError, match="--wait cannot be given"):
        report_task(plan, ("--wait",), tmp_path / "r.html")
