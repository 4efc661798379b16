"""Compares what is read of every HDF5 recording in a directory with what h5py reads of it.

    python tests/compare_hdf5.py DIRECTORY

prints a line for each SONATA and NWB file: the same, different (and where), or refused (and why). It exits with 1 where
one differs.
"""

from __future__ import annotations

import sys
from pathlib import Path

import h5py
import numpy as np

from spikebin.errors import SpikebinError
from spikebin.recordings import format_of, open_recording

SCALES = {"s": 1000.0, "seconds": 1000.0, "ms": 1.0, "milliseconds": 1.0, "": 1.0}


def by_h5py(path):
    """Sheet -> times in ms and neurons of all spikes, in the order of the file."""
    with h5py.File(path, "r") as file:
        if path.suffix == ".nwb":
            units = file["units"]
            ends = units["spike_times_index"][:].astype(int)
            counts = np.diff(ends, prepend=0)
            return {"units": (units["spike_times"][:] * 1000.0, np.repeat(units["id"][:], counts))}
        found, spikes = {}, file["spikes"]
        for name, group in [("default", spikes), *spikes.items()]:
            ids = next((ids for ids in ("node_ids", "gids") if isinstance(group, h5py.Group) and ids in group), None)
            if ids is not None and "timestamps" in group:
                unit = group["timestamps"].attrs.get("units", "ms")
                unit = unit.decode() if isinstance(unit, bytes) else str(unit)
                found[name] = (group["timestamps"][:] * SCALES[unit], group[ids][:])
        return found


def by_spikebin(path):
    """The same, by the reader that is tested."""
    recording = open_recording(path)
    found = {}
    for name in recording.sheets:
        chunks = list(recording.population(name).source.chunks())
        columns = zip(*chunks, strict=True) if chunks else ([np.empty(0)], [np.empty(0, int)])
        found[name] = tuple(np.concatenate(column) for column in columns)
    return found


def difference(path):
    """Where the two differ; "" where they agree."""
    theirs, ours = by_h5py(path), by_spikebin(path)
    if set(theirs) != set(ours):
        return f"sheets {sorted(ours)}, h5py has {sorted(theirs)}"
    for name, (times, ids) in theirs.items():
        if not np.array_equal(ours[name][1], ids.astype(np.int64)):
            return f"neurons of {name}"
        if not np.array_equal(ours[name][0], times.astype(np.float64)):
            return f"times of {name}"
    return ""


def compare(directory):
    """One line for each file, and how many differ."""
    n_different = 0
    for path in sorted(path for path in Path(directory).rglob("*") if path.suffix in {".h5", ".hdf5", ".nwb"}):
        if path.suffix != ".nwb" and format_of(path) != "sonata":
            continue
        try:
            found = difference(path)
        except SpikebinError as error:
            yield f"refused    {path.name}: {error}", n_different
            continue
        n_different += bool(found)
        yield f"{'different' if found else 'the same'}  {path.name} {found}".rstrip(), n_different


if __name__ == "__main__":
    different = 0
    for line, different in compare(sys.argv[1]):  # noqa: B007
        sys.stdout.write(line + "\n")
    sys.exit(min(1, different))
