"""The map of what is there: every cell says what it is in words, and nothing of a file becomes HTML."""

from __future__ import annotations

import re

from spikebin.display.report.missing_map import STATES, missing_map
from spikebin.output.state import State
from spikebin.stats.overview import Cell


def cell(part, sheet, state, why="", failures=0):
    return Cell(0, "train", part, sheet, state, why, failures, "")


def test_every_cell_says_what_it_is():
    cells = [
        cell("1", "X_ON", "done"),
        cell("2", "X_ON", "failed", "out of memory", failures=3),
        cell("1", "X_OFF", "missing"),
        cell("2", "X_OFF", "no source"),
    ]
    text = "\n".join(missing_map(cells))
    assert re.findall(r'title="([^"]*)"', text) == [
        "1 X_ON: done", "2 X_ON: failed 3 times: out of memory", "1 X_OFF: missing", "2 X_OFF: no source",
    ]  # fmt: skip
    assert "1/2" in text
    assert "0/2" in text
    assert text.count('tabindex="0"') == 1
    assert "excluded" not in text
    assert "train, 2 parts" in text


def test_words_of_others_are_no_html_and_not_too_long():
    text = "\n".join(missing_map([cell("1", "<b>", "broken", "<script>" * 100)]))
    assert "<script>" not in text
    assert "<b>" not in text
    assert "..." in text


def test_there_are_words_for_every_state():
    assert STATES.keys() == {str(state) for state in State}
