"""`spikebin export experanto` and `spikebin export nwb`: what was recorded, in time, for other programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from spikebin.cli.options import answer_json, note
from spikebin.errors import SpikebinError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from spikebin.choices import ExportTarget, ShardsBy
    from spikebin.dataset.sheet_set import SheetSet
    from spikebin.exports.experanto.settings import ShardSettings
    from spikebin.exports.experanto.shard import Shard
    from spikebin.exports.nwb_file import NwbFile
    from spikebin.pipeline.plan import Plan

__all__ = ["export_binned_shards", "export_nwb", "export_shards", "refuse"]


def refuse(kind: ExportTarget, given: Mapping[str, Any], why: str) -> None:
    """Refuse options that a kind of export does not take: those that were given are neither None nor False."""
    odd = [name for name, value in given.items() if value is not None and value is not False]
    if odd:
        raise SpikebinError(f"{kind} takes no {odd[0]}: {why}")


def export_shards(
    plan: Plan,
    out: Path,
    settings: ShardSettings,
    *,
    by: ShardsBy,
    variant: str | None,
    sheets: Sequence[str],
    index: str | None,
    force: bool,
    json: bool,
) -> None:
    """Write shards of recordings and say how it went; exit 1 if one could not be written."""
    from spikebin.cli.progress import Trials
    from spikebin.pipeline.shards import shard_tasks, write_shards

    tasks = shard_tasks(plan, by=by, variant=variant, indices=indices_of(index))
    progress = Trials(len(tasks), "presentations")
    written = write_shards(plan, tasks, out, settings, sheets=sheets, force=force, on_read=progress.of_file)
    with progress.bar:
        done = list(progress.files(written, lambda one: f"{one.task}: {_shards_line(one.shards)}"))
    shards = [shard for one in done for shard in one.shards]
    bad = [one.trouble for one in done if one.trouble]
    if json:
        answer_json(
            [{"part": str(one.task), "error": one.trouble, "shards": list(map(asdict, one.shards))} for one in done]
        )
    else:
        _say(shards, len(bad))
    _notes(shards, bad)
    raise typer.Exit(1 if bad else 0)


def export_binned_shards(
    variants: Iterable[tuple[str, SheetSet]], out: Path, settings: ShardSettings, *, force: bool, json: bool
) -> None:
    """Write shards of a data set and say how it went."""
    from dataclasses import replace

    from spikebin.cli.progress import Trials
    from spikebin.exports.experanto.binned import shards_of_dataset

    shards: list[Shard] = []
    for name, sheets in variants:
        progress = Trials(len({part.name for parts in sheets.parts().values() for part in parts}))
        mine = replace(settings, tier=settings.tier or name)
        written = shards_of_dataset(sheets, out, mine, force=force, on_read=progress.of_file)
        with progress.bar:
            shards += progress.files(written, lambda shard: f"{shard.path.name}: {_shards_line([shard])}")
        lost = sum(part.file.header.n_collisions for parts in sheets.parts().values() for part in parts)
        if lost:
            note(f"{name}: {lost:,} spikes shared a bin with another and are not in the data set")
    if json:
        answer_json(list(map(asdict, shards)))
    else:
        _say(shards, 0)
    _notes(shards, [])


def export_nwb(
    plan: Plan,
    out: Path,
    *,
    variant: str | None,
    sheets: Sequence[str],
    index: str | None,
    force: bool,
    json: bool,
) -> None:
    """Write NWB files of recordings and say how it went; exit 1 if one could not be written."""
    from spikebin.cli.progress import Trials
    from spikebin.pipeline.nwb_files import nwb_jobs, write_nwb_files

    jobs = nwb_jobs(plan, variant=variant, indices=indices_of(index))
    progress = Trials(len(jobs), "presentations")
    written = write_nwb_files(plan, jobs, out, sheets=sheets, force=force, on_read=progress.of_file)
    with progress.bar:
        done = list(progress.files(written, lambda one: f"{one.job.name}: {_file_line(one.file)}"))
    files = [one.file for one in done if one.file is not None]
    bad = [one.trouble for one in done if one.trouble]
    n_skipped = sum(file.skipped for file in files)
    if json:
        answer_json(
            [{"part": one.job.name, "error": one.trouble, **(asdict(one.file) if one.file else {})} for one in done]
        )
    else:
        typer.echo(f"{len(files) - n_skipped} written, {n_skipped} there already, {len(bad)} failed")
    for trouble in bad:
        note(f"error: {trouble}")
    n_outside = sum(file.n_outside for file in files)
    if n_outside:
        note(f"{n_outside:,} spikes lie outside of their presentation and are in no file")
    raise typer.Exit(1 if bad else 0)


def _file_line(file: NwbFile | None) -> str:
    if file is None:
        return "failed"
    return "there already" if file.skipped else f"{file.n_spikes:,} spikes of {file.n_units:,} units"


def indices_of(spec: str | None) -> list[range] | None:
    """The jobs of ``3,7-9``; None: all."""
    from spikebin.slurm.array_spec import parse_array_spec

    return None if spec is None else parse_array_spec(spec)


def _shards_line(shards: Sequence[Shard]) -> str:
    if not shards:
        return "failed"
    if all(shard.skipped for shard in shards):
        return "there already"
    return f"{sum(shard.n_spikes for shard in shards):,} spikes of {shards[0].n_units:,} units"


def _say(shards: Sequence[Shard], n_bad: int) -> None:
    n_skipped = sum(shard.skipped for shard in shards)
    typer.echo(f"{len(shards) - n_skipped} written, {n_skipped} there already, {n_bad} failed")


def _notes(shards: Sequence[Shard], bad: Sequence[str]) -> None:
    for trouble in bad:
        note(f"error: {trouble}")
    n_without = sum(shard.n_without_frames for shard in shards)
    if n_without:
        note(f"{n_without:,} images and videos have no frames in their shards: --frames DIR takes them along")
    n_outside = sum(shard.n_outside for shard in shards)
    if n_outside:
        note(f"{n_outside:,} spikes lie outside of their presentation and are in no shard")
