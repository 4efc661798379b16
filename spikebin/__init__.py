"""spikebin: raw spike recordings into trial x neuron x time matrices.

The public API and nothing else. Imports are lazy: the command line must start without numpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from spikebin.version import __version__ as __version__

if TYPE_CHECKING:
    from spikebin.binning.bin_spikes import bin_spikes as bin_spikes
    from spikebin.binning.bin_trials import bin_trials as bin_trials
    from spikebin.binning.rules import Binning as Binning
    from spikebin.binning.tally import Tally as Tally
    from spikebin.dataset.dataset import Dataset as Dataset
    from spikebin.dataset.open import open_dataset as open_dataset
    from spikebin.dataset.sheet_set import SheetSet as SheetSet
    from spikebin.errors import SpikebinError as SpikebinError
    from spikebin.matrixfile.reader import MatrixFile as MatrixFile
    from spikebin.matrixfile.reader import open_file as open_file

_HOMES = {
    "Binning": "binning.rules",
    "Dataset": "dataset.dataset",
    "MatrixFile": "matrixfile.reader",
    "SheetSet": "dataset.sheet_set",
    "SpikebinError": "errors",
    "Tally": "binning.tally",
    "bin_spikes": "binning.bin_spikes",
    "bin_trials": "binning.bin_trials",
    "open_dataset": "dataset.open",
    "open_file": "matrixfile.reader",
}

__all__ = [
    "Binning",
    "Dataset",
    "MatrixFile",
    "SheetSet",
    "SpikebinError",
    "Tally",
    "bin_spikes",
    "bin_trials",
    "open_dataset",
    "open_file",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'spikebin' has no attribute {name!r}")
    return getattr(import_module(f"spikebin.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
