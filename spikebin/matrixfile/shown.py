"""What a data set, view or file says of itself: one line in a terminal, a small table in a notebook."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["counted", "html_table", "one_line", "size_of", "text_of_shape"]


def size_of(n_bytes: int) -> str:
    """A number of bytes as people read it: ``26.7 MB``."""
    from rich.filesize import decimal

    return decimal(n_bytes)


def text_of_shape(shape: Sequence[int], width: float) -> str:
    """``1,000 trials x 37,500 neurons x 712 bins of 1 ms``."""
    n_trials, n_neurons, n_columns = shape
    return (
        f"{counted(n_trials, 'trial')} x {counted(n_neurons, 'neuron')} x {counted(n_columns, 'bin')} of {width:g} ms"
    )


def counted(n: int, what: str) -> str:
    """``1 trial``, ``2,000 trials``."""
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def one_line(kind: str, name: str, facts: Mapping[str, Any]) -> str:
    """What each fact says, without its key: ``<Dataset train/X_ON: 9 trials x 6 neurons x 17 bins of 1 ms, bool>``.

    Parameters
    ----------
    kind, name : str
    facts : mapping of str to anything
        What is empty is left out.

    Returns
    -------
    str
    """
    return f"<{kind} {name}: {', '.join(str(fact) for fact in facts.values() if fact)}>"


def html_table(title: str, facts: Mapping[str, Any]) -> str:
    """The same as a table of two columns, for notebooks.

    Parameters
    ----------
    title : str
    facts : mapping of str to anything
        What is empty is left out.

    Returns
    -------
    str
        HTML.
    """
    rows = "".join(
        f'<tr><th style="text-align:left">{escape(name)}</th><td style="text-align:left">{escape(str(fact))}</td></tr>'
        for name, fact in facts.items()
        if fact
    )
    return f"<b>{escape(title)}</b><table>{rows}</table>"
