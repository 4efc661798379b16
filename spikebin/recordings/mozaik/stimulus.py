"""A stimulus as mozaik writes it: its text, which is read and never run, and what tells one from another.

presentations.py knows which presentation shows it.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from spikebin.recordings.columns import RESERVED, as_column, column_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "BLANK",
    "Stimulus",
    "columns_of",
    "image_id",
    "is_end",
    "is_moving",
    "parse_stimulus",
    "varying",
    "written_down",
]

BLANK = "InternalStimulus"
"""The kind of a blank that is presented as a stimulus, and of spontaneous activity: what mozaik's NoStimulation and
RandomizedExperanto present."""

OWN = ("part", "skipped", "blank_ms", "image_ms", "blank_after_ms")
"""Columns of /trials that are not parameters of a stimulus."""

NAMING = ("image_path", "movie_name")
LONGEST_STIMULUS = 1 << 20


@dataclass(frozen=True)
class Stimulus:
    """What mozaik wrote of a stimulus.

    Parameters
    ----------
    kind : str
        mozaik's `name`.
    parameters : mapping
        Those that are plain literals.
    text : str
        All of it, as written.
    calls : mapping of str to str
        Parameters that are no literals, such as ``MozaikExtendedParameterSet({...})``, as they are written.
    """

    kind: str
    parameters: Mapping[str, Any]
    text: str
    calls: Mapping[str, str] = field(default_factory=dict)

    def get(self, name: str) -> Any:
        """A parameter's value, or the text of its call; None where it has none."""
        return self.parameters.get(name, self.calls.get(name))


def parse_stimulus(text: str) -> Stimulus:
    """Read the text of a stimulus without evaluating it.

    Parameters
    ----------
    text : str
        A Python dict display, whose values may be calls such as ``MozaikExtendedParameterSet({...})``.

    Returns
    -------
    Stimulus

    Raises
    ------
    ValueError
        If the text is not a dict display with a name.
    """
    if len(text) > LONGEST_STIMULUS:
        raise ValueError(f"it has {len(text):,} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError("it is not a Python expression") from None
    if not isinstance(tree, ast.Dict):
        raise ValueError("it is not a dict")
    parameters: dict[str, Any] = {}
    calls: dict[str, str] = {}
    for key, value in zip(tree.keys, tree.values, strict=True):
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            try:
                parameters[key.value] = ast.literal_eval(value)
            except (ValueError, TypeError, RecursionError, MemoryError):
                calls[key.value] = ast.get_source_segment(text.strip(), value) or ""
    if not isinstance(parameters.get("name"), str):
        raise ValueError("it has no name")
    return Stimulus(parameters["name"], parameters, text, calls)


def written_down(parameters: Mapping[str, Any]) -> Stimulus:
    """A stimulus as mozaik would write it: `parse_stimulus` reads its text as the same.

    Parameters
    ----------
    parameters : mapping
        Plain literals, with a `name`.

    Returns
    -------
    Stimulus
    """
    return Stimulus(parameters["name"], parameters, repr(dict(parameters)))


def is_end(kind: str) -> bool:
    """Whether a kind only ends a simulation: what mozaik presents after the last stimulus, to have recorded its blank.

    Parameters
    ----------
    kind : str
    """
    return kind.startswith("EndOf")


def is_moving(stimulus: Stimulus) -> bool:
    """Whether it shows more than one frame of a movie, by its `movie_frame_duration` and `duration`.

    Parameters
    ----------
    stimulus : Stimulus
    """
    frame, duration = stimulus.parameters.get("movie_frame_duration"), stimulus.parameters.get("duration")
    return isinstance(frame, int | float) and isinstance(duration, int | float) and frame < duration


def image_id(stimulus: Stimulus, names: Sequence[str]) -> str | None:
    """What a trial's image is called.

    Parameters
    ----------
    stimulus : Stimulus
    names : sequence of str
        Parameters that name it; none: image_path, else movie_name, else the kind of a blank.

    Returns
    -------
    str or None
        Of one parameter, its value; of image_path, the file's name up to its first underscore. Of several, those that
        the stimulus has: ``orientation=0.0,contrast=30``. None if it has none of them.
    """
    asked = list(names)
    if not asked:
        asked = [name for name in NAMING if stimulus.get(name) is not None][:1]
        if not asked and stimulus.kind == BLANK:
            return stimulus.kind
    found = {name: value for name in asked if (value := stimulus.get(name)) is not None}
    texts = {name: _file_id(str(value)) if name == "image_path" else str(value) for name, value in found.items()}
    if not texts:
        return None
    if len(asked) == 1:
        return texts[asked[0]]
    return ",".join(f"{name}={text}" for name, text in texts.items())


def varying(stimuli: Sequence[Stimulus]) -> list[str]:
    """Parameters in which stimuli differ, but for `trial`.

    Parameters
    ----------
    stimuli : sequence of Stimulus

    Returns
    -------
    list of str
        In the order in which they are written; `name` first, where there are several kinds.
    """
    names = dict.fromkeys(["name", *(name for one in stimuli for name in (*one.parameters, *one.calls))])
    names.pop("trial", None)
    first = stimuli[0]
    return [name for name in names if any(one.get(name) != first.get(name) for one in stimuli)]


def columns_of(stimuli: Sequence[Stimulus], asked: Sequence[str]) -> list[tuple[tuple[str, Any], ...]]:
    """Parameters as columns of /trials: those that differ between the stimuli, and those asked for.

    Parameters
    ----------
    stimuli : sequence of Stimulus
        At least one.
    asked : sequence of str

    Returns
    -------
    list of tuple of (name, value)
        Of each stimulus: numbers as numbers, everything else as text; nan and "" where it lacks one.
    """
    columns: dict[str, list[Any]] = {}
    for name in dict.fromkeys([*asked, *varying(stimuli)]):
        if name != "trial":
            free = column_name(name, {*RESERVED, *OWN, *columns})
            columns[free] = as_column([one.get(name) for one in stimuli])
    return [tuple((name, values[i]) for name, values in columns.items()) for i in range(len(stimuli))]


def _file_id(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2].partition("_")[0]
