"""One module per raw format behind one small protocol, and the table that tells which format a path is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING

from spikebin.errors import RecordingError
from spikebin.recordings.base import Reading

if TYPE_CHECKING:
    from pathlib import Path

    from spikebin.recordings.base import Recording

__all__ = ["FORMATS", "Format", "format_of", "open_recording"]


@dataclass(frozen=True)
class Format:
    """One raw format.

    Parameters
    ----------
    module : str
        Has ``recognises(path) -> bool``, which looks at names and heads only, and ``open(path, reading) -> Recording``.
    what : str
        What a recording is on disk.
    sheets : str
        What its sheets are.
    trials : str
        Where its trials come from.
    needs : str
        Packages beyond spikebin's own; "" for none.
    """

    module: str
    what: str
    sheets: str
    trials: str
    needs: str = ""


# Asked in this order which of them a path is.
FORMATS = {
    "mozaik": Format(
        "spikebin.recordings.mozaik", "directory of a mozaik datastore", "sheets of the model", "presentations"
    ),
    "phy": Format(
        "spikebin.recordings.phy", "Kilosort or Phy folder (spike_times.npy, spike_clusters.npy)", "units", "CSV or TSV"
    ),
    "nwb": Format(
        "spikebin.recordings.nwb",
        "NWB file (.nwb)",
        "units",
        "its trials or other intervals, CSV or TSV",
        "h5py for tables with texts: pip install 'spikebin[nwb]'",
    ),
    "sonata": Format("spikebin.recordings.sonata", "SONATA spike file (.h5)", "populations", "CSV or TSV"),
    "nest": Format(
        "spikebin.recordings.nest", "NEST's text files (.dat, .gdf), or a directory of them", "recorders", "CSV or TSV"
    ),
    "arrays": Format(
        "spikebin.recordings.arrays", ".npz, .npy, CSV or TSV of times and neurons", "neurons", "CSV or TSV"
    ),
    "neo": Format(
        "spikebin.recordings.neo",
        "whatever a neo IO reads, named after a colon (neo:NixIO)",
        "units",
        "segments, epochs, events, CSV or TSV",
        "neo: pip install 'spikebin[neo]'",
    ),
}

# For paths that no format recognises: whose error is the one to show.
SUFFIXES = {
    ".npz": "arrays", ".npy": "arrays", ".csv": "arrays", ".tsv": "arrays", ".txt": "arrays",
    ".nwb": "nwb", ".h5": "sonata", ".hdf5": "sonata", ".dat": "nest", ".gdf": "nest",
}  # fmt: skip


def open_recording(path: Path, kind: str | None = None, reading: Reading | None = None) -> Recording:
    """Open a raw recording, of the format `kind` or of the first format that recognises it.

    Parameters
    ----------
    path : Path
    kind : str, optional
        A key of `FORMATS`; ``neo:IO`` names the IO.
    reading : Reading, optional
        What the recording does not tell of itself.

    Raises
    ------
    RecordingError
        If there is nothing there, or no format knows it.
    """
    if not path.exists():
        raise RecordingError(f"no recording at {path}: check the path, or wait until it has been copied")
    wanted, _, io = (kind or format_of(path) or SUFFIXES.get(path.suffix.lower(), "")).partition(":")
    if wanted not in FORMATS:
        what = f"no format {wanted!r}" if wanted else f"{path} is in none of the known formats"
        raise RecordingError(f"{what} ({', '.join(FORMATS)}): check the path, `spikebin formats` tells more")
    reading = reading or Reading()
    recording: Recording = import_module(FORMATS[wanted].module).open(path, replace(reading, io=io) if io else reading)
    return recording


def format_of(path: Path) -> str | None:
    """The first format that recognises a path, by its name and shape; None if none does."""
    return next((name for name, form in FORMATS.items() if import_module(form.module).recognises(path)), None)
