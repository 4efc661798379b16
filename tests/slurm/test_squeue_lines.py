"""Lines of squeue."""

from __future__ import annotations

import pytest

from spikebin.slurm.sbatch import (
    parse_tag,
    tag,
)
from spikebin.slurm.squeue_lines import SEPARATOR, parse_squeue


@pytest.mark.parametrize("sheets", [(), ("X_ON",), ("V1_Exc_L23", "X_ON")])
def test_a_tag_is_read_back_from_any_comment(sheets):
    text = tag("0123456789ab", 20, sheets)
    assert parse_tag(f"my comment {text}") == ("0123456789ab", 20, sheets)
    assert parse_tag("my comment") is None


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
