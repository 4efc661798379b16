"""Config -> the frozen list of jobs: which array index is which part, and where its sheets lie.

What lies below the roots of a config is found by claims.py. How far a job has come is in output/state.py, jobs.csv in
output/jobs.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikebin.cached import cached_property
from spikebin.errors import PlanError
from spikebin.names import find_sheet, suggest
from spikebin.output.jobs import Job, jobs_text, open_jobs, read_jobs
from spikebin.output.paths import JOBS, PLAN
from spikebin.pipeline.binding import check_binding, settings_text
from spikebin.pipeline.claims import Tell, claims_of, may_be, nobody, sources_of, wanted_sheets
from spikebin.system.files import write_atomically
from spikebin.system.lock import locked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from spikebin.binning.rules import Binning
    from spikebin.pipeline.config import Config, Recordings

__all__ = ["Plan", "PlanChanges", "draw_plan", "load_plan", "make_plan"]

IN_CONFIG = "listed in spikebin.toml"


@dataclass(frozen=True)
class Plan:
    """The frozen list of jobs of one output."""

    config: Config
    jobs: Sequence[Job]

    @property
    def output(self) -> Path:
        """Where it lies, and all that its jobs write."""
        return self.config.output

    @property
    def binning(self) -> Binning:
        """Of every file."""
        return self.config.binning

    def trial(self, variant: str) -> Mapping[str, Any]:
        """The settings that make the trials of a variant, as a seal holds them."""
        return self.config.trial_of(variant).settings

    @cached_property
    def excluded(self) -> Mapping[str, str]:
        """VARIANT/PART -> why, of the parts that the config leaves out."""
        return {f"{variant}/{part}": IN_CONFIG for variant, parts in self.config.excluded.items() for part in parts}

    def reading(self, job: Job, sheet: str) -> Mapping[str, Any] | None:
        """The settings by which a sheet's recording is read, as a seal holds them; None where there is no recording."""
        alike = self._read_alike.get(job.variant)
        if alike is not None:
            return alike
        source = job.source(sheet)
        entry = _entry_of(self.config, job, source, sheet) if source else None
        return None if entry is None else entry.settings

    @cached_property
    def _read_alike(self) -> dict[str, Mapping[str, Any]]:
        """Variant -> the settings of all its entries, where they are the same: to look for the entry takes longer."""
        found: dict[str, list[Mapping[str, Any]]] = {}
        for entry in self.config.recordings:
            found.setdefault(entry.variant, []).append(entry.settings)
        return {variant: all_[0] for variant, all_ in found.items() if all(one == all_[0] for one in all_)}

    def read_from(self, job: Job, sheet: str) -> list[Path]:
        """The files and directories that a sheet is made from: its recording, its table of events, its nodes."""
        source = job.source(sheet)
        if not source:
            return []
        events = self.config.rule(job.variant, job.part).events
        settings = self.reading(job, sheet) or {}
        entry = _entry_of(self.config, job, source, sheet) if "nodes" in settings else None
        others = [events] if events and events != self.config.trial_of(job.variant).events else []
        nodes = [] if entry is None else [path for _, path in entry.reading.node_files]
        return [self.resolve(source), *map(Path, [*others, *dict.fromkeys(nodes)])]

    def resolve(self, source: str) -> Path:
        """Where the source of a job lies."""
        return self.config.resolve(source)

    def job(self, index: int) -> Job:
        """The job of an index.

        Parameters
        ----------
        index : int

        Returns
        -------
        Job

        Raises
        ------
        PlanError
            If there is none.
        """
        if not 0 <= index < len(self.jobs):
            raise PlanError(
                f"no job {index}: the plan in {self.config.output} has the indices 0 to {len(self.jobs) - 1};"
                " `spikebin plan --list` shows them"
            )
        return self.jobs[index]

    def known(self, indices: Iterable[int | range]) -> frozenset[int]:
        """Indices, each of which is checked to be in the plan; a range by its ends, before it is spelled out.

        Parameters
        ----------
        indices : iterable of int or range

        Returns
        -------
        frozenset of int

        Raises
        ------
        PlanError
            If one is not.
        """
        spans = [span if isinstance(span, range) else range(int(span), int(span) + 1) for span in indices]
        for span in spans:
            if span:
                self.job(span[0])
                self.job(min(span[-1], max(span[0], len(self.jobs))))
        return frozenset(i for span in spans for i in span)

    def entry(self, job: Job, source: str, sheet: str | None = None) -> Recordings:
        """The config's entry that a source of a job belongs to: the one that makes this part of it.

        Parameters
        ----------
        job : Job
        source : str
            As in the plan.
        sheet : str, optional
            Raw name; where two entries share a recording, the one that has this sheet.

        Returns
        -------
        Recordings

        Raises
        ------
        PlanError
            If it belongs to none any more.
        """
        entry = _entry_of(self.config, job, source, sheet)
        if entry is None:
            raise PlanError(
                f"{source!r}, the source of {job.name}, fits no [[recordings]] entry of {self.config.path} any more:"
                " run `spikebin plan`"
            )
        return entry

    @property
    def sheets(self) -> tuple[str, ...]:
        """Raw names of all sheets, in the order of the plan."""
        return tuple(dict.fromkeys(sheet for job in self.jobs for sheet in job.sheets))

    @property
    def variants(self) -> tuple[str, ...]:
        """Names of all variants, in the order of the plan."""
        return tuple(dict.fromkeys(job.variant for job in self.jobs))

    def find_sheet(self, name: str, job: Job | None = None) -> str:
        """The raw name of a sheet given by its raw or its directory name.

        Parameters
        ----------
        name : str
        job : Job, optional
            One whose sheets are meant, if they are called so: of 10^5 jobs, no other is read.

        Returns
        -------
        str

        Raises
        ------
        PlanError
            If the plan has none of that name.
        """
        sheet = (job and find_sheet(name, job.sheets)) or find_sheet(name, self.sheets)
        if sheet is not None:
            return sheet
        raise PlanError(f"no sheet {name!r} in the plan of {self.config.output}: {suggest(name, self.sheets)}")

    def find_variant(self, name: str) -> str:
        """A variant's name, checked.

        Parameters
        ----------
        name : str

        Returns
        -------
        str

        Raises
        ------
        PlanError
            If the plan has none of that name.
        """
        if name not in self.variants:
            raise PlanError(f"no variant {name!r} in the plan of {self.config.output}: {suggest(name, self.variants)}")
        return name

    def find_job(self, name: str) -> Job:
        """The job of VARIANT/PART.

        Parameters
        ----------
        name : str

        Returns
        -------
        Job

        Raises
        ------
        PlanError
            If the plan has none of that name.
        """
        for job in self.jobs:
            if job.name == name:
                return job
        raise PlanError(f"no part {name!r} in the plan: {suggest(name, [job.name for job in self.jobs])}")


