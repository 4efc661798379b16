"""The command `export`: the data set, or its recordings, for other programs."""

from __future__ import annotations

from functools import partial

import typer

from spikebin.cli import app, recorded
from spikebin.cli import export_options as options
from spikebin.cli.dataset_options import (
    BrokenOption,
    DatasetOption,
    IndexOption,
    LeaveOutOption,
    MatchOption,
    SheetsOption,
    open_variants,
)
from spikebin.cli.options import ConfigOption, JsonOption, VariantOption, answer_json, load


@app.command()
def export(
    kind: options.Kind,
    out: options.Out,
    layout: options.OldLayoutOf = None,
    step: options.Step = None,
    responses: options.As = None,
    width: options.Width = None,
    rate: options.Rate = None,
    frames: options.Frames = None,
    tier: options.Tier = None,
    by: options.By = None,
    index: options.Index = None,
    variant: VariantOption = None,
    sheet: SheetsOption = None,
    neurons_index: IndexOption = None,
    match: MatchOption = "exact",
    leave_out: LeaveOutOption = None,
    without_broken: BrokenOption = False,
    force: options.Force = False,
    json: JsonOption = False,
    dataset: DatasetOption = None,
    config: ConfigOption = None,
) -> None:
    """Write the data set, or its recordings, for other programs, part by part; what is there already is left alone."""
    of_shards = {"--as": responses, "--width": width, "--rate": rate, "--frames": frames, "--tier": tier, "--by": by}
    of_npz = {"--layout": layout, "--step": step, "--neurons-index": neurons_index}
    of_datasets = {"--leave-out": leave_out, "--without-broken": without_broken}
    opened = partial(open_variants, dataset, config, variant, sheet or [], match, leave_out, broken=without_broken)
    if kind == "experanto":
        from spikebin.exports.experanto.settings import ShardSettings

        recorded.refuse(kind, of_npz, "it goes with files of the old pipeline and for MATLAB")
        width = (1.0 if rate is None else 1000.0 / rate if rate else 0.0) if width is None else width
        settings = ShardSettings(responses or "spikes", width, rate, frames, tier or "")
        if dataset is not None:
            recorded.refuse(kind, {"--by": by, "--index": index}, "these are of recordings, take out --dataset")
            recorded.export_binned_shards(opened(), out, settings, force=force, json=json)
            return
        recorded.refuse(kind, of_datasets, "shards are made of the recordings of a plan, or of --dataset DIR")
        recorded.export_shards(
            load(config),
            out,
            settings,
            by=by or "part",
            variant=variant,
            sheets=sheet or [],
            index=index,
            force=force,
            json=json,
        )
        return
    recorded.refuse(kind, of_shards, "it goes with experanto")
    if kind == "nwb":
        recorded.refuse(kind, {**of_npz, **of_datasets, "--dataset": dataset}, "it is made of the recordings of a plan")
        recorded.export_nwb(load(config), out, variant=variant, sheets=sheet or [], index=index, force=force, json=json)
        return
    recorded.refuse(kind, {"--index": index}, "it goes with experanto and nwb")
    from spikebin.cli.progress import followed_by_trials
    from spikebin.exports.export import export as write
    from spikebin.exports.old_layouts import read_index

    rows = read_index(neurons_index) if neurons_index is not None else None
    answer = []
    for name, sheets in opened():
        parts = [part for parts in (sheets if rows is None else sheets.only(rows)).parts().values() for part in parts]
        n_parts = len(parts)
        written = write(kind, sheets, out, layout=layout or "trimmed", step=step, index=rows, force=force)
        n_skipped = sum(done.skipped for done in followed_by_trials(written, parts, partial("{}/{}".format, name)))
        answer.append({"variant": name, "written": n_parts - n_skipped, "there_already": n_skipped})
        if not json:
            typer.echo(f"{name}: {n_parts - n_skipped} written, {n_skipped} there already")
    if json:
        answer_json(answer)
