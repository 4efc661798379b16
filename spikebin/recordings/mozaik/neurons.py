"""What the index of a datastore lists of the neurons of its sheets: ids, positions, annotations.

Which neurons were recorded is known to the segments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.recordings.columns import as_column, column_name
from spikebin.recordings.protocol import NEURON_FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["neuron_table"]


def neuron_table(annotations: Mapping[str, Any], sheet: str, ids: NDArray[np.int64]) -> NDArray[Any]:
    """The neurons of a sheet, with what the index lists of them.

    Parameters
    ----------
    annotations : mapping
        Of the index's Block: neuron_ids, neuron_positions, neuron_annotations.
    sheet : str
        Raw name.
    ids : int64 (n,)
        Those that were recorded, ascending.

    Returns
    -------
    structured array (n,)
        NEURON_FIELDS, positions in the unit of the datastore; and a column for each annotation that is a number, a
        bool or a text (LGNAfferentOrientation, ...): numbers as numbers, nan or "" where a neuron has none.

    Raises
    ------
    ValueError
        If the index lists no ids, or positions or annotations that do not go with them, or not one of `ids`; the
        sentence of an error, without the datastore.
    """
    listed, positions = _listed(annotations, sheet)
    by_id = np.argsort(listed, kind="stable")
    places = np.searchsorted(listed, ids, sorter=by_id)
    known = places < listed.size
    known[known] = listed[by_id[places[known]]] == ids[known]
    if not known.all():
        raise ValueError(
            f"neuron {ids[~known][0]} has spikes but is not in the index's list: the datastore mixes two"
            " simulations, copy it again or exclude the part"
        )
    rows = by_id[places]
    columns: dict[str, NDArray[Any]] = {"neuron_id": ids, **dict.fromkeys("xyz", np.full(ids.size, np.nan))}
    if positions is not None:
        columns |= {axis: values[rows] for axis, values in zip("xyz", positions, strict=False)}
    columns |= {name: np.array(as_column(values)) for name, values in _noted(annotations, sheet, rows).items()}
    kinds = {**{name: column.dtype for name, column in columns.items()}, **dict(NEURON_FIELDS)}
    table = np.empty(ids.size, list(kinds.items()))
    for name, column in columns.items():
        table[name] = column
    return table


def _listed(annotations: Mapping[str, Any], sheet: str) -> tuple[NDArray[np.int64], NDArray[np.float64] | None]:
    """Ids (n,) and positions (2 or 3, n) of the complete sheet, recorded or not."""
    ids = _of_sheet(annotations, "neuron_ids", sheet)
    positions = _of_sheet(annotations, "neuron_positions", sheet)
    if not isinstance(ids, np.ndarray) or ids.ndim != 1 or ids.dtype.kind not in "iu":
        raise ValueError(f"the index lists no neuron_ids of {sheet}: copy it again, or exclude the part")
    if positions is None:
        return ids.astype(np.int64), None
    if (
        not isinstance(positions, np.ndarray)
        or positions.dtype.kind not in "fiu"
        or positions.ndim != 2
        or not 2 <= positions.shape[0] <= 3
        or positions.shape[1] != ids.size
    ):
        raise ValueError(
            f"the index lists neuron_positions of {sheet} that do not match its neuron_ids: exclude the part"
        )
    return ids.astype(np.int64), positions.astype(np.float64)


def _noted(annotations: Mapping[str, Any], sheet: str, rows: NDArray[np.intp]) -> dict[str, Sequence[Any]]:
    """Column -> the annotation of each neuron, those that are no single values left out."""
    noted = _of_sheet(annotations, "neuron_annotations", sheet)
    if not noted:
        return {}
    ids = _of_sheet(annotations, "neuron_ids", sheet)
    if not isinstance(noted, list) or len(noted) != len(ids) or not all(isinstance(one, dict) for one in noted):
        raise ValueError(
            f"the index lists neuron_annotations of {sheet} that do not match its neuron_ids: exclude the part"
        )
    mine = [noted[row] for row in rows.tolist()]
    columns: dict[str, Sequence[Any]] = {}
    for name in dict.fromkeys(name for one in mine for name in one if isinstance(name, str)):
        values = [value if isinstance(value := one.get(name), bool | int | float | str) else None for one in mine]
        if any(value is not None for value in values):
            columns[column_name(name, {"neuron_id", *"xyz", *columns})] = values
    return columns


def _of_sheet(annotations: Mapping[str, Any], key: str, sheet: str) -> Any:
    by_sheet = annotations.get(key)
    return by_sheet.get(sheet) if isinstance(by_sheet, dict) else None
