"""Which recordings below the roots of a config are which parts, and which sheets each of them holds.

Knows the names of directories and, only where no sheets are given, the sheets of recordings that are new.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from spikebin.errors import ConfigError, PlanError, RecordingError
from spikebin.names import bare_suffix, directory_name, is_sheet, is_utf8, natural_key
from spikebin.output.jobs import Job, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from spikebin.pipeline.config import Config, Recordings
    from spikebin.pipeline.plan import PlanChanges


Tell = Callable[[int, int], object]
"""Called with how many more recordings there are to be opened, and how many more have been."""


def nobody(more: int, done: int) -> None:
    """Do nothing: nobody follows how the search goes."""


def claims_of(
    config: Config, old: Sequence[Job], changes: PlanChanges, tell: Tell = nobody
) -> dict[tuple[str, str], dict[str, str]]:
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
            what = "path below" if "/" in entry.parts else "directory of"
            raise ConfigError(f"{where}: no {what} {entry.root} fits parts = {entry.parts!r}: fix `parts` or `root`")
        twins = one_device(entry.format, list(found.values()))
        if twins is not None:
            raise ConfigError(
                f"{where}: {twins[0]!r} and {twins[1]!r} are one recording, and not two parts: let `parts` name one"
                " file of each device, or the directory"
            )
        changes.unknown_excludes += [f"{entry.variant}/{part}" for part in entry.exclude if part not in found]
        for part, sheets in _sheets_of_parts(config, entry, found, old, tell).items():
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
    """Paths below the root that may be recordings of the entry's format; without one, directories.

    Only directories that fit their level of `parts` are looked into.
    """
    root = config.resolve(entry.root)
    ours = {config.path, config.output}
    *levels, _ = entry.parts.split("/")
    above = [""]
    for level in levels:
        fits = replace(entry, parts=level)
        above = [
            f"{start}{item.name}/"
            for start in above
            for item in _listed(root / start, entry, start, where)
            if fits.part(item.name) is not None and item.is_dir() and Path(item.path) not in ours
        ]
    return sorted(
        f"{start}{item.name}"
        for start in above
        for item in _listed(root / start, entry, start, where)
        if may_be(entry, item.name, is_directory=item.is_dir()) and Path(item.path) not in ours
    )


def _listed(directory: Path, entry: Recordings, start: str, where: str) -> list[os.DirEntry[str]]:
    """What lies in the root of an entry, or in a directory below it."""
    try:
        with os.scandir(directory) as entries:
            return list(entries)
    except OSError as error:
        what, key = (f"{start!r} in {entry.root}", "parts") if start else (f"root {str(entry.root)!r}", "root")
        raise ConfigError(f"{where}: {what} cannot be listed ({error.strerror}): fix `{key}`") from None


def may_be(entry: Recordings, name: str, *, is_directory: bool) -> bool:
    """Whether a name can be that of a recording of the entry's format."""
    from spikebin.recordings import FORMATS

    form = FORMATS.get((entry.format or "mozaik").partition(":")[0])
    suffixes = form.suffixes if form is not None else ()
    return not suffixes or ("" if is_directory else bare_suffix(name) or None) in suffixes


def _sheets_of_parts(
    config: Config, entry: Recordings, found: dict[str, str], old: Sequence[Job], tell: Tell
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
    tell(len(found), 0)
    for part, name in found.items():
        known = frozen.get((entry.variant, part, str(entry.root / name)))
        try:
            sheets[part] = known or tuple(
                open_recording(config.resolve(entry.root / name), entry.format, entry.reading).sheets
            )
        except RecordingError as error:
            reason = reason or str(error)
        tell(0, 1)
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


def wanted_sheets(config: Config, claims: dict[tuple[str, str], dict[str, str]]) -> dict[str, tuple[str, ...]]:
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


def sources_of(found: dict[str, str], wanted: Iterable[str]) -> tuple[Source, ...]:
    """Sheets grouped by the recording that holds them; those that none holds yet come last, without a path."""
    groups: dict[str, list[str]] = {}
    for sheet in wanted:
        groups.setdefault(found.get(sheet, ""), []).append(sheet)
    return tuple(Source(path, tuple(sheets)) for path, sheets in sorted(groups.items(), key=lambda g: g[0] == ""))
