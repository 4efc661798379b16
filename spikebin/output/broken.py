"""Notes of matrix files in which a changed byte was found: until such a file is replaced, it counts as broken.

A file of the right size with an intact seal looks done; only whoever reads its bytes finds that they have changed.
A note says of which file that was found (its inode, size and time), so that one that is written again is not broken.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from spikebin.errors import DamagedFileError, SpikebinError
from spikebin.output.attempts import attempts_path
from spikebin.output.paths import JOBS, matrix_path
from spikebin.system.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["broken_path", "broken_reason", "clear_broken", "note_broken", "noting_damage"]

SUFFIX = ".broken"


def broken_path(output: Path, variant: str, part: str, sheet: str) -> Path:
    """Where it is noted that the file of a sheet of a part is broken.

    Parameters
    ----------
    output : Path
    variant, part : str
    sheet : str
        Raw or directory name.

    Returns
    -------
    Path
    """
    return attempts_path(output, variant, part, sheet).with_suffix(SUFFIX)


def note_broken(file: Path, reason: str) -> bool:
    """Note that a matrix file of a data set is broken: `status`, `missing`, `run` and `submit --missing` then know.

    Parameters
    ----------
    file : Path
        The matrix file.
    reason : str
        What was found, one line.

    Returns
    -------
    bool
        False where nothing is noted: the file does not lie in a planned output, or nobody may write there.
    """
    note = _note_of(file)
    if note is None:
        return False
    with suppress(OSError, SpikebinError):
        found = {
            "reason": reason,
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "file": _identity(file),
        }
        write_atomically(note, [(json.dumps(found) + "\n").encode()])
        return True
    return False


def clear_broken(file: Path) -> None:
    """Forget that a matrix file is broken: it was written again, or every byte of it was found to be right.

    Parameters
    ----------
    file : Path
        The matrix file.
    """
    note = _note_of(file)
    if note is not None:
        with suppress(OSError):
            note.unlink()


def broken_reason(note: Path, file: Path | str) -> str:
    """Why a file is broken, as far as that was noted.

    Parameters
    ----------
    note : Path
        From `broken_path`.
    file : Path or str
        The matrix file.

    Returns
    -------
    str
        "" where nothing is noted, or what is noted was found in another file of that name.
    """
    with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        found = json.loads(note.read_text("utf-8"))
        if found["file"] == _identity(file):
            return str(found["reason"])
    return ""


@contextmanager
def noting_damage() -> Iterator[None]:
    """Note the file in which a changed byte is found meanwhile; the error is raised all the same.

    Raises
    ------
    DamagedFileError
        As the block does.
    """
    try:
        yield
    except DamagedFileError as error:
        note_broken(error.path, str(error))
        raise


def _identity(file: Path | str) -> list[int]:
    stat = os.stat(file)  # noqa: PTH116
    return [stat.st_ino, stat.st_size, stat.st_mtime_ns]


def _note_of(file: Path) -> Path | None:
    """Where it would be noted that a file is broken; None where it is not one of a planned output."""
    file = Path(os.path.abspath(file))  # noqa: PTH100  # a link to a file elsewhere is the output's own
    if len(file.parents) < 4:
        return None
    output, variant, sheet = file.parents[3], file.parents[2].name, file.parent.name
    first, last = matrix_path(output, variant, "\0", sheet).name.split("\0")
    part = file.name.removeprefix(first).removesuffix(last)
    if matrix_path(output, variant, part, sheet) != file or not (output / JOBS).is_file():
        return None
    return broken_path(output, variant, part, sheet)
