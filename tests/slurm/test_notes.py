"""Notes of what was submitted: read back, and passed over where they hold something else."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from spikebin.slurm.notes import Submitted, note_again, note_submitted, submitted

NOTE = Submitted("7", "0-9", 20, ("X_ON",), 0, "now", "/logs/%A_%a.log", "local", ("X_ON", "X_OFF"))


def test_notes_are_read_back(tmp_path):
    note_submitted(tmp_path, NOTE, "#!/bin/bash\n")
    assert submitted(tmp_path) == {"7": NOTE}
    assert (tmp_path / "slurm" / "7.sbatch").read_text() == "#!/bin/bash\n"
    note_again(tmp_path, replace(NOTE, ended="0-3,7"))
    assert submitted(tmp_path)["7"].open_indices == {4, 5, 6, 8, 9}


def test_notes_of_the_first_release_are_read(tmp_path):
    (tmp_path / "slurm").mkdir()
    old = {"job_id": "7", "array": "0-2", "offset": 0, "sheets": [], "user": 0, "time": "2026-01-01T00:00:00+00:00"}
    (tmp_path / "slurm" / "7.json").write_text(json.dumps(old))
    assert submitted(tmp_path)["7"].open_indices == {0, 1, 2}


@pytest.mark.parametrize(
    "change",
    [
        *({"user": "me"}, {"user": True}, {"offset": None}, {"sheets": 3}, {"sheets": [3]}, {"more": 1}),
        *({"array": "x"}, {"ended": "9-3"}, {"log": None}, {"wanted": [1]}),
    ],
)  # fmt: skip
def test_notes_that_hold_something_else_are_left_out(tmp_path, change):
    note_submitted(tmp_path, NOTE, "")
    (tmp_path / "slurm" / "8.json").write_text(json.dumps({**asdict(NOTE), **change}))
    (tmp_path / "slurm" / "9.json").write_text("{}")
    assert submitted(tmp_path) == {"7": NOTE}
