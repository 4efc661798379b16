"""How pictures look: colours that are told apart, words of axes, and one line where nothing can be drawn."""

from __future__ import annotations

import sys

import pytest

from spikebin.display.style import COLOURS, colours, draw, label_phases, time_label, zero_words
from spikebin.errors import SpikebinError


@pytest.mark.parametrize(("n", "ordered"), [(1, False), (2, True), (7, False), (3, True), (12, False)])
def test_as_many_colours_as_conditions(n, ordered):
    found = colours(n, ordered=ordered)
    assert len(set(found)) == n
    if n <= 2 or (n <= 7 and not ordered):
        assert found == list(COLOURS[:n])


def test_words_of_times():
    assert zero_words("onset of image") == "image onset"
    assert time_label(["first bin", "event", "first bin"]) == "Time from the beginning of the trial or the event (ms)"


def test_phases_inside_of_the_axes_are_marked(tmp_path):
    marked = []

    def paint(figure):
        axes = figure.subplots()
        axes.set_xlim(-10, 20)
        label_phases(axes, [("image", 0.0), ("after", 15.0), ("beyond", 40.0)])
        marked.extend(text.get_text() for text in axes.texts)

    draw((2, 1), tmp_path / "a.svg", paint)
    assert marked == ["image", "after"]
    assert "<svg" in (tmp_path / "a.svg").read_text()


def test_a_picture_that_cannot_be_written_or_drawn_is_one_line(tmp_path, monkeypatch):
    with pytest.raises(SpikebinError, match="give a name such as out.png"):
        draw((2, 1), tmp_path / "a.nothing", lambda _: None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(SpikebinError, match=r"pip install 'spikebin\[plot\]'"):
        draw((2, 1), tmp_path / "a.png", lambda _: None)
