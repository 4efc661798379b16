"""Words of the command line: numbers with their nouns; of errors, options where Python has arguments."""

from __future__ import annotations

import re

__all__ = ["for_command_line", "number"]

# Arguments of the Python API that are options under the same name, and take a value or none.
NAMED = "match|short|rest|how|ragged"
AS_OPTIONS = (
    (re.compile(r"\bbroken='leave out'"), "--without-broken"),
    (re.compile(r"\bleave_out=\[\.\.\.\]"), "--leave-out PART"),
    (re.compile(r"\bacross=True\b"), "--across"),
    (re.compile(rf"\b({NAMED})='(\w+)'((?:, '\w+')*)(?: or '(\w+)')?"), None),
)


def number(n: int, noun: str) -> str:
    """A number and its noun: 1 file, 2,000 files."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def for_command_line(message: str) -> str:
    """The message of an error, in the terms of the command line.

    Parameters
    ----------
    message : str
        For instance ``"... choose rest='drop' or 'keep'"``.

    Returns
    -------
    str
        ``"... choose --rest drop or keep"``.
    """
    for pattern, option in AS_OPTIONS:
        message = pattern.sub(_option if option is None else option, message)
    return message


def _option(match: re.Match[str]) -> str:
    name, first, others, last = match.groups()
    return f"--{name} {first}{others.replace(chr(39), '')}{f' or {last}' if last else ''}"
