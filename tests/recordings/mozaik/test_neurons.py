"""The neurons of a sheet: positions and annotations go with their ids, whatever the order of the index."""

from __future__ import annotations

import numpy as np
import pytest

from spikebin.recordings.mozaik.neurons import neuron_table

INDEX = {
    "neuron_ids": {"X": np.array([8, 3, 5])},
    "neuron_positions": {"X": np.array([[0.8, 0.3, 0.5], [8.0, 3.0, 5.0]])},
    "neuron_annotations": {"X": [{"angle": 0.8, "kind": "off"}, {"angle": 0.3, "order": [1]}, {"kind": "on"}]},
}


def test_what_the_index_lists_goes_with_its_neuron():
    table = neuron_table(INDEX, "X", np.array([3, 8]))
    assert table[["neuron_id", "x", "y"]].tolist() == [(3, 0.3, 3.0), (8, 0.8, 8.0)]
    assert np.isnan(table["z"]).all()
    assert table["angle"].tolist() == [0.3, 0.8]
    assert table["kind"].tolist() == ["", "off"]
    assert "order" not in table.dtype.names


def test_an_index_without_positions():
    table = neuron_table({"neuron_ids": INDEX["neuron_ids"]}, "X", np.array([3]))
    assert table.dtype.names == ("neuron_id", "x", "y", "z")
    assert np.isnan(table["x"]).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"neuron_ids": {}}, "lists no neuron_ids of X"),
        ({"neuron_ids": {"X": np.array([1.5, 2, 3])}}, "lists no neuron_ids of X"),
        ({"neuron_positions": {"X": np.zeros((2, 2))}}, "neuron_positions of X that do not match"),
        ({"neuron_annotations": {"X": [{}]}}, "neuron_annotations of X that do not match"),
        ({"neuron_ids": {"X": np.array([8, 4, 5])}}, "neuron 3 has spikes but is not in the index's list"),
    ],
)
def test_an_index_that_contradicts_itself_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        neuron_table(INDEX | change, "X", np.array([3, 8]))
