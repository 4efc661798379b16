"""spikebin.toml -> Config: what is exported, from where, how.

What the text of a config may say is in config_reader.py; recordings are looked at by plan.py.
"""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikebin.binning.rules import Binning
from spikebin.errors import ConfigError
from spikebin.output.paths import OWN_NAMES
from spikebin.recordings.settings import Reading, TrialRule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spikebin.choices import Codec, Layout
    from spikebin.matrixfile.write_sheet import Settings

__all__ = ["Config", "Recordings", "at_home", "find_config", "is_variant", "load_config", "parse_config"]

FILE_NAME = "spikebin.toml"

VARIABLE = "SPIKEBIN_CONFIG"

FIELD = re.compile(r"\{([^{}]*)\}")

EVENT_FILES = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".parquet", ".pqt", ".feather", ".arrow")

# Of a file, not what follows a dot in the name of a directory.
SUFFIX = re.compile(r"(?<=.)\.[A-Za-z][A-Za-z0-9]{0,6}$")
"""What lies in an output beside its variants; what begins with a dot, too."""


@dataclass(frozen=True)
class Recordings:
    """One ``[[recordings]]`` entry: where the parts of a variant lie.

    Parameters
    ----------
    variant : str
    root : Path
        As written in the config; relative to its directory.
    parts : str
        Pattern of names below root, with at least one ``{field}``; or the name of the only recording. A slash leads
        one level down; no field and no ``*`` goes beyond one.
    sheets : tuple of str or None
        Raw names; None: the config's list.
    exclude : tuple of str
        Parts known to be corrupt.
    format : str or None
        A raw format; None: recognised from what is there.
    reading : Reading
        What its recordings do not say about themselves.
    """

    variant: str
    root: Path
    parts: str
    sheets: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    format: str | None = None
    reading: Reading = field(default_factory=Reading)

    @property
    def settings(self) -> dict[str, Any]:
        """How its recordings are read, as a plan binds it: the settings that differ from the defaults."""
        settings = ({} if self.format is None else {"format": self.format}) | self.reading.settings
        settings.pop("allow", None)
        return settings

    def name_of(self, source: str) -> str:
        """What `parts` is held against for a source: its path below the root.

        Parameters
        ----------
        source : str
            As a plan has it.

        Returns
        -------
        str
            "" where it does not lie below the root.
        """
        path = Path(source)
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else ""

    def part(self, name: str) -> str | None:
        """The part that a name stands for: its fields, joined with "-", or its stem.

        Parameters
        ----------
        name : str
            Of a directory or file, its path below the root.

        Returns
        -------
        str or None
            None if it does not fit `parts`.
        """
        found = _pattern(self.parts).fullmatch(name)
        if found is None:
            return None
        return "-".join(found.groups()) or SUFFIX.sub("", re.sub(r"(?<=.)\.gz$", "", name.rpartition("/")[2]))

    def repeat(self, name: str) -> int | None:
        """The repeat that a directory's name tells, in a field named `repeat`.

        Parameters
        ----------
        name : str
            As for `part`.

        Returns
        -------
        int or None
            None where there is no such field, or it holds no number.
        """
        found = _pattern(self.parts).fullmatch(name)
        text = found.groupdict().get("repeat", "") if found else ""
        return int(text) if text.isdecimal() else None


