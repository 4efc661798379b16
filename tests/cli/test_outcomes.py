"""What became of sheets: a line each, or JSON; and one exit code for all of them."""

from __future__ import annotations

import json

from spikebin.cli.outcomes import exit_code, outcome_dict, outcome_line, report
from spikebin.matrixfile.seal import read_seal
from spikebin.output.jobs import Job, Source
from spikebin.output.paths import matrix_path
from spikebin.output.state import State
from spikebin.pipeline.job import Outcome

JOB = Job(0, "train", "0", (Source("data", ("X_ON",)),))


def test_a_line_for_each(done):
    header = read_seal(matrix_path(done / "dataset", "train", "0", "X_ON"))
    made = Outcome(JOB, "X_ON", State.DONE, "there.h5", header, exported=True)
    assert outcome_line(made).startswith("train/0 X_ON: 2 x 4 x 712, ")
    assert outcome_line(made).endswith("-> there.h5")
    assert outcome_line(Outcome(JOB, "X_ON", State.DONE, "", header)) == "train/0 X_ON: done already"
    assert outcome_line(Outcome(JOB, "X_ON", State.FAILED, "out of memory")) == "train/0 X_ON: failed: out of memory"
    assert outcome_dict(made)["sheet"] == "X_ON"


def test_codes_and_where_things_are_said(capsys):
    failed = Outcome(JOB, "X_ON", State.FAILED, "out of memory")
    full = Outcome(JOB, "X_ON", State.FAILED, "no space", disk_full=True)
    absent = Outcome(JOB, "X_ON", State.NO_SOURCE, "no recording holds it yet")
    assert (exit_code(failed), exit_code(full), exit_code(absent)) == (1, 3, 0)
    assert report([absent, failed]) == 1
    said = capsys.readouterr()
    assert said.err == "error: train/0 X_ON: failed: out of memory\n"
    assert said.out == "train/0 X_ON: no source: no recording holds it yet\n"
    # Where there was nothing to do it on, it was not done.
    assert report([absent]) == 1
    assert report([failed, full], json=True) == 3
    assert len(json.loads(capsys.readouterr().out.partition("\n")[2])) == 2
