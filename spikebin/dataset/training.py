"""Training batches: a view, or several sheets side by side, as a map-style data set for PyTorch. Needs torch.

Nothing here starts workers or decides on batches: torch's DataLoader does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from spikebin.dataset.sheet_set import SheetSet
from spikebin.errors import DatasetError, SpikebinError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spikebin.dataset.view import View

__all__ = ["Batch", "TrialDataset", "collate"]


class Batch(NamedTuple):
    """One trial, or several stacked.

    Attributes
    ----------
    spikes : dict
        Sheet -> tensor (time, neuron) of one trial, (trial, time, neuron) of several.
    n_bins : int or tensor
        Real bins of each trial; behind them a padded tensor is 0.
    trial : int or tensor
        Which trial of the view each is: a row of its `trials`.
    """

    spikes: dict[str, Any]
    n_bins: Any
    trial: Any


class TrialDataset:
    """The trials of one or several sheets as tensors, for `torch.utils.data.DataLoader`.

    An item is a whole trial, which is one read from each sheet's file, so shuffling costs no more than going through in
    order. No handle is kept: any number of workers may read, forked or spawned.

    Parameters
    ----------
    sheets : SheetSet or View
        As it is, or after `window`, `rebin`, `select`.
    dtype : torch.dtype, optional
        Of the tensors; torch.float32 by default.

    Raises
    ------
    SpikebinError
        If torch is not installed.
    DatasetError
        If sheets do not have the same trials.

    Notes
    -----
    Trials of one length stack by themselves; for others give ``DataLoader(..., collate_fn=collate)``.
    """

    def __init__(self, sheets: SheetSet | View, *, dtype: Any = None) -> None:
        torch = _torch()
        self._views: dict[str, View] = dict(sheets if isinstance(sheets, SheetSet) else {sheets.sheet: sheets})
        self.dtype = torch.float32 if dtype is None else dtype
        lengths = {len(view) for view in self._views.values()}
        if len(lengths) != 1:
            raise DatasetError(f"sheets have {sorted(lengths)} trials: open them together, which aligns them")
        self._n_bins = np.max([view.trials["n_bins"] for view in self._views.values()], axis=0)

    @property
    def trials(self) -> Any:
        """The trials that the items are, as a structured array."""
        return next(iter(self._views.values())).trials

    def __len__(self) -> int:
        return len(self._n_bins)

    def __getitem__(self, trial: int) -> Batch:
        if not -len(self) <= trial < len(self):
            raise IndexError(f"trial {trial} is out of bounds for {len(self)} trials")
        trial = int(trial) % len(self)
        n_bins = int(self._n_bins[trial])
        return Batch({name: self._tensor(view, trial, n_bins) for name, view in self._views.items()}, n_bins, trial)

    def _tensor(self, view: View, trial: int, n_bins: int) -> Any:
        torch = _torch()
        flat, values = view.flat_events(trial)
        rows, bins = np.divmod(flat, view.shape[2])
        out = torch.zeros(n_bins * view.shape[1], dtype=self.dtype)
        # Few cells hold a spike: filling those in is cheaper than turning a dense matrix around.
        cells = torch.from_numpy(bins * view.shape[1] + rows)
        out[cells] = torch.from_numpy(values.astype(np.int64)).to(self.dtype)
        return out.view(n_bins, view.shape[1])

    def __repr__(self) -> str:
        return f"<{len(self)} trials of {', '.join(self._views)} as {self.dtype}>"


def collate(items: Sequence[Batch]) -> Batch:
    """Stack trials of unequal durations: each is padded with 0 to the longest of them.

    Parameters
    ----------
    items : sequence of Batch
        Of single trials.

    Returns
    -------
    Batch
        Tensors (trial, time, neuron); `n_bins` and `trial` are int64 tensors (trial,).

    Raises
    ------
    SpikebinError
        If torch is not installed.
    """
    torch = _torch()
    longest = max(item.n_bins for item in items)
    spikes = {}
    for name, first in items[0].spikes.items():
        out = torch.zeros((len(items), longest, first.shape[1]), dtype=first.dtype)
        for i, item in enumerate(items):
            out[i, : item.n_bins] = item.spikes[name]
        spikes[name] = out
    return Batch(spikes, torch.tensor([item.n_bins for item in items]), torch.tensor([item.trial for item in items]))


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        raise SpikebinError("torch is not installed: pip install 'spikebin[torch]'") from None
    return torch
