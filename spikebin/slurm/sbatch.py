"""What is said to sbatch, as text: options, the comment that marks our arrays, and its answers.

Nothing is asked or submitted here; that is done in submit.py and squeue.py. Batch scripts are in scripts.py.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from spikebin.errors import SpikebinError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "RESERVED",
    "cluster_name",
    "in_one_form",
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
    "clusters": "what is queued there cannot be seen from here: submit from a login node of that cluster",
    "parsable": "spikebin sets it itself",
    "wrap": "there is a script already: use --template FILE",
    "test-only": "use --dry-run",
    "wait": "watch `spikebin status` instead",
    "help": "run `sbatch --help`",
}

# What submit adds to, and the short options that mean it or what is reserved.
OURS = ("comment", "dependency", "output", "error", "chdir", "job-name")

SHORT = {
    "-a": "array",
    "-d": "dependency",
    "-D": "chdir",
    "-e": "error",
    "-h": "help",
    "-J": "job-name",
    "-M": "clusters",
    "-o": "output",
    "-W": "wait",
}

TAG = re.compile(r"spikebin/(?P<data_set>[0-9a-f]{12})/(?P<offset>\d+)/(?P<sheets>\S*)")


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
        Values as words of their own, or after ``=``.

    Returns
    -------
    list of str

    Raises
    ------
    SpikebinError
        If one of them is spikebin's to set, is cut short (sbatch would take it all the same), lacks its value, or is no
        option: sbatch would take it for the script.
    """
    words = in_one_form(arguments)
    for before, word in pairwise(["", *words]):
        if not word.startswith("-") and not re.fullmatch("-[A-Za-z]", before):
            raise SpikebinError(f"{word!r} is not an option of sbatch: give scripts with --template FILE")
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


def in_one_form(arguments: Iterable[str]) -> list[str]:
    """As `normal_options`, whatever the options are; words that belong to none stand for themselves.

    Parameters
    ----------
    arguments : iterable of str

    Returns
    -------
    list of str
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
        elif open_ended and words[-1].startswith("--"):
            words[-1] += f"={argument}"
            open_ended = False
        else:
            words.append(argument)
            open_ended = False
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


def cluster_name(answer: str) -> str:
    """ClusterName in the answer of ``scontrol show config``; "" where it is not there.

    Parameters
    ----------
    answer : str

    Returns
    -------
    str
    """
    found = re.search(r"^ClusterName\s*=\s*(\S+)", answer, re.MULTILINE)
    return found[1] if found else ""


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
