"""What is wanted: `missing`, `run` and `submit` choose by one rule, whatever state a sheet is in."""

from __future__ import annotations

import shutil

import pytest
from conftest import make_config

from spikebin.output.attempts import attempts_path, note_failure
from spikebin.output.exclusions import exclude
from spikebin.output.paths import matrix_path
from spikebin.output.state import State, survey
from spikebin.pipeline.job import run_job
from spikebin.pipeline.plan import make_plan
from spikebin.pipeline.run import wanted_tasks
from spikebin.pipeline.summary import missing_as_dict, missing_remarks
from spikebin.pipeline.wanted import find_wanted
from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import SheetModel
from spikebin.slurm.submit import Choice, prepare

SHEETS = ("X_ON", "V1_Inh_L2/3")
PARTS = {"done": 0, "half": 1, "missing": 2, "broken": 3, "failed": 4, "given up": 5, "excluded": 6, "no source": 7}


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """A part for each state; of the last ones, both sheets are in it."""
    root = tmp_path_factory.mktemp("wanted")
    for i in PARTS.values():
        write_datastore(root / "data", Experiment(100 * i, 1, sheets=tuple(SheetModel(name, 3) for name in SHEETS)))
    plan, _ = make_plan(make_config(root / "out", root / "data"))
    output = plan.config.output
    for name in ("done", "half", "broken"):
        sheets = SHEETS[:1] if name == "half" else SHEETS
        assert all(outcome.exported for outcome in run_job(plan, plan.job(PARTS[name]), sheets=sheets))
    for sheet in SHEETS:
        path = matrix_path(output, "train", "300", sheet)
        path.write_bytes(path.read_bytes()[:-1])
        for part, times in (("400", 1), ("500", 3)):
            for _ in range(times):
                note_failure(attempts_path(output, "train", part, sheet), "a reason")
    exclude(plan.output, plan.job(PARTS["excluded"]), "corrupt")
    shutil.rmtree(plan.config.resolve(plan.job(PARTS["no source"]).source("X_ON")))
    return plan


def submitted(plan, **choice):
    """The indices that submit would submit, and the sheets of each array."""
    batch = prepare(plan, Choice(**choice), dry_run=True)
    return sorted(i for array in batch.arrays for i in array.piece.indices), {array.sheets for array in batch.arrays}


@pytest.mark.parametrize(
    ("sheet", "expected"), [(None, [1, 2, 3, 4, 5]), ("X_ON", [2, 3, 4, 5]), ("V1_Inh_L2/3", [1, 2, 3, 4, 5])]
)
def test_one_answer(plan, sheet, expected):
    assert find_wanted(plan, sheet=sheet).indices == expected
    assert [task.job.index for task in wanted_tasks(plan, sheet=sheet)] == expected
    assert submitted(plan, sheet=sheet, missing=True, max_failures=99)[0] == expected
    fewer = [i for i in expected if i != PARTS["given up"]]
    assert find_wanted(plan, sheet=sheet, max_failures=3).indices == fewer
    assert submitted(plan, sheet=sheet, missing=True, max_failures=3)[0] == fewer


def test_what_is_done_is_chosen_where_it_is_asked_for(plan):
    everything = [0, 1, 2, 3, 4, 5]
    assert find_wanted(plan, done=True).indices == everything
    tasks = wanted_tasks(plan, force=True)
    assert [task.job.index for task in tasks] == everything
    assert {task.sheets for task in tasks} == {SHEETS}
    assert submitted(plan) == (everything, {()})


def test_only_some_jobs(plan):
    assert find_wanted(plan, indices=range(3)).indices == [1, 2]
    assert [(task.job.index, task.sheets) for task in wanted_tasks(plan, indices={1})] == [(1, SHEETS[1:])]


def test_every_sheet_that_is_not_done_is_told(plan):
    wanted = find_wanted(plan, max_failures=3)
    told = missing_as_dict(plan, wanted)
    assert told["indices"] == [1, 2, 3, 4]
    states = {(entry["index"], entry["sheet"]): entry["state"] for entry in told["sheets"]}
    assert states == {(found.job.index, found.sheet): found.state for found in survey(plan) if found.state != "done"}
    remarks = "\n".join(missing_remarks(wanted))
    for words in (
        "broken: 2 sheets of parts, e.g. train/300",
        "failed: ",
        "left out: failed 3 times",
        "excluded: train/600: corrupt",
    ):
        assert words in remarks
    assert State.NO_SOURCE in remarks
