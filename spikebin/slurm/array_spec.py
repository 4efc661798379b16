"""Array specs as sbatch takes them, and how indices are cut into arrays that Slurm accepts. Pure text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from spikebin.errors import SpikebinError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Slice", "array_spec", "parse_array_spec", "slices"]

LONGEST_SPEC = 4000
"""Bytes of an ``--array`` string; Slurm takes 4096, ``%N`` included."""


@dataclass(frozen=True)
class Slice:
    """Indices that one array holds. A task of it runs the job ``SLURM_ARRAY_TASK_ID + offset``."""

    offset: int
    indices: tuple[int, ...]

    @property
    def spec(self) -> str:
        """The array's own indices, as sbatch takes them."""
        return array_spec(index - self.offset for index in self.indices)


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
            raise SpikebinError(f"{piece!r} in {text!r} is not a range of indices: give the smaller one first, 7-9")
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
        In ascending order. Offsets are multiples of one number, a round one where possible, so that the index of a
        job can be read from the name of its log.

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
