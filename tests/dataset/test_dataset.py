"""A directory of matrix files as one lazy array: what is in it, in which order, and what does not fit."""

from __future__ import annotations

import gc
import pickle
import tracemalloc

import numpy as np
import pytest
from drawn import THREE_PARTS, images, write_part

from spikebin import Dataset, open_dataset, open_file
from spikebin.errors import DatasetError, SpikebinError
from spikebin.output.paths import matrix_path


def test_one_sheet_is_all_its_parts_in_natural_order(made):
    root, whole = made
    dataset = open_dataset(root, variant="train", sheet="X_ON")
    assert dataset.parts == list(THREE_PARTS)
    assert len(dataset) == dataset.shape[0] == len(whole["X_ON"])
    assert dataset.dtype == bool
    assert np.array_equal(dataset.to_numpy(), whole["X_ON"])
    assert np.array_equal(np.asarray(dataset), whole["X_ON"])
    assert dataset.trials["part"].tolist() == ["9"] * 3 + ["10"] * 4 + ["50000"] * 4
    assert dataset.trials["image_id"].tolist()[:7] == ["90", "91", "92", "100", "101", "100", "101"]
    assert dataset.trials["repeat"].tolist()[3:7] == [0, 0, 1, 1]
    assert dataset.trials["n_bins"].tolist() == [17] * 3 + [20] * 4 + [17] * 4
    assert dataset.neurons["neuron_id"].tolist() == [3, 4, 8, 9, 100, 101]
    assert dataset.stimulus(3) == "stimulus of 100"
    assert dataset.onsets("image").tolist() == [5] * 11
    with pytest.raises(DatasetError, match="no phase 'imag': did you mean 'image'"):
        dataset.onsets("imag")


def test_pickled_data_sets_read_the_same(made):
    root, whole = made
    sheets = open_dataset(root).window(-3, 9)
    sheets["X_ON"][0]
    again = pickle.loads(pickle.dumps(sheets))
    for name in sheets:
        assert np.array_equal(again[name][...], sheets[name][...])
    assert np.array_equal(sheets["X_ON"][...], whole["X_ON"][:, :, 2:14])


@pytest.mark.parametrize(
    "walk",
    [
        lambda dataset: [None for _ in dataset],
        lambda dataset: [None for _ in dataset.window(0, 17, across=True, short="cut").batches(2)],
        lambda dataset: dataset.rates(),
        lambda dataset: dataset.rebin(5, how="count", rest="keep").psth(),
    ],
    ids=["trials", "batches of windows", "rates", "psth"],
)
def test_memory_of_a_pass_does_not_grow_with_its_length(tmp_path, walk):
    ids = np.arange(3000)
    for part in range(1, 13):
        write_part(tmp_path, "X_ON", str(part), images(10 * part, 3), ids=ids)

    def peak(parts):
        dataset = Dataset([open_file(matrix_path(tmp_path, "train", str(part), "X_ON")) for part in parts])
        assert len(dataset.neurons) == len(ids)
        # What the seals say is kept for good.
        assert all(file.header.layout == "matrix" for file in dataset.files)
        gc.collect()
        tracemalloc.start()
        walk(dataset)
        kept, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return kept, highest

    peak([1])
    kept_short, high_short = peak([1, 2])
    kept_long, high_long = peak(range(1, 13))
    one_table_of_neurons = 3000 * 32
    assert kept_long - kept_short < one_table_of_neurons
    assert high_long - high_short < one_table_of_neurons


def test_errors_are_the_packages_own(tmp_path):
    with pytest.raises(SpikebinError):
        open_dataset(tmp_path / "nowhere")
    assert issubclass(DatasetError, ValueError)
