"""What commands share: where they say what, how sizes are written, and that a closed stream is no fault."""

from __future__ import annotations

import json
import sys

import pytest

from spikebin.cli.options import answer_json, is_terminal, load, note, say, size_text
from spikebin.errors import PlanError


def test_the_answer_goes_to_stdout_and_the_rest_to_stderr(capsys):
    say("the answer")
    note("a remark")
    answer_json({"a": [1, 2]})
    said = capsys.readouterr()
    assert said.err == "a remark\n"
    assert said.out.splitlines()[0] == "the answer"
    assert json.loads(said.out.partition("\n")[2]) == {"a": [1, 2]}


def test_a_program_that_was_started_without_streams(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    say("nobody hears it")
    note("nor this")
    assert not is_terminal(None)


@pytest.mark.parametrize(("n", "text"), [(0, "0 bytes"), (999, "999 bytes"), (26_400_000, "26.4 MB")])
def test_sizes(n, text):
    assert size_text(n) == text


def test_a_config_is_loaded_with_its_plan(done, tmp_path):
    assert [job.part for job in load(done / "spikebin.toml").jobs] == ["0", "100"]
    (tmp_path / "spikebin.toml").write_text((done / "spikebin.toml").read_text())
    with pytest.raises(PlanError, match="run `spikebin plan` first"):
        load(tmp_path / "spikebin.toml")
