"""Small arrays in .npy files and .npz archives, whose headers are held against the file before memory is asked for."""

from __future__ import annotations

import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.errors import RecordingError
from spikebin.recordings.continuous.npy_header import read_array_header

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["read_members", "read_npy"]

# Members of an archive may become so many bytes, and more only if a fair part of it is there.
FREE, RATIO = 64 << 20, 256


def read_npy(path: Path) -> NDArray[Any]:
    """The array of a .npy file.

    Parameters
    ----------
    path : Path

    Returns
    -------
    array

    Raises
    ------
    RecordingError
        If it is missing, cut off, or holds pickles.
    """
    try:
        with path.open("rb") as file:
            read_array_header(file, path.stat().st_size, path.name)
            file.seek(0)
            found: NDArray[Any] = np.load(file, allow_pickle=False)
            return found
    except (OSError, ValueError, EOFError) as error:
        raise RecordingError(f"{path.name} cannot be read ({_one_line(error)}): copy it again") from None


def read_members(path: Path, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Arrays of a .npz archive.

    Parameters
    ----------
    path : Path
    names : sequence of str
        Without .npy.

    Returns
    -------
    dict of str to array

    Raises
    ------
    RecordingError
        If one is missing or damaged, or would unpack to far more than there is.
    """
    found = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for name in names:
                facts = archive.getinfo(f"{name}.npy")
                if facts.file_size > max(FREE, RATIO * facts.compress_size):
                    raise RecordingError(
                        f"{path.name}: {name} would unpack to {facts.file_size:,} bytes: it is damaged or hostile"
                    )
                with archive.open(facts) as member:
                    read_array_header(member, facts.file_size, f"{path.name}: {name}")
                with archive.open(facts) as member:
                    found[name] = np.lib.format.read_array(member, allow_pickle=False)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise RecordingError(f"{path.name} cannot be read ({_one_line(error)}): copy it again") from None
    return found


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
