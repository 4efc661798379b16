"""Compiles ahead of time every kernel that an export calls, by exporting a tiny recording to a temporary directory."""

from __future__ import annotations

import tempfile
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from spikebin.binning.rules import Binning
from spikebin.choices import Codec, Layout, Values
from spikebin.kernels.jit import cache_directory
from spikebin.matrixfile.reader import open_file
from spikebin.matrixfile.seal import Identity
from spikebin.matrixfile.write_sheet import Settings, write_sheet
from spikebin.recordings import open_recording
from spikebin.recordings.settings import TrialRule
from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import SheetModel

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["STEPS", "warm"]

STEPS = list(product(get_args(Layout), get_args(Codec), get_args(Values)))
"""Each layout, codec and kind of values: together they call every kernel of an export."""


def warm(*, on_step: Callable[[], None] = lambda: None) -> Path | None:
    """Fill the cache of compiled kernels for this kind of CPU.

    Parameters
    ----------
    on_step : callable
        Called after each of `STEPS`.

    Returns
    -------
    Path or None
        Where it lies. None: nothing can be written, each process compiles for itself.

    Raises
    ------
    DiskFullError
        If the directory for temporary files has no room for a few small ones.
    """
    with tempfile.TemporaryDirectory(prefix="spikebin-") as name:
        directory = Path(name)
        # So many neurons that a chunk of either layout is large enough for the kernels that write it.
        datastore = write_datastore(directory, Experiment(0, 2, sheets=(SheetModel("warm", 50),)))
        recording = open_recording(datastore, None).sheet("warm", TrialRule())
        for i, (layout, codec, values) in enumerate(STEPS):
            target = directory / f"{i}.h5"
            settings = Settings(Binning(values=values), layout, codec)
            write_sheet(recording, Identity("warm", "warm", "0"), settings, target)
            file = open_file(target)
            file.spikes[:]
            file.cells(0)
            on_step()
    return cache_directory()
