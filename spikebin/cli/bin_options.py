"""The options of `spikebin bin`: what each is called, and its help. What they do is in `spikebin.cli.bin`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikebin import choices
from spikebin.cli import completion

TRIALS, READING, OUTPUT = "Trials", "What a recording does not say about itself", "Output"

Files = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="Recordings; `spikebin formats` lists what can be read.")
]
Width = Annotated[
    str, typer.Option("--width", "-w", metavar="MS", help="Length of a bin in ms; 10ms and 0.01s are understood.")
]
Trials = Annotated[
    str | None,
    typer.Option(
        "--trials",
        "-t",
        metavar="FILE",
        help="Events, CSV or TSV with a header; the name of a table in the recording; none: one trial of all.",
        show_default=False,
        rich_help_panel=TRIALS,
    ),
]
Window = Annotated[
    tuple[str, str] | None,
    typer.Option(
        "--window",
        metavar="START STOP",
        help="ms around each event; default: the complete trial.",
        show_default=False,
        rich_help_panel=TRIALS,
    ),
]
AlignTo = Annotated[
    str | None,
    typer.Option(
        "--align-to",
        "-a",
        metavar="COLUMN",
        help="Event that windows are relative to.",
        show_default=False,
        autocompletion=completion.columns,
        rich_help_panel=TRIALS,
    ),
]
Until = Annotated[
    str | None,
    typer.Option(
        "--until",
        metavar="COLUMN",
        help="Event that a trial lasts to, without a window.",
        show_default=False,
        autocompletion=completion.columns,
        rich_help_panel=TRIALS,
    ),
]
TrialsUnit = Annotated[
    str | None,
    typer.Option(
        "--trials-unit",
        metavar="UNIT",
        help="Of the events: s, ms, us, ns or samples.",
        show_default=False,
        autocompletion=completion.units_of_time,
        rich_help_panel=TRIALS,
    ),
]
ImageId = Annotated[
    str | None,
    typer.Option(
        "--image-id",
        metavar="COLUMN",
        help="Names what was shown in each trial.",
        show_default=False,
        autocompletion=completion.columns,
        rich_help_panel=TRIALS,
    ),
]
DropMissing = Annotated[
    bool, typer.Option("--drop-missing", help="Leave out trials without a time.", rich_help_panel=TRIALS)
]
Short = Annotated[
    choices.Short, typer.Option("--short", help="Trials that reach past what was recorded.", rich_help_panel=TRIALS)
]
RelativeTo = Annotated[
    str | None,
    typer.Option(
        "--relative-to",
        metavar="COLUMN",
        help="Column that the times of the other events are relative to: start_time.",
        show_default=False,
        rich_help_panel=TRIALS,
    ),
]
Ragged = Annotated[
    choices.RaggedTrials, typer.Option("--ragged", help="Trials of different lengths.", rich_help_panel=TRIALS)
]
Kind = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="FORMAT",
        help="Default: recognised from what is there.",
        show_default=False,
        autocompletion=completion.formats,
        rich_help_panel=READING,
    ),
]
FormatName = Annotated[
    str | None,
    typer.Argument(
        metavar="FORMAT",
        help="Only this one, with an example. Default: all.",
        show_default=False,
        autocompletion=completion.formats,
    ),
]
Unit = Annotated[
    str | None,
    typer.Option(
        "--unit",
        "-u",
        metavar="UNIT",
        help="Of the spike times: s, ms, us, ns or samples.",
        show_default=False,
        autocompletion=completion.units_of_time,
        rich_help_panel=READING,
    ),
]
Rate = Annotated[
    float | None,
    typer.Option("--rate", metavar="HZ", help="Samples per second.", show_default=False, rich_help_panel=READING),
]
Times = Annotated[
    str | None,
    typer.Option(
        "--times",
        metavar="NAME",
        help="Column or array of spike times.",
        show_default=False,
        autocompletion=completion.recorded_columns,
        rich_help_panel=READING,
    ),
]
Neurons = Annotated[
    str | None,
    typer.Option(
        "--neurons",
        metavar="NAME",
        help="Column or array of neuron ids, or a second .npy.",
        show_default=False,
        autocompletion=completion.recorded_columns,
        rich_help_panel=READING,
    ),
]
Ids = Annotated[
    str | None,
    typer.Option(
        "--ids",
        metavar="IDS",
        help="Only these neurons, silent ones too: 1-1000,2001; of sheets: V1=1-1000,LGN=1-20.",
        show_default=False,
        rich_help_panel=READING,
    ),
]
Labels = Annotated[
    str | None,
    typer.Option(
        "--labels",
        metavar="LABELS",
        help="Only units labelled so: good,mua; of NWB also COLUMN=good.",
        show_default=False,
        autocompletion=completion.labels,
        rich_help_panel=READING,
    ),
]
Nodes = Annotated[
    list[str] | None,
    typer.Option(
        "--nodes",
        metavar="FILE",
        help="SONATA's nodes.h5; of one population: V1=FILE. May be repeated.",
        show_default=False,
        rich_help_panel=READING,
    ),
]
Population = Annotated[
    str | None,
    typer.Option(
        "--population",
        metavar="COLUMN",
        help="Of a table of spikes: each of its values is a sheet; none: it says nothing.",
        show_default=False,
        autocompletion=completion.recorded_columns,
        rich_help_panel=READING,
    ),
]
Trial = Annotated[
    str | None,
    typer.Option(
        "--trial",
        metavar="COLUMN",
        help="Of a table of spikes: the trial that their times are relative to; none: all on one clock.",
        show_default=False,
        autocompletion=completion.recorded_columns,
        rich_help_panel=READING,
    ),
]
Duration = Annotated[
    str | None,
    typer.Option(
        "--duration",
        metavar="MS",
        help="Of SONATA and NEST: how long the simulation lasted, 2000 or 2s.",
        show_default=False,
        rich_help_panel=READING,
    ),
]
BinWidth = Annotated[
    str | None,
    typer.Option(
        "--bin-width",
        metavar="MS",
        help="Of old .npz files: length of the bins they hold.",
        show_default=False,
        rich_help_panel=READING,
    ),
]
Phases = Annotated[
    str | None,
    typer.Option(
        "--phases",
        metavar="PHASES",
        help="Of old .npz files: what a trial is made of, in ms: blank:150,image:560.",
        show_default=False,
        rich_help_panel=READING,
    ),
]
FollowLinks = Annotated[
    bool,
    typer.Option(
        "--follow-links",
        help="Take what an HDF5 file names in other files of its directory.",
        rich_help_panel=READING,
    ),
]
Sheets = Annotated[
    list[str] | None,
    typer.Option(
        "--sheet",
        "-s",
        metavar="SHEET",
        help="Only this sheet. May be repeated.",
        show_default=False,
        autocompletion=completion.recorded_sheets,
        rich_help_panel=OUTPUT,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        metavar="FILE",
        help=".h5 (sealed matrix file), .npz or .npy; or a directory.",
        show_default=False,
        rich_help_panel=OUTPUT,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace what is there.", rich_help_panel=OUTPUT)]
Closed = Annotated[
    choices.Closed, typer.Option("--closed", help="The edge that belongs to a bin.", rich_help_panel=OUTPUT)
]
EndBin = Annotated[
    bool, typer.Option("--end-bin", help="One more bin, for spikes at exactly the end.", rich_help_panel=OUTPUT)
]
Values = Annotated[
    choices.Values,
    typer.Option(
        "--values",
        help="What a bin holds. count: spikes, so that none is lost; bool: whether there is one, as in a config.",
        rich_help_panel=OUTPUT,
    ),
]
Layout = Annotated[choices.Layout, typer.Option("--layout", help="Of a matrix file.", rich_help_panel=OUTPUT)]
Codec = Annotated[choices.Codec, typer.Option("--codec", help="Of a matrix file.", rich_help_panel=OUTPUT)]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        metavar="N",
        min=1,
        help="Default: the CPUs granted.",
        show_default=False,
        rich_help_panel=OUTPUT,
    ),
]
Plot = Annotated[
    Path | None,
    typer.Option(
        "--plot",
        metavar="FILE",
        help="Draw raster and PSTH around the event: .pdf, .svg, .png (needs matplotlib, extra plot).",
        show_default=False,
        rich_help_panel=OUTPUT,
    ),
]
By = Annotated[
    str | None,
    typer.Option(
        "--by",
        metavar="COLUMN",
        help="Of --plot: column of the events that says which condition a trial is of.",
        show_default=False,
        rich_help_panel=OUTPUT,
        autocompletion=completion.columns,
    ),
]
