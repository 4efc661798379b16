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
# In natural order: TT1_3 (unit 7), TT1_40 (unit 4), m2_9 (unit 12), mua (unit 15).
for name, segments in (("names", 1), ("names_two", 2)):
    sorting = si.NumpySorting.from_samples_and_labels(samples[:segments], labels[:segments], 30_000.0, [4, 7, 12, 15])
    sorting = sorting.rename_units(["TT1_40", "TT1_3", "m2_9", "mua"])
    sorting.set_property("quality", np.array(["good", "mua", "good", "noise"]))
    NpzSortingExtractor.write_sorting(sorting, f"{name}.npz")
    sorting.save(folder=name, format="numpy_folder", overwrite=True)
for path in ("one_segments", "two_segments", "named", "names", "names_two"):
    for rest in ("si_folder.json", "provenance.json", "provenance.pkl", "annotations.json"):
        Path(path, rest).unlink(missing_ok=True)