@dataclass(frozen=True)
class Config:
    """The complete spikebin.toml. Paths are absolute, but for `Recordings.root`, which is as written."""

    path: Path
    output: Path
    recordings: tuple[Recordings, ...]
    sheets: tuple[str, ...] | None = None
    layout: Layout = "matrix"
    codec: Codec = "blosc2"
    binning: Binning = field(default_factory=Binning)
    trial: TrialRule = field(default_factory=TrialRule)
    slurm: Mapping[str, str | int | bool] = field(default_factory=dict)
    variants: Mapping[str, TrialRule] = field(default_factory=dict)
    """Of those whose entries say themselves which presentations are trials."""

    @property
    def excluded(self) -> dict[str, tuple[str, ...]]:
        """Variant -> parts that it leaves out."""
        found: dict[str, tuple[str, ...]] = {}
        for entry in self.recordings:
            found[entry.variant] = (*found.get(entry.variant, ()), *entry.exclude)
        return found

    def settings(self, variant: str, reading: Reading, threads: int) -> Settings:
        """How the sheets of a recording are binned and stored.

        Parameters
        ----------
        variant : str
        reading : Reading
            How the recording is read.
        threads : int

        Returns
        -------
        Settings
        """
        from spikebin.matrixfile.write_sheet import Settings

        trial = self.trial_of(variant).settings
        return Settings(self.binning, self.layout, self.codec, threads, trial, reading.settings)

    def trial_of(self, variant: str) -> TrialRule:
        """Which presentations or events are the trials of a variant: its entries' own rule, else ``[trial]``.

        Parameters
        ----------
        variant : str
        """
        return self.variants.get(variant, self.trial)

    def resolve(self, path: Path | str) -> Path:
        """A path as the config means it: relative to its directory.

        Parameters
        ----------
        path : Path or str
            May begin with ``~``.

        Returns
        -------
        Path
        """
        return self.path.parent / at_home(path)

    def rule(self, variant: str, part: str) -> TrialRule:
        """As `trial_of`, of a part: a file of events with its path resolved.

        Parameters
        ----------
        variant : str
        part : str
            Stands for ``{part}`` in the file's name.

        Returns
        -------
        TrialRule
        """
        rule = self.trial_of(variant)
        if rule.events is None or not rule.events.lower().endswith(EVENT_FILES):
            return rule
        return replace(rule, events=str(self.resolve(rule.events.replace("{part}", part))))


def at_home(path: Path | str) -> Path:
    """A path whose ``~`` or ``~user`` is written out.

    Parameters
    ----------
    path : Path or str

    Returns
    -------
    Path

    Raises
    ------
    ConfigError
        If there is no such user, or no home.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise ConfigError(f"{path}: this machine knows no home of that name, write the full path") from None


def find_config(given: Path | None = None) -> Path:
    """The config to use: the one given, else $SPIKEBIN_CONFIG, else ./spikebin.toml.

    Parameters
    ----------
    given : Path, optional

    Returns
    -------
    Path
        Absolute.

    Raises
    ------
    ConfigError
        If it is not there.
    """
    named = given or (Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)
    path = at_home(named or FILE_NAME)
    if not path.is_file():
        way_out = "give --config FILE" if named else f"run `spikebin init ROOT`, give --config FILE or set {VARIABLE}"
        raise ConfigError(f"no config {path.absolute()}: {way_out}")
    return path.absolute()


def load_config(given: Path | None = None) -> Config:
    """Read and check a config.

    Parameters
    ----------
    given : Path, optional
        See `find_config`.

    Returns
    -------
    Config

    Raises
    ------
    ConfigError
        If it is missing, is not TOML, holds an unknown key or a value of the wrong type, or asks for what cannot be.
    """
    path = find_config(given)
    try:
        # Notepad and others begin a file with a byte order mark.
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read ({error}): check its rights and that it is UTF-8 text") from None
    return parse_config(path, text)


def parse_config(path: Path, text: str) -> Config:
    """Check the text of a config.

    Parameters
    ----------
    path : Path
        Where it lies, or will; absolute.
    text : str

    Returns
    -------
    Config

    Raises
    ------
    ConfigError
        As `load_config`.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from None
    from spikebin.pipeline.config_reader import ConfigReader

    return ConfigReader(path, text).config(data)


def is_variant(name: str) -> bool:
    """Whether a variant can have this name: it is a directory of the output.

    Parameters
    ----------
    name : str

    Returns
    -------
    bool
    """
    return name.isprintable() and "/" not in name and not name.startswith(".") and name not in OWN_NAMES | {""}


@lru_cache(maxsize=64)
def _pattern(parts: str) -> re.Pattern[str]:
    """The pattern of a path below a root: ``{field}`` is the shortest text that fits, ``*`` anything but a slash."""
    text, end = "", 0
    for found in re.finditer(r"\{([^{}]*)\}|\*", parts):
        text += re.escape(parts[end : found.start()])
        text += "[^/]*" if found[0] == "*" else f"(?P<{found[1]}>[^/]+?)"
        end = found.end()
    return re.compile(text + re.escape(parts[end:]), re.DOTALL)
