"""Training batches: views of several sheets side by side as a map-style data set for PyTorch. Needs torch.

Nothing here starts workers: torch's DataLoader does. Without torch, `View.batches` fills arrays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from spikebin.choices import Item, Ragged, SheetKeys, checked
from spikebin.dataset.arguments import names_of, row_number, whole_number
from spikebin.dataset.gather import Target, fill
from spikebin.dataset.sheet_set import SheetSet
from spikebin.dataset.tensors import Packed, cells_of, import_torch, pack, zeros
from spikebin.dataset.view import View
from spikebin.errors import DatasetError
from spikebin.matrixfile.at_once import at_once
from spikebin.matrixfile.shown import counted, html_table
from spikebin.names import directory_name, find_sheet, suggest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

try:
    from torch.utils.data import Dataset as _TorchDataset
    from torch.utils.data import Sampler as _TorchSampler
except ImportError:
    # That torch is missing is said when it is needed.
    _TorchDataset = _TorchSampler = object

__all__ = ["Batch", "Example", "FileBatchSampler", "TrialDataset", "collate"]


class Batch(NamedTuple):
    """One item of a TrialDataset, or several stacked, which puts an axis in front of each tensor.

    Attributes
    ----------
    spikes : dict
        Sheet -> tensor (time, neuron) of a trial, (repeat, time, neuron) of an image.
    n_bins : int or tensor
        Real bins of each item, of its longest trial; after them a padded tensor is 0.
    trial : int or tensor
        Which trial of the view each is, a row of its `trials`; of an image, (repeat,).
    """

    spikes: dict[str, Any]
    n_bins: Any
    trial: Any

    def __reduce__(self) -> tuple[Any, ...]:
        return _handed_over, (Batch, _Sides([self.spikes]), [_by_value(self.n_bins), _by_value(self.trial)])


class Example(NamedTuple):
    """What a model takes and what it is to give: dicts of sheet -> tensor, as those of `Batch`."""

    inputs: dict[str, Any]
    targets: dict[str, Any]

    def __reduce__(self) -> tuple[Any, ...]:
        return _handed_over, (Example, _Sides([self.inputs, self.targets]), [])


class _Sides(list[dict[str, Any]]):
    """Dicts of tensors that a worker hands over; those of one piece of memory together."""

    def __reduce__(self) -> tuple[Any, ...]:
        names = [list(side) for side in self]
        packed = pack([tensor for side in self for tensor in side.values()])
        return (list, (list(self),)) if packed is None else (_unpacked, (names, packed))


def _unpacked(names: list[list[str]], packed: Packed) -> list[dict[str, Any]]:
    tensors = iter(packed.tensors())
    return [{name: next(tensors) for name in side} for side in names]


def _handed_over(kind: type[Batch | Example], sides: list[dict[str, Any]], numbers: list[Any]) -> Batch | Example:
    torch = import_torch()
    return kind(*sides, *(torch.from_numpy(one) if isinstance(one, np.ndarray) else one for one in numbers))


def _by_value(number: Any) -> Any:
    """A few numbers are handed over as they are: to share memory for them takes a hundred times longer."""
    return number.numpy() if isinstance(number, import_torch().Tensor) else number


class TrialDataset(_TorchDataset):  # type: ignore[misc]
    """The trials of one or several sheets as tensors, for `torch.utils.data.DataLoader`.

    Each tensor is filled from the events of its trials, in whatever parts they lie. No handle is kept: any number of
    workers may read, forked, spawned or from a fork server. Give the loader ``collate_fn=spikebin.collate``: batches
    are then made in one piece, and trials of unequal durations are padded.

    Parameters
    ----------
    sheets : SheetSet or View
        As it is, or after `window`, `rebin`, `select`.
    dtype : torch.dtype, optional
        Of the tensors; torch.float32 by default. torch.bool says whether there is a spike.
    item : {"trial", "image"}
        What an item is: a trial, or an image with all its repeats.
    inputs, targets : sequence of str, optional
        Sheets by raw or directory name. With them an item is an `Example`, a pair of dicts; else it is a `Batch`, which
        has all sheets in one.
    ragged : {"refuse", "drop", "cut"}
        What becomes of images that were shown less often than others, see `View.repeats`.
    keys : {"raw", "directory"}, optional
        By which name the dicts have the sheets; default: by directory name with `inputs` and `targets`, which is how
        models of the old pipeline call them, else by raw name.

    Attributes
    ----------
    dtype : torch.dtype
    index : int64 (n_items, n_repeats)
        Which trial of the views each is.

    Raises
    ------
    SpikebinError
        If torch is not installed.
    DatasetError
        If sheets do not have the same trials, there is no such sheet, or the type cannot hold what bins can hold; when
        items are read, if a bin holds a number that it cannot hold exactly.
    """

    def __init__(
        self,
        sheets: SheetSet | View,
        *,
        dtype: Any = None,
        item: Item = "trial",
        inputs: Sequence[str] | None = None,
        targets: Sequence[str] | None = None,
        ragged: Ragged = "refuse",
        keys: SheetKeys | None = None,
    ) -> None:
        torch = import_torch()
        if not isinstance(sheets, SheetSet | View):
            raise DatasetError(f"training takes sheets, not {sheets!r}: give what open_dataset(path) gives, or a view")
        self._views: dict[str, View] = dict(sheets if isinstance(sheets, SheetSet) else {sheets.sheet: sheets})
        self.dtype = torch.float32 if dtype is None else dtype
        if not isinstance(self.dtype, torch.dtype):
            raise DatasetError(f"dtype {dtype!r}: give one of torch's, such as torch.float16")
        lengths = {len(view) for view in self._views.values()}
        if len(lengths) != 1:
            raise DatasetError(f"sheets have {sorted(lengths)} trials: open them together, which aligns them")
        if (inputs is None) != (targets is None):
            raise DatasetError("inputs and targets go together: give the sheets of both, or neither for all in one")
        self._sides = None if inputs is None else (self._named(inputs), self._named(targets or ()))
        by = keys if keys is not None else "raw" if inputs is None else "directory"
        checked(by, SheetKeys, "training keys")
        self._keys = {name: name if by == "raw" else directory_name(name) for name in self._views}
        self.item: Item = checked(item, Item, "training item")
        checked(ragged, Ragged, "training ragged")
        first = next(iter(self._views.values()))
        self.index = np.arange(len(first))[:, np.newaxis] if item == "trial" else first.repeats(ragged=ragged).index
        n_bins = np.max([view.trials["n_bins"] for view in self._views.values()], axis=0)
        self._n_bins: NDArray[np.int64] = n_bins[self.index].max(axis=1)
        for name in self._wanted:
            cells_of(self.dtype, self._views[name].largest)

    @property
    def trials(self) -> NDArray[Any]:
        """Structured array: the trials of the views; `index` says which of them each item is."""
        return next(iter(self._views.values())).trials

    @property
    def images(self) -> NDArray[Any]:
        """The image of each item, (n_items,)."""
        images: NDArray[Any] = self.trials["image_id"][self.index[:, 0]]
        return images

    @property
    def parts(self) -> NDArray[Any]:
        """The part that each item lies in, (n_items,); of an image, that of its first trial."""
        parts: NDArray[Any] = self.trials["part"][self.index[:, 0]]
        return parts

    @property
    def _wanted(self) -> list[str]:
        """Raw names of the sheets that are read."""
        return list(
            self._views if self._sides is None else dict.fromkeys(name for side in self._sides for name in side)
        )

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, item: int) -> Batch | Example:
        return self._single(self._read([row_number(item, len(self), f"{self.item}s")]), 0)

    def __getitems__(self, items: Sequence[int]) -> _Items:
        """The items of a batch, read together; torch's DataLoader asks so."""
        batch = self._read([row_number(item, len(self), f"{self.item}s") for item in items])
        return _Items([self._single(batch, i) for i in range(len(items))], batch)

    def _single(self, batch: Batch | Example, i: int) -> Batch | Example:
        """One of several items; of a Batch without what it is padded with."""
        if isinstance(batch, Example):
            return Example(*({name: tensor[i] for name, tensor in side.items()} for side in batch))
        n_bins = int(batch.n_bins[i])
        spikes = {name: tensor[i, ..., :n_bins, :] for name, tensor in batch.spikes.items()}
        return Batch(spikes, n_bins, int(batch.trial[i]) if self.item == "trial" else batch.trial[i])

    def _read(self, items: list[int]) -> Batch | Example:
        """Some items stacked, padded to the longest of them."""
        torch = import_torch()
        index, longest = self.index[items], int(self._n_bins[items].max())
        shape = (len(items), *(() if self.item == "trial" else index.shape[1:]), longest)
        views = {name: self._views[name] for name in self._wanted}
        tensors, cells = zeros({name: (*shape, view.shape[1]) for name, view in views.items()}, self.dtype)

        def read(i: int) -> None:
            name, view = list(views.items())[i]
            target = Target(cells[name], longest * view.shape[1], 1, view.shape[1], longest)
            fill(view, index.reshape(-1), target, cells_of(self.dtype, view.largest))

        info = torch.utils.data.get_worker_info()
        at_once(read, len(views), processes=1 if info is None else info.num_workers)
        if self._sides is not None:
            inputs, targets = ({self._keys[name]: tensors[name] for name in side} for side in self._sides)
            return Example(inputs, targets)
        trial = torch.from_numpy(index if self.item == "image" else index[:, 0])
        spikes = {self._keys[name]: tensor for name, tensor in tensors.items()}
        return Batch(spikes, torch.from_numpy(self._n_bins[items]), trial)

    def _named(self, names: Sequence[str]) -> list[str]:
        """Raw names of sheets that were given by raw or directory name."""
        found = []
        for name in names_of(names, "a sheet"):
            sheet = find_sheet(name, self._views)
            if sheet is None:
                raise DatasetError(f"no sheet {name!r} to train with: {suggest(name, self._views)}")
            found.append(sheet)
        if not found:
            raise DatasetError(f"inputs and targets name a sheet at least: known are {', '.join(self._views)}")
        return found

    def __repr__(self) -> str:
        sides = "" if self._sides is None else f", {', '.join(self._sides[0])} -> {', '.join(self._sides[1])}"
        shape = f"({'repeats, ' if self.item == 'image' else ''}time, neurons)"
        return f"<TrialDataset: {len(self)} {self.item}s of {', '.join(self._views)} as {self.dtype} {shape}{sides}>"

    def _repr_html_(self) -> str:
        shape = "(repeats, time, neurons)" if self.item == "image" else "(time, neurons)"
        sides = (
            {} if self._sides is None else {"inputs": ", ".join(self._sides[0]), "targets": ", ".join(self._sides[1])}
        )
        sheets = {} if sides else {"sheets": ", ".join(self._views)}
        facts = {"items": counted(len(self), self.item), **sheets, **sides, "tensors": f"{self.dtype} {shape}"}
        return html_table("TrialDataset", facts)


