"""Panels of rates by condition: of all neurons, of those named, or of the most active; and a picture of them."""

from __future__ import annotations

import numpy as np
import pytest
from drawn import images, write_part

from spikebin import open_dataset
from spikebin.display.conditions import panels_of, plot_conditions
from spikebin.errors import DatasetError


@pytest.fixture(scope="module")
def view(tmp_path_factory):
    root = tmp_path_factory.mktemp("panels")
    write_part(root, "X_ON", "1", images(0, 3, repeats=2))
    return open_dataset(root, sheet="X_ON")


def test_one_panel_for_the_mean_of_all(view):
    (panel,) = panels_of({"X_ON": view}, "image_id")
    assert panel.title.startswith("X_ON, ")
    assert [one.label for one in panel.rates.conditions] == ["0", "1", "2"]
    assert not panel.ordered
    (by_repeat,) = panels_of({"": view}, "repeat")
    assert by_repeat.ordered
    assert panel.phases == [("blank", -5.0), ("image", 0.0)]


def test_a_panel_for_each_neuron(view):
    assert len(panels_of({"": view}, units=[3, 101])) == 2
    found = panels_of({"": view}, most_active=2)
    busiest = view.neurons["neuron_id"][np.argsort(-view.rates(), kind="stable")[:2]]
    assert len(found) == 2
    assert all(any(str(one) in panel.title for panel in found) for one in busiest.tolist())
    with pytest.raises(DatasetError, match="5"):
        panels_of({"": view}, units=[5])


def test_they_are_drawn(view, tmp_path):
    panels = panels_of({"": view}, "image_id", units=[3]) + panels_of({"": view}, "image_id")
    plot_conditions(panels, tmp_path / "a.svg", by="image_id", note=", a note")
    text = (tmp_path / "a.svg").read_text()
    for words in ("Firing rate (Hz)", "Time from image onset (ms)", "image_id", "0 (n = 2)", "a note"):
        assert words in text, words
