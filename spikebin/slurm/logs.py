"""Where the logs of tasks go: the patterns of ``--output`` and ``--error``, and the directories that must be there."""

from __future__ import annotations

import os
import pwd
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from spikebin.errors import SpikebinError
from spikebin.slurm.sbatch import last_value
from spikebin.system.files import make_directory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["log_directories", "log_pattern", "make_log_directories"]

FIELD = re.compile(r"%(?P<width>[0-9]*)(?P<letter>[A-Za-z%])")


def log_pattern(options: Sequence[str], name: str = "output") -> str:
    """Where the logs of an array go, as an absolute path with the fields of sbatch's that stand in it.

    Parameters
    ----------
    options : sequence of str
        Those of the script, then those given to sbatch, as `spikebin.slurm.sbatch.normal_options` gives them.
    name : str
        "output" or "error".

    Returns
    -------
    str
        "" where the options do not say; names of user and job are written out.

    Notes
    -----
    sbatch(1), "filename pattern": a relative path is relative to ``--chdir``.
    """
    value = last_value(options, name)
    if not value:
        return ""
    path = os.path.join(_directory(options), value)  # noqa: PTH118  # of patterns, not of files
    if "\\" in value:
        # Such a path is taken as it is.
        return path.replace("\\", "").replace("%", "%%")
    known = {"x": last_value(options, "job-name")}
    with suppress(KeyError):
        known["u"] = pwd.getpwuid(os.getuid()).pw_name
    return filled(path, {letter: text.replace("%", "%%") for letter, text in known.items() if text})


def filled(pattern: str, fields: Mapping[str, str]) -> str:
    """A pattern with some of its fields written out.

    Parameters
    ----------
    pattern : str
    fields : mapping of str to str
        By letter; "%" stands for a percent sign.

    Returns
    -------
    str
    """

    def text(found: re.Match[str]) -> str:
        value = fields.get(found["letter"])
        if value is None:
            return found[0]
        return value.zfill(min(int(found["width"] or 0), 10)) if value.isdecimal() else value

    return FIELD.sub(text, pattern)


def log_directories(options: Sequence[str]) -> list[Path]:
    """The directories that must be there before a task starts: one that cannot open its log fails without a word.

    Parameters
    ----------
    options : sequence of str
        As for `log_pattern`.

    Returns
    -------
    list of Path

    Raises
    ------
    SpikebinError
        If the name of one is known only when the job runs: Slurm makes no directory.
    """
    directories = [Path(_directory(options))]
    for name in ("output", "error"):
        parent = os.path.dirname(log_pattern(options, name))  # noqa: PTH120
        path = filled(parent, {"%": "\0"})
        if "%" in path:
            raise SpikebinError(
                f"--{name}={last_value(options, name)} puts logs into a directory whose name is known only when the job"
                " runs, and Slurm makes none, so that every task would fail at once: keep the % to the file's name"
            )
        if path:
            directories.append(Path(path.replace("\0", "%")))
    return directories


def make_log_directories(options: Sequence[str]) -> None:
    """Make the directories of the logs.

    Parameters
    ----------
    options : sequence of str
        As for `log_pattern`.

    Raises
    ------
    SpikebinError
        As `log_directories`, or if one cannot be made.
    """
    for directory in log_directories(options):
        make_directory(directory)


def _directory(options: Sequence[str]) -> str:
    """Where the tasks run."""
    return str(Path.cwd() / last_value(options, "chdir"))