class _Items(list[Any]):
    """The items of a batch, and the same in one piece."""

    def __init__(self, items: Sequence[Any], batch: Batch | Example) -> None:
        super().__init__(items)
        self.batch = batch


class FileBatchSampler(_TorchSampler):  # type: ignore[misc]
    """Batches whose items lie in few files, for `DataLoader(batch_sampler=...)`: faster than perfect shuffling.

    Files come in a new order in each epoch, and their items, too; a batch holds items of a few files at most.

    Parameters
    ----------
    dataset : TrialDataset
    batch_size : int
    files : int
        How many files are mixed.
    shuffle : bool
        False: everything in order.
    drop_last : bool
        Leave out the last batch if it is smaller.
    seed : int

    Attributes
    ----------
    epoch : int
        Which order comes next; each pass goes on to the next one. Set it to repeat one.
    """

    def __init__(
        self,
        dataset: TrialDataset,
        batch_size: int,
        *,
        files: int = 1,
        shuffle: bool = True,
        drop_last: bool = False,
        seed: int = 0,
    ) -> None:
        if not isinstance(dataset, TrialDataset):
            raise DatasetError(f"a sampler of {dataset!r}: give a TrialDataset")
        self.batch_size = whole_number(batch_size, "batches of", least=1, unit="items")
        self.files = whole_number(files, "files to mix", least=1)
        self.shuffle, self.drop_last, self.seed, self.epoch = shuffle, drop_last, seed, 0
        parts = dataset.parts
        self._items = [np.flatnonzero(parts == part) for part in dict.fromkeys(parts.tolist())]
        self._n_items = len(parts)

    def __len__(self) -> int:
        whole, rest = divmod(self._n_items, self.batch_size)
        return whole + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[list[int]]:
        rng = np.random.default_rng([self.seed, self.epoch])
        self.epoch += 1
        order = rng.permutation(len(self._items)) if self.shuffle else np.arange(len(self._items))
        left: list[int] = []
        for first in range(0, len(order), self.files):
            mixed = np.concatenate([self._items[i] for i in order[first : first + self.files]])
            left += (rng.permutation(mixed) if self.shuffle else mixed).tolist()
            while len(left) >= self.batch_size:
                yield left[: self.batch_size]
                left = left[self.batch_size :]
        if left and not self.drop_last:
            yield left


