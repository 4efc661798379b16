"""A view with its labels in memory, as xarray and pandas hold it. They are imported where they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.errors import SpikebinError

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from spikebin.choices import FrameKind
    from spikebin.dataset.sheet_array import SheetArray

__all__ = ["to_pandas", "to_xarray", "trial_columns"]


def trial_columns(trials: NDArray[Any], taken: Collection[str]) -> dict[str, NDArray[Any]]:
    """The columns of a table of trials by name; those named as something else already are called ``trial_<name>``.

    A slash would be read as a path by formats that have groups: it becomes an underscore. Columns that hold several
    values of each trial are left out.

    Parameters
    ----------
    trials : structured array (n_trials,)
    taken : collection of str

    Returns
    -------
    dict of str to ndarray (n_trials,)
    """
    columns: dict[str, NDArray[Any]] = {}
    for name in _single(trials):
        free = name.replace("/", "_")
        while free in {*taken, *columns, "trial"}:
            free = f"trial_{free}"
        columns[free] = trials[name]
    return columns


def to_xarray(view: SheetArray) -> Any:
    """A view as `View.to_xarray` gives it."""
    try:
        import xarray
    except ImportError:
        raise SpikebinError("xarray is not installed: pip install 'spikebin[xarray]'") from None
    columns = trial_columns(view.trials, {"trial", "neuron", "time"})
    return xarray.DataArray(
        view.to_numpy(),
        dims=("trial", "neuron", "time"),
        coords={
            "neuron": view.neurons["neuron_id"],
            "time": view.time,
            **{name: ("trial", column) for name, column in columns.items()},
        },
        name=view.name,
        attrs={"views": " | ".join(view.steps), "width_ms": view.width, "time_zero": view.time_zero},
    )


def to_pandas(view: SheetArray, what: FrameKind) -> Any:
    """A table of a view as `View.to_pandas` gives it."""
    try:
        import pandas as pd
    except ImportError:
        raise SpikebinError("pandas is not installed: pip install 'spikebin[pandas]'") from None
    if what != "events":
        table = view.trials if what == "trials" else view.neurons
        frame = pd.DataFrame({name: table[name] for name in _single(table)})
        return frame.rename_axis("trial" if what == "trials" else "neuron")
    found = [view.flat_events(i) for i in range(len(view))]
    flat = np.concatenate([flat for flat, _ in found])
    bins = flat % view.shape[2]
    columns: dict[str, NDArray[Any]] = {
        "trial": np.repeat(np.arange(len(view)), [len(one) for one, _ in found]),
        "neuron_id": view.neurons["neuron_id"][flat // view.shape[2]],
        "bin": bins,
        "time": view.time[bins],
    }
    if view.largest > 1:
        columns["count"] = np.concatenate([values for _, values in found])
    return pd.DataFrame(columns)


def _single(table: NDArray[Any]) -> list[str]:
    """The columns of a structured array that hold one value in each row."""
    return [name for name in table.dtype.names or () if not table.dtype[name].shape]
