"""A view with its labels in memory, as other libraries hold it: xarray. They are imported where they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spikebin.errors import SpikebinError

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from spikebin.dataset.sheet_array import SheetArray

__all__ = ["to_xarray", "trial_columns"]


def trial_columns(trials: NDArray[Any], taken: Collection[str]) -> dict[str, NDArray[Any]]:
    """The columns of a table of trials by name; those named as something else already are called ``trial_<name>``.

    A slash would be read as a path by formats that have groups: it becomes an underscore.

    Parameters
    ----------
    trials : structured array (n_trials,)
    taken : collection of str

    Returns
    -------
    dict of str to ndarray (n_trials,)
    """
    columns: dict[str, NDArray[Any]] = {}
    for name in trials.dtype.names or ():
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
