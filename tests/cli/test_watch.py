"""How fast a data set is done, how long it will take, and the last words of what failed."""

from __future__ import annotations

from conftest import make_config

from spikebin.cli.watch import last_words, pace
from spikebin.output.attempts import attempts_path, note_failure, note_start
from spikebin.pipeline.plan import make_plan
from spikebin.pipeline.summary import summarise


def test_how_fast_and_how_long():
    assert pace(0, 60, 0) == "nothing is missing"
    assert pace(0, 30, 1) == "1 file left; none done since 30 s"
    assert pace(10, 60, 1000) == "600 files an hour, 1,000 files left: about 1.7 h"
    assert pace(10, 60, 50) == "600 files an hour, 50 files left: about 5 min"


def test_the_last_words_of_what_failed(monkeypatch, tmp_path):
    for part in (1, 2):
        (tmp_path / "data" / f"NewDataset_Images_from_{part}_to_x").mkdir(parents=True)
    plan, _ = make_plan(make_config(tmp_path / "out", tmp_path / "data", sheets=("X_ON",)))
    log = tmp_path / "1_1.log"
    log.write_text("much\n" * 5000 + "before last\n\nslurmstepd: error: Exceeded memory limit\n")
    attempt = attempts_path(plan.output, "train", "1", "X_ON")
    monkeypatch.setenv("SPIKEBIN_LOG", str(log))
    note_start(attempt)
    note_failure(attempt, "out of memory")
    assert list(last_words(summarise(plan))) == [
        f"\n{log}:",
        "  much",
        "  before last",
        "  slurmstepd: error: Exceeded memory limit",
    ]
