"""The `responses` of a shard: exact times of spikes, or counts in bins of equal width; a sheet at a time in memory."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.binning.bin_spikes import bin_spikes
from spikebin.exports.experanto.yaml_text import yaml_text
from spikebin.recordings.experanto import neurons_name
from spikebin.recordings.presented import are_steps
from spikebin.system.files import reserve

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from spikebin.exports.experanto.settings import ShardSettings
    from spikebin.recordings.presented import Presented, TimelineSpikes

__all__ = ["Written", "write_sequence", "write_spikes"]

CELLS = 1 << 25
SPIKES = 1 << 22


@dataclass(frozen=True)
class Written:
    """How many units and spikes the responses hold, and how many spikes lay outside of their presentation.

    `on_grid`: all times are steps of a simulation, so that many of them are edges of bins.
    """

    n_units: int
    n_spikes: int
    n_outside: int
    on_grid: bool = False


def write_spikes(shown: Presented, folder: Path, settings: ShardSettings) -> Written:
    """Write the exact times of all sheets in seconds, unit after unit.

    Parameters
    ----------
    shown : Presented
    folder : Path
    settings : ShardSettings

    Returns
    -------
    Written

    Raises
    ------
    OSError
        If it cannot be written.
    """
    indices, units = [np.zeros(1, np.int64)], [0]
    n_spikes, n_outside, on_grid = 0, 0, True
    with (folder / "spikes.npy").open("wb") as file:
        file.write(_npy_head(0))
        for sheet in shown.sheets:
            found = shown.spikes(sheet)
            for first in range(0, found.times.size, SPIKES):
                times = np.asarray(found.times[first : first + SPIKES])
                on_grid = on_grid and are_steps(times)
                file.write((times / 1000.0).astype("<f8").tobytes())
            indices.append(n_spikes + found.counts.cumsum())
            n_spikes += found.times.size
            units.append(units[-1] + found.counts.size)
            n_outside += found.n_outside
        file.seek(0)
        file.write(_npy_head(n_spikes))
    meta = {
        "modality": "spikes",
        "is_mem_mapped": False,
        "dtype": "float64",
        "spike_indices": np.concatenate(indices).tolist(),
    }
    _write_meta(shown, folder, meta, units, settings.sampling_rate)
    return Written(units[-1], n_spikes, n_outside, on_grid)


def write_sequence(shown: Presented, folder: Path, settings: ShardSettings) -> Written:
    """Write counts of all sheets in bins of equal width over the recording, (time, unit), with means and deviations.

    Parameters, returns and raises as for `write_spikes`.
    """
    width, end = settings.width, shown.stretches[-1].stop
    n_bins = max(1, math.ceil(end / width - 1e-9))
    units = [0, *accumulate(shown.neurons(sheet).size for sheet in shown.sheets)]
    data = np.lib.format.open_memmap(folder / "data.npy", "w+", np.float32, (n_bins, units[-1]))
    reserve(folder / "data.npy")
    sums, squares = np.zeros(units[-1]), np.zeros(units[-1])
    n_spikes = n_outside = 0
    for sheet, first_unit, stop_unit in zip(shown.sheets, units, units[1:], strict=False):
        found = shown.spikes(sheet)
        mine = slice(first_unit, stop_unit)
        step = max(1, CELLS // max(1, found.counts.size))
        for first in range(0, n_bins, step):
            stop = min(first + step, n_bins)
            counts = _counts(found, width, first, stop, last=stop == n_bins)
            data[first:stop, mine] = counts.T
            sums[mine] += counts.sum(axis=1, dtype=np.float64)
            squares[mine] += np.einsum("ij,ij->i", counts, counts, dtype=np.float64)
        n_spikes += found.times.size
        n_outside += found.n_outside
    data.flush()
    means = sums / n_bins
    (folder / "meta").mkdir()
    # (1, n): Experanto takes the first row of what it normalises responses by.
    np.save(folder / "meta" / "means.npy", means[np.newaxis])
    np.save(folder / "meta" / "stds.npy", np.sqrt(np.maximum(squares / n_bins - means**2, 0.0))[np.newaxis])
    meta = {
        "modality": "sequence",
        "is_mem_mapped": False,
        "dtype": "float32",
        "n_timestamps": n_bins,
        "phase_shift_per_signal": False,
    }
    _write_meta(shown, folder, meta, units, 1000.0 / width)
    return Written(units[-1], n_spikes, n_outside)


def _counts(found: TimelineSpikes, width: float, first: int, stop: int, *, last: bool) -> NDArray[np.uint16]:
    """Counts of all units in some bins, (unit, bin)."""
    near = found.times >= (first - 1) * width
    if not last:
        near &= found.times <= (stop + 1) * width
    mine = np.flatnonzero(near)
    times = np.asarray(found.times[mine], np.float64)
    if last:
        # A spike at exactly the end counts in the last bin: it is in no other.
        times[times > stop * width - 1e-6 * width] = (stop - 0.5) * width
    counts: NDArray[np.uint16] = bin_spikes(
        times,
        np.searchsorted(found.counts.cumsum(), mine, "right"),
        n_neurons=found.counts.size,
        start=first * width,
        stop=stop * width,
        width=width,
        dtype=np.uint16,
    )[0]
    return counts


def _write_meta(shown: Presented, folder: Path, meta: dict[str, Any], units: Sequence[int], rate: float) -> None:
    """What both kinds of responses say of themselves, and what is known of their units."""
    repeats = {repeat for s in shown.stretches if (repeat := s.stimulus.get("trial")) is not None}
    facts = {
        **meta,
        "n_signals": units[-1],
        "n_signals_layerwise": np.diff(units).tolist(),
        "sheets": list(shown.sheets),
        "sheet_unit_indices": list(units),
        "start_time": 0.0,
        "end_time": shown.stretches[-1].stop / 1000.0,
        "sampling_rate": rate,
        "trial_id": repeats.pop() if len(repeats) == 1 else None,
        "stimuli_order": [stretch.image_id or "blank" for stretch in shown.stretches],
    }
    (folder / "meta.yml").write_text(yaml_text(facts), "utf-8")
    for i, sheet in enumerate(shown.sheets):
        np.save(folder / neurons_name(i), shown.neurons(sheet))


def _npy_head(n: int) -> bytes:
    """The 128 bytes before the numbers of a .npy file of n float64: as long whatever n is."""
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({n},), }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", 118) + text.ljust(117) + b"\n"
