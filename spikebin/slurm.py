"""Slurm's ways of naming array tasks. Pure text; nothing is asked or submitted here."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from spikebin.errors import SpikebinError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["array_spec", "parse_array_spec"]


def array_spec(indices: Iterable[int]) -> str:
    """Indices as ``sbatch --array`` takes them: ``3,7-9,41``; "" for none.

    Parameters
    ----------
    indices : iterable of int
        In any order, repeated or not, 0 or more.
    """
    found = sorted(set(indices))
    if not found:
        return ""
    starts = [found[0]] + [b for a, b in pairwise(found) if b != a + 1]
    stops = [a for a, b in pairwise(found) if b != a + 1] + [found[-1]]
    return ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in zip(starts, stops, strict=True))


def parse_array_spec(text: str) -> list[int]:
    """The indices that ``3,7-9,41`` or ``0-10:5%4`` names, ascending, each once.

    Raises
    ------
    SpikebinError
        If it is not of that form.
    """
    indices: set[int] = set()
    for piece in text.partition("%")[0].split(","):
        span, _, step = piece.strip().partition(":")
        first, dash, last = span.partition("-")
        numbers = [first, last if dash else first, step or "1"]
        if not all(number.isascii() and number.isdigit() for number in numbers) or int(numbers[2]) == 0:
            raise SpikebinError(f"{text!r} names no array indices: give them as sbatch takes them, 3,7-9,41")
        low, high, stride = map(int, numbers)
        if high < low or high > 10**9:
            raise SpikebinError(f"{piece!r} in {text!r} is no range of indices: give the smaller one first, 7-9")
        indices.update(range(low, high + 1, stride))
    return sorted(indices)
