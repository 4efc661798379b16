"""Training batches with PyTorch: tensors, workers, padding. Skipped where torch is not installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from drawn import LAYOUTS, Shown, images, write_part

from spikebin import open_dataset
from spikebin.dataset.training import Batch, TrialDataset, collate
from spikebin.errors import DatasetError

torch = pytest.importorskip("torch", reason="torch is not installed (extra torch)")
SHEETS = ("X_ON", "V1_Exc_L2/3")


@pytest.fixture(scope="module", params=LAYOUTS)
def sheets(request, tmp_path_factory):
    root = tmp_path_factory.mktemp("torch")
    for sheet, ids in zip(SHEETS, ((1, 2, 3), (4, 7, 8, 9, 20)), strict=True):
        for part in ("1", "2", "3"):
            write_part(
                root, sheet, part, images(10 * int(part), 3, repeats=2), ids=ids, layout=request.param, values="count"
            )
    return open_dataset(root)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bool, torch.uint8, torch.int64])
def test_an_item_is_a_trial_of_every_sheet_time_first(sheets, dtype):
    view = sheets.window(0, 10).rebin(5, how="count", rest="refuse")
    items = TrialDataset(view, dtype=dtype)
    assert len(items) == 18
    for i in (0, 7, -1):
        item = items[i]
        assert (item.n_bins, item.trial) == (2, i % 18)
        assert list(item.spikes) == list(sheets)
        for name, tensor in item.spikes.items():
            assert tensor.dtype == dtype
            assert tensor.is_contiguous()
            assert np.array_equal(tensor.numpy(), view[name][i].T.astype(tensor.numpy().dtype))
    with pytest.raises(IndexError, match="trial 18 is out of bounds"):
        items[18]


def test_one_sheet_alone(sheets):
    items = TrialDataset(sheets["V1_Exc_L2/3"])
    assert items[2].spikes["V1_Exc_L2/3"].dtype == torch.float32
    assert items.trials["image_id"][2] == "12"
    assert "18 trials of V1_Exc_L2/3" in repr(items)


TESTS = os.pathsep.join(map(str, (Path(__file__).parent, Path(__file__).parents[1], Path(__file__).parents[2])))


@pytest.mark.parametrize(("n_workers", "method"), [(0, ""), (2, "fork"), (4, "fork"), (2, "spawn"), (4, "spawn")])
def test_any_number_of_workers_gives_every_trial_once(sheets, n_workers, method):
    """In a process of its own, as a user's: what earlier tests left running must not be forked."""
    code = (
        "import sys, test_training; test_training.every_trial_once(sys.argv[1], int(sys.argv[2]), sys.argv[3] or None)"
    )
    root = sheets["X_ON"].files[0].path.parents[3]
    result = subprocess.run(
        [sys.executable, "-c", f"if __name__ == '__main__':\n    {code}", root, str(n_workers), method],
        cwd=Path(__file__).parent, env={**os.environ, "PYTHONPATH": TESTS},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr


def every_trial_once(root, n_workers, method):
    sheets = open_dataset(root)
    view = sheets.window(0, 17, across=True, short="cut")
    # Read here first: a worker must not share what this process has opened.
    view["X_ON"][0]
    loader = torch.utils.data.DataLoader(
        TrialDataset(view, dtype=torch.float16),
        batch_size=4,
        shuffle=True,
        generator=torch.Generator().manual_seed(1),
        num_workers=n_workers,
        multiprocessing_context=method,
        collate_fn=collate,
    )
    whole = {name: view[name].to_numpy() for name in view}
    n_bins = view.trials["n_bins"]
    seen = []
    for batch in loader:
        trials = batch.trial.tolist()
        seen += trials
        longest = n_bins[trials].max()
        assert batch.n_bins.tolist() == n_bins[trials].tolist()
        for name, tensor in batch.spikes.items():
            assert tensor.dtype == torch.float16
            assert np.array_equal(tensor.numpy(), whole[name][trials, :, :longest].transpose(0, 2, 1))
    assert sorted(seen) == list(range(18))
    assert seen != list(range(18))


def test_trials_of_one_length_stack_by_themselves(sheets):
    view = sheets.window(-2, 9)
    loader = torch.utils.data.DataLoader(TrialDataset(view), batch_size=18)
    (batch,) = loader
    assert isinstance(batch, Batch)
    assert np.array_equal(batch.spikes["X_ON"].numpy(), view["X_ON"].to_numpy().transpose(0, 2, 1))
    assert batch.trial.tolist() == list(range(18))


def test_sheets_that_were_not_opened_together_are_refused(sheets):
    class Odd(type(sheets)):
        pass

    with pytest.raises(DatasetError, match=r"sheets have \[2, 18\] trials"):
        TrialDataset(Odd({"a": sheets["X_ON"], "b": sheets["X_ON"].take([1, 2])}))


def test_unequal_durations_are_padded_to_the_longest_of_the_batch(tmp_path):
    whole = write_part(
        tmp_path, "X_ON", "1", [Shown("a", length=3), Shown("b", order=1, length=9), Shown("c", order=2, length=20)]
    )
    items = TrialDataset(open_dataset(tmp_path))
    batch = collate([items[0], items[1]])
    assert batch.spikes["X_ON"].shape == (2, 14, 6)
    assert batch.n_bins.tolist() == [8, 14]
    assert np.array_equal(batch.spikes["X_ON"].numpy(), whole[:2, :, :14].transpose(0, 2, 1))
