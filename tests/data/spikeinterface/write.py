"""How the files in this directory were written, by SpikeInterface 0.105 from PyPI; truth.npz holds the same spikes.

Run in this directory.
"""

from pathlib import Path

import numpy as np
import spikeinterface as si
from spikeinterface.core.npzsortingextractor import NpzSortingExtractor

rng = np.random.default_rng(0)
samples = [np.sort(rng.integers(0, 30_000, 60)) for _ in range(2)]
labels = [rng.choice([4, 7, 12], 60) for _ in range(2)]
np.savez("truth.npz", **{f"samples{i}": samples[i] for i in range(2)}, **{f"units{i}": labels[i] for i in range(2)})
for name, segments in (("one", 1), ("two", 2)):
    sorting = si.NumpySorting.from_samples_and_labels(samples[:segments], labels[:segments], 30_000.0, [4, 7, 12, 15])
    sorting.set_property("quality", np.array(["good", "mua", "good", "noise"]))
    sorting.save(folder=f"{name}_segments", format="numpy_folder", overwrite=True)
    NpzSortingExtractor.write_sorting(sorting, f"{name}.npz")
named = si.NumpySorting.from_samples_and_labels(samples[:1], labels[:1], 30_000.0, [4, 7, 12, 15])
named.rename_units(["a", "b", "c", "d"]).save(folder="named", format="numpy_folder", overwrite=True)
for path in ("one_segments", "two_segments", "named"):
    for rest in ("si_folder.json", "provenance.json", "provenance.pkl", "annotations.json"):
        Path(path, rest).unlink(missing_ok=True)
