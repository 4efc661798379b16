"""The text of spikebin.toml, checked key by key. Every error names file, line, key and remedy.

Pure text; no path is looked at.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from spikebin.binning.rules import Binning
from spikebin.choices import Blank, Closed, Codec, Layout, Short, TimeUnit, Values, checked
from spikebin.errors import BinningError, ConfigError
from spikebin.names import directory_name, is_sheet, suggest
from spikebin.pipeline.config import FIELD, Config, Recordings, at_home, is_variant
from spikebin.recordings.settings import Reading, TrialRule

if TYPE_CHECKING:
    from collections.abc import Iterator


SHOWN = ("stimulus", "image_id", "blank", "window")
"""Keys of [trial] that an entry may say of its own variant."""

HEADER = re.compile(r"""\s*(?P<array>\[)?\[\s*["']?(?P<name>[\w-]+)["']?\s*\]\]?\s*(#.*)?""")


class ConfigReader:
    """Checks the tables of one config; knows the line of a key, for messages.

    `where` names a table as messages do: "" is the top, "[binning]", "[[recordings]] entry 2".
    """

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.lines = text.splitlines()

    def config(self, data: dict[str, Any]) -> Config:
        self.known(data, "", {"output", "sheets", "layout", "codec", "binning", "trial", "recordings", "slurm"})
        entries = data.get("recordings")
        if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
            self.fail("", "recordings", "there is no [[recordings]] entry: add one with variant, root and parts")
        output = self.text(data, "output", "", "dataset")
        trial = self.trial(self.table(data, "trial"))
        recordings = tuple(self.entry(entry, i) for i, entry in enumerate(entries))
        return Config(
            path=self.path,
            output=self.path.parent / at_home(output),
            recordings=recordings,
            sheets=self.sheets(data, ""),
            layout=self.choice(data, "layout", "", Layout, "matrix"),
            codec=self.choice(data, "codec", "", Codec, "blosc2"),
            binning=self.binning(self.table(data, "binning")),
            trial=trial,
            slurm=self.slurm(self.table(data, "slurm")),
            variants=self.variants(data, trial),
        )

    def binning(self, table: dict[str, Any]) -> Binning:
        where = "[binning]"
        self.known(table, where, {"width", "closed", "end_bin", "values"})
        width = table.get("width", 1.0)
        if not _is_finite(width):
            self.fail(where, "width", f"width is {width!r}: give a number of ms")
        end_bin = table.get("end_bin", True)
        if not isinstance(end_bin, bool):
            self.fail(where, "end_bin", f"end_bin is {end_bin!r}: give true or false")
        try:
            return Binning(
                width=float(width),
                closed=self.choice(table, "closed", where, Closed, "left"),
                end_bin=end_bin,
                values=self.choice(table, "values", where, Values, "bool"),
            )
        except BinningError as error:
            self.fail(where, "width", str(error))

    def trial(self, table: dict[str, Any]) -> TrialRule:
        where = "[trial]"
        self.known(
            table,
            where,
            {"stimulus", "image_id", "blank", "events", "unit", "align_to", "until", "window", "drop_missing"}
            | {"short", "relative_to"},
        )
        return TrialRule(
            **self.shown(table, where),
            events=self.text(table, "events", where) or None,
            events_unit=self.choice(table, "unit", where, TimeUnit, None),
            align_to=self.text(table, "align_to", where) or None,
            until=self.text(table, "until", where) or None,
            short=self.choice(table, "short", where, Short, "refuse"),
            relative_to=self.text(table, "relative_to", where) or None,
            drop_missing=self.flag(table, "drop_missing", where),
        )

    def shown(self, table: dict[str, Any], where: str) -> dict[str, Any]:
        """What a table says of stimuli and their blanks, of [trial] or of one variant: fields of a TrialRule."""
        window = table.get("window")
        if window is not None and not (
            isinstance(window, list) and len(window) == 2 and all(map(_is_finite, window)) and window[0] < window[1]
        ):
            self.fail(where, "window", f"window is {window!r}: give its start and stop in ms, [-200, 500]")
        found: dict[str, Any] = {key: self.texts(table, key, where) for key in ("stimulus", "image_id") if key in table}
        if "blank" in table:
            found["blank"] = self.choice(table, "blank", where, Blank, None)
        if window is not None:
            found |= {"window_start": float(window[0]), "window_stop": float(window[1])}
        return found

    def variants(self, data: dict[str, Any], trial: TrialRule) -> dict[str, TrialRule]:
        """The rule of each variant whose entries say one, which all of them then have to say alike."""
        rules: dict[str, TrialRule] = {}
        for i, entry in enumerate(data["recordings"]):
            where = f"[[recordings]] entry {i + 1}"
            rule = replace(trial, **self.shown(entry, where))
            if rules.setdefault(entry["variant"], rule) != rule:
                self.fail(
                    where,
                    next((key for key in SHOWN if key in entry), "variant"),
                    f"variant {entry['variant']!r} has entries with different {', '.join(SHOWN)}: give all of them the"
                    " same, or make them variants of their own",
                )
        return {variant: rule for variant, rule in rules.items() if rule != trial}

    def slurm(self, table: dict[str, Any]) -> dict[str, str | int | bool]:
        for key, value in table.items():
            if not isinstance(value, (str, int, bool)) or not re.fullmatch(r"[a-z][a-z-]*", key):
                self.fail("[slurm]", key, f"{key} = {value!r}: give a long option of sbatch, as text, number or true")
        return table

    def entry(self, table: dict[str, Any], i: int) -> Recordings:
        where = f"[[recordings]] entry {i + 1}"
        self.known(
            table,
            where,
            {"variant", "root", "parts", "sheets", "exclude", "format", *SHOWN}
            | {
                "unit",
                "rate",
                "times",
                "neurons",
                "ids",
                "labels",
                "nodes",
                "population",
                "trial",
                "allow",
                "follow_links",
                "bin_width",
                "phases",
                "duration",
            },
        )
        for key in ("variant", "root", "parts"):
            if key not in table:
                self.fail(where, "", f"lacks `{key}`: add it")
        variant = self.text(table, "variant", where)
        if not is_variant(variant):
            self.fail(where, "variant", f"variant {variant!r} cannot be a directory's name: choose another")
        parts = self.text(table, "parts", where)
        names = FIELD.findall(parts)
        if not names and "*" in parts:
            self.fail(where, "parts", f"parts {parts!r} has no field: put {{part}} where the name of the part is")
        if {"", ".", "..", "**"} & set(parts.split("/")):
            self.fail(
                where,
                "parts",
                f"parts {parts!r}: give a name or a pattern for each level below root, run_{{part}}/output/spikes.h5",
            )
        if len(set(names)) != len(names) or not all(name.isidentifier() for name in names):
            self.fail(where, "parts", f"parts {parts!r}: give each field a name of its own, of letters")
        exclude = table.get("exclude", [])
        if not isinstance(exclude, list) or not all(
            isinstance(part, (int, str)) and not isinstance(part, bool) for part in exclude
        ):
            self.fail(where, "exclude", f"exclude is {exclude!r}: give a list of parts, [300000, 300150]")
        return Recordings(
            variant=variant,
            root=Path(self.text(table, "root", where)),
            parts=parts,
            sheets=self.sheets(table, where),
            exclude=tuple(str(part) for part in exclude),
            format=self.text(table, "format", where) or None,
            reading=self.reading(table, where),
        )

    def flag(self, table: dict[str, Any], key: str, where: str) -> bool:
        value = table.get(key, False)
        if not isinstance(value, bool):
            self.fail(where, key, f"{key} is {value!r}: give true or false")
        return value

    def reading(self, table: dict[str, Any], where: str) -> Reading:
        rate = table.get("rate")
        if rate is not None and not (_is_finite(rate) and rate > 0):
            self.fail(where, "rate", f"rate is {rate!r}: give the samples per second")
        bin_width, phases = table.get("bin_width"), table.get("phases")
        if bin_width is not None and not (_is_finite(bin_width) and bin_width > 0):
            self.fail(where, "bin_width", f"bin_width is {bin_width!r}: give the ms of a bin")
        if phases is not None and not (
            isinstance(phases, list) and phases and all(isinstance(phase, str) for phase in phases)
        ):
            self.fail(where, "phases", f'phases is {phases!r}: give a list, ["blank:150", "image:560"]')
        duration = table.get("duration")
        if duration is not None and not (_is_finite(duration) and duration > 0):
            self.fail(where, "duration", f"duration is {duration!r}: give the ms that the simulation lasted")
        labels = table.get("labels")
        if labels is not None and not (
            isinstance(labels, list) and labels and all(isinstance(label, str) for label in labels)
        ):
            self.fail(where, "labels", f'labels is {labels!r}: give a list of texts, ["good", "mua"]')
        allow = table.get("allow")
        if allow is not None and allow != ["explosion"]:
            self.fail(where, "allow", f'allow is {allow!r}: give ["explosion"], or leave it out')
        nodes = self.texts(table, "nodes", where)
        return Reading(
            unit=self.choice(table, "unit", where, TimeUnit, None),
            rate=None if rate is None else float(rate),
            times=self.text(table, "times", where) or None,
            neurons=self.text(table, "neurons", where) or None,
            ids=self.text(table, "ids", where) or None,
            labels=None if labels is None else tuple(labels),
            nodes=self.nodes(nodes),
            population=self.text(table, "population", where) or None,
            trial=self.text(table, "trial", where) or None,
            allow=None if allow is None else tuple(allow),
            follow_links=self.flag(table, "follow_links", where),
            bin_width=None if bin_width is None else float(bin_width),
            phases=None if phases is None else tuple(phases),
            duration=None if duration is None else float(duration),
        )

    def nodes(self, given: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        """Files of nodes with their full paths."""
        files = [
            (f"{name}=" if name is not None else "") + str(self.path.parent / at_home(path))
            for name, path in Reading(nodes=given).node_files
        ]
        return None if not files else files[0] if len(files) == 1 else tuple(files)

    def sheets(self, table: dict[str, Any], where: str) -> tuple[str, ...] | None:
        value = table.get("sheets")
        if value is None:
            return None
        if not isinstance(value, list) or not value or not all(isinstance(s, str) and is_sheet(s) for s in value):
            self.fail(where, "sheets", f"sheets is {value!r}: give a list of names, or leave it out for all")
        seen: dict[str, str] = {}
        for sheet in value:
            other = seen.setdefault(directory_name(sheet), sheet)
            if other is not sheet:
                what = "stands there twice" if other == sheet else f"and {other!r} have one directory name"
                self.fail(where, "sheets", f"sheets: {sheet!r} {what} ({directory_name(sheet)}): keep one")
        return tuple(value)

    def table(self, data: dict[str, Any], key: str) -> dict[str, Any]:
        value = data.get(key, {})
        if not isinstance(value, dict):
            self.fail("", key, f"{key} is {value!r}: make it a table, [{key}]")
        return value

    def text(self, table: dict[str, Any], key: str, where: str, default: str = "") -> str:
        value = table.get(key, default)
        if not isinstance(value, str) or (key in table and not _is_text(value)):
            self.fail(where, key, f"{key} is {value!r}: give a text in quotes")
        return value

    def texts(self, table: dict[str, Any], key: str, where: str) -> str | tuple[str, ...] | None:
        """A text, or several; None without."""
        value = table.get(key)
        if not isinstance(value, list):
            return self.text(table, key, where) or None
        if not value or not all(_is_text(text) for text in value) or len({*value}) < len(value):
            self.fail(where, key, f'{key} is {value!r}: give a text, or a list of different texts, ["one", "other"]')
        return tuple(value)

    def choice(self, table: dict[str, Any], key: str, where: str, choice: Any, default: str | None) -> Any:
        if key not in table:
            return default
        try:
            return checked(table[key], choice, key, ConfigError)
        except ConfigError as error:
            self.fail(where, key, str(error))

    def known(self, table: dict[str, Any], where: str, keys: set[str]) -> None:
        for key in table:
            if key not in keys:
                self.fail(where, key, f"unknown key {key!r}: {suggest(key, sorted(keys))}")

    def fail(self, where: str, key: str, message: str) -> NoReturn:
        line = self.line(where, key)
        raise ConfigError(f"{self.path}{f' line {line}' if line else ''}: {f'{where} {message}'.strip()}")

    def line(self, where: str, key: str) -> int | None:
        """The line that sets a key of a table, else the one that the table begins at, counted from 1."""
        tables = list(_tables(self.lines))
        name = re.sub(r"[][]|entry \d+", "", where).strip()
        for table, pattern in (
            (where, _assignment(key)),
            (where, HEADER if where else None),
            # A table may stand in the top one: binning.width = 2, binning = {width = 2}.
            ("", _assignment(name, key)),
            ("", _assignment(name)),
        ):
            for n, text in enumerate(self.lines, 1):
                if pattern and tables[n - 1] == table and pattern.match(text):
                    return n
        if where:
            return None
        headers = (HEADER.fullmatch(text) for text in self.lines)
        return next((n for n, header in enumerate(headers, 1) if header and header["name"] == key), None)


def _tables(lines: list[str]) -> Iterator[str]:
    """The table that each line belongs to, its header included; named as in messages."""
    where = ""
    entries: Counter[str] = Counter()
    for text in lines:
        header = HEADER.fullmatch(text)
        if header and header["array"]:
            entries[header["name"]] += 1
            where = f"[[{header['name']}]] entry {entries[header['name']]}"
        elif header:
            where = f"[{header['name']}]"
        yield where


def _assignment(*keys: str) -> re.Pattern[str] | None:
    """The beginning of a line that sets a key, a.b of two; None without a key."""
    if not all(keys):
        return None
    return re.compile(r"\s*" + r"\s*\.\s*".join(rf"""["']?{re.escape(key)}["']?""" for key in keys) + r"\s*[=.]")


def _is_finite(value: object) -> bool:
    """Whether it is a number that is one in float64, too: TOML has inf and nan, and integers of any size."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value.strip() != "" and "\0" not in value
