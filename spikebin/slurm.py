"""What is said to Slurm and what it answers, as text: array specs, batch scripts, sbatch lines, squeue's lines.

Nothing is asked or submitted here; that is done in submit.py and squeue.py.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from spikebin.errors import SpikebinError
from spikebin.names import suggest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "SQUEUE_FORMAT",
    "Slice",
    "Task",
    "array_spec",
    "batch_script",
    "find_template",
    "last_value",
    "long_options",
    "max_array_size",
    "normal_options",
    "option_names",
    "parse_array_spec",
    "parse_job_id",
    "parse_squeue",
    "parse_tag",
    "slices",
    "tag",
    "templates",
]

LONGEST_SPEC = 4000
"""Bytes of an ``--array`` string; Slurm takes 4096, ``%N`` included."""

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

# Fields of a line of squeue, apart by a character that no name or comment holds.
SEPARATOR = "\x1f"
SQUEUE_FORMAT = SEPARATOR.join(("%A", "%F", "%K", "%T", "%j", "%k", "%Z"))
RUNNING = {"RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING"}
TAG = re.compile(r"spikebin/(?P<data_set>[0-9a-f]{12})/(?P<offset>\d+)/(?P<sheets>\S*)")


@dataclass(frozen=True)
class Slice:
    """Indices that one array holds. A task of it runs the job ``SLURM_ARRAY_TASK_ID + offset``."""

    offset: int
    indices: tuple[int, ...]

    @property
    def spec(self) -> str:
        """The array's own indices, as sbatch takes them."""
        return array_spec(index - self.offset for index in self.indices)


@dataclass(frozen=True)
class Task:
    """A line of squeue: one task of an array, waiting or running.

    Attributes
    ----------
    job_id : str
        Its own id, which it sees as SLURM_JOB_ID. While it waits, that of its array.
    array_id : str
        Id of its array, as sbatch printed it.
    array_index : int or None
        None for a job that is no array.
    running : bool
        False: it waits.
    name, comment, directory : str
        Of the job, as submitted.
    """

    job_id: str
    array_id: str
    array_index: int | None
    running: bool
    name: str
    comment: str
    directory: str


def array_spec(indices: Iterable[int]) -> str:
    """Indices as ``sbatch --array`` takes them: ``3,7-9,41``; "" for none.

    Parameters
    ----------
    indices : iterable of int
        In any order, repeated or not, 0 or more.

    Returns
    -------
    str
    """
    found = sorted(set(indices))
    if not found:
        return ""
    starts = [found[0]] + [b for a, b in pairwise(found) if b != a + 1]
    stops = [a for a, b in pairwise(found) if b != a + 1] + [found[-1]]
    return ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in zip(starts, stops, strict=True))


def parse_array_spec(text: str) -> list[range]:
    """The indices that ``3,7-9,41`` or ``0-10:5%4`` names, a range for each piece: they may be many.

    Parameters
    ----------
    text : str
        What follows a ``%``, the tasks at once, is passed over.

    Returns
    -------
    list of range
        In the order of the text; they may overlap.

    Raises
    ------
    SpikebinError
        If it is not of that form, or an index is above 1e9.

    Notes
    -----
    The form of ``--array`` in sbatch(1).
    """
    ranges = []
    for piece in text.partition("%")[0].split(","):
        span, _, step = piece.strip().partition(":")
        first, dash, last = span.partition("-")
        numbers = [first, last if dash else first, step or "1"]
        if not all(re.fullmatch(r"[0-9]{1,10}", number) for number in numbers) or int(numbers[2]) == 0:
            raise SpikebinError(f"{text!r} names no array indices: give them as sbatch takes them, 3,7-9,41")
        low, high, stride = map(int, numbers)
        if high < low or high > 10**9:
            raise SpikebinError(f"{piece!r} in {text!r} is no range of indices: give the smaller one first, 7-9")
        ranges.append(range(low, high + 1, stride))
    return ranges


def slices(indices: Iterable[int], max_array_size: int) -> list[Slice]:
    """Cut indices into arrays that Slurm takes.

    Parameters
    ----------
    indices : iterable of int
    max_array_size : int
        Slurm's MaxArraySize: every index of an array must be below it.

    Returns
    -------
    list of Slice
        In ascending order. Offsets are whole multiples of one number, round where it can be, so that the index of a
        job can be told from the name of its log.

    Raises
    ------
    SpikebinError
        If this Slurm takes no arrays.
    """
    if max_array_size < 2:
        raise SpikebinError(f"this Slurm takes no job arrays (MaxArraySize is {max_array_size}): use slurm/run.sbatch")
    stride = max_array_size - max_array_size % 10 if max_array_size >= 10 else max_array_size
    groups: dict[int, list[int]] = {}
    for index in sorted(set(indices)):
        groups.setdefault(index - index % stride, []).append(index)
    return [piece for offset, group in groups.items() for piece in _short_enough(Slice(offset, tuple(group)))]


def _short_enough(piece: Slice) -> list[Slice]:
    if len(piece.spec) <= LONGEST_SPEC:
        return [piece]
    middle = len(piece.indices) // 2
    halves = piece.indices[:middle], piece.indices[middle:]
    return [part for half in halves for part in _short_enough(Slice(piece.offset, half))]


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
        If it is no shell script, or never looks at the array's index.
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
            raise SpikebinError(f"{argument!r} is no option of sbatch: give scripts with --template FILE")
    for word in words:
        name, equals, _ = word.removeprefix("--").partition("=")
        if not word.startswith("--"):
            continue
        if name in RESERVED:
            raise SpikebinError(f"--{name} cannot be given to sbatch here: {RESERVED[name]}")
        whole = next((known for known in (*RESERVED, *OURS) if known.startswith(name) and known != name), None)
        if whole is not None:
            raise SpikebinError(f"{word} may mean --{whole} to sbatch: write the option out")
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


def parse_squeue(answer: str) -> list[Task]:
    """The lines of ``squeue --noheader --array --format SQUEUE_FORMAT``.

    Parameters
    ----------
    answer : str

    Returns
    -------
    list of Task
        Lines of another form are passed over.

    Notes
    -----
    A task that is ending counts as running, whatever is not running as waiting: both may still write.
    """
    tasks = []
    for line in answer.splitlines():
        fields = line.split(SEPARATOR)
        if len(fields) == 7:
            job_id, array_id, index, state, name, comment, directory = fields
            number = int(index) if index.isdecimal() else None
            tasks.append(Task(job_id, array_id, number, state in RUNNING, name, comment, directory))
    return tasks


def templates() -> Path:
    """The directory of the batch scripts that come with spikebin.

    Notes
    -----
    Inside the package where it was installed from a wheel, beside it in a checkout.
    """
    package = Path(__file__).parent
    inside = package / "templates"
    return inside if inside.is_dir() else package.parent / "slurm"


def find_template(name: str) -> Path:
    """A batch script that comes with spikebin.

    Parameters
    ----------
    name : str
        ``export.sbatch``, say.

    Returns
    -------
    Path

    Raises
    ------
    SpikebinError
        If there is none of that name.
    """
    path = templates() / name
    if not path.is_file():
        known = sorted(file.name for file in templates().glob("*")) if templates().is_dir() else []
        raise SpikebinError(f"no template {name!r}: {suggest(name, known)}")
    return path
