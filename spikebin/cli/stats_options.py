"""The options of `spikebin stats`: what each is called, and its help. What they do is in `spikebin.cli.stats`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikebin import choices
from spikebin.cli import completion

ITEMS, PARTS, OUTPUT = "What is counted", "Which parts", "Output"

Width = Annotated[
    str | None,
    typer.Option(
        "--width",
        "-w",
        metavar="MS,...",
        help="Widths of bins, multiples of that of the files: 1,5,10,15,20. Default: that of the files.",
        show_default=False,
        rich_help_panel=ITEMS,
    ),
]
Window = Annotated[
    str | None,
    typer.Option(
        "--window",
        metavar="A:B",
        help="Bins A to B - 1 of each trial, from the onset of --origin; default: all of it.",
        show_default=False,
        rich_help_panel=ITEMS,
    ),
]
Origin = Annotated[
    str,
    typer.Option(
        "--origin",
        metavar="PHASE",
        help="Phase whose onset is bin 0.",
        autocompletion=completion.phases,
        rich_help_panel=ITEMS,
    ),
]
Across = Annotated[
    bool, typer.Option("--across", help="Let --window reach into the next trial.", rich_help_panel=ITEMS)
]
Short = Annotated[
    choices.Short,
    typer.Option("--short", help="Of --window, where it was not recorded completely.", rich_help_panel=ITEMS),
]
NeuronsIndex = Annotated[
    list[Path] | None,
    typer.Option(
        "--neurons-index",
        metavar="FILE",
        help="Only the neurons of an old {sheet: rows} file, size_10.0.pkl; several are counted in one pass.",
        show_default=False,
        rich_help_panel=ITEMS,
    ),
]
Sample = Annotated[
    int,
    typer.Option(
        "--sample", metavar="N", min=1, help="Neurons of correlations and reliability.", rich_help_panel=ITEMS
    ),
]
Index = Annotated[
    str | None,
    typer.Option(
        "--index",
        "-i",
        metavar="SPEC",
        help="Only add up these jobs of the plan, 3,7-9, and keep that for the next call, as a Slurm task does.",
        show_default=False,
        autocompletion=completion.indices,
        rich_help_panel=PARTS,
    ),
]
Missing = Annotated[
    bool,
    typer.Option(
        "--missing",
        help="Only print the indices of the jobs that are done and not added up yet.",
        rich_help_panel=PARTS,
    ),
]
Match = Annotated[
    choices.Match,
    typer.Option(
        "--match",
        help="exact: all parts have the same neurons; common: those that all have.",
        rich_help_panel=PARTS,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="DIR", help="Write tables there.", show_default=False, rich_help_panel=OUTPUT),
]
Formats = Annotated[
    list[str] | None,
    typer.Option(
        "--format",
        "-f",
        metavar="FORMAT",
        help="Of --out: csv, json or parquet, a file a table; npz, all arrays. May be repeated; default: csv.",
        show_default=False,
        autocompletion=completion.kinds_of_table,
        rich_help_panel=OUTPUT,
    ),
]
Plot = Annotated[
    Path | None,
    typer.Option(
        "--plot",
        metavar="FILE",
        help="Draw rates, counts and correlations: .pdf, .svg, .png (needs matplotlib, extra plot).",
        show_default=False,
        rich_help_panel=OUTPUT,
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers", metavar="N", min=1, help="Parts at once; default: the CPUs there are.", show_default=False
    ),
]
