"""Looks at directories of recordings and writes a spikebin.toml that works for them.

Only names are guessed here; config.py knows what a config means.
"""

from __future__ import annotations

import json
import os
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from spikebin.errors import ConfigError, RecordingError
from spikebin.names import bare_stem, is_utf8
from spikebin.output.paths import PLAN
from spikebin.pipeline.claims import Tell, nobody
from spikebin.pipeline.config import at_home, is_variant, parse_config
from spikebin.pipeline.plan import draw_plan
from spikebin.recordings import format_of, open_recording
from spikebin.recordings.mozaik.datastore import open as open_datastore
from spikebin.recordings.mozaik.survey import propose
from spikebin.recordings.settings import TrialRule
from spikebin.system.files import write_atomically
from spikebin.system.leftovers import remove_stale

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spikebin.recordings.mozaik.survey import Proposal

__all__ = ["Root", "config_text", "file_pattern", "guess_pattern", "look_at", "nested_pattern", "write_config"]

NUMBER = re.compile(r"\d+")
TRIAL = {
    "stimulus": ('"NaturalImage"', "a kind, or a list of kinds; default: the only one, blanks apart"),
    "image_id": ('"image_path"', "the parameter of the stimulus that names the image, or a list of them"),
    "blank": ('"before"', '"before", "after", "both" or "none"; default: "before" where every trial has one'),
}
"""Keys of [trial] for presentations, each with a value and what it means."""
MOST_TRIED = 3
DEEPEST = 3
"""Levels below a root that are looked at: run_1/output/spikes.h5."""
MOST_NAMES = 20_000
"""Below them; more are not a folder of recordings."""
TRIAL_OF_EVENTS = (
    '# events = "events_{part}.csv" # CSV, TSV, or a table in the recording; default: its own trials, or one of all',
    '# unit = "s"                  # of that file\'s times, where the names of its columns do not tell it',
    '# align_to = "onset"          # the column that windows are relative to; default: the start',
    "# window = [-200, 500]        # ms around it; default: from start to stop of each trial",
    '# until = "offset"            # the column that a trial lasts to, where there is no window',
    '# image_id = "image"          # the column that names what was shown',
)


@dataclass(frozen=True)
class Root:
    """What was found below one root: how its recordings are named, of which format, and with which sheets.

    `alike`: every recording holds all of them. `proposals`: the kinds of stimulus of a datastore and rules for them, as
    they were tried on one of the recordings; `untried`: why they were not.
    """

    variant: str
    path: Path
    pattern: str
    format: str
    parts: int
    sheets: tuple[str, ...]
    alike: bool = True
    proposals: tuple[Proposal, ...] = ()
    untried: str = ""

    @property
    def variants(self) -> list[tuple[str, Proposal | None]]:
        """The variants that it becomes: one, or one for each kind of stimulus, named after it."""
        if len(self.proposals) < 2:
            return [(self.variant, self.proposals[0] if self.proposals else None)]
        return [(f"{self.variant}-{proposal.kind}", proposal) for proposal in self.proposals]


def write_config(
    config: Path, roots: Sequence[Path], variants: Sequence[str], *, force: bool = False, tell: Tell = nobody
) -> list[Root]:
    """Look at roots and write a spikebin.toml.

    Parameters
    ----------
    config : Path
        Where to write it.
    roots : sequence of Path
        Of the variant train.
    variants : sequence of str
        ``NAME=ROOT`` of other variants.
    force : bool
        Replace what is there.
    tell : callable
        See `spikebin.pipeline.claims.Tell`.

    Returns
    -------
    list of Root
        What was found.

    Raises
    ------
    ConfigError
        If there is a config already, no root, or nothing in one; or if no plan can be made of what is there.
    RecordingError
        If no recording of a root can be read.
    """
    if config.exists() and not force:
        raise ConfigError(
            f"{config} is there already: edit it, write another with --config FILE, or replace it with --force"
        )
    wanted = [("train", root) for root in roots]
    for text in variants:
        name, equals, root = text.partition("=")
        if not (name and equals and root):
            raise ConfigError(f"--variant {text!r}: give it as NAME=ROOT, test=/data/test")
        if not is_variant(name):
            raise ConfigError(f"--variant {text!r}: {name!r} cannot be a directory's name: choose another")
        wanted.append((name, Path(root)))
    if not wanted:
        raise ConfigError("no ROOT given: name the directories that hold the recordings")
    found = [root for variant, path in wanted for root in look_at(variant, at_home(path), tell=tell)]
    text = config_text(found, config.absolute().parent)
    try:
        draw_plan(parse_config(config.absolute(), text), tell=tell)
    except ConfigError as error:
        raise ConfigError(
            f"nothing written, since `spikebin plan` would refuse it ({error}); where two roots hold the same parts,"
            " make one a variant of its own, --variant NAME=ROOT"
        ) from None
    remove_stale(config.parent, config.name)
    write_atomically(config, [text.encode()])
    return found


