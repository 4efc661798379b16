"""Old data sets held against new ones: what agrees, and each difference explained."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from spikebin import open_dataset
from spikebin.errors import DatasetError
from spikebin.exports.compare import compare, old_datasets


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["train", "test"])
def test_the_old_data_sets_agree(exported, datastores, variant):
    sheets = open_dataset(exported / "dataset" / variant)
    verdicts = [
        *compare(sheets, datastores / "oracle" / variant),
        *compare(sheets, datastores / "oracle_pipeline" / variant),
    ]
    assert len(verdicts) == {"train": 36 + 240, "test": 36 + 240}[variant]
    assert all(verdict.agrees for verdict in verdicts)
    # The neurons of part 50200 are not sorted in the recording, and so not in the old files.
    reordered = [verdict for verdict in verdicts if verdict.remarks]
    assert len(reordered) == {"train": 12 + 120, "test": 0}[variant]
    assert all("502" in verdict.path for verdict in reordered)


@pytest.fixture
def old(exported, tmp_path):
    """An old data set of one sheet that may be spoilt, and the new one."""
    place = tmp_path / "train_dataset"
    source = exported / "old/train_dataset"
    for name in ("image_ids", "neuron_ids", "spikes/X_ON", "trimmed_spikes/X_ON"):
        shutil.copytree(source / name, place / name)
    return place, open_dataset(exported / "dataset/train")


def change(path, edit):
    matrix = scipy.sparse.lil_matrix(scipy.sparse.load_npz(path))
    matrix = edit(matrix)
    scipy.sparse.save_npz(path, scipy.sparse.csr_matrix(matrix))


def moved_back(matrix):
    """A spike moved to the bin before it, where that is empty."""
    rows, columns = matrix.nonzero()
    row, column = next((r, c) for r, c in zip(rows, columns, strict=True) if c > 0 and not matrix[r, c - 1])
    matrix[row, column], matrix[row, column - 1] = 0, 1
    return matrix


def flipped(matrix):
    matrix[3, 100] = 1 - matrix[3, 100]
    matrix[4, 200] = 1 - matrix[4, 200]
    return matrix


def shuffled_segments(matrix):
    """Rows in another order in every image."""
    blocks = [matrix[:, i : i + 712] for i in range(0, 7120, 712)]
    return scipy.sparse.hstack([block.tocsr()[np.roll(np.arange(72), i)] for i, block in enumerate(blocks)])


RAW = "spikes/X_ON/spikes_X_ON_50000.npz"


ITEM = "trimmed_spikes/X_ON/spikes_50003.npz"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "spoil", "words"),
    [
        (RAW, lambda path: change(path, moved_back), "spikes that lie one bin earlier in the old file: 1;"),
        (ITEM, lambda path: change(path, flipped), "cells that differ: 2,"),
        (RAW, lambda path: change(path, lambda m: m[:70]), "has 70 of 72 neurons: the old script cuts"),
        (RAW, lambda path: change(path, lambda m: scipy.sparse.hstack([m, m[:, :712]])), "has 1 x 712 columns more"),
        (RAW, lambda path: change(path, lambda m: m[:, :-1]), "has 7119 columns"),
        (RAW, lambda path: change(path, shuffled_segments), "in each image the same rows in another order"),
        (RAW, Path.unlink, "the old data set has no such file"),
        (RAW, lambda path: path.write_bytes(b"PK"), "cannot be read"),
        (RAW, lambda path: change(path, lambda m: m.astype(np.int64)), "int64 in the old file, uint8 in the new one"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_difference_is_explained(old, name, spoil, words):
    place, sheets = old
    spoil(place / name)
    found = {verdict.path: verdict for verdict in compare(sheets, place) if verdict.remarks or not verdict.agrees}
    assert list(found) == [name]
    assert words in str(found[name])
    assert found[name].agrees == ("int64" in words)


@pytest.mark.slow
def test_more_differences(old):
    place, sheets = old
    ids = place / "neuron_ids/neuron_ids_X_ON_50000.npy"
    np.save(ids, np.load(ids)[::-1])
    change(place / RAW, lambda m: m[::-1])
    shutil.copy(place / ITEM, place / "trimmed_spikes/X_ON/spikes_50010.npz")
    shutil.copytree(place / "trimmed_spikes/X_ON", place / "trimmed_spikes/X_MID")
    names = place / "image_ids/image_ids_X_ON_50200.npy"
    np.save(names, np.load(names)[::-1])
    found = {verdict.path: verdict for verdict in compare(sheets, place) if verdict.remarks or not verdict.agrees}
    assert "the old rows follow its neuron_ids" in str(found[RAW])
    assert found[RAW].agrees
    assert "in the recording's order" in str(found["neuron_ids/neuron_ids_X_ON_50000.npy"])
    assert "the same images in another order" in str(found["image_ids/image_ids_X_ON_50200.npy"])
    assert "no such part or trial" in str(found["trimmed_spikes/X_ON/spikes_50010.npz"])
    assert "no such sheet" in str(found["trimmed_spikes/X_MID"])
    np.save(ids, np.load(ids) + 1)
    np.save(names, np.load(names)[:4])
    found = {verdict.path: verdict for verdict in compare(sheets, place, all_sheets=False)}
    assert "trimmed_spikes/X_MID" not in found
    assert "ids are only in the new file" in str(found["neuron_ids/neuron_ids_X_ON_50000.npy"])
    assert "the old neuron_ids are of other neurons" in str(found[RAW])
    assert "other images: 4 in the old file" in str(found["image_ids/image_ids_X_ON_50200.npy"])


@pytest.mark.slow
def test_which_variants_an_old_directory_holds(old, tmp_path):
    place, sheets = old
    assert old_datasets(place, ["test", "train"]) == [("train", place)]
    assert old_datasets(tmp_path, ["test", "train"]) == [("train", place)]
    renamed = place.rename(tmp_path / "2019")
    assert old_datasets(renamed, ["train"], "train") == [("train", renamed)]
    with pytest.raises(DatasetError, match="is of variant '2019'"):
        old_datasets(renamed, ["train"])
    with pytest.raises(DatasetError, match="holds no spikes"):
        old_datasets(tmp_path, ["train"])
    with pytest.raises(DatasetError, match="holds no spikes"):
        list(compare(sheets, tmp_path))
