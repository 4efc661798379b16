"""Options that several commands take, and how an answer is put out."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from spikebin.cli import completion

if TYPE_CHECKING:
    from spikebin.pipeline.plan import Plan

__all__ = [
    "ConfigOption",
    "DeepOption",
    "JsonOption",
    "PlotOption",
    "SheetOption",
    "VariantOption",
    "answer_json",
    "is_terminal",
    "load",
    "note",
    "say",
    "size_text",
]

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="The spikebin.toml to use; else $SPIKEBIN_CONFIG, else ./spikebin.toml.",
        show_default=False,
    ),
]
SheetOption = Annotated[
    str | None,
    typer.Option(
        "--sheet",
        "-s",
        metavar="SHEET",
        help="Only this sheet: V1_Inh_L2/3 or V1_Inh_L23.",
        show_default=False,
        autocompletion=completion.sheets,
    ),
]
VariantOption = Annotated[
    str | None,
    typer.Option(
        "--variant",
        "-v",
        metavar="VARIANT",
        help="Only this variant: train, test, ...",
        show_default=False,
        autocompletion=completion.variants,
    ),
]
DeepOption = Annotated[
    bool, typer.Option("--deep", help="Compare every byte of every file with its seal, not only its size.")
]
PlotOption = Annotated[
    Path | None,
    typer.Option(
        "--plot",
        metavar="FILE",
        help="Draw rates and PSTHs, and the trial, as a picture: .png, .svg, .pdf (needs matplotlib, extra plot).",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the answer as JSON, for programs.")]


def load(config: Path | None) -> Plan:
    """The plan of a config."""
    from spikebin.pipeline.config import load_config
    from spikebin.pipeline.plan import load_plan

    return load_plan(load_config(config))


def answer_json(answer: Any) -> None:
    """Print an answer as JSON."""
    typer.echo(json.dumps(answer, indent=2, default=str))


def note(text: str) -> None:
    """Say something that is not the answer."""
    _write(sys.stderr, text)


def say(text: str) -> None:
    """Say a line of the answer while a bar may be drawn, above which it stands: click's own echo goes past that."""
    _write(sys.stdout, text)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether people look at what is written there; a program that was started without it has none."""
    return stream is not None and stream.isatty()


def _write(stream: TextIO | None, text: str) -> None:
    if stream is not None:
        stream.write(f"{text}\n")
        stream.flush()


def size_text(n_bytes: float) -> str:
    """A number of bytes as people read it: 26.4 MB."""
    from rich.filesize import decimal

    return decimal(int(n_bytes))