@dataclass
class PlanChanges:
    """What a new plan has that the last one had not: numbers of parts, sheets of parts and sources of parts.

    `troubles` are those of recordings that were tried, of entries of which others are good.
    """

    parts: int = 0
    sheets: int = 0
    sources: int = 0
    vanished: list[str] = field(default_factory=list)
    unknown_excludes: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)


def load_plan(config: Config) -> Plan:
    """Read the plan of a config's output.

    Parameters
    ----------
    config : Config

    Returns
    -------
    Plan

    Raises
    ------
    PlanError
        If there is none, if it is not as spikebin wrote it, or if it does not fit the config: another binning, other
        trials, a sheet that the plan does not know.
    """
    jobs = open_jobs(config.output)
    if jobs is None:
        raise PlanError(f"no plan in {config.output}: run `spikebin plan` first")
    check_binding(config)
    unknown = set(config.sheets or ())
    for job in jobs:
        unknown.difference_update(job.sheets)
        if not unknown:
            break
    for sheet in config.sheets or ():
        if sheet in unknown:
            raise PlanError(
                f"{config.path} names the sheet {sheet!r}, the plan in {config.output} does not: run `spikebin plan`"
            )
    return Plan(config, jobs)


def make_plan(
    config: Config, *, replace: bool = False, try_recordings: bool = False, tell: Tell = nobody
) -> tuple[Plan, PlanChanges]:
    """Find the parts of a config and freeze them: known parts keep their index, new ones are appended.

    Parameters
    ----------
    config : Config
    replace : bool
        Accept another binning or other trials than the plan's; files made otherwise are written again.
    try_recordings : bool
        Open one recording of each entry first, as `spikebin plan` does, see `check_plan.check_entries`.
    tell : callable
        See `spikebin.pipeline.claims.Tell`.

    Returns
    -------
    plan : Plan
    changes : PlanChanges

    Raises
    ------
    ConfigError
        If a root is not there, an entry finds nothing, or a sheet of a part is claimed twice.
    PlanError
        If the plan that is there was made with another binning or other trials, or is not as spikebin wrote it; or a
        sheet has a name that no directory can have; or no recording of an entry that was tried can be exported.
    RecordingError
        If no sheets are given and no recording can be read to learn them.
    SpikebinError
        If the plan cannot be written, or another process holds the output's lock for longer than a minute.
    """
    from spikebin.pipeline.check_plan import check_entries

    while True:
        old = read_jobs(config.output)
        _check_old(config, old, replace=replace)
        plan, changes = draw_plan(config, old or (), tell)
        if try_recordings:
            changes.troubles = check_entries(plan)
        with locked(config.output):
            # Looking takes long and holds no lock: if another plan was written meanwhile, go on from that one.
            if read_jobs(config.output) == old:
                _check_old(config, old, replace=replace)
                _write(plan)
                return plan, changes


