"""One sheet as a zarr store that xarray opens labelled: written trial by trial, gone on with where it was left.

export.py chooses where the store goes. Needs zarr 3; what is written is its format 3.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import warnings
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.dataset.dataset import dataset_of
from spikebin.dataset.labelled import trial_columns
from spikebin.errors import SpikebinError
from spikebin.system.files import make_directory, os_error, write_atomically
from spikebin.system.lock import locked
from spikebin.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from spikebin.dataset.view import View

__all__ = ["write_store", "zarr_package"]

# Blosc takes less than 2 GiB at once; a reader of few neurons is glad of less.
LARGEST_CHUNK = 2**26
PROGRESS = "written.json"
# Attributes that say more of a store than what its content comes from.
BESIDES = ("left_out", "made_by")


def zarr_package() -> Any:
    """The package `zarr`.

    Raises
    ------
    SpikebinError
        If zarr is not installed.
    """
    try:
        import zarr
    except ImportError:
        raise SpikebinError("zarr is not installed: pip install 'spikebin[zarr]'") from None
    return zarr


def write_store(view: View, store: Path, notes: Path) -> Iterator[tuple[str, int, bool]]:
    """Write a sheet as a zarr group that is there complete or not at all.

    Parameters
    ----------
    view : View
        A data set, or any view of it.
    store : Path
        The group's directory. It is built beside itself, as ``.<name>.partial``, and renamed into place at the end.
    notes : Path
        Directory for the note of what is built already, and for the lock that keeps a second writer out.

    Yields
    ------
    (part, n_trials, skipped)
        For each part, once its trials are on disk. What an earlier call has written of the same is skipped; a store
        that is in place and was made from the same is left alone.

    Raises
    ------
    DatasetError
        If the view is not one of a data set.
    SpikebinError
        If zarr is missing, the store cannot be written, or another process is writing it.

    Notes
    -----
    `spikes` is (trial, neuron, time), a chunk is one trial (of many neurons: several). Beside it lie the coordinates
    `neuron` (ids), `time` (ms, relative to what the attribute `time_zero` says), `x`, `y`, `z`, the columns of
    ``view.trials`` along `trial`, and `phase_bins` (trial, phase) with the names of the `phase`. Attributes say from
    which files of which content all was made.
    """
    zarr = zarr_package()
    facts = _facts(view)
    parts = _runs(view.trials["part"])
    building = store.with_name(f".{store.name}.partial")
    make_directory(store.parent)
    with locked(notes, patience=1.0):
        try:
            if _made_from(store) == facts:
                yield from ((part, stop - first, True) for part, first, stop in parts)
                return
            n_done, n_files = _begun(zarr, building, notes, facts, parts) if _made_from(building) == facts else (0, 0)
            if not n_done:
                # First the note: what is begun must never be taken for what was written before.
                (notes / PROGRESS).unlink(missing_ok=True)
                shutil.rmtree(building, ignore_errors=True)
                _begin(zarr, view, building, facts)
            spikes = zarr.open_group(building, mode="r+")["spikes"]
            for i, (part, first, stop) in enumerate(parts):
                if i >= n_done:
                    for trial in range(first, stop):
                        chunks = building / "spikes" / "c" / str(trial)
                        shutil.rmtree(chunks, ignore_errors=True)
                        spikes[trial] = view[trial]
                        _sync(chunks)
                    n_files += _n_files(building, first, stop)
                    _note(notes, facts, i + 1, n_files)
                yield part, stop - first, i < n_done
            _finish(zarr, building, store)
            (notes / PROGRESS).unlink(missing_ok=True)
        except OSError as error:
            raise os_error(error, store) from None


def _facts(view: View) -> dict[str, Any]:
    """What the store is made from, as its attributes say it."""
    dataset = dataset_of(view)
    header = dataset.files[0].header
    return {
        "sheet": header.sheet,
        "variant": header.variant,
        "binning": asdict(header.binning),
        "trial": header.trial,
        "width_ms": view.width,
        "views": " | ".join(view.steps),
        "time_zero": view.time_zero,
        "sources": [
            {
                "part": file.header.part,
                "file": file.path.name,
                "content_digest": file.header.content_digest,
                "recording": file.header.source.name,
            }
            for file in dataset.files
        ],
    }


def _runs(parts: NDArray[Any]) -> list[tuple[str, int, int]]:
    """(part, first trial, last trial + 1) of each run of trials of one part."""
    starts = [0, *(np.flatnonzero(parts[1:] != parts[:-1]) + 1).tolist()]
    return [(str(parts[a]), a, b) for a, b in zip(starts, [*starts[1:], len(parts)], strict=True)]


def _begin(zarr: Any, view: View, building: Path, facts: dict[str, Any]) -> None:
    """The group with all but the spikes."""
    besides = {"left_out": dataset_of(view).left_out, "made_by": f"spikebin {__version__}"}
    group = zarr.open_group(building, mode="w", zarr_format=3, attributes={**facts, **besides})
    trials, neurons = view.trials, view.neurons
    phases, phase_bins = view.phases()
    tables: dict[str, tuple[NDArray[Any], tuple[str, ...]]] = {
        "neuron": (neurons["neuron_id"], ("neuron",)),
        "time": (view.time, ("time",)),
        "phase": (np.array(phases), ("phase",)),
        "phase_bins": (phase_bins, ("trial", "phase")),
        **{name: (neurons[name], ("neuron",)) for name in ("x", "y", "z")},
    }
    for name, column in trial_columns(trials, {*tables, "spikes"}).items():
        tables[name] = column, ("trial",)
    for name, (array, dimensions) in tables.items():
        dtype = str if array.dtype.kind == "U" else array.dtype
        made = group.create_array(name, shape=array.shape, chunks=array.shape, dtype=dtype, dimension_names=dimensions)
        made[...] = array
    n_rows = max(1, min(view.shape[1], LARGEST_CHUNK // (view.shape[2] * view.dtype.itemsize)))
    group.create_array(
        "spikes",
        shape=view.shape,
        chunks=(1, n_rows, view.shape[2]),
        dtype=view.dtype,
        fill_value=view.dtype.type(0),
        compressors=zarr.codecs.BloscCodec(cname="zstd", clevel=1, shuffle="bitshuffle"),
        dimension_names=("trial", "neuron", "time"),
        # By this, xarray knows which arrays are coordinates.
        attributes={"coordinates": " ".join(name for name in tables if name not in {"neuron", "time", "phase"})},
    )
    _sync(building)


def _finish(zarr: Any, building: Path, store: Path) -> None:
    """Put a store in place, instead of one that was made from something else."""
    with warnings.catch_warnings():
        # Format 3 does not define consolidated metadata yet; readers that do not know it ignore it.
        warnings.simplefilter("ignore")
        zarr.consolidate_metadata(building)
    _sync(building, "zarr.json")
    old = store.with_name(f".{store.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if store.exists():
        store.rename(old)
    building.rename(store)
    shutil.rmtree(old, ignore_errors=True)


def _made_from(store: Path) -> dict[str, Any] | None:
    try:
        attributes = json.loads((store / "zarr.json").read_text("utf-8"))["attributes"]
        return {name: value for name, value in attributes.items() if name not in BESIDES}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _begun(
    zarr: Any, building: Path, notes: Path, facts: dict[str, Any], parts: Sequence[tuple[str, int, int]]
) -> tuple[int, int]:
    """How many parts of a store that is being built are on disk, in how many files; none if any of it has gone."""
    try:
        note = json.loads((notes / PROGRESS).read_text("utf-8"))
        n_done, n_files = int(note["parts"]), int(note["files"])
        # Scratch disks remove what is old: an array without its metadata, or chunks, which would read as zeros.
        zarr.open_group(building, mode="r")["spikes"]
        intact = note["facts"] == _digest(facts) and _n_files(building, 0, parts[n_done - 1][2]) == n_files
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return 0, 0
    return (n_done, n_files) if intact else (0, 0)


def _n_files(building: Path, first: int, stop: int) -> int:
    """How many files the chunks of some trials are; a chunk without a spike has no file."""
    folders = (building / "spikes" / "c" / str(trial) for trial in range(first, stop))
    return sum(path.is_file() for folder in folders for path in folder.rglob("*"))


def _note(notes: Path, facts: dict[str, Any], n_done: int, n_files: int) -> None:
    note = {"parts": n_done, "files": n_files, "facts": _digest(facts)}
    write_atomically(notes / PROGRESS, [json.dumps(note).encode()])


def _digest(facts: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _sync(directory: Path, names: str = "*") -> None:
    """Wait until the files below a directory are on disk: a note that says so must not be there before them."""
    for path in directory.rglob(names):
        if path.is_file():
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
