"""Tables at every width: no word broken, no name lost."""

from __future__ import annotations

import re

import pytest

from spikebin.cli.fit_table import print_table

STYLE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("columns", range(20, 120, 7))
def test_any_table_at_any_width(capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    rows = [
        ["V1_Exc_L2/3", "a [bold] text of some words, folded", 12345, "train/50000"],
        ["X", "", 1, "x"],
        ["Y", "short", 0, "NewDataset_Images"],
    ]
    print_table("", ["name", "what it says", "number", "where"], rows, total=["total", "", 12346, ""])
    text = STYLE.sub("", capsys.readouterr().out)
    for row in rows:
        for cell in row:
            for word in (f"{cell:,}" if isinstance(cell, int) else cell).split():
                assert re.search(rf"(?<!\S){re.escape(word)}(?!\w)", text), (word, text)
    assert max(map(len, text.splitlines())) <= max(columns, 25)
    assert "12,346" in text
