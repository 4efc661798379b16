"""Every error that spikebin raises on purpose. What a message says lives where the error is raised."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = [
    "BinningError",
    "ConfigError",
    "DamagedFileError",
    "DatasetError",
    "DiskFullError",
    "MatrixFileError",
    "PlanError",
    "RecordingError",
    "SpikebinError",
    "same_cause",
]

LONGEST = 1600
"""Characters of a message."""


class SpikebinError(Exception):
    """Something that the user can fix. The message is one line: what, where, what to do next.

    Names that stand in it may come from files of others: what a terminal would not show as text is shown as ``?``.
    """

    exit_code = 1

    def __str__(self) -> str:
        text = super().__str__()
        if not text.isprintable():
            text = "".join(c if c.isprintable() else " " if c.isspace() else "?" for c in text)
        return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} [...] {text[-LONGEST // 2 :]}"


class ConfigError(SpikebinError):
    """spikebin.toml is missing, broken, or asks for what is not there."""


class PlanError(SpikebinError):
    """There is no plan, or it does not fit what is asked of it."""


class BinningError(SpikebinError, ValueError):
    """A window, width or array that cannot be binned exactly."""


class RecordingError(SpikebinError):
    """A raw recording that is not complete, not safe to read, or contradicts itself."""


class MatrixFileError(SpikebinError):
    """A matrix file that is not complete, or that this version cannot read."""


class DamagedFileError(MatrixFileError):
    """A matrix file in which a byte has changed since it was sealed.

    Parameters
    ----------
    message : str
    path : Path or str
        Of the file.
    """

    def __init__(self, message: str, path: Path | str = "") -> None:
        super().__init__(message)
        self.path = Path(path)


class DatasetError(SpikebinError, ValueError):
    """Files that do not make one data set, or a view that cannot be taken of it."""


class OutOfRangeError(DatasetError, IndexError):
    """A row or trial that a data set does not have."""


class UnknownSheetError(DatasetError, KeyError):
    """A sheet that a data set does not have."""

    # A KeyError shows its message in quotes.
    __str__ = Exception.__str__


class DiskFullError(SpikebinError):
    """No space, or no quota, is left where the output goes."""

    exit_code = 3


def same_cause(message: str, *names: str) -> str:
    """A message without what differs from one part to the next: of the same cause, the same text.

    Parameters
    ----------
    message : str
    *names : str
        Of the part and the sheet.

    Returns
    -------
    str
        Numbers and names are replaced.
    """
    for name in sorted(filter(None, names), key=len, reverse=True):
        message = message.replace(name, "*").replace(name.replace("/", ""), "*")
    return re.sub(r"\d+", "#", message)
