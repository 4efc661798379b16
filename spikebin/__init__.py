"""spikebin: raw spike recordings into trial x neuron x time matrices.

The public API and nothing else. Imports are lazy: the command line must start without numpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from spikebin.version import __version__ as __version__

if TYPE_CHECKING:
    from spikebin.binning.bin_spikes import bin_spikes as bin_spikes
    from spikebin.binning.rules import Binning as Binning
    from spikebin.binning.tally import Tally as Tally
    from spikebin.commands.bin import bin_recording as bin_recording
    from spikebin.commands.files import compare as compare
    from spikebin.commands.files import convert as convert
    from spikebin.commands.files import convert_file as convert_file
    from spikebin.commands.files import export as export
    from spikebin.commands.files import formats as formats
    from spikebin.commands.files import inspect as inspect
    from spikebin.commands.files import verify as verify
    from spikebin.commands.files import verify_file as verify_file
    from spikebin.commands.files import write_view as write_view
    from spikebin.commands.planned import clean as clean
    from spikebin.commands.planned import exclude as exclude
    from spikebin.commands.planned import job as job
    from spikebin.commands.planned import missing as missing
    from spikebin.commands.planned import plan as plan
    from spikebin.commands.planned import retry as retry
    from spikebin.commands.planned import run as run
    from spikebin.commands.planned import status as status
    from spikebin.commands.planned import submit as submit
    from spikebin.commands.planned import template as template
    from spikebin.commands.recorded import compare_datasets as compare_datasets
    from spikebin.commands.recorded import compare_shards as compare_shards
    from spikebin.commands.recorded import compare_two_shards as compare_two_shards
    from spikebin.commands.recorded import export_nwb as export_nwb
    from spikebin.commands.recorded import export_shards as export_shards
    from spikebin.commands.setup import demo as demo
    from spikebin.commands.setup import init as init
    from spikebin.dataset.dataset import Dataset as Dataset
    from spikebin.dataset.file_view import FileView as FileView
    from spikebin.dataset.file_view import open_file as open_file
    from spikebin.dataset.open import open_dataset as open_dataset
    from spikebin.dataset.sheet_set import SheetSet as SheetSet
    from spikebin.dataset.training import FileBatchSampler as FileBatchSampler
    from spikebin.dataset.training import TrialDataset as TrialDataset
    from spikebin.dataset.training import collate as collate
    from spikebin.dataset.view import View as View
    from spikebin.errors import SpikebinError as SpikebinError
    from spikebin.exports.old_layouts import read_index as read_index
    from spikebin.matrixfile.reader import MatrixFile as MatrixFile
    from spikebin.pipeline.frames import bin_trials as bin_trials
    from spikebin.pipeline.warm import warm as warm
    from spikebin.recordings.neo import from_neo as from_neo

_HOMES = {
    "Binning": "binning.rules",
    "Dataset": "dataset.dataset",
    "FileBatchSampler": "dataset.training",
    "FileView": "dataset.file_view",
    "MatrixFile": "matrixfile.reader",
    "SheetSet": "dataset.sheet_set",
    "SpikebinError": "errors",
    "Tally": "binning.tally",
    "TrialDataset": "dataset.training",
    "View": "dataset.view",
    "bin_recording": "commands.bin",
    "bin_spikes": "binning.bin_spikes",
    "bin_trials": "pipeline.frames",
    "clean": "commands.planned",
    "collate": "dataset.training",
    "compare": "commands.files",
    "compare_datasets": "commands.recorded",
    "compare_shards": "commands.recorded",
    "compare_two_shards": "commands.recorded",
    "convert": "commands.files",
    "convert_file": "commands.files",
    "demo": "commands.setup",
    "exclude": "commands.planned",
    "export": "commands.files",
    "export_nwb": "commands.recorded",
    "export_shards": "commands.recorded",
    "formats": "commands.files",
    "from_neo": "recordings.neo",
    "init": "commands.setup",
    "inspect": "commands.files",
    "job": "commands.planned",
    "missing": "commands.planned",
    "open_dataset": "dataset.open",
    "open_file": "dataset.file_view",
    "plan": "commands.planned",
    "read_index": "exports.old_layouts",
    "retry": "commands.planned",
    "run": "commands.planned",
    "status": "commands.planned",
    "submit": "commands.planned",
    "template": "commands.planned",
    "verify": "commands.files",
    "verify_file": "commands.files",
    "warm": "pipeline.warm",
    "write_view": "commands.files",
}

__all__ = [
    "Binning",
    "Dataset",
    "FileBatchSampler",
    "FileView",
    "MatrixFile",
    "SheetSet",
    "SpikebinError",
    "Tally",
    "TrialDataset",
    "View",
    "bin_recording",
    "bin_spikes",
    "bin_trials",
    "clean",
    "collate",
    "compare",
    "compare_datasets",
    "compare_shards",
    "compare_two_shards",
    "convert",
    "convert_file",
    "demo",
    "exclude",
    "export",
    "export_nwb",
    "export_shards",
    "formats",
    "from_neo",
    "init",
    "inspect",
    "job",
    "missing",
    "open_dataset",
    "open_file",
    "plan",
    "read_index",
    "retry",
    "run",
    "status",
    "submit",
    "template",
    "verify",
    "verify_file",
    "warm",
    "write_view",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'spikebin' has no attribute {name!r}")
    return getattr(import_module(f"spikebin.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