def look_at(variant: str, path: Path, *, tell: Tell = nobody) -> list[Root]:
    """What recordings lie below a root; one Root for each format and way of naming.

    Where none lies in the root itself, directories in it are looked into, and those in them. Datastores of mozaik are
    taken from the root alone: what their names say would be lost among those of directories.

    Parameters
    ----------
    variant : str
    path : Path
        A directory of recordings, or a single recording.
    tell : callable
        As for `write_config`.

    Raises
    ------
    ConfigError
        If there is no such directory, or no recording in it.
    RecordingError
        If none of the recordings can be read.
    """
    if not is_utf8(str(path)):
        raise ConfigError(f"the path {os.fsencode(path)!r} is not UTF-8, as spikebin.toml must be: rename it")
    if not path.exists():
        raise ConfigError(f"no {path}: give the directory that holds the recordings")
    if path.is_file() or format_of(path):
        names, root = [path.name], path.parent
    else:
        names, root = _listed(path), path
    groups: dict[tuple[str, str], list[str]] = {}
    for name in names:
        kind = format_of(root / name)
        if kind:
            if not is_utf8(name):
                raise ConfigError(
                    f"the recording {os.fsencode(name)!r} in {root} has a name that is not UTF-8: rename it"
                )
            alike = NUMBER.sub("0", name) if kind == "mozaik" else name.removeprefix(bare_stem(name))
            groups.setdefault((kind, alike), []).append(name)
    if not groups:
        return _nested(variant, path, tell)
    return [
        Root(
            variant,
            root,
            guess_pattern(found) if kind == "mozaik" else file_pattern(found),
            kind,
            len(found),
            *_sheets(root, found, kind, tell),
            *(_tried(root, found) if kind == "mozaik" else ()),
        )
        for (kind, _), found in groups.items()
    ]


def _nested(variant: str, path: Path, tell: Tell) -> list[Root]:
    """As `look_at`, of recordings that lie in directories of the root; the first level that holds any is taken."""
    level = [""]
    for _ in range(1, DEEPEST):
        level = [
            f"{start}{name}/" for start in level for name in _listed(path / start) if _may_hold(path / start / name)
        ]
        names = [f"{start}{name}" for start in level for name in _listed(path / start)]
        if len(names) > MOST_NAMES:
            raise ConfigError(
                f"{path} holds more than {MOST_NAMES:,} files in its directories: give the one with the recordings"
            )
        groups: dict[tuple[str, str], list[str]] = {}
        for name in names:
            kind = format_of(path / name)
            if kind and kind != "mozaik":
                if not is_utf8(name):
                    raise ConfigError(f"the path {os.fsencode(name)!r} in {path} is not UTF-8: rename it")
                groups.setdefault((kind, NUMBER.sub("0", name.partition("/")[2])), []).append(name)
        if groups:
            return [
                Root(variant, path, nested_pattern(found), kind, len(found), *_sheets(path, found, kind, tell))
                for (kind, _), found in groups.items()
            ]
    raise ConfigError(f"no recording in {path}: give the directory that holds them, one level above")


def _listed(directory: Path) -> list[str]:
    try:
        return sorted(os.listdir(directory))  # noqa: PTH208
    except OSError as error:
        raise ConfigError(f"{directory} cannot be listed ({error.strerror}): check your rights") from None


def _may_hold(path: Path) -> bool:
    """Whether recordings are looked for in it: a directory that is not hidden, and no data set of spikebin's."""
    return path.is_dir() and not path.name.startswith(".") and not (path / PLAN).exists() and not format_of(path)


def nested_pattern(names: Sequence[str]) -> str:
    """A pattern of `parts` for paths of one depth.

    Parameters
    ----------
    names : sequence of str
        Relative to a root, with "/".

    Returns
    -------
    str
        A field at each level at which they differ: ``run_{part}/output/spikes.h5``; a single path as it is.
    """
    levels, n_fields = [], 0
    for level in zip(*(name.split("/") for name in names), strict=True):
        seen = sorted(set(level))
        if len(seen) == 1 and _only(seen[0]) == seen[0]:
            levels.append(seen[0])
            continue
        n_fields += 1
        start, end = _around(seen)
        levels.append(f"{start}{{part{n_fields if n_fields > 1 else ''}}}{end}")
    return "/".join(levels)


