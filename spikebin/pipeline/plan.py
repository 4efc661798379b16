"""Config -> the frozen list of jobs: which array index is which part, and where its sheets lie.

Knows the names of directories and, only where no sheets are given, the sheets of recordings that are new to it. How far
a job has come is in output/state.py, jobs.csv in output/jobs.py.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikebin.cached import cached_property
from spikebin.errors import ConfigError, PlanError, RecordingError
from spikebin.names import bare_suffix, directory_name, find_sheet, is_sheet, is_utf8, natural_key, suggest
from spikebin.output.jobs import Job, Source, jobs_text, read_jobs
from spikebin.output.paths import JOBS, PLAN
from spikebin.pipeline.binding import check_binding, settings_text
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
    jobs: tuple[Job, ...]

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
        others = [events if events != self.config.trial_of(job.variant).events else None, entry and entry.reading.nodes]
        return [self.resolve(source), *(Path(path) for path in others if path)]

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
                " `spikebin plan` lists them"
            )
        return self.jobs[index]

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

    def find_sheet(self, name: str) -> str:
        """The raw name of a sheet given by its raw or its directory name.

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
        sheet = find_sheet(name, self.sheets)
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
    jobs = read_jobs(config.output)
    if jobs is None:
        raise PlanError(f"no plan in {config.output}: run `spikebin plan` first")
    check_binding(config)
    plan = Plan(config, jobs)
    for sheet in config.sheets or ():
        if sheet not in plan.sheets:
            raise PlanError(
                f"{config.path} names the sheet {sheet!r}, the plan in {config.output} does not: run `spikebin plan`"
            )
    return plan


def make_plan(config: Config, *, replace: bool = False, try_recordings: bool = False) -> tuple[Plan, PlanChanges]:
    """Find the parts of a config and freeze them: known parts keep their index, new ones are appended.

    Parameters
    ----------
    config : Config
    replace : bool
        Accept another binning or other trials than the plan's; files made otherwise are written again.
    try_recordings : bool
        Open one recording of each entry first, as `spikebin plan` does, see `check_plan.check_entries`.

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
        plan, changes = draw_plan(config, old or ())
        if try_recordings:
            changes.troubles = check_entries(plan)
        with locked(config.output):
            # Looking takes long and holds no lock: where another plan was written meanwhile, that one is gone on from.
            if read_jobs(config.output) == old:
                _check_old(config, old, replace=replace)
                _write(plan)
                return plan, changes


def draw_plan(config: Config, old: Sequence[Job] = ()) -> tuple[Plan, PlanChanges]:
    """Find the parts of a config; nothing is written.

    Parameters
    ----------
    config : Config
    old : sequence of Job
        The last plan's: they keep their index, and the sheets that were found in them.

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
    claims = _claims(config, old, changes)
    wanted = _wanted_sheets(config, claims)
    rows: list[Job] = []
    for job in old:
        found = claims.pop((job.variant, job.part), None)
        if found is None:
            changes.vanished.append(job.name)
            rows.append(Job(job.index, job.variant, job.part, _sources(_still_its(config, job), job.sheets)))
            continue
        new = Job(job.index, job.variant, job.part, _sources(found, wanted[job.variant]))
        before = {sheet for source in job.sources if source.path for sheet in source.sheets}
        after = {sheet for source in new.sources if source.path for sheet in source.sheets}
        changes.sheets += len(set(new.sheets) - set(job.sheets))
        changes.sources += len((after - before) & set(job.sheets))
        rows.append(new)
    for (variant, part), found in claims.items():
        rows.append(Job(len(rows), variant, part, _sources(found, wanted[variant])))
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
    name, is_directory = Path(source).name, config.resolve(source).is_dir()
    for entry in config.recordings:
        if (
            (entry.variant, entry.root, entry.part(name)) == (job.variant, Path(source).parent, job.part)
            and (sheet is None or entry.sheets is None or sheet in entry.sheets)
            and _may_be(entry, name, is_directory=is_directory)
        ):
            return entry
    return None


def _claims(config: Config, old: Sequence[Job], changes: PlanChanges) -> dict[tuple[str, str], dict[str, str]]:
    """(variant, part) -> {sheet: source}, in the order of the config's variants, then of the parts."""
    from spikebin.recordings import one_device

    claims: dict[tuple[str, str], dict[str, str]] = {}
    claimants: dict[tuple[str, str, str], str] = {}
    for i, entry in enumerate(config.recordings):
        where = f"{config.path}: [[recordings]] entry {i + 1} (variant {entry.variant})"
        found: dict[str, str] = {}
        for name in _names(config, entry, where):
            part = entry.part(name)
            if part is None:
                continue
            if not is_utf8(name):
                raise ConfigError(
                    f"{where}: the name {os.fsencode(name)!r} in {entry.root} is not UTF-8: rename it, or narrow"
                    " `parts`"
                )
            if part in found:
                raise ConfigError(
                    f"{where}: `parts` makes part {part!r} of both {found[part]!r} and {name!r}: add a {{field}} where"
                    " they differ"
                )
            found[part] = name
        if not found:
            raise ConfigError(
                f"{where}: no directory of {entry.root} fits parts = {entry.parts!r}: fix `parts` or `root`"
            )
        twins = one_device(entry.format, list(found.values()))
        if twins is not None:
            raise ConfigError(
                f"{where}: {twins[0]!r} and {twins[1]!r} are one recording, and not two parts: let `parts` name one"
                " file of each device, or the directory"
            )
        changes.unknown_excludes += [f"{entry.variant}/{part}" for part in entry.exclude if part not in found]
        for part, sheets in _sheets_of_parts(config, entry, found, old).items():
            claimed = claims.setdefault((entry.variant, part), {})
            source = str(entry.root / found[part])
            mine = f"entry {i + 1} ({source!r})"
            for sheet in sheets:
                other = claimants.setdefault((entry.variant, part, sheet), mine)
                if other != mine:
                    raise ConfigError(
                        f"{where}: sheet {sheet} of part {part} is claimed by both {other} and {mine}:"
                        " give each entry its `sheets`, or narrow `parts`"
                    )
                claimed[sheet] = source
    variants = list(dict.fromkeys(entry.variant for entry in config.recordings))
    return dict(sorted(claims.items(), key=lambda item: (variants.index(item[0][0]), natural_key(item[0][1]))))


