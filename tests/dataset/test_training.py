"""Training batches with PyTorch: tensors, workers, padding. Skipped where torch is not installed."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import subprocess
import sys
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import numpy as np
import pytest
from drawn import LAYOUTS, Shown, images, write_cells, write_part

from spikebin import open_dataset, open_file
from spikebin.dataset import worker_memory
from spikebin.dataset.training import Batch, Example, FileBatchSampler, TrialDataset, collate
from spikebin.errors import DatasetError

torch = pytest.importorskip("torch", reason="torch is not installed (extra torch)")
SHEETS = ("X_ON", "V1_Exc_L2/3")


@pytest.fixture(scope="module", params=LAYOUTS)
def sheets(request, tmp_path_factory):
    root = tmp_path_factory.mktemp("torch")
    write_sheets(root, request.param)
    return open_dataset(root)


def write_sheets(root, layout):
    for sheet, ids in zip(SHEETS, ((1, 2, 3), (4, 7, 8, 9, 20)), strict=True):
        for part in ("1", "2", "3"):
            write_part(root, sheet, part, images(10 * int(part), 3, repeats=2), ids=ids, layout=layout, values="count")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bool, torch.int16, torch.int64])
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


def test_any_number_of_workers_gives_every_trial_once(tmp_path):
    """In a process of its own, as a user's: what earlier tests left running must not be forked."""
    for layout in LAYOUTS:
        write_sheets(tmp_path / layout, layout)
    result = subprocess.run(
        [sys.executable, "-c", "if __name__ == '__main__':\n    import test_training; test_training.with_workers()"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": TESTS},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr


def with_workers():
    """Each way to start workers; those that import PyTorch again with one layout only, and as seldom as they can."""
    multiprocessing.set_forkserver_preload(["torch", "spikebin.dataset.training"])
    first, second = LAYOUTS
    for layout, n_workers, method in (
        *((layout, n_workers, method) for n_workers, method in ((0, None), (2, "fork")) for layout in LAYOUTS),
        (first, 1, "spawn"),
        (second, 2, "forkserver"),
    ):
        every_trial_once(layout, n_workers, method)


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

    def check(batch):
        trials = batch.trial.tolist()
        longest = n_bins[trials].max()
        assert batch.n_bins.tolist() == n_bins[trials].tolist()
        for name, tensor in batch.spikes.items():
            assert tensor.dtype == torch.float16
            assert np.array_equal(tensor.numpy(), whole[name][trials, :, :longest].transpose(0, 2, 1))

    # Forked workers use memory of any size again; batches that are kept stay what they are.
    worker_memory.SMALLEST = 1
    seen, kept = [], []
    for batch in loader:
        check(batch)
        seen += batch.trial.tolist()
        kept += [batch] if len(seen) > 4 else []
    for batch in kept:
        check(batch)
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


def test_it_is_a_data_set_of_torch(sheets):
    assert isinstance(TrialDataset(sheets), torch.utils.data.Dataset)
    assert isinstance(FileBatchSampler(TrialDataset(sheets), 2), torch.utils.data.Sampler)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_what_models_take(sheets, size):
    """Inputs and targets by directory name, an image with all its repeats, time before neurons."""
    items = TrialDataset(sheets, item="image", inputs=["X_ON"], targets=["V1_Exc_L23"], dtype=torch.float16)
    whole = {name: view.repeats()[...] for name, view in sheets.items()}
    assert len(items) == 9
    assert items.images.tolist() == sheets["X_ON"].repeats().images.tolist()
    seen = 0
    for inputs, targets in torch.utils.data.DataLoader(items, batch_size=size, collate_fn=collate):
        assert (list(inputs), list(targets)) == (["X_ON"], ["V1_Exc_L23"])
        for tensor, name in ((inputs["X_ON"], "X_ON"), (targets["V1_Exc_L23"], "V1_Exc_L2/3")):
            assert tensor.shape == (min(size, 9 - seen), 2, 17, sheets[name].shape[1])
            assert np.array_equal(tensor.numpy(), whole[name][seen : seen + size].transpose(0, 1, 3, 2))
        seen += size
    item = items[4]
    assert isinstance(item, Example)
    assert np.array_equal(item.inputs["X_ON"].numpy(), whole["X_ON"][4].transpose(0, 2, 1))


def test_a_model_is_trained(sheets):
    """A model in the manner of the old pipeline's: it takes dicts by directory name, and gives one."""
    items = TrialDataset(sheets, item="image", inputs=["X_ON"], targets=["V1_Exc_L2/3"])
    linear = torch.nn.Linear(3, 5)
    for inputs, targets in torch.utils.data.DataLoader(items, batch_size=3, collate_fn=collate):
        out = {"V1_Exc_L23": linear(inputs["X_ON"])}
        loss = sum(((out[name] - target) ** 2).mean() for name, target in targets.items())
        # As SGD does it: PyTorch takes a second to import its optimisers.
        for weights, slope in zip(linear.parameters(), torch.autograd.grad(loss, linear.parameters()), strict=True):
            weights.data -= 0.01 * slope
        assert torch.isfinite(loss)


@pytest.mark.parametrize(("keys", "names"), [("raw", ["V1_Exc_L2/3"]), ("directory", ["V1_Exc_L23"])])
def test_keys_are_raw_or_directory_names(sheets, keys, names):
    items = TrialDataset(sheets, inputs="X_ON", targets=["V1_Exc_L2/3"], keys=keys)
    assert list(items[0].targets) == names
    assert list(TrialDataset(sheets, keys=keys)[0].spikes) == [names[0], "X_ON"]


def test_repeats_lie_in_any_part_and_may_be_ragged(tmp_path):
    shown = {"1": [Shown("a"), Shown("b", order=1)], "2": [Shown("b", 1), Shown("a", 1, 1), Shown("a", 2, 2)]}
    parts = [write_part(tmp_path, "X_ON", part, trials) for part, trials in shown.items()]
    whole = np.concatenate(parts)
    sheet = open_dataset(tmp_path)["X_ON"]
    with pytest.raises(DatasetError, match=r"1 of 2 images .* choose ragged='drop' or 'cut'"):
        TrialDataset(sheet, item="image")
    cut = TrialDataset(sheet, item="image", ragged="cut")
    assert cut.index.tolist() == [[0, 3], [1, 2]]
    assert np.array_equal(cut[1].spikes["X_ON"].numpy(), whole[[1, 2]].transpose(0, 2, 1))
    assert cut[1].trial.tolist() == [1, 2]
    dropped = TrialDataset(sheet, item="image", ragged="drop")
    assert dropped.images.tolist() == ["a"]
    assert dropped[0].spikes["X_ON"].shape == (3, 17, 6)


def test_images_of_unequal_durations_are_padded(tmp_path):
    shown = [Shown("a", length=3), Shown("a", 1, 1, length=3), Shown("b", 0, 2, length=9), Shown("b", 1, 3, length=9)]
    whole = write_part(tmp_path, "X_ON", "1", shown)
    items = TrialDataset(open_dataset(tmp_path), item="image")
    assert items[0].spikes["X_ON"].shape == (2, 8, 6)
    by_one = collate([items[0], items[1]])
    for batch in (by_one, collate(items.__getitems__([0, 1]))):
        assert batch.spikes["X_ON"].shape == (2, 2, 14, 6)
        assert batch.n_bins.tolist() == [8, 14]
        assert batch.trial.tolist() == [[0, 1], [2, 3]]
        assert np.array_equal(batch.spikes["X_ON"].numpy().reshape(4, 14, 6), whole.transpose(0, 2, 1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": torch.uint8}, r"a bin can hold 1,275, and torch.uint8 no more than 255: give a wider dtype"),
        ({"dtype": torch.complex64}, "give bool, an integer or a float"),
        ({"dtype": "half"}, "give one of torch's, such as torch.float16"),
        ({"item": "images"}, "training item"),
        ({"item": "image", "ragged": "keep"}, "training ragged"),
        ({"keys": "short"}, "training keys"),
        ({"inputs": ["X_ON"]}, "inputs and targets go together"),
        ({"inputs": ["X_OFF"], "targets": ["X_ON"]}, "no sheet 'X_OFF' to train with: did you mean 'X_ON'"),
        ({"inputs": [], "targets": ["X_ON"]}, "inputs and targets name a sheet at least"),
    ],
)
def test_what_cannot_be_is_refused_at_once(sheets, options, message):
    with pytest.raises(DatasetError, match=message):
        TrialDataset(sheets.rebin(5, how="count", rest="drop"), **options)


def test_a_number_that_a_type_cannot_hold_exactly_is_refused(tmp_path):
    dense = np.array([[[200, 56, 0, 0]], [[200, 57, 0, 0]]], np.uint8)
    write_cells(tmp_path / "m.h5", dense, layout="matrix", codec="blosc2")
    view = open_file(tmp_path / "m.h5").rebin(2, how="count", rest="refuse")
    items = TrialDataset(view, dtype=torch.bfloat16)
    assert items[0].spikes["S"].tolist() == [[256.0], [0.0]]
    with pytest.raises(DatasetError, match=r"trial 1 of .* has 257 in a bin, which torch.bfloat16 cannot hold exactly"):
        items[1]
    assert TrialDataset(view, dtype=torch.float16)[1].spikes["S"].tolist() == [[257.0], [0.0]]


def test_batches_of_few_files(sheets):
    items = TrialDataset(sheets)
    for n_files, size in ((1, 2), (2, 5), (3, 100)):
        sampler = FileBatchSampler(items, size, files=n_files, seed=3)
        first, second = list(sampler), list(sampler)
        assert len(first) == len(sampler) == -(-18 // size)
        assert first != second
        for batches in (first, second):
            assert sorted(i for batch in batches for i in batch) == list(range(18))
            for batch in batches:
                # The rest of one group of files goes with the next.
                assert len(set(items.parts[batch])) <= 2 * n_files
        sampler.epoch = 0
        assert list(sampler) == first
    in_order = FileBatchSampler(items, 4, shuffle=False, drop_last=True)
    assert list(in_order) == [list(range(i, i + 4)) for i in range(0, 16, 4)]
    assert len(in_order) == 4
    loader = torch.utils.data.DataLoader(items, batch_sampler=sampler, collate_fn=collate)
    assert sorted(int(i) for batch in loader for i in batch.trial) == list(range(18))
    with pytest.raises(DatasetError, match="a sampler of 'x': give a TrialDataset"):
        FileBatchSampler("x", 2)
    with pytest.raises(DatasetError, match="batches of 0: give 1 or more"):
        FileBatchSampler(items, 0)


def test_what_is_no_sheet_is_refused():
    with pytest.raises(DatasetError, match=r"training takes sheets, not 'x': give what open_dataset\(path\) gives"):
        TrialDataset("x")
    for wrong in ([], "ab", [1]):
        with pytest.raises(DatasetError, match="collate stacks items of a TrialDataset"):
            collate(wrong)


def test_what_it_says_of_itself(sheets):
    items = TrialDataset(sheets, item="image", inputs=["X_ON"], targets=["V1_Exc_L23"])
    assert repr(items).endswith("as torch.float32 (repeats, time, neurons), X_ON -> V1_Exc_L2/3>")
    html = items._repr_html_()
    for words in ("9 images", "inputs", "V1_Exc_L2/3", "torch.float32 (repeats, time, neurons)"):
        assert words in html
    assert "sheets" in TrialDataset(sheets)._repr_html_()


@pytest.mark.parametrize("options", [{}, {"item": "image", "inputs": ["X_ON"], "targets": ["V1_Exc_L2/3", "X_ON"]}])
def test_a_batch_is_handed_over_as_it_is(sheets, options):
    """Its tensors lie in one piece of memory, which is handed over once; tensors of a user's own are, too."""
    items = TrialDataset(sheets, **options)
    batch = collate(items.__getitems__([3, 4]))
    own = collate([items[3], items[4]])
    own = own._replace(**{own._fields[0]: {name: tensor.clone() for name, tensor in own[0].items()}})
    for one in (batch, own, items[3]):
        again = pickle.loads(ForkingPickler.dumps(one))
        assert type(again) is type(one)
        for found, wanted in zip(again, one, strict=True):
            if isinstance(wanted, dict):
                assert list(found) == list(wanted)
                assert all(torch.equal(found[name], wanted[name]) for name in wanted)
            else:
                assert type(found) is type(wanted)
                assert torch.equal(torch.as_tensor(found), torch.as_tensor(wanted))


@pytest.mark.parametrize("options", [{}, {"item": "image", "inputs": ["X_ON"], "targets": ["V1_Exc_L2/3"]}])
def test_batches_can_be_pinned(sheets, options):
    """torch pins what it knows: tuples with names, dicts, tensors; without a GPU it only says that it does not."""
    from torch.utils.data._utils.pin_memory import pin_memory

    items = TrialDataset(sheets, **options)
    batch = collate(items.__getitems__([0, 1]))

    class Pinned(torch.Tensor):
        pass

    def pinned(self, *_):
        return self.as_subclass(Pinned)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.Tensor, "pin_memory", pinned)
        found = pin_memory(batch)
    assert type(found) is type(batch)
    for one in found:
        for tensor in one.values() if isinstance(one, dict) else [one]:
            assert isinstance(tensor, Pinned)