def file_pattern(names: Sequence[str]) -> str:
    """A pattern of `parts` for the names of files of one suffix.

    Parameters
    ----------
    names : sequence of str

    Returns
    -------
    str
        ``{part}`` between what all names begin and end with, numbers and words not cut; a single name as it is.
    """
    suffix = names[0].removeprefix(bare_stem(names[0]))
    stems = [name.removesuffix(suffix) for name in names]
    if len(names) == 1:
        return _only(names[0])
    start, end = _around(stems)
    return f"{start}{{part}}{end}{suffix}"


def _around(names: Sequence[str]) -> tuple[str, str]:
    """What all names begin and end with, numbers and words not cut, and something between them in each."""
    start = re.sub(r"[^\W_]*$", "", os.path.commonprefix(names))  # noqa: RUF071
    end = re.sub(r"^[^\W_]*", "", os.path.commonprefix([name[len(start) :][::-1] for name in names])[::-1])  # noqa: RUF071
    between = all(len(name) > len(start) + len(end) for name in names)
    return (start, end) if between and not set("*{}") & set(start + end) else ("", "")


def guess_pattern(names: Sequence[str]) -> str:
    """A pattern of `parts` that tells the names apart.

    Parameters
    ----------
    names : sequence of str
        Alike but for their numbers.

    Returns
    -------
    str
        With ``{part}`` at the first number that differs, and further fields where that is not enough; ``*`` after the
        last. Where nothing differs, at the number after ``from_``, else at the first of two digits or more, else at the
        first; a name without numbers as it is.
    """
    tokens = [NUMBER.findall(name) for name in names]
    first = names[0]
    spans = [found.span() for found in NUMBER.finditer(first)]
    if not spans:
        return _only(first)
    chosen: list[int] = []
    for i in range(len(spans)):
        keys = {tuple(row[j] for j in chosen) for row in tokens}
        if len({tuple(row[j] for j in [*chosen, i]) for row in tokens}) > len(keys):
            chosen.append(i)
    if not chosen:
        after_from = [i for i, (start, _) in enumerate(spans) if first[:start].endswith("from_")]
        long = [i for i, (start, stop) in enumerate(spans) if stop - start > 1]
        chosen = (after_from or long or [0])[:1]
    pattern, end, n_fields = "", 0, 0
    for i, (start, stop) in enumerate(spans):
        if i > chosen[-1]:
            return pattern + first[end:start] + "*"
        pattern += first[end:start]
        if i not in chosen:
            pattern += "*" if len({row[i] for row in tokens}) > 1 else first[start:stop]
        elif first[:start].endswith("trial") and len(chosen) > 1 and "{repeat}" not in pattern:
            pattern += "{repeat}"
        else:
            n_fields += 1
            pattern += "{part}" if n_fields == 1 else f"{{part{n_fields}}}"
        end = stop
    return pattern + first[end:]


def _only(name: str) -> str:
    """What means this name alone; where it holds what a pattern would read otherwise, any name."""
    return "{part}" if set("*{}") & set(name) else name


