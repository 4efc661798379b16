"""Statistics of the real recordings equal what the old pipeline's analysis makes of the files that its scripts wrote.

The analysis is spelled out slowly here, on dense arrays and in float32, as the old one was; for a batch of all images,
since of its Fano factors only those of the last batch were kept.
"""

from __future__ import annotations

import re

import numpy as np
import pytest
import scipy.sparse
from conftest import make_config

from spikebin import open_dataset
from spikebin.pipeline.job import run_job
from spikebin.pipeline.plan import make_plan

pytestmark = pytest.mark.slow

WIDTHS = (1, 5, 10, 15, 20)
SHEETS = ("X_ON", "V1_Exc_L23")
N_COLUMNS = 712


@pytest.fixture(scope="module")
def exported(datastores, tmp_path_factory):
    root = tmp_path_factory.mktemp("exported")
    for variant in ("train", "test"):
        plan, _ = make_plan(make_config(root / variant, datastores / variant, variant))
        for job in plan.jobs:
            assert all(outcome.exported for outcome in run_job(plan, job, sheets=["X_ON", "V1_Exc_L2/3"]))
    return root


def old_items(datastores, variant, sheet, width):
    """(image, repeat) -> (neuron, bin) array of an item, its rows by ascending id, as the old scripts wrote it."""
    base = datastores / "oracle_pipeline" / variant
    place = base / "compressed_spikes/trimmed/size_20" if width == 20 else base / "trimmed_spikes"
    ids = {
        int(path.stem.rpartition("_")[2]): np.load(path)
        for path in (datastores / "oracle" / variant / "neuron_ids").glob(f"neuron_ids_{sheet}_*.npy")
    }
    items = {}
    for path in (place / sheet).glob("*.npz"):
        repeat, image = re.fullmatch(r"spikes_(?:trial_(\d+)_)?(\d+)", path.stem).groups()
        array = scipy.sparse.load_npz(path).toarray()[np.argsort(ids[int(image) // 50 * 50])]
        if width not in (1, 20):
            n = array.shape[1] // width
            array = array[:, : n * width].reshape(len(array), n, width).sum(axis=2)
        items[image, int(repeat or 0)] = array
    return items, np.sort(next(iter(ids.values())))


def float32(array):
    return np.asarray(array, np.float32)


@pytest.mark.parametrize("variant", ["train", "test"])
@pytest.mark.parametrize("sheet", SHEETS)
def test_every_number_is_that_of_the_old_analysis(exported, datastores, variant, sheet):
    view = open_dataset(exported / variant, sheet=sheet).window(0, N_COLUMNS, across=True, short="cut")
    stats = view.stats(WIDTHS)
    for width in WIDTHS:
        found = stats[width]
        items, ids = old_items(datastores, variant, sheet, width)
        assert np.array_equal(stats.neurons["neuron_id"], ids)
        keys = [(str(trial["image_id"]), int(trial["repeat"])) for trial in stats.trials]
        assert sorted(keys) == sorted(items)
        arrays = [items[key] for key in keys]
        assert {array.shape[1] for array in arrays} == {N_COLUMNS // width, 561 // width}

        # Whole numbers: exactly.
        assert found.neuron_counts.tolist() == sum(array.astype(np.int64).sum(axis=1) for array in arrays).tolist()
        longest = N_COLUMNS // width
        padded = [np.pad(array, ((0, 0), (0, longest - array.shape[1]))) for array in arrays]
        assert found.bin_counts.tolist() == sum(array.astype(np.int64).sum(axis=0) for array in padded).tolist()
        rows = np.concatenate([array.sum(axis=1) for array in arrays])
        cells = np.concatenate([array.reshape(-1) for array in arrays])
        # The old classes end at 711 and 19, in which everything above them is put, too.
        assert (
            clamped(found.trial_histogram, 712).tolist() == np.bincount(np.clip(rows, 0, 711), minlength=712).tolist()
        )
        assert clamped(found.bin_histogram, 20).tolist() == np.bincount(np.clip(cells, 0, 19), minlength=20).tolist()
        # The old loader filled shorter items up with zeros, which it then counted as bins.
        filled_up = np.bincount(np.clip(np.concatenate(padded, axis=1).reshape(-1), 0, 19), minlength=20)
        assert filled_up[1:].tolist() == clamped(found.bin_histogram, 20)[1:].tolist()
        assert filled_up[0] - found.bin_histogram[0] == len(ids) * (longest - found.n_bins).sum()

        for i, array in enumerate(arrays):
            data = float32(array)
            assert found.totals[i] == data.sum()
            assert found.mean[i] == pytest.approx(data.mean(), rel=1e-6)
            assert found.variance[i] == pytest.approx(data.var(), rel=1e-6)
            assert found.density[i] == pytest.approx(data.mean(axis=0).mean(), rel=1e-6)
            assert found.synchrony[i] == pytest.approx(float32(data > 0).mean(axis=0).mean(), rel=1e-6)
        for i, image in enumerate(stats.images):
            totals = float32([items[key].sum() for key in keys if key[0] == image])
            wanted = totals.var() / (totals.mean() + np.float32(1e-6))
            assert stats.n_repeats[i] == {"train": 1, "test": 4}[variant]
            if variant == "test":
                assert found.fano[i] == pytest.approx(wanted, rel=1e-6)
            else:
                assert np.isnan(found.fano[i])


def clamped(histogram, n_classes):
    """With the last class for all that is larger."""
    out = np.zeros(n_classes, np.int64)
    np.add.at(out, np.minimum(np.arange(len(histogram)), n_classes - 1), histogram)
    return out
