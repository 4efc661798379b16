"""The options of `spikebin export`: what each is called, and its help. What they do is in `spikebin.cli.export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikebin.choices import ExportTarget, OldLayout, ShardResponses, ShardsBy
from spikebin.cli import completion

Kind = Annotated[
    ExportTarget,
    typer.Argument(
        metavar="KIND",
        help="npz: scipy's sparse matrices in the old pipeline's layouts; npy: a dense array a part; mat: MATLAB;"
        " zarr: a store a sheet, for xarray; experanto: a shard a part, nwb: a file a part, both of the recordings.",
    ),
]
Out = Annotated[Path, typer.Argument(metavar="OUT", help="Directory; a variant goes to a folder in it, train_dataset.")]
OldLayoutOf = Annotated[
    OldLayout | None,
    typer.Option(
        "--layout",
        help="Of npz. raw: a file a part and repeat; trimmed: a file a trial, from its image's onset to the next;"
        " default: trimmed.",
        show_default=False,
    ),
]
Step = Annotated[
    int | None,
    typer.Option(
        "--step",
        metavar="K",
        min=1,
        help="Of npz, trimmed: sums over K bins, the rest dropped.",
        show_default=False,
    ),
]
As = Annotated[
    ShardResponses | None,
    typer.Option(
        "--as",
        help="Of experanto. spikes: exact times; sequence: counts in bins of --width; default: spikes.",
        show_default=False,
    ),
]
Width = Annotated[
    float | None,
    typer.Option(
        "--width",
        metavar="MS",
        help="Of experanto: of a bin, or of the window in which a reader counts; default: 1, or as --rate says.",
        show_default=False,
    ),
]
Rate = Annotated[
    float | None,
    typer.Option(
        "--rate",
        metavar="HZ",
        help="Of experanto: at which a reader samples; default: once a --width.",
        show_default=False,
    ),
]
Frames = Annotated[
    Path | None,
    typer.Option(
        "--frames",
        metavar="DIR",
        help="Of experanto: .npy files named like the images and movies; default: frames are left out.",
        show_default=False,
    ),
]
Tier = Annotated[
    str | None,
    typer.Option(
        "--tier",
        metavar="RULE",
        help="Of experanto: validation, for all images and videos; or shares, train=0.8,test=0.2, with all"
        " repeats of one in the same; default: the name of the variant.",
        show_default=False,
    ),
]
By = Annotated[
    ShardsBy | None,
    typer.Option(
        "--by",
        help="Of experanto. part: a shard a part; trial: one for each {repeat} in the names of the recordings, over"
        " all of its parts; default: part.",
        show_default=False,
    ),
]
Index = Annotated[
    str | None,
    typer.Option(
        "--index",
        "-i",
        metavar="SPEC",
        help="Of experanto, nwb: only these jobs of the plan: 3,7-9.",
        show_default=False,
        autocompletion=completion.indices,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace what is there and was made otherwise.")]
