"""Commands for what was recorded, in time: shards of Experanto and NWB files, and what shards are compared with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from spikebin.calls import typed

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from spikebin.choices import ShardResponses, ShardsBy
    from spikebin.dataset.sheet_set import SheetSet
    from spikebin.exports.compare import Verdict
    from spikebin.pipeline.nwb_files import NwbOutcome
    from spikebin.pipeline.plan import Plan
    from spikebin.pipeline.shards import ShardOutcome

__all__ = ["compare_datasets", "compare_shards", "compare_two_shards", "export_nwb", "export_shards"]


@typed
def export_shards(
    out: Path | str,
    config: Path | str | None = None,
    *,
    responses: ShardResponses = "spikes",
    width: float = 1.0,
    rate: float | None = None,
    frames: Path | str | None = None,
    tier: str = "",
    by: ShardsBy = "part",
    variant: str | None = None,
    indices: Collection[int] | None = None,
    sheets: Sequence[str] = (),
    force: bool = False,
) -> list[ShardOutcome]:
    """Write the recordings of a plan as shards of Experanto: ``spikebin export experanto``.

    Parameters
    ----------
    out : Path or str
        A directory apart from the data set.
    config : Path or str, optional
        A spikebin.toml; None: $SPIKEBIN_CONFIG, else ./spikebin.toml.
    responses, width, rate, frames, tier
        See `spikebin.exports.experanto.settings.ShardSettings`; a tier of "" is the name of the variant.
    by : {"part", "trial"}
        A shard for each part, or for each repeat that the names of recordings tell, over all of its parts.
    variant : str, optional
        Only this.
    indices : collection of int, optional
        Only these jobs.
    sheets : sequence of str
        Raw or directory names; none: all.
    force : bool
        Replace shards that were made otherwise.

    Returns
    -------
    list of ShardOutcome
        For each part or trial: its shards, or why there are none.

    Raises
    ------
    PlanError
        If there is no plan, or no such variant, job or sheet.
    SpikebinError
        If a setting cannot be.
    """
    from spikebin.exports.experanto.settings import ShardSettings
    from spikebin.pipeline.shards import shard_tasks, write_shards

    made = _plan(config)
    settings = ShardSettings(responses, width, rate, None if frames is None else Path(frames), tier)
    tasks = shard_tasks(made, by=by, variant=variant, indices=indices)
    return list(write_shards(made, tasks, Path(out), settings, sheets=sheets, force=force))


@typed
def export_nwb(
    out: Path | str,
    config: Path | str | None = None,
    *,
    variant: str | None = None,
    indices: Collection[int] | None = None,
    sheets: Sequence[str] = (),
    force: bool = False,
) -> list[NwbOutcome]:
    """Write the recordings of a plan as NWB files: ``spikebin export nwb``.

    Parameters
    ----------
    out, config, variant, indices, sheets, force
        As for `export_shards`.

    Returns
    -------
    list of NwbOutcome
        For each part: its file, or why there is none.

    Raises
    ------
    PlanError
        If there is no plan, or no such variant, job or sheet.
    """
    from spikebin.pipeline.nwb_files import nwb_jobs, write_nwb_files

    made = _plan(config)
    jobs = nwb_jobs(made, variant=variant, indices=indices)
    return list(write_nwb_files(made, jobs, Path(out), sheets=sheets, force=force))


@typed
def compare_datasets(
    new: Path | str, old: Path | str, *, variant: str | None = None, sheet: str | None = None
) -> list[Verdict]:
    """Whether two data sets hold the same, by their content digests: ``spikebin compare``.

    Parameters
    ----------
    new, old : Path or str
        Outputs of configs.
    variant, sheet : str, optional
        Only these.

    Returns
    -------
    list of Verdict
        For each sheet of each part that either has.

    Raises
    ------
    DatasetError
        If neither has such a variant or sheet.
    """
    from spikebin.exports.compare_contents import compare_datasets as compared

    return list(compared(Path(new), Path(old), variant=variant, sheet=sheet))


@typed
def compare_shards(sheets: SheetSet, shards: Path | str) -> list[Verdict]:
    """Whether shards of Experanto hold what a data set holds: ``spikebin compare``.

    Parameters
    ----------
    sheets : SheetSet
        As `open_dataset` gives it.
    shards : Path or str
        With shards of its parts, whether by part or by trial, or with a directory of such for each variant.

    Returns
    -------
    list of Verdict
        For each sheet of each part.

    Raises
    ------
    MatrixFileError
        If a file of the data set is damaged.
    """
    from spikebin.exports.compare_shards import compare_shards as compared

    return list(compared(sheets, Path(shards)))


@typed
def compare_two_shards(
    new: Path | str, old: Path | str, *, variant: str | None = None, sheet: str | None = None
) -> list[Verdict]:
    """Whether shards of Experanto hold what other shards hold, spike by spike: ``spikebin compare``.

    Parameters
    ----------
    new, old : Path or str
        Directories of shards, or with one for each variant; one may be cut by part, the other by trial.
    variant, sheet : str, optional
        Only these.

    Returns
    -------
    list of Verdict
        For each part that either has.

    Raises
    ------
    DatasetError
        If neither has such a variant.
    """
    from spikebin.exports.compare_shards import compare_two_shards as compared

    return list(compared(Path(new), Path(old), variant=variant, sheet=sheet))


def _plan(config: Path | str | None) -> Plan:
    from spikebin.pipeline.config import load_config
    from spikebin.pipeline.plan import load_plan

    return load_plan(load_config(None if config is None else Path(config)))
