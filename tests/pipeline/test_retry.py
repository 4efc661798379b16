"""Failures that are forgotten: of what is asked for, and of nothing that is done."""

from __future__ import annotations

import pytest
from conftest import make_config

from spikebin.output.attempts import attempts_path, note_failure, note_start
from spikebin.output.state import State, survey
from spikebin.pipeline.plan import make_plan
from spikebin.pipeline.retry import forget_failures


@pytest.fixture
def plan(tmp_path):
    for part in (1, 2):
        (tmp_path / "data" / f"NewDataset_Images_from_{part}_to_x").mkdir(parents=True)
    plan, _ = make_plan(make_config(tmp_path / "out", tmp_path / "data", sheets=("X_ON", "X_OFF")))
    for job in plan.jobs:
        for sheet in job.sheets:
            path = attempts_path(plan.output, job.variant, job.part, sheet)
            note_start(path)
            note_failure(path, "out of memory")
    return plan


def failed(plan):
    return [(found.job.part, found.sheet) for found in survey(plan) if found.state is State.FAILED]


def test_all_or_what_is_asked_for(plan):
    assert len(failed(plan)) == 4
    assert [found.sheet for found in forget_failures(plan, job=plan.job(0), sheet="X_ON")] == ["X_ON"]
    assert failed(plan) == [("1", "X_OFF"), ("2", "X_ON"), ("2", "X_OFF")]
    forgotten = forget_failures(plan, variant="train")
    assert [found.attempts.failures for found in forgotten] == [1, 1, 1]
    assert failed(plan) == []
    assert forget_failures(plan) == []
