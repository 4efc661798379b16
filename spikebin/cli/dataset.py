"""Commands that hand the data set on: export, compare, view."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spikebin.choices import ExportOrShards, How, Layout, Match, OldLayout, Rest, ShardResponses, Short
from spikebin.cli import app
from spikebin.cli.options import ConfigOption, JsonOption, SheetOption, VariantOption, answer_json, load, note
from spikebin.errors import SpikebinError

if TYPE_CHECKING:
    from spikebin.dataset.sheet_set import SheetSet

DatasetOption = Annotated[
    Path | None,
    typer.Option(
        "--dataset", "-d", metavar="DIR", help="The data set to read; default: the config's output.", show_default=False
    ),
]
LeaveOutOption = Annotated[
    list[str] | None,
    typer.Option("--leave-out", metavar="PART", help="Go without this part. May be repeated.", show_default=False),
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


def _output(config: Path | None, dataset: Path | None) -> tuple[Path, dict[str, tuple[str, ...]]]:
    """The data set to read, and the parts of each variant that its config excludes."""
    from spikebin.pipeline.config import load_config

    if dataset is not None:
        return dataset, {}
    settings = load_config(config)
    return settings.output, settings.excluded


def _open(
    output: tuple[Path, dict[str, tuple[str, ...]]],
    variant: str,
    sheet: str | None,
    match: Match,
    leave_out: list[str] | None,
    *,
    broken: bool,
) -> SheetSet:
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


@app.command()
def export(
    kind: Annotated[
        ExportOrShards,
        typer.Argument(
            metavar="KIND",
            help="npz: scipy's sparse matrices in the old pipeline's layouts; npy: a dense array a part; mat: MATLAB;"
            " zarr: a store a sheet, for xarray; experanto: a shard a part, from the recordings themselves.",
        ),
    ],
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="Directory; a variant goes to a folder in it, train_dataset.")
    ],
    layout: Annotated[
        OldLayout,
        typer.Option(
            "--layout",
            help="Of npz. raw: a file a part and repeat; trimmed: a file a trial, from its image's onset to the next.",
        ),
    ] = "trimmed",
    step: Annotated[
        int | None,
        typer.Option(
            "--step",
            metavar="K",
            min=1,
            help="Of npz, trimmed: sums over K bins, the rest dropped.",
            show_default=False,
        ),
    ] = None,
    responses: Annotated[
        ShardResponses,
        typer.Option("--as", help="Of experanto. spikes: exact times; sequence: counts in bins of --width."),
    ] = "spikes",
    width: Annotated[float, typer.Option("--width", metavar="MS", help="Of experanto: of a bin.")] = 1.0,
    frames: Annotated[
        Path | None,
        typer.Option(
            "--frames",
            metavar="DIR",
            help="Of experanto: .npy files named like the images and movies; default: frames are left out.",
            show_default=False,
        ),
    ] = None,
    tier: Annotated[
        str | None,
        typer.Option(
            "--tier",
            metavar="TIER",
            help="Of experanto: of all images and videos; default: the name of the variant.",
            show_default=False,
        ),
    ] = None,
    index: Annotated[
        str | None,
        typer.Option(
            "--index",
            "-i",
            metavar="SPEC",
            help="Of experanto: only these jobs of the plan: 3,7-9.",
            show_default=False,
        ),
    ] = None,
    variant: VariantOption = None,
    sheet: SheetOption = None,
    neurons_index: IndexOption = None,
    match: MatchOption = "exact",
    leave_out: LeaveOutOption = None,
    without_broken: BrokenOption = False,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there and was made otherwise.")] = False,
    json: JsonOption = False,
    dataset: DatasetOption = None,
    config: ConfigOption = None,
) -> None:
    """Write the data set in a layout that other programs read, part by part; what is there already is left alone."""
    if kind == "experanto":
        given = {"--neurons-index": neurons_index, "--step": step, "--leave-out": leave_out, "--dataset": dataset}
        odd = [name for name, value in given.items() if value is not None]
        if odd:
            raise SpikebinError(f"experanto takes no {odd[0]}: shards are made of the recordings of a plan")
        from spikebin.cli.shards import export_shards
        from spikebin.exports.experanto import ShardSettings

        settings = ShardSettings(responses, width, frames, tier or "")
        export_shards(load(config), out, settings, variant=variant, sheet=sheet, index=index, json=json)
        return
    from spikebin.cli.progress import followed
    from spikebin.dataset.open import chosen_variants
    from spikebin.exports.export import export as write
    from spikebin.exports.old_layouts import read_index

    output, answer = _output(config, dataset), []
    rows = read_index(neurons_index) if neurons_index is not None else None
    for name in chosen_variants(output[0], variant):
        sheets = _open(output, name, sheet, match, leave_out, broken=without_broken)
        n_parts = (sheets if rows is None else sheets.only(rows)).n_parts
        written = write(kind, sheets, out, layout=layout, step=step, index=rows, force=force)
        n_skipped = sum(done.skipped for done in followed(written, n_parts, partial("{}/{}".format, name)))
        answer.append({"variant": name, "written": n_parts - n_skipped, "there_already": n_skipped})
        if not json:
            typer.echo(f"{name}: {n_parts - n_skipped} written, {n_skipped} there already")
    if json:
        answer_json(answer)


@app.command()
def compare(
    old_dir: Annotated[
        Path, typer.Argument(metavar="OLD_DIR", help="A <variant>_dataset of the old scripts, or a directory of them.")
    ],
    variant: VariantOption = None,
    sheet: SheetOption = None,
    match: MatchOption = "exact",
    leave_out: LeaveOutOption = None,
    without_broken: BrokenOption = False,
    json: JsonOption = False,
    dataset: DatasetOption = None,
    config: ConfigOption = None,
) -> None:
    """Tell file by file whether an old data set agrees with the new one, and why not; exit 1 if any differs."""
    from spikebin.exports.compare import compare as held_against
    from spikebin.exports.compare import old_datasets
    from spikebin.output.paths import variants_there

    output = _output(config, dataset)
    verdicts = []
    for name, path in old_datasets(old_dir, variants_there(output[0]), variant):
        sheets = _open(output, name, sheet, match, leave_out, broken=without_broken)
        for verdict in held_against(sheets, path, all_sheets=sheet is None):
            verdicts.append(verdict)
            if not json and (verdict.remarks or not verdict.agrees):
                typer.echo(f"{path.name}/{verdict}")
    bad = [verdict for verdict in verdicts if not verdict.agrees]
    if json:
        answer_json([{"path": v.path, "agrees": v.agrees, "remarks": v.remarks} for v in verdicts])
    (note if json else typer.echo)(f"{len(verdicts) - len(bad)} of {len(verdicts)} files agree")
    raise typer.Exit(1 if bad else 0)


@app.command()
def view(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Where the new data set goes.")],
    neurons_index: IndexOption = None,
    ids: Annotated[
        Path | None,
        typer.Option(
            "--ids", metavar="FILE", help="Only the neurons of a .npy file of ids; needs --sheet.", show_default=False
        ),
    ] = None,
    window: Annotated[
        str | None,
        typer.Option(
            "--window",
            metavar="A:B",
            help="Bins A to B - 1 of each trial, from the onset of --origin.",
            show_default=False,
        ),
    ] = None,
    origin: Annotated[
        str, typer.Option("--origin", metavar="PHASE", help="Phase whose onset is bin 0 of --window.")
    ] = "image",
    across: Annotated[
        bool, typer.Option("--across", help="Let --window reach into the next or previous trial.")
    ] = False,
    short: Annotated[
        Short, typer.Option("--short", help="Of --window, where it was not recorded completely.")
    ] = "refuse",
    rebin: Annotated[
        int | None,
        typer.Option(
            "--rebin", metavar="K", min=1, help="Bins K times as long; needs --how and --rest.", show_default=False
        ),
    ] = None,
    how: Annotated[How | None, typer.Option("--how", help="Of --rebin.", show_default=False)] = None,
    rest: Annotated[
        Rest | None, typer.Option("--rest", help="Of --rebin, of bins left over.", show_default=False)
    ] = None,
    layout: Annotated[Layout | None, typer.Option("--layout", help="Default: as it is.", show_default=False)] = None,
    variant: VariantOption = None,
    sheet: SheetOption = None,
    match: MatchOption = "exact",
    leave_out: LeaveOutOption = None,
    without_broken: BrokenOption = False,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there and was made otherwise.")] = False,
    json: JsonOption = False,
    dataset: DatasetOption = None,
    config: ConfigOption = None,
) -> None:
    """Write some neurons, a window, coarser bins as a data set of its own: neurons first, then window, then bins."""
    from spikebin.cli.progress import followed
    from spikebin.dataset.open import chosen_variants
    from spikebin.exports.materialise import Chain, materialise, parse_window
    from spikebin.exports.old_layouts import read_ids, read_index

    chain = Chain(
        index=read_index(neurons_index) if neurons_index else None,
        ids=read_ids(ids) if ids else None,
        window=parse_window(window) if window else None,
        origin=origin,
        across=across,
        short=short,
        rebin=rebin,
        how=how,
        rest=rest,
    )
    output, answer = _output(config, dataset), []
    for name in chosen_variants(output[0], variant):
        sheets = chain.sheets(_open(output, name, sheet, match, leave_out, broken=without_broken))
        written = materialise(sheets, out, chain, layout=layout, force=force)
        n_skipped = sum(done.skipped for done in followed(written, sheets.n_parts, str))
        answer.append({"variant": name, "written": sheets.n_parts - n_skipped, "there_already": n_skipped})
        if not json:
            typer.echo(f"{name}: {sheets.n_parts - n_skipped} written, {n_skipped} there already")
    if json:
        answer_json(answer)