def config_text(roots: Sequence[Root], directory: Path) -> str:
    """The text of a commented spikebin.toml.

    Parameters
    ----------
    roots : sequence of Root
        At least one; each becomes a ``[[recordings]]`` entry.
    directory : Path
        Where it will lie, absolute.

    Returns
    -------
    str
        With the sheets of all roots, and of each that lacks some. Where a recording lacks a sheet of its root, they are
        left for the plan to find.
    """
    sheets = list(dict.fromkeys(sheet for root in roots for sheet in root.sheets))
    alike = all(root.alike for root in roots)
    mozaik = any(root.format == "mozaik" for root in roots)
    lines = [
        "# Written by `spikebin init`. Paths are relative to this file.",
        'output = "dataset"',
        f"sheets = {_array(sheets)}"
        if alike
        else f"# sheets = {_array(sheets)}    # default: those that each part holds",
        'layout = "matrix"    # or "events": smaller, and faster to read trial by trial',
        'codec = "blosc2"     # or "zlib": bigger and slower, but any HDF5 program reads it',
        "",
        "[binning]",
        "width = 1.0          # ms",
        'closed = "left"      # bin k holds [k, k+1) widths; "right": (k, k+1], as NEST has it',
        f"end_bin = {str(mozaik).lower():<5}      # one more bin, for spikes at exactly the end of a phase",
        'values = "bool"      # or "count": how many spikes, up to 255',
        "",
        "[trial]              # all optional; `spikebin docs trials` says which rule fits which experiment",
        *(_trial(roots) if mozaik else TRIAL_OF_EVENTS),
    ]
    for root in roots:
        for variant, proposal in root.variants:
            lines += ["", f"[[recordings]]        # {root.parts} found", f"variant = {_text(variant)}"]
            lines += [f"root = {_text(_relative(root.path, directory))}"]
            lines += [f"parts = {_text(root.pattern)}"]
            if root.format != "mozaik":
                lines += [f"format = {_text(root.format)}"]
            if root.format == "sonata":
                lines += ['# nodes = "nodes.h5"            # lists the neurons, silent ones too, and their places']
            if root.format == "arrays":
                lines += ['# unit = "s"                   # of the spike times, where their name does not tell it']
            if alike and list(root.sheets) != sheets:
                lines += [f"sheets = {_array(root.sheets)}"]
            if proposal is not None:
                lines += textwrap.wrap(
                    f"{proposal.kind}: {proposal.what}", 100, initial_indent="# ", subsequent_indent="#   "
                )
                lines += _own_rule(root, proposal, roots)
            if root.untried:
                lines += [f"# not tried: {root.untried}"]
            lines += ["# exclude = [300000]            # parts known to be corrupt"]
    lines += [
        "",
        "[slurm]               # passed to sbatch, any long option of it",
        '# time = "01:00:00"',
        '# mem = "2G"',
    ]
    return "\n".join(lines) + "\n"


def _sheets(root: Path, names: Sequence[str], kind: str, tell: Tell) -> tuple[tuple[str, ...], bool]:
    """The sheets of all recordings that can be read, and whether each holds them all."""
    reason = ""
    held: list[tuple[str, ...]] = []
    tell(len(names), 0)
    for name in names:
        try:
            held.append(tuple(open_recording(root / name, kind).sheets))
        except RecordingError as error:
            reason = reason or str(error)
        tell(0, 1)
    if not held:
        raise RecordingError(f"no recording in {root} can be read; the first: {reason}")
    union = tuple(dict.fromkeys(sheet for sheets in held for sheet in sheets))
    return union, all(set(sheets) == set(union) for sheets in held)


def _tried(root: Path, names: Sequence[str]) -> tuple[tuple[Proposal, ...], str]:
    """The kinds of stimulus of one of some datastores and rules that work on it; else why there are none."""
    reason = ""
    for name in names[:MOST_TRIED]:
        try:
            return tuple(propose(open_datastore(root / name))), ""
        except RecordingError as error:
            reason = reason or str(error)
    return (), reason


def _common(roots: Sequence[Root]) -> TrialRule | None:
    """The rule of all roots, where each has one kind of stimulus and they are alike."""
    rules = {proposals[0].rule for root in roots if len(proposals := root.proposals) == 1}
    return rules.pop() if len(rules) == 1 and all(len(root.proposals) < 2 for root in roots) else None


def _trial(roots: Sequence[Root]) -> list[str]:
    """The lines of [trial]: what all recordings need, and the rest as it might be."""
    rule = _common(roots) or TrialRule()
    lines = []
    for key, (value, what) in TRIAL.items():
        given = getattr(rule, key)
        said = f"{key} = {value if given is None else _value(given)}"
        lines.append(f"{'# ' if given is None else ''}{said:<{30 if given is None else 32}} # {what}")
    return lines


def _own_rule(root: Root, proposal: Proposal, roots: Sequence[Root]) -> list[str]:
    """What an entry says of its own variant."""
    if _common(roots) is not None:
        return []
    rule = proposal.rule.settings
    several = {"stimulus": proposal.kind} if len(root.proposals) > 1 else {}
    return [f"{key} = {_value(value)}" for key, value in {**several, **rule}.items()]


def _value(value: str | Sequence[str]) -> str:
    return _text(value) if isinstance(value, str) else _array(value)


def _relative(path: Path, directory: Path) -> str:
    return str(path if path.is_absolute() else os.path.relpath(path, directory))


def _text(text: str) -> str:
    # A JSON string of printable characters is a TOML string, too.
    return json.dumps(text, ensure_ascii=False)


def _array(texts: Sequence[str]) -> str:
    return "[" + ", ".join(map(_text, texts)) + "]"
