"""Commands that hold a data set against others, and make another of it: compare, view."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spikebin.choices import How, Layout, Rest, Short
from spikebin.cli import app, completion
from spikebin.cli.dataset_options import (
    BrokenOption,
    DatasetOption,
    IndexOption,
    LeaveOutOption,
    MatchOption,
    open_sheets,
    output_of,
)
from spikebin.cli.options import ConfigOption, JsonOption, SheetOption, VariantOption, answer_json, note, say
from spikebin.cli.wording import number
from spikebin.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from spikebin.dataset.sheet_set import SheetSet
    from spikebin.exports.compare import Verdict


OriginOption = Annotated[
    str,
    typer.Option(
        "--origin",
        metavar="PHASE",
        help="Phase whose onset is bin 0 of --window.",
        autocompletion=completion.phases,
    ),
]


@app.command()
def compare(
    old_dir: Annotated[
        Path,
        typer.Argument(
            metavar="OLD",
            help="A <variant>_dataset of the old scripts, or a directory of them; another data set; or shards of"
            " Experanto, in a directory or in one for each variant.",
        ),
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
    """Tell file by file whether another data set or shards agree with this one, and why not; exit 1 if any differs."""
    from spikebin.cli.progress import followed

    output = output_of(config, dataset)
    opened = partial(open_sheets, output, match=match, leave_out=leave_out, broken=without_broken)
    found, n_files = _held(output, old_dir, variant, sheet, leave_out or (), opened)
    verdicts = []
    for folder, verdict in followed(found, n_files):
        verdicts.append(verdict)
        if not json and (verdict.remarks or not verdict.agrees):
            say(f"{folder}{verdict}")
    bad = [verdict for verdict in verdicts if not verdict.agrees]
    if json:
        answer_json([{"path": v.path, "agrees": v.agrees, "remarks": v.remarks} for v in verdicts])
    verb = "agrees" if len(verdicts) == 1 else "agree"
    (note if json else say)(f"{len(verdicts) - len(bad):,} of {number(len(verdicts), 'file')} {verb}")
    raise typer.Exit(1 if bad else 0)


def _held(
    output: tuple[Path, dict[str, tuple[str, ...]]],
    old: Path,
    variant: str | None,
    sheet: str | None,
    leave_out: Sequence[str],
    opened: Callable[[str, str | None], SheetSet],
) -> tuple[Iterable[tuple[str, Verdict]], int | None]:
    """What is held against what: folders and verdicts, and about how many, where that is known."""
    from spikebin.exports.compare import compare as held_against
    from spikebin.exports.compare import old_datasets
    from spikebin.exports.compare_contents import compare_datasets, holds_matrices
    from spikebin.exports.compare_shards import compare_shards, compare_two_shards, variants_of_shards
    from spikebin.output.paths import part_files, sheets_there, variants_there

    there = variants_there(output[0])
    chosen = there if variant is None else [variant]
    if variants_of_shards(output[0]) and not there:
        if not variants_of_shards(old):
            raise DatasetError(f"{output[0]} holds shards, and {old} does not: give the data set with --dataset")
        return (("", one) for one in compare_two_shards(output[0], old, variant=variant, sheet=sheet)), None
    if holds_matrices(old):
        without = [*leave_out, *(f"{name}/{part}" for name, parts in output[1].items() for part in parts)]
        held = compare_datasets(output[0], old, variant=variant, sheet=sheet, without=without)
        n_files = sum(len(part_files(output[0], name, one)) for name in chosen for one in sheets_there(output[0], name))
        return (("", verdict) for verdict in held), n_files if sheet is None else None
    if variants_of_shards(old):
        sets = {name: opened(name, sheet) for name in chosen}
        found = (("", verdict) for sheets in sets.values() for verdict in compare_shards(sheets, old))
    else:
        places = old_datasets(old, there, variant)
        sets = {name: opened(name, sheet) for name, _ in places}
        found = (
            (f"{path.name}/", verdict)
            for name, path in places
            for verdict in held_against(sets[name], path, all_sheets=sheet is None)
        )
    return found, sum(sheets.n_parts for sheets in sets.values())


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
    origin: OriginOption = "image",
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
    from spikebin.cli.progress import followed_by_trials
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
    output, answer = output_of(config, dataset), []
    for name in chosen_variants(output[0], variant):
        sheets = chain.sheets(open_sheets(output, name, sheet, match, leave_out, broken=without_broken))
        written = materialise(sheets, out, chain, layout=layout, force=force)
        parts = [part for parts in sheets.parts().values() for part in parts]
        n_skipped = sum(done.skipped for done in followed_by_trials(written, parts, str))
        answer.append({"variant": name, "written": sheets.n_parts - n_skipped, "there_already": n_skipped})
        if not json:
            typer.echo(f"{name}: {sheets.n_parts - n_skipped} written, {n_skipped} there already")
    if json:
        answer_json(answer)
