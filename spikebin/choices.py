"""The closed choices that a user is given, each named once, and the one function that checks them.

Commands take them as they are, since Typer knows Literals; what a Python caller gives is checked by `checked` where it
enters.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, Literal, get_args

from spikebin.errors import DatasetError, SpikebinError

__all__ = [
    "Axes",
    "BatchRest",
    "Blank",
    "Broken",
    "Check",
    "Closed",
    "Codec",
    "ExportKind",
    "ExportTarget",
    "FrameKind",
    "How",
    "Item",
    "Layout",
    "Match",
    "OldLayout",
    "Ragged",
    "RaggedTrials",
    "Rest",
    "ShardResponses",
    "ShardsBy",
    "SheetKeys",
    "Short",
    "StatsFormat",
    "TimeUnit",
    "Values",
    "checked",
]

# Binning and trials, see spikebin.binning.rules and spikebin.recordings.settings.
Closed = Literal["left", "right"]
Values = Literal["bool", "count"]
Blank = Literal["before", "after", "both", "none"]
TimeUnit = Literal["s", "ms", "us", "ns", "samples"]
RaggedTrials = Literal["refuse", "pad"]

# How a matrix file is stored.
Layout = Literal["matrix", "events"]
Codec = Literal["blosc2", "zlib"]
Check = Literal["first", "always", "never"]

# Opening a data set, and views of it, see spikebin.dataset.
Match = Literal["exact", "common"]
Broken = Literal["refuse", "leave out"]
Short = Literal["refuse", "pad", "cut", "drop"]
How = Literal["count", "any"]
Rest = Literal["drop", "keep", "refuse"]
Ragged = Literal["refuse", "drop", "cut"]
BatchRest = Literal["keep", "drop"]
Axes = Literal["neuron time", "time neuron"]
Item = Literal["trial", "image"]
SheetKeys = Literal["raw", "directory"]
FrameKind = Literal["events", "trials", "neurons"]
StatsFormat = Literal["csv", "json", "parquet", "npz"]

# What is written for other programs, see spikebin.exports.
ExportKind = Literal["npz", "npy", "mat", "zarr"]
ExportTarget = Literal["npz", "npy", "mat", "zarr", "experanto", "nwb"]
OldLayout = Literal["raw", "trimmed"]
ShardResponses = Literal["spikes", "sequence"]
ShardsBy = Literal["part", "trial"]


def checked(value: object, choice: Any, what: str, error: type[SpikebinError] = DatasetError) -> Any:
    """The value, once it is known to be one of a closed choice.

    Parameters
    ----------
    value : object
        What the caller gave.
    choice : Literal
        One of those above.
    what : str
        What it is called, for the message: ``"window short"``.
    error : type
        What is raised.

    Returns
    -------
    str
        `value` itself, typed as whatever the choice is.

    Raises
    ------
    SpikebinError
        As `error`, with all that may be given, and the one that was probably meant.
    """
    options = get_args(choice)
    if isinstance(value, str) and value in options:
        return value
    *others, last = map(repr, options)
    close = get_close_matches(str(value).strip().lower(), options, n=1)
    meant = f" (did you mean {close[0]!r}?)" if close else ""
    raise error(f"{what}={value!r}: give {', '.join(others)} or {last}{meant}")
