"""Tables of a matrix file: text in UTF-8, numbers as the format says, and columns beyond what one table holds."""

from __future__ import annotations

import numpy as np
import pytest
import tables
from hypothesis import given
from hypothesis import strategies as st

from spikebin.binning.trial import Phase, Trial
from spikebin.errors import MatrixFileError
from spikebin.matrixfile.schema import (
    create_table,
    decoded,
    encoded,
    joined,
    neuron_table,
    parameter_table,
    source_table,
    trial_table,
)
from spikebin.recordings.protocol import NEURON_FIELDS, SourceFile

PHASES = (Phase("image", 0.0, 2.0),)
# Fixed width: numpy takes NULs at the end off, and names of images hold none.
TEXTS = st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5), min_size=1)


@given(texts=TEXTS)
def test_texts_come_back(texts):
    table = parameter_table({str(i): text for i, text in enumerate(texts)})
    assert decoded(table)["text"].tolist() == texts
    assert encoded([""]).dtype == "S1"


def test_trials_with_columns_of_their_own():
    trials = [
        Trial("a.png", 1, 0, "μ", PHASES, (("side", "left"), ("go", True), ("force", 0.5))),
        Trial("bb.png", 0, 1, "", PHASES, (("side", "right"), ("go", False), ("force", 2.0))),
    ]
    table = decoded(trial_table(trials, [[2], [3]]))
    assert table.dtype.names[:6] == ("image_id", "repeat", "order", "n_bins", "phase_bins", "stimulus")
    assert table[["image_id", "repeat", "order", "n_bins", "stimulus"]].tolist() == [
        ("a.png", 1, 0, 2, "μ"),
        ("bb.png", 0, 1, 3, ""),
    ]
    assert table[["side", "go", "force"]].tolist() == [("left", True, 0.5), ("right", False, 2.0)]


def test_a_name_that_hdf5_would_cut_is_refused():
    with pytest.raises(MatrixFileError, match="NUL character: rename the image"):
        trial_table([Trial("a\0b", 0, 0, "", PHASES)], [[2]])


def test_neurons_keep_what_else_is_known_of_them():
    neurons = np.zeros(2, [*NEURON_FIELDS, ("label", "U4"), ("rate", "<f4")])
    neurons["label"] = "good", "µ"
    table = decoded(neuron_table(neurons))
    assert table.dtype.names == ("neuron_id", "x", "y", "z", "label", "rate")
    assert table["label"].tolist() == ["good", "µ"]


def test_more_columns_than_one_table_holds(tmp_path):
    wide = np.zeros(3, [(f"{'c' * 200}{i}", "<i4") for i in range(600)])
    for i, name in enumerate(wide.dtype.names):
        wide[name] = np.arange(3) * i
    with tables.open_file(tmp_path / "a.h5", "w") as file:
        create_table(file, "trials", wide)
        create_table(file, "source", source_table([SourceFile("a", 1, 2.0)]))
        found = [
            file.root.trials.read(),
            *(file.root[f"trials_{i}"].read() for i in range(2, len(file.root._v_children))),
        ]
    assert len(found) > 1
    assert joined(found).tolist() == wide.tolist()
    assert joined(found).dtype.names == wide.dtype.names
