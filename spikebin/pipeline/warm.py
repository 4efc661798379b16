"""Compiles ahead of time every kernel that an export calls, by exporting a tiny recording to a temporary directory."""

from __future__ import annotations

import tempfile
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from spikebin.binning.rules import Binning
from spikebin.kernels.jit import cache_directory
from spikebin.matrixfile.reader import open_file
from spikebin.matrixfile.writer import Identity
from spikebin.pipeline.config import Config
from spikebin.pipeline.job import export_sheet
from spikebin.recordings import open_recording
from spikebin.recordings.settings import TrialRule
from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import SheetModel

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["warm"]


def warm() -> Path | None:
    """Fill the cache of compiled kernels for this kind of CPU.

    Returns
    -------
    Path or None
        Where it lies. None: nothing can be written, each process compiles for itself.
    """
    with tempfile.TemporaryDirectory(prefix="spikebin-") as name:
        directory = Path(name)
        datastore = write_datastore(directory, Experiment(0, 2, sheets=(SheetModel("warm", 5),)))
        recording = open_recording(datastore, None).sheet("warm", TrialRule())
        for i, config in enumerate(_configs(directory)):
            target = directory / str(i) / "spikes" / "warm" / "spikes.h5"
            export_sheet(recording, config, Identity("warm", "warm", "0"), target)
            open_file(target).spikes[:]
    return cache_directory()


def _configs(directory: Path) -> Iterator[Config]:
    for layout, codec, values in product(("matrix", "events"), ("blosc2", "zlib"), ("bool", "count")):
        binning = Binning(values=values)  # type: ignore[arg-type]
        path = directory / "spikebin.toml"
        yield Config(path=path, output=directory, recordings=(), layout=layout, codec=codec, binning=binning)
