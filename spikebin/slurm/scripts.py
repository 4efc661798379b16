"""Batch scripts: which can be submitted, what their ``#SBATCH`` lines say, and how the settings of an array get in."""

from __future__ import annotations

import shlex
from pathlib import PurePath
from typing import TYPE_CHECKING

from spikebin.errors import SpikebinError
from spikebin.slurm.sbatch import RESERVED, in_one_form, option_names

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["batch_script", "directives"]

SHELLS = {"sh", "ash", "bash", "dash", "ksh", "ksh93", "mksh", "zsh"}
"""Those that understand ``export NAME=value`` and ``trap``."""
NEVER = ("clusters", "test-only", "wait")
"""What a script must not say, since no option takes it back."""


def batch_script(template: str, variables: Mapping[str, str], path: Path | None = None, *, array: bool = True) -> str:
    """A template with the settings of one array put in.

    Parameters
    ----------
    template : str
        A batch script.
    variables : mapping of str to str
        Environment variables to export.
    path : Path, optional
        A directory to put first on PATH.
    array : bool
        Whether it is the script of an array, which has to look at its index.

    Returns
    -------
    str
        The script, the settings right before its first command: after all ``#SBATCH`` lines, which end there, and
        ahead of the modules and environments that it loads.

    Raises
    ------
    SpikebinError
        If it is not a script of a POSIX shell, or never looks at the array's index.

    Notes
    -----
    Slurm's TERM reaches the shell and all that it has started. Without `exec` the shell would end at once, and Slurm
    would kill spikebin, which is still cleaning up. With a trap it waits for what it has started, and then ends.
    """
    lines = template.replace("\r\n", "\n").removesuffix("\n").split("\n")
    if not lines[0].startswith("#!"):
        raise SpikebinError("the template does not begin with #!: make #!/bin/bash its first line")
    program = _interpreter(lines[0])
    if program not in SHELLS:
        raise SpikebinError(
            f"the template is a script for {program or 'no program'}, and submit puts its settings in as `export`"
            " lines, which sh, bash, dash, ksh and zsh understand: write one of theirs that starts yours"
        )
    if array and "SLURM_ARRAY_TASK_ID" not in template:
        raise SpikebinError("the template never uses SLURM_ARRAY_TASK_ID: start from `spikebin template`")
    first = next((i for i, line in enumerate(lines) if _is_command(line)), len(lines))
    settings = [f'export PATH={shlex.quote(str(path))}:"$PATH"'] if path else []
    settings += [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    settings.append("trap 'exit 143' TERM    # spikebin gets it, too: wait for its end")
    block = ["# ---- put in by spikebin submit", *settings, "# ----", ""]
    return "\n".join([*lines[:first], *block, *lines[first:]]) + "\n"


def directives(template: str) -> list[str]:
    """The options in the ``#SBATCH`` lines of a script.

    Parameters
    ----------
    template : str

    Returns
    -------
    list of str
        As `spikebin.slurm.sbatch.normal_options` gives them.

    Raises
    ------
    SpikebinError
        If a line cannot be read, or holds an option with which nothing could be submitted.

    Notes
    -----
    As sbatch reads them: up to the first command, words in quotes, the rest of a line after a ``#``.
    """
    words: list[str] = []
    for line in template.splitlines():
        if _is_command(line):
            break
        if line.startswith("#SBATCH"):
            try:
                words += shlex.split(line.removeprefix("#SBATCH"), comments=True)
            except ValueError as error:
                raise SpikebinError(f"the line {line!r} of the template cannot be read ({error}): correct it") from None
    options = in_one_form(words)
    for name in NEVER:
        if name in option_names(options):
            raise SpikebinError(f"the template says #SBATCH --{name}, take it out: {RESERVED[name]}")
    return options


def _is_command(line: str) -> bool:
    """Whether a line of a script ends its ``#SBATCH`` lines."""
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _interpreter(line: str) -> str:
    """Name of the program that a ``#!`` line starts; `env` is looked through."""
    words = [word for word in line.removeprefix("#!").split() if not word.startswith("-") and "=" not in word]
    names = [PurePath(word).name for word in words]
    return next(iter(names[1:] if names[:1] == ["env"] else names), "")
