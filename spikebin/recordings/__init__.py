"""One module per raw format behind one small protocol, and the table that tells which format a path is."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from spikebin.errors import RecordingError

if TYPE_CHECKING:
    from pathlib import Path

    from spikebin.recordings.base import Recording

__all__ = ["FORMATS", "format_of", "open_recording"]

# The module of each format has `recognises(path) -> bool` and `open(path) -> Recording`.
FORMATS = {
    "mozaik": "spikebin.recordings.mozaik",
}


def open_recording(path: Path, kind: str | None = None) -> Recording:
    """Open a raw recording, of the format `kind` or of the first format that recognises it.

    Parameters
    ----------
    path : Path
    kind : str, optional
        A key of `FORMATS`.

    Raises
    ------
    RecordingError
        If there is nothing there, or no format knows it.
    """
    if not path.exists():
        raise RecordingError(f"no recording at {path}: check the path, or wait until it has been copied")
    name = kind or format_of(path)
    if name in FORMATS:
        recording: Recording = import_module(FORMATS[name]).open(path)
        return recording
    raise RecordingError(f"{path} is in none of the known formats ({', '.join(FORMATS)}): check the path")


def format_of(path: Path) -> str | None:
    """The first format that recognises a path, by its name and shape; None if none does."""
    return next((name for name, module in FORMATS.items() if import_module(module).recognises(path)), None)