def collate(items: Sequence[Batch | Example]) -> Batch | Example:
    """Stack items, those of unequal durations padded with 0 to the longest of them.

    Parameters
    ----------
    items : sequence of Batch or Example
        Single items of a TrialDataset.

    Returns
    -------
    Batch or Example
        Each tensor with an axis in front, one entry for each item; `n_bins` and `trial` are int64 tensors.

    Raises
    ------
    SpikebinError
        If torch is not installed.
    """
    if isinstance(items, _Items):
        return items.batch
    torch = import_torch()
    several: object = items
    if not isinstance(several, list | tuple) or not items or not all(isinstance(one, Batch | Example) for one in items):
        raise DatasetError(
            f"collate stacks items of a TrialDataset, not {items!r}: give it to a DataLoader as collate_fn"
        )
    if isinstance(items[0], Example):
        return Example(*(_stacked([item[side] for item in items]) for side in range(2)))
    batches = [Batch(*item) for item in items]
    return Batch(
        _stacked([item.spikes for item in batches]),
        torch.tensor([item.n_bins for item in batches]),
        torch.stack([torch.as_tensor(item.trial) for item in batches]),
    )


def _stacked(dicts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Tensors (..., time, neuron) of several items by sheet, the shorter ones padded."""
    longest = max(tensor.shape[-2] for one in dicts for tensor in one.values())
    first = dicts[0]
    shapes = {name: (len(dicts), *one.shape[:-2], longest, one.shape[-1]) for name, one in first.items()}
    stacked = zeros(shapes, next(iter(first.values())).dtype).tensors
    for name, out in stacked.items():
        for i, one in enumerate(dicts):
            out[i, ..., : one[name].shape[-2], :] = one[name]
    return stacked
