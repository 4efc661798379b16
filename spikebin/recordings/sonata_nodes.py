"""SONATA's node files: the ids of a population, and where its nodes lie.

https://github.com/AllenInstitute/sonata/blob/master/docs/SONATA_DEVELOPER_GUIDE.md
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.errors import RecordingError
from spikebin.names import find_sheet, suggest
from spikebin.recordings.continuous.flat_arrays import whole_ids
from spikebin.recordings.continuous.hdf5_group import opened
from spikebin.recordings.continuous.neuron_rows import neuron_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from spikebin.recordings.continuous.hdf5_group import Group

__all__ = ["FLAT_SHEET", "nodes_of"]

FLAT_SHEET = "default"
"""The only population of a file of the old flat layout."""


def nodes_of(
    population: str, populations: Sequence[str], files: Sequence[tuple[str | None, str]], *, follow: bool
) -> NDArray[Any] | None:
    """The nodes of a population.

    Parameters
    ----------
    population : str
    populations : sequence of str
        Those of the recording.
    files : sequence of (str or None, str)
        Of each file the population that it is said to hold, None where nothing is said, and its path.
    follow : bool
        Take what a file names in others, see `spikebin.recordings.settings.Reading`.

    Returns
    -------
    structured array (n_nodes,) or None
        NEURON_FIELDS by ascending id; None where no file is for this population.

    Raises
    ------
    RecordingError
        If a file is not there or damaged, two are for this population, or a name is not one of the recording.
    """
    mine, others = [], []
    for name, path in files:
        found = None if name is None else find_sheet(name, populations)
        if name is not None and found is None:
            raise RecordingError(f"nodes {name}={path}: there is no population {name!r}: {suggest(name, populations)}")
        if found == population:
            mine.append(path)
        elif found is None:
            others.append(path)
    # Files of which nothing is said are looked into, unless one is said to be the population's.
    holding = mine or [path for path in others if _holds(Path(path), population, follow=follow)]
    if len(holding) > 1:
        raise RecordingError(
            f"nodes of {population} lie in {' and '.join(Path(path).name for path in holding)}: say which it is,"
            f" {population}={holding[0]}"
        )
    if holding or others:
        return _nodes(Path((holding or others)[0]), population, follow=follow)
    return None


def _holds(path: Path, population: str, *, follow: bool) -> bool:
    with _opened_nodes(path, follow=follow) as root:
        nodes = root.group("nodes")
        return nodes is not None and _group_of(nodes, population) is not None


def _opened_nodes(path: Path, *, follow: bool) -> Any:
    if not path.is_file():
        raise RecordingError(f"no file of nodes {path}: fix `nodes`")
    return opened(path, follow=follow)


def _group_of(nodes: Group, population: str) -> str | None:
    """The group of a population; of the only one, whatever it is called, for files of spikes that name none."""
    known = nodes.groups
    if population in known:
        return population
    return known[0] if population == FLAT_SHEET and len(known) == 1 else None


def _nodes(path: Path, population: str, *, follow: bool) -> NDArray[Any]:
    with _opened_nodes(path, follow=follow) as root:
        nodes = root.group("nodes")
        found = None if nodes is None else _group_of(nodes, population)
        if nodes is None or found is None:
            known = [] if nodes is None else nodes.groups
            raise RecordingError(
                f"{path.name} has no nodes of {population}, only of {', '.join(known) or 'none'}: give another file"
            )
        group: Any = nodes.group(found)
        n_nodes = group.length("node_type_id") if group.has("node_type_id") else group.length("node_id")
        ids = whole_ids(group.read("node_id"), path.name) if group.has("node_id") else np.arange(n_nodes)
        places = np.full((ids.size, 3), np.nan)
        member = group.read("node_group_id") if group.has("node_group_id") else np.zeros(ids.size, np.int64)
        index = group.read("node_group_index") if group.has("node_group_index") else np.arange(ids.size)
        if member.size != ids.size or index.size != ids.size:
            raise RecordingError(
                f"{path.name}: node_group_id and node_group_index do not fit {ids.size} nodes: write it again"
            )
        for number in np.unique(member):
            attributes = group.group(str(number))
            mine = member == number
            for i, axis in enumerate("xyz"):
                if attributes is not None and attributes.readable(axis):
                    values = attributes.read(axis).astype(np.float64)
                    if index[mine].max() >= values.size or index[mine].min() < 0:
                        raise RecordingError(
                            f"{path.name}: node_group_index does not fit the {axis} of its group: write it again"
                        )
                    places[mine, i] = values[index[mine]]
    if np.unique(ids).size != ids.size:
        raise RecordingError(f"{path.name}: two nodes of {population} have one id: write it again")
    return neuron_table(ids, places)
