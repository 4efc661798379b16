"""The examples of README that read a data set run as they stand there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import make_config

from spikebin.pipeline.job import run_job
from spikebin.pipeline.plan import make_plan

README = Path(__file__).parent.parent / "README.md"
BLOCK = re.compile(r"<!-- test: dataset -->\n```python\n(.*?)```", re.DOTALL)


@pytest.mark.slow
def test_the_examples_run(datastores, tmp_path):
    """As a user's script, from the first block to the last."""
    pytest.importorskip("torch", reason="torch is not installed (extra torch)")
    plan, _ = make_plan(make_config(tmp_path / "dataset", datastores / "train"))
    for job in plan.jobs:
        assert all(outcome.exported for outcome in run_job(plan, job))
    checks = [
        "assert batch.spikes['X_ON'].shape[0] == 8",
        "assert batch.spikes['X_ON'].shape[1:] == (35, 72)",
        "assert by_image.shape[:2] == (20, 1)",
    ]
    blocks = BLOCK.findall(README.read_text("utf-8"))
    assert len(blocks) == 3
    script = tmp_path / "example.py"
    script.write_text("\n".join([*blocks, *checks]))
    result = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stderr
