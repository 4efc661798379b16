"""The Typer app: commands in groups, with examples, and help that shows every character as it is written.

Typer reads help as Rich's markup, in which ``[binning]`` is a style and vanishes. Here help is plain text.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import typer
from typer.core import TyperCommand

__all__ = ["ANY_SPIKES", "DATA_SET", "FILES", "HELP", "SLURM", "USE", "app"]

HELP = "Start here"
DATA_SET = "A data set, part by part"
SLURM = "On Slurm"
ANY_SPIKES = "Any recording, in one step"
FILES = "Matrix files"
USE = "Use the result"

F = TypeVar("F", bound=Callable[..., Any])


class _Command(TyperCommand):
    """A command that ends its help with examples."""

    examples: Sequence[str] = ()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.help = _plain(self.help)
        for parameter in self.params:
            if hasattr(parameter, "help"):
                parameter.help = _plain(parameter.help)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        super().format_help(ctx, formatter)
        typer.echo(" Examples:\n" + "".join(f"   $ {example}\n" for example in self.examples))


def _plain(text: str | None) -> str | None:
    """Text of which Rich's markup makes the text again."""
    from rich.markup import escape

    return text and escape(inspect.cleandoc(text))


class _App(typer.Typer):
    """A Typer whose commands are given a group and examples."""

    def add(self, name: str | None = None, *, group: str, examples: Sequence[str]) -> Callable[[F], F]:
        """A decorator that adds a command.

        Parameters
        ----------
        name : str, optional
            Default: that of the function.
        group : str
            The heading in `spikebin --help` under which it stands.
        examples : sequence of str
            Lines for a shell, two or more.
        """
        made = type("_Command", (_Command,), {"examples": tuple(examples)})
        return self.command(name, cls=made, rich_help_panel=group)


app = _App(
    name="spikebin",
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
