"""What a user says of recordings: which presentations are trials, and what a recording does not say of itself."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from spikebin.choices import Blank, Short, checked
from spikebin.errors import ConfigError

if TYPE_CHECKING:
    from typing import Any

__all__ = ["Reading", "TrialRule"]


@dataclass(frozen=True)
class TrialRule:
    """Which presentations are trials: the ``[trial]`` table of spikebin.toml.

    Parameters
    ----------
    stimulus : str, tuple of str or None
        Kinds of stimulus; None: the only kind that is there, blanks apart.
    image_id : str, tuple of str or None
        Parameters of the stimulus that name its image; None: image_path, else movie_name.
    blank : {"before", "after", "both", "none"} or None
        Which of the blanks next to it a trial has; it may lack them. None: "before" where every trial has one before
        it, "none" where none has.
    events : str or None
        Where the trials of a continuous recording come from: a CSV or TSV file, the name of a table inside the
        recording, or "none" for one trial of all of it. None: the recording's own trials, where it has some.
    events_unit : str or None
        Unit of that file's times; None: recognised from the names of its columns, else the unit of the spike times.
    align_to : str or None
        Column of the events that a window is relative to; None: the start of each trial.
    until : str or None
        Column of the events that a trial lasts to, where no window is given; None: recognised from its name.
    window_start, window_stop : float or None
        ms relative to it; None: from the start to the stop of each trial.
    drop_missing : bool
        Leave out trials whose event is empty or NaN, instead of refusing the table.
    short : {"refuse", "pad", "cut", "drop"}
        What becomes of trials that reach past what was recorded, where the recording tells that: none is made; they end
        in bins without spikes; they are cut there; they are left out.
    relative_to : str or None
        Column of the events that the times of the others are relative to: the start of each trial.

    Notes
    -----
    `stimulus` and `blank` are for recordings that are made of presentations, all from `events` on for continuous ones,
    whose `image_id` is a column of the events; but a window cuts presentations, too.
    """

    stimulus: str | tuple[str, ...] | None = None
    image_id: str | tuple[str, ...] | None = None
    blank: Blank | None = None
    events: str | None = None
    events_unit: str | None = None
    align_to: str | None = None
    until: str | None = None
    window_start: float | None = None
    window_stop: float | None = None
    drop_missing: bool = False
    short: Short = "refuse"
    relative_to: str | None = None

    def __post_init__(self) -> None:
        """Take lists, as JSON and TOML have them; one name alone is a text. Refuse a `blank` that does not exist.

        Raises
        ------
        ConfigError
            If `blank` is another.
        """
        for key in ("stimulus", "image_id"):
            value = getattr(self, key)
            if isinstance(value, list | tuple):
                object.__setattr__(self, key, value[0] if len(value) == 1 else tuple(value) or None)
        if self.blank is not None:
            checked(self.blank, Blank, "trial blank", ConfigError)
        checked(self.short, Short, "trial short", ConfigError)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of stimulus that are asked for; empty: the only one that is there."""
        return _names(self.stimulus)

    @property
    def identity(self) -> tuple[str, ...]:
        """The parameters that name an image; empty: what the recording has for it."""
        return _names(self.image_id)

    @property
    def settings(self) -> dict[str, Any]:
        """What differs from the defaults, as plans and seals record it: a setting added later changes neither."""
        return _settings(self)


@dataclass(frozen=True)
class Reading:
    """What a continuous recording does not say about itself: keys of ``[[recordings]]``.

    Which of them a format takes is said in `spikebin.recordings.FORMATS`, and checked when it is opened.

    Parameters
    ----------
    unit : str or None
        Of the spike times: s, ms, us or samples.
    rate : float or None
        Samples per second.
    times, neurons : str or None
        Names of the columns or arrays of spike times and neuron ids.
    ids : str or None
        The neurons to take, silent ones included: ``1-1000,2001``, or of each sheet
        that is named, ``v1=1-1000,lgn=1-20``. None: all that are listed, else all that fire.
    labels : tuple of str or None
        Labels of sorted units to take; None: all but noise.
    nodes : str, tuple of str or None
        Files of node positions: ``nodes.h5``, or of one population ``v1=nodes.h5``, see `node_files`.
    population : str or None
        Column that tells populations apart, each of which is a sheet, or "none". None: one that is called so.
    trial : str or None
        Column that tells trials apart, on whose clocks the times are, or "none" for one clock.
    allow : tuple of {"explosion"} or None
        What may be wrong with a recording: a simulation that exploded.
    format : str or None
        A key of `spikebin.recordings.FORMATS`, ``neo:NixIO`` with the name of a neo IO. None: recognised from what is
        there.
    follow_links : bool
        Take what an HDF5 file names in other files of its directory: links, virtual and external data sets.
    bin_width : float or None
        ms of a bin of a file that holds bins.
    duration : float or None
        ms that a simulation lasted, from 0 on; None: its spikes tell all that is known.
    phases : tuple of str or None
        What a trial of such a file is made of, in time, with ms: ``("blank:150", "image:560")``.
    """

    unit: str | None = None
    rate: float | None = None
    times: str | None = None
    neurons: str | None = None
    ids: str | None = None
    labels: tuple[str, ...] | None = None
    nodes: str | tuple[str, ...] | None = None
    population: str | None = None
    trial: str | None = None
    allow: tuple[str, ...] | None = None
    format: str | None = None
    follow_links: bool = False
    bin_width: float | None = None
    phases: tuple[str, ...] | None = None
    duration: float | None = None

    @property
    def io(self) -> str | None:
        """Name of the neo IO; None where the format names none."""
        return (self.format or "").partition(":")[2] or None

    @property
    def node_files(self) -> list[tuple[str | None, str]]:
        """Of each of `nodes` the population that it names, if any, and its path.

        Before the first "=" stands a population, unless that is after a slash: ``./a=b.h5`` is a file.
        """
        found: list[tuple[str | None, str]] = []
        for text in _names(self.nodes):
            name, equals, path = text.partition("=")
            found.append((name.strip(), path.strip()) if equals and "/" not in name else (None, text))
        return found

    @property
    def settings(self) -> dict[str, Any]:
        """What differs from the defaults, in JSON's types: what a seal holds and, but for `allow`, a plan binds."""
        # A file that has moved is the same file.
        nodes = [(f"{name}=" if name is not None else "") + path.rpartition("/")[2] for name, path in self.node_files]
        return _settings(self) | ({"nodes": nodes[0] if len(nodes) == 1 else nodes} if nodes else {})


def _names(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value or ()


def _settings(settings: TrialRule | Reading) -> dict[str, Any]:
    """What differs from the defaults, in JSON's types."""
    found = {f.name: getattr(settings, f.name) for f in fields(settings) if getattr(settings, f.name) != f.default}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}
