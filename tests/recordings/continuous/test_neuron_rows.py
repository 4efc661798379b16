"""Neurons as rows: those asked for, else those listed, else those that fire; each id has its row or is an error."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikebin.errors import RecordingError
from spikebin.recordings.continuous.neuron_rows import NeuronRows, ids_of, neuron_table, parse_ids

IDS = st.sets(st.integers(0, 40) | st.integers(10**12, 10**12 + 40), min_size=1, max_size=20)


def rows(listed, fire, ids=None, **options):
    table = None if listed is None else neuron_table(np.array(sorted(listed)))
    return NeuronRows(table, np.array(sorted(fire), np.int64), ids, **{"select": False, "where": "x"} | options)


@given(fire=IDS, asked=IDS)
def test_every_id_has_its_row(fire, asked):
    found = rows(None, fire)
    assert found.table["neuron_id"].tolist() == sorted(fire)
    assert found.of(np.array(sorted(fire))).tolist() == list(range(len(fire)))
    chosen = rows(None, fire, ",".join(map(str, asked)))
    expected = [sorted(asked).index(one) if one in asked else -1 for one in sorted(fire)]
    assert chosen.of(np.array(sorted(fire))).tolist() == expected


def test_neurons_that_are_listed_are_rows_though_silent():
    assert rows([1, 2, 3], [2]).table["neuron_id"].tolist() == [1, 2, 3]
    with pytest.raises(RecordingError, match="x"):
        rows([1, 2], [2, 9])
    assert rows([1, 2], [2, 9], select=True).of(np.array([2, 9])).tolist() == [1, -1]


def test_neurons_with_names_are_asked_for_by_them():
    named = rows(None, [0, 1, 2], "TT1_2,TT1_10", names=["TT1_1", "TT1_2", "TT1_10"])
    assert named.table["neuron_name"].tolist() == ["TT1_2", "TT1_10"]


@pytest.mark.parametrize(("text", "ids"), [("7", [7]), ("1-3, 2,9", [1, 2, 3, 9]), ("0-0", [0])])
def test_ids_and_ranges(text, ids):
    assert parse_ids(text, "x").tolist() == ids


@pytest.mark.parametrize("text", ["", "a", "3-1", "1-", "1-200000000", "-3", "1.5", str(1 << 63)])
def test_what_is_no_range_is_refused(text):
    with pytest.raises(RecordingError, match="x: ids"):
        parse_ids(text, "x")


def test_ids_of_one_sheet():
    sheets = ["v1", "lgn"]
    assert ids_of("1-3", "v1", sheets, "x") == "1-3"
    assert ids_of("v1=1-3,7,lgn=2", "v1", sheets, "x") == "1-3,7"
    assert ids_of("lgn=2", "v1", sheets, "x") is None
    with pytest.raises(RecordingError, match="there is no sheet 'lgm': did you mean 'lgn'"):
        ids_of("lgm=1", "v1", sheets, "x")
    with pytest.raises(RecordingError, match="'1' comes before the first sheet"):
        ids_of("1,lgn=2", "v1", sheets, "x")


def test_places_go_with_their_ids():
    table = neuron_table(np.array([8, 3]), np.array([[1.0, 2.0], [3.0, 4.0]]))
    assert table[["neuron_id", "x", "y"]].tolist() == [(3, 3.0, 4.0), (8, 1.0, 2.0)]
    assert np.isnan(table["z"]).all()