def _names(config: Config, entry: Recordings, where: str) -> list[str]:
    """Names below the root that may be recordings of the entry's format; without one, directories."""
    root = config.resolve(entry.root)
    ours = {config.path, config.output}
    try:
        with os.scandir(root) as entries:
            return sorted(
                item.name
                for item in entries
                if _may_be(entry, item.name, is_directory=item.is_dir()) and Path(item.path) not in ours
            )
    except OSError as error:
        raise ConfigError(
            f"{where}: root {str(entry.root)!r} cannot be listed ({error.strerror}): fix `root`"
        ) from None


def _may_be(entry: Recordings, name: str, *, is_directory: bool) -> bool:
    """Whether a name can be that of a recording of the entry's format."""
    from spikebin.recordings import FORMATS

    form = FORMATS.get((entry.format or "mozaik").partition(":")[0])
    suffixes = form.suffixes if form is not None else ()
    return not suffixes or ("" if is_directory else bare_suffix(name) or None) in suffixes


def _sheets_of_parts(
    config: Config, entry: Recordings, found: dict[str, str], old: Sequence[Job]
) -> dict[str, tuple[str, ...]]:
    """Part -> its sheets: those given, else those that an earlier plan found in it, else those that it holds.

    A part that cannot be read is planned with all that the others of its entry hold, and fails as a job.
    """
    from spikebin.recordings import open_recording

    given = entry.sheets or config.sheets
    if given:
        return dict.fromkeys(found, given)
    frozen = {(job.variant, job.part, source.path): source.sheets for job in old for source in job.sources}
    sheets: dict[str, tuple[str, ...]] = {}
    reason = ""
    for part, name in found.items():
        known = frozen.get((entry.variant, part, str(entry.root / name)))
        try:
            sheets[part] = known or tuple(
                open_recording(config.resolve(entry.root / name), entry.format, entry.reading).sheets
            )
        except RecordingError as error:
            reason = reason or str(error)
    for part, names in sheets.items():
        for sheet in names:
            if not is_sheet(sheet):
                raise PlanError(
                    f"{str(entry.root / found[part])!r} holds a sheet named {sheet!r}, which no directory can be named:"
                    " rename it there, or name those to export in `sheets`"
                )
    union = tuple(dict.fromkeys(sheet for names in sheets.values() for sheet in names))
    if not union:
        raise RecordingError(
            f"no recording in {entry.root} can be read to learn its sheets; the first: {reason or 'it holds no sheet'}"
        )
    return {part: sheets.get(part, union) for part in found}


def _wanted_sheets(config: Config, claims: dict[tuple[str, str], dict[str, str]]) -> dict[str, tuple[str, ...]]:
    """The sheets of every part of a variant: the config's, else all that any of its entries holds."""
    wanted: dict[str, dict[str, None]] = {entry.variant: {} for entry in config.recordings}
    for (variant, _), sheets in claims.items():
        wanted[variant] |= dict.fromkeys(config.sheets or ()) | dict.fromkeys(sheets)
    names = Counter(directory_name(sheet) for sheet in {s for sheets in wanted.values() for s in sheets})
    twice = [name for name, n in names.items() if n > 1]
    if twice:
        raise ConfigError(
            f"{config.path}: two sheets have the directory name {twice[0]!r}: name one of them in `sheets`"
        )
    return {variant: tuple(sheets) for variant, sheets in wanted.items()}


def _sources(found: dict[str, str], wanted: Iterable[str]) -> tuple[Source, ...]:
    """Sheets grouped by the recording that holds them; those that none holds yet come last, without a path."""
    groups: dict[str, list[str]] = {}
    for sheet in wanted:
        groups.setdefault(found.get(sheet, ""), []).append(sheet)
    return tuple(Source(path, tuple(sheets)) for path, sheets in sorted(groups.items(), key=lambda g: g[0] == ""))


def _write(plan: Plan) -> None:
    output = plan.config.output
    # jobs.csv comes last: it is what says that there is a plan.
    write_atomically(output / PLAN, [settings_text(plan.config).encode()])
    write_atomically(output / JOBS, [jobs_text(plan.jobs).encode()])


def _check_old(config: Config, old: Sequence[Job] | None, *, replace: bool) -> None:
    # The settings bind for as long as they are there: whoever removes jobs.csv alone has files made with them.
    if not replace and (old or (config.output / PLAN).exists()):
        check_binding(config)
