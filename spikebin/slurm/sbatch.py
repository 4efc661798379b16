"""What is said to sbatch, as text: batch scripts, options, the comment that marks our arrays, and its answers.

Nothing is asked or submitted here; that is done in submit.py and squeue.py.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from spikebin.errors import SpikebinError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = [
    "batch_script",
    "last_value",
    "long_options",
    "max_array_size",
    "normal_options",
    "option_names",
    "parse_job_id",
    "parse_tag",
    "tag",
]

RESERVED = {
    "array": "spikebin chooses it: narrow the parts with --sheet, --variant or --missing",
    "parsable": "spikebin sets it itself",
    "wrap": "there is a script already: use --template FILE",
    "test-only": "use --dry-run",
    "wait": "watch `spikebin status` instead",
    "help": "run `sbatch --help`",
}

# What submit adds to, and the short options that mean it or what is reserved.
OURS = ("comment", "dependency", "output", "error", "job-name")

SHORT = {"-a": "array", "-J": "job-name", "-o": "output", "-e": "error", "-W": "wait", "-d": "dependency", "-h": "help"}

TAG = re.compile(r"spikebin/(?P<data_set>[0-9a-f]{12})/(?P<offset>\d+)/(?P<sheets>\S*)")


def batch_script(template: str, variables: Mapping[str, str], path: Path | None = None) -> str:
    """A template with the settings of one array put in.

    Parameters
    ----------
    template : str
        A batch script.
    variables : mapping of str to str
        Environment variables to export.
    path : Path, optional
        A directory to put first on PATH.

    Returns
    -------
    str
        The script, the settings right before its first command: behind all ``#SBATCH`` lines, which end there, and
        ahead of the modules and environments that it loads.

    Raises
    ------
    SpikebinError
        If it is not a shell script, or never looks at the array's index.
    """
    lines = template.splitlines()
    if not lines or not lines[0].startswith("#!"):
        raise SpikebinError("the template does not begin with #!: make #!/bin/bash its first line")
    if "SLURM_ARRAY_TASK_ID" not in template:
        raise SpikebinError("the template never uses SLURM_ARRAY_TASK_ID: start from `spikebin template`")
    first = next((i for i, line in enumerate(lines) if line.strip() and not line.startswith("#")), len(lines))
    settings = [f'export PATH={shlex.quote(str(path))}:"$PATH"'] if path else []
    settings += [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    block = ["# ---- put in by spikebin submit", *settings, "# ----", ""]
    return "\n".join([*lines[:first], *block, *lines[first:]]) + "\n"


def long_options(options: Mapping[str, str | int | bool]) -> list[str]:
    """The ``[slurm]`` table as options of sbatch: true is a bare option, false none.

    Parameters
    ----------
    options : mapping of str to str, int or bool
        By their long names.

    Returns
    -------
    list of str
    """
    return [
        f"--{name}" if value is True else f"--{name}={value}" for name, value in options.items() if value is not False
    ]


def normal_options(arguments: Sequence[str]) -> list[str]:
    """Arguments of sbatch with long options in one form, ``--name=value``, and the short ones of ours made long.

    Parameters
    ----------
    arguments : sequence of str
        Values as words of their own, or behind ``=``.

    Returns
    -------
    list of str

    Raises
    ------
    SpikebinError
        If one of them is spikebin's to set, is cut short (sbatch would take it all the same), lacks its value, or is no
        option: sbatch would take it for the script.
    """
    words: list[str] = []
    open_ended = False
    for argument in arguments:
        if argument.startswith("--"):
            words.append(argument)
            open_ended = "=" not in argument
        elif argument.startswith("-") and len(argument) > 1:
            name, value = SHORT.get(argument[:2]), argument[2:]
            words.append(argument if name is None else f"--{name}={value}" if value else f"--{name}")
            open_ended = not value
        elif open_ended:
            if words[-1].startswith("--"):
                words[-1] += f"={argument}"
            else:
                words.append(argument)
            open_ended = False
        else:
            raise SpikebinError(f"{argument!r} is not an option of sbatch: give scripts with --template FILE")
    for word in words:
        name, equals, _ = word.removeprefix("--").partition("=")
        if not word.startswith("--"):
            continue
        if name in RESERVED:
            raise SpikebinError(f"--{name} cannot be given to sbatch here: {RESERVED[name]}")
        full = next((known for known in (*RESERVED, *OURS) if known.startswith(name) and known != name), None)
        if full is not None:
            raise SpikebinError(f"{word} may mean --{full} to sbatch: write the option out")
        if name in OURS and not equals:
            raise SpikebinError(f"--{name} lacks its value: give --{name}=VALUE")
    return words


def option_names(options: Sequence[str]) -> set[str]:
    """Names of the options in what `normal_options` gives: the long ones, and the letters of the others.

    Parameters
    ----------
    options : sequence of str

    Returns
    -------
    set of str
    """
    return {
        option[2:].partition("=")[0] if option.startswith("--") else option[1]
        for option in options
        if option.startswith("-")
    }


def last_value(options: Sequence[str], name: str) -> str:
    """The value of an option in what `normal_options` gives, "" without; sbatch takes the last, too.

    Parameters
    ----------
    options : sequence of str
    name : str
        Long name, without its dashes.

    Returns
    -------
    str
    """
    values = [value for option, equals, value in (word.partition("=") for word in options) if option == f"--{name}"]
    return values[-1] if values else ""


def tag(data_set: str, offset: int, sheets: Sequence[str]) -> str:
    """The comment that says, in the queue, which jobs of which data set an array runs.

    Parameters
    ----------
    data_set : str
        12 hexadecimal digits.
    offset : int
    sheets : sequence of str
        Directory names; none: all.

    Returns
    -------
    str
    """
    return f"spikebin/{data_set}/{offset}/{','.join(sheets)}"


def parse_tag(comment: str) -> tuple[str, int, tuple[str, ...]] | None:
    """What `tag` put into a comment, wherever it stands in it.

    Parameters
    ----------
    comment : str

    Returns
    -------
    (data_set, offset, sheets) or None
        str, int, tuple of str; None: there is no tag.
    """
    found = TAG.search(comment)
    if found is None:
        return None
    return found["data_set"], int(found["offset"]), tuple(filter(None, found["sheets"].split(",")))


def parse_job_id(answer: str) -> str:
    """The id in the answer of ``sbatch --parsable``: ``123`` or ``123;cluster``.

    Parameters
    ----------
    answer : str

    Returns
    -------
    str

    Raises
    ------
    SpikebinError
        If there is none.
    """
    words = answer.split()
    job_id = words[-1].partition(";")[0] if words else ""
    if not re.fullmatch(r"[0-9]+", job_id):
        raise SpikebinError(f"sbatch answered {answer.strip()!r} where a job id was due: look with `squeue --me`")
    return job_id


def max_array_size(answer: str) -> int:
    """MaxArraySize in the answer of ``scontrol show config``.

    Parameters
    ----------
    answer : str

    Returns
    -------
    int

    Raises
    ------
    SpikebinError
        If it is not there.
    """
    found = re.search(r"^MaxArraySize\s*=\s*(\d+)", answer, re.MULTILINE)
    if found is None:
        raise SpikebinError("`scontrol show config` names no MaxArraySize: is this Slurm?")
    return int(found[1])
