"""Spikes as columns of a text file: recognised by their names, read with their ids, names of neurons noticed."""

from __future__ import annotations

import numpy as np
import pytest

from spikebin.errors import RecordingError
from spikebin.recordings.continuous.units import make_clock
from spikebin.recordings.settings import Reading
from spikebin.recordings.spike_table import SpikeTable, is_spike_table

CLOCK = make_clock("s", None, "x")


def table(path, text, **reading):
    path.write_text(text)
    return SpikeTable(path, Reading(**reading))


def test_spikes_in_ms_with_their_ids_and_further_columns(tmp_path):
    file = table(tmp_path / "s.csv", "unit,time_s,probe\n7,0.5,a\n3,0.25,b\n")
    assert is_spike_table(tmp_path / "s.csv")
    assert (file.times_name, file.ids_name, file.ids_are_names) == ("time_s", "unit", False)
    ((spikes, texts),) = file.rows(["probe"], CLOCK)
    assert [part.tolist() for part in spikes] == [[500, 250], [7, 3]]
    assert [column.tolist() for column in texts] == [["a", "b"]]
    ((times, ids),) = file.source(CLOCK).chunks()
    assert (times.tolist(), ids.tolist(), ids.dtype) == ([500, 250], [7, 3], np.int64)


def test_neurons_with_names_are_noticed(tmp_path):
    file = table(tmp_path / "s.csv", "unit,time_s\nTT1_2,0.5\n")
    assert file.ids_are_names
    ((times, (names,)),) = file.times_and(["unit"], CLOCK)
    assert (times.tolist(), names.tolist()) == ([500], ["TT1_2"])


def test_columns_by_their_numbers_where_a_comment_names_others(tmp_path):
    file = table(tmp_path / "s.dat", "# made by hand\n1 0.5\n2 0.75\n", times="1", neurons="0")
    ((times, ids),) = file.source(CLOCK).chunks()
    assert (times.tolist(), ids.tolist()) == ([500, 750], [1, 2])


def test_an_id_that_is_no_whole_number_is_named_with_its_line(tmp_path):
    file = table(tmp_path / "s.csv", "unit,time_s\n7,0.5\n7.5,0.25\n")
    with pytest.raises(RecordingError, match="line 3, column 'unit': 7.5 is not a whole number that can be an id"):
        list(file.rows([], CLOCK))
