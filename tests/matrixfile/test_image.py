"""The HDF5 part of a file, built in memory: complete, or not made at all."""

from __future__ import annotations

import numpy as np
import pytest
import tables

from spikebin.binning.trial import Phase, Trial, TrialEvents
from spikebin.errors import MatrixFileError
from spikebin.matrixfile.digest import ContentDigest
from spikebin.matrixfile.image import MatrixImage
from spikebin.matrixfile.schema import neuron_table, source_table, trial_table
from spikebin.matrixfile.seal import SEAL_SIZE
from spikebin.recordings.protocol import NEURON_FIELDS, SourceFile

CELLS = [0, 7, 12]


def image(layout, codec):
    neurons = np.zeros(2, NEURON_FIELDS)
    neurons["neuron_id"] = 3, 8
    trials = [Trial(str(i), 0, i, "", (Phase("image", 0.0, 10.0),)) for i in range(2)]
    table = trial_table(trials, [[10], [10]])
    return MatrixImage((2, 2, 10), "bool", layout, codec, neuron_table(neurons), table)


def test_the_image_is_a_file_of_hdf5_behind_the_seal(tmp_path, layout, codec):
    made = image(layout, codec)
    for flat in (CELLS, []):
        events = TrialEvents(np.array(flat, np.int64), None)
        made.append(events, made.encode(events))
    data, digest, chunks = made.finish(source_table([SourceFile("a", 1, 2.0)]), threads=1)
    (tmp_path / "a.h5").write_bytes(bytes(SEAL_SIZE) + data)
    with tables.open_file(tmp_path / "a.h5") as file:
        assert {node._v_name for node in file.root} >= {"trials", "neurons", "source"}
        assert file.root.neurons.col("neuron_id").tolist() == [3, 8]
    expected = ContentDigest(np.array([3, 8]))
    for i, flat in enumerate((CELLS, [])):
        expected.add(str(i), 0, 10, TrialEvents(np.array(flat, np.int64), None))
    assert digest == expected.hexdigest()
    assert chunks.n_chunks >= 2 - (layout == "events")


def test_an_image_that_lacks_trials_is_not_given():
    made = image("matrix", "zlib")
    events = TrialEvents(np.array(CELLS, np.int64), None)
    made.append(events, made.encode(events))
    with pytest.raises(MatrixFileError, match="1 of 2 trials were appended: nothing is written"):
        made.finish(source_table([]), threads=1)
    made.close()
    made.close()