def draw_plan(config: Config, old: Sequence[Job] = (), tell: Tell = nobody) -> tuple[Plan, PlanChanges]:
    """Find the parts of a config; nothing is written.

    Parameters
    ----------
    config : Config
    old : sequence of Job
        The last plan's: they keep their index, and the sheets that were found in them.
    tell : callable
        As for `make_plan`.

    Returns
    -------
    plan : Plan
    changes : PlanChanges

    Raises
    ------
    ConfigError, PlanError, RecordingError
        As `make_plan`, the last plan's settings apart.
    """
    changes = PlanChanges()
    claims = claims_of(config, old, changes, tell)
    wanted = wanted_sheets(config, claims)
    rows: list[Job] = []
    for job in old:
        found = claims.pop((job.variant, job.part), None)
        if found is None:
            changes.vanished.append(job.name)
            rows.append(Job(job.index, job.variant, job.part, sources_of(_still_its(config, job), job.sheets)))
            continue
        new = Job(job.index, job.variant, job.part, sources_of(found, wanted[job.variant]))
        before = {sheet for source in job.sources if source.path for sheet in source.sheets}
        after = {sheet for source in new.sources if source.path for sheet in source.sheets}
        changes.sheets += len(set(new.sheets) - set(job.sheets))
        changes.sources += len((after - before) & set(job.sheets))
        rows.append(new)
    for (variant, part), found in claims.items():
        rows.append(Job(len(rows), variant, part, sources_of(found, wanted[variant])))
        changes.parts += 1
    return Plan(config, tuple(rows)), changes


def _still_its(config: Config, job: Job) -> dict[str, str]:
    """Sheet -> source of a part that is no longer found. A recording that is there makes another part now, or none."""
    return {
        sheet: source.path
        for source in job.sources
        for sheet in source.sheets
        if source.path
        and (not config.resolve(source.path).exists() or _entry_of(config, job, source.path, sheet) is not None)
    }


def _entry_of(config: Config, job: Job, source: str, sheet: str | None) -> Recordings | None:
    is_directory = config.resolve(source).is_dir()
    for entry in config.recordings:
        name = entry.name_of(source)
        if (
            (entry.variant, entry.part(name)) == (job.variant, job.part)
            and (sheet is None or entry.sheets is None or sheet in entry.sheets)
            and may_be(entry, name, is_directory=is_directory)
        ):
            return entry
    return None


def _write(plan: Plan) -> None:
    output = plan.config.output
    # jobs.csv comes last: it is what says that there is a plan.
    write_atomically(output / PLAN, [settings_text(plan.config).encode()])
    write_atomically(output / JOBS, [jobs_text(plan.jobs).encode()])


def _check_old(config: Config, old: Sequence[Job] | None, *, replace: bool) -> None:
    # The settings bind for as long as they are there: whoever removes jobs.csv alone has files made with them.
    if not replace and (old or (config.output / PLAN).exists()):
        check_binding(config)
