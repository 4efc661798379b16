"""Options of the commands that read a data set, and how they open it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spikebin.choices import Match
from spikebin.cli import completion
from spikebin.cli.options import note

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spikebin.dataset.sheet_set import SheetSet

__all__ = [
    "BrokenOption",
    "DatasetOption",
    "IndexOption",
    "LeaveOutOption",
    "MatchOption",
    "SheetsOption",
    "open_sheets",
    "open_variants",
    "output_of",
]

DatasetOption = Annotated[
    Path | None,
    typer.Option(
        "--dataset", "-d", metavar="DIR", help="The data set to read; default: the config's output.", show_default=False
    ),
]
SheetsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--sheet",
        "-s",
        metavar="SHEET",
        help="Only this sheet: V1_Inh_L2/3 or V1_Inh_L23. May be repeated.",
        show_default=False,
        autocompletion=completion.sheets,
    ),
]
LeaveOutOption = Annotated[
    list[str] | None,
    typer.Option(
        "--leave-out",
        metavar="PART",
        help="Go without this part. May be repeated.",
        show_default=False,
        autocompletion=completion.names_of_parts,
    ),
]
BrokenOption = Annotated[
    bool, typer.Option("--without-broken", help="Go without the parts that are missing or broken; they are named.")
]
MatchOption = Annotated[
    Match,
    typer.Option(
        "--match",
        help="exact: all parts must have the same neurons, all sheets the same trials; common: take what all have.",
    ),
]
IndexOption = Annotated[
    Path | None,
    typer.Option(
        "--neurons-index",
        metavar="FILE",
        help="Only the neurons of an old {sheet: rows} file (size_10.0.pkl); sheets not in it are left out.",
        show_default=False,
    ),
]


def output_of(config: Path | None, dataset: Path | None) -> tuple[Path, dict[str, tuple[str, ...]]]:
    """The data set to read, and the parts of each variant that its config excludes."""
    from spikebin.pipeline.config import load_config

    if dataset is not None:
        return dataset, {}
    settings = load_config(config)
    return settings.output, settings.excluded


def open_sheets(
    output: tuple[Path, dict[str, tuple[str, ...]]],
    variant: str,
    sheet: str | None,
    match: Match,
    leave_out: list[str] | None,
    *,
    broken: bool,
) -> SheetSet:
    """All sheets of a variant, or one; what was left out is said."""
    from spikebin.dataset.open import open_output

    sheets = open_output(
        output[0],
        variant,
        sheet,
        excluded=output[1].get(variant, ()),
        match=match,
        leave_out=leave_out or (),
        broken="leave out" if broken else "refuse",
    )
    for part, why in sheets.left_out.items():
        note(f"left out: {variant}/{part}: {why}")
    return sheets


def open_variants(
    dataset: Path | None,
    config: Path | None,
    variant: str | None,
    sheets: Sequence[str],
    match: Match,
    leave_out: list[str] | None,
    *,
    broken: bool,
) -> Iterator[tuple[str, SheetSet]]:
    """The variants of a data set, one after the other."""
    from spikebin.dataset.open import chosen_variants

    output = output_of(config, dataset)
    for name in chosen_variants(output[0], variant):
        found = open_sheets(output, name, sheets[0] if len(sheets) == 1 else None, match, leave_out, broken=broken)
        yield name, found.only(sheets) if len(sheets) > 1 else found
