"""The yardstick: a part exported as it was before, by neo, numpy and scipy, and no faster or slower than need be.

A program of its own, since whole processes are compared: ``python -m benchmarks.oldway DATASTORE SHEET OUT IMAGES``.
It loads each segment with neo, asks each train for its times, takes whole milliseconds as bins, fills a dense array,
and saves that as a compressed sparse matrix. It prints as JSON how long it took over what.
"""

from __future__ import annotations

import json
import pickle
import sys
import types
from pathlib import Path
from time import perf_counter

import neo
import numpy as np
from scipy.sparse import csr_matrix, save_npz

BINS = (151, 561)
WRAPPER = "mozaik.storage.neo_neurotools_wrapper"


def load(path):
    with path.open("rb") as file:
        return pickle.load(file)


def load_index(datastore):
    """The index names a class of mozaik's, which is not needed for this: a neo segment stands in."""
    for name in ("mozaik", "mozaik.storage", WRAPPER):
        sys.modules.setdefault(name, types.ModuleType(name))
    stand_in = type("PickledDataStoreNeoWrapper", (neo.Segment,), {"__module__": WRAPPER})
    sys.modules[WRAPPER].PickledDataStoreNeoWrapper = stand_in
    return load(datastore / "datastore.recordings.pickle")


def fill(matrix, segment, first_bin):
    """Mark the spikes of a segment in ``matrix[row, bin]``, uint8."""
    for row, train in enumerate(segment.spiketrains):
        matrix[row, first_bin + train.times.magnitude.astype(int)] += 1


def export(datastore, sheet, out, n_images):
    """Export the first images of a sheet; returns the seconds that each segment took."""
    found = [entry for entry in load_index(datastore).segments if entry.annotations["sheet_name"] == sheet]
    found.sort(key=lambda entry: entry.rec_datetime)
    blanks = [entry for entry in found if entry.null][:n_images]
    images = [entry for entry in found if not entry.null][:n_images]
    matrix, seconds = None, []
    for i, pair in enumerate(zip(blanks, images, strict=True)):
        for entry, first_bin in zip(pair, (0, BINS[0]), strict=True):
            start = perf_counter()
            segment = load(datastore / f"{entry.identifier}.pickle")
            if matrix is None:
                matrix = np.zeros((len(segment.spiketrains), n_images, sum(BINS)), np.uint8)
            fill(matrix[:, i], segment, first_bin)
            seconds.append(perf_counter() - start)
    save_npz(out, csr_matrix(matrix.reshape(len(matrix), -1)))
    return seconds


if __name__ == "__main__":
    print(json.dumps(export(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))))
