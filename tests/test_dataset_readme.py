"""The examples of README that read a data set run as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import make_config

from spikebin.job import run_job
from spikebin.plan import make_plan

README = Path(__file__).parent.parent / "README.md"
BLOCK = re.compile(r"<!-- test: dataset -->\n```python\n(.*?)```", re.DOTALL)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_the_examples_run(datastores, tmp_path, monkeypatch):
    pytest.importorskip("torch", reason="torch is not installed (extra torch)")
    blocks = BLOCK.findall(README.read_text("utf-8"))
    if not blocks:
        pytest.skip("README has no examples of reading a data set yet")
    plan, _ = make_plan(make_config(tmp_path / "dataset", datastores / "train"))
    for job in plan.jobs:
        assert all(outcome.exported for outcome in run_job(plan, job))
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in blocks:
        exec(compile(block, str(README), "exec"), names)
    batch = names["batch"]
    assert batch.spikes["X_ON"].shape[0] == 8
    assert batch.spikes["X_ON"].shape[1:] == (35, 72)
    assert names["by_image"].shape[:2] == (20, 1)
