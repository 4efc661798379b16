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
from spikebin.matrixfile.reader import MatrixFile
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
    assert [dataset.stimulus(i) for i in (-1, 2, 0)] == ["stimulus of 503", "stimulus of 92", "stimulus of 90"]
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


def test_stimuli_of_a_part_are_read_once(tmp_path, monkeypatch):
    for part in ("1", "2"):
        write_part(tmp_path, "X_ON", part, images(10 * int(part), 3))
    dataset = open_dataset(tmp_path, sheet="X_ON")
    asked = []
    ask = MatrixFile._ask_hdf5
    monkeypatch.setattr(MatrixFile, "_ask_hdf5", lambda *question: asked.append(question) or ask(*question))
    assert [dataset.stimulus(i) for i in range(6)] == [f"stimulus of {i}" for i in (10, 11, 12, 20, 21, 22)]
    assert len(asked) == 2


NEURONS = np.arange(3000)


@pytest.fixture(scope="module")
def six(tmp_path_factory):
    """A data set of six parts, with a table of neurons that is large beside everything else."""
    root = tmp_path_factory.mktemp("six")
    for part in range(1, 7):
        write_part(root, "X_ON", str(part), images(10 * part, 3), ids=NEURONS)
    return root


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
def test_memory_of_a_pass_does_not_grow_with_its_length(six, walk):
    def peak(parts):
        dataset = Dataset([open_file(matrix_path(six, "train", str(part), "X_ON")) for part in parts])
        assert len(dataset.neurons) == len(NEURONS)
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
    kept_long, high_long = peak(range(1, 7))
    one_table_of_neurons = len(NEURONS) * 32
    assert kept_long - kept_short < one_table_of_neurons
    assert high_long - high_short < one_table_of_neurons


def test_errors_are_the_packages_own(tmp_path):
    with pytest.raises(SpikebinError):
        open_dataset(tmp_path / "nowhere")
    assert issubclass(DatasetError, ValueError)
