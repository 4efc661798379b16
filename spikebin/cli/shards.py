"""`spikebin export experanto`: shards from the recordings of a plan."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from spikebin.cli.options import answer_json, note

if TYPE_CHECKING:
    from pathlib import Path

    from spikebin.exports.experanto import ShardSettings
    from spikebin.pipeline.plan import Plan
    from spikebin.pipeline.shards import ShardOutcome

__all__ = ["export_shards"]


def export_shards(
    plan: Plan,
    out: Path,
    settings: ShardSettings,
    *,
    variant: str | None,
    sheet: str | None,
    index: str | None,
    json: bool,
) -> None:
    """Write shards and tell how it went; exit 1 if one could not be written."""
    from spikebin.cli.progress import followed
    from spikebin.pipeline.shards import shard_jobs, write_shards
    from spikebin.slurm.array_spec import parse_array_spec

    indices = None if index is None else {i for span in parse_array_spec(index) for i in span}
    jobs = shard_jobs(plan, variant=variant, indices=indices)
    written = write_shards(plan, jobs, out, settings, sheets=() if sheet is None else (sheet,))
    done = list(followed(written, len(jobs), shard_line))
    bad = [one for one in done if one.shard is None]
    shards = [one.shard for one in done if one.shard is not None]
    if json:
        answer_json(
            [
                {"part": one.job.name, "error": one.trouble, **({} if one.shard is None else asdict(one.shard))}
                for one in done
            ]
        )
    else:
        n_skipped = sum(shard.skipped for shard in shards)
        typer.echo(f"{len(shards) - n_skipped} written, {n_skipped} there already, {len(bad)} failed")
    for one in bad:
        note(f"error: {one.trouble}")
    n_without = sum(shard.n_without_frames for shard in shards)
    if n_without:
        note(f"{n_without:,} images and videos have no frames in their shards: --frames DIR takes them along")
    n_outside = sum(shard.n_outside for shard in shards)
    if n_outside:
        note(f"{n_outside:,} spikes lie outside of their presentation and are in no shard")
    raise typer.Exit(1 if bad else 0)


def shard_line(done: ShardOutcome) -> str:
    """How one part went, as a line."""
    if done.shard is None:
        return f"{done.job.name}: failed"
    if done.shard.skipped:
        return f"{done.job.name}: there already"
    return f"{done.job.name}: {done.shard.n_spikes:,} spikes of {done.shard.n_units:,} units"
