"""NEST's own text files of spikes: .dat with a header (NEST 3), .gdf without (NEST 2); each device is a sheet.

A device writes one file for each virtual process, ``<label>-<device>-<process>.<dat or gdf>``; they belong together.
Several runs are trials where a pattern tells them apart, see nest_runs.py; else each has sheets of its own.
Other devices write files that look much alike, so only what a spike recorder writes is taken.
https://nest-simulator.readthedocs.io/en/stable/devices/record_from_simulations.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TYPE_CHECKING, Literal

import numpy as np

from spikebin.errors import RecordingError
from spikebin.names import bare_stem, bare_suffix
from spikebin.recordings.continuous.cells import is_number
from spikebin.recordings.continuous.columns import Splits
from spikebin.recordings.continuous.flat_arrays import whole_ids
from spikebin.recordings.continuous.sheet import ContinuousRecording, Population
from spikebin.recordings.continuous.text_table import (
    ends_within_line,
    has_no_rows,
    line_of_row,
    number_chunks,
    read_header,
)
from spikebin.recordings.continuous.units import make_clock
from spikebin.recordings.nest_runs import TRIAL, SpikesOfRuns, runs_of
from spikebin.recordings.settings import Reading
from spikebin.recordings.split_spikes import SpikesOfTrials, TrialwiseSheet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from spikebin.recordings.continuous.text_table import Header
    from spikebin.recordings.continuous.units import Clock
    from spikebin.recordings.protocol import SheetRecording
    from spikebin.recordings.settings import TrialRule

    Spikes = tuple[NDArray[np.float64], NDArray[np.int64]]
    Times = Literal["ms", "steps", "steps and offsets"]

__all__ = ["NestRecording", "device_of", "open", "recognises"]

SUFFIXES = (".dat", ".gdf")
NAME = re.compile(r"(?P<label>.+)-(?P<device>\d+)-(?P<process>\d+)\.(?:dat|gdf)(?:\.gz)?")
NODE = re.compile(r"[1-9][0-9]*")
STEP = re.compile(r"[0-9]+")
# The columns of NEST 3's spike recorder, and how it writes times.
COLUMNS: dict[tuple[str, ...], Times] = {
    ("sender", "time_ms"): "ms",
    ("sender", "time_step", "time_offset"): "steps and offsets",
}
SHOWN = 3


@dataclass
class _Device:
    """The files of one recording device.

    `times`: how it writes them; None where it recorded nothing, and does not tell. `problems`: files that cannot be
    its spikes, and why.
    """

    files: list[Path] = field(default_factory=list)
    times: Times | None = None
    problems: dict[str, str] = field(default_factory=dict)


def recognises(path: Path) -> bool:
    """Whether a path is a file of NEST's spikes by its name and its head, or a directory that holds some."""
    if path.is_dir():
        return any(recognises(file) for file in _files(path))
    if bare_suffix(path.name) not in SUFFIXES or not path.is_file():
        return False
    try:
        header = _header(path)
        return header is not None and not _problem(path, header)
    except RecordingError:
        return False


def open(path: Path, reading: Reading | None = None) -> NestRecording:  # noqa: A001
    """Open the files of a NEST simulation: a directory of them, or one, which stands for all of its device.

    Raises
    ------
    RecordingError
        If there are none, or the one is not a spike recorder's.
    """
    return NestRecording(path, reading or Reading())


class NestRecording(ContinuousRecording):
    """The spike recorders of one simulation. Times are in ms, or in steps, whose number per second is `rate`."""

    events_unit = "ms"

    def __init__(self, path: Path, reading: Reading) -> None:
        super().__init__(path, reading)
        self.rate = reading.rate
        found: dict[str, _Device] = {}
        # Only a file that is named alone can be of a form that NEST itself does not write.
        asked = reading.format == "nest" and path.is_file()
        for file in self._found():
            label = file.relative_to(path).parent.as_posix() + "/" if path.is_dir() else ""
            _add(found.setdefault(label.removeprefix("./") + _label(file), _Device()), file, asked=asked)
        self._devices = {label: device for label, device in found.items() if device.files}
        problems = {name: why for device in found.values() if not device.files for name, why in device.problems.items()}
        shown = "; ".join(f"{name} {why}" for name, why in islice(problems.items(), SHOWN))
        shown += f"; and {len(problems) - SHOWN:,} more" if len(problems) > SHOWN else ""
        if not self._devices:
            raise self.error(f"no spikes of NEST in it ({shown or 'no .dat or .gdf file'}): give what NEST recorded to")
        if problems:
            what = "1 file that is not" if len(problems) == 1 else f"{len(problems):,} files that are not"
            self.notes.append(f"passed over {what} of spikes: {shown}")
        self.uses_rate = any(device.times not in {"ms", None} for device in self._devices.values())
        # Of each sheet the label of its device in each run.
        self._runs = None if reading.trial is None else runs_of(list(self._devices), reading.trial, self.name)

    def _found(self) -> Iterable[Path]:
        """Files that may be of spikes."""
        if not self.path.is_dir():
            if self.reading.trial is not None:
                raise self.error("one file is of one run: give the directory of the runs, or take `trial` out")
            return _device(self.path)
        below = self.reading.trial is not None and "/" in self.reading.trial
        directories = sorted(one for one in self.path.iterdir() if one.is_dir()) if below else [self.path]
        return chain.from_iterable(map(_files, directories))

    @property
    def taken(self) -> str:
        """See `spikebin.recordings.protocol.Recording`."""
        kinds = dict.fromkeys(device.times for device in self._devices.values() if device.times)
        times = " or ".join(kinds) or "ms"
        rate = f" ({self.rate:g} a second)" if self.rate and self.uses_rate else ""
        runs = "" if self._runs is None else f", trials by {self.reading.trial}"
        return f"nest, times in {times}{rate}, neurons by sender{runs}"

    @property
    def sheets(self) -> Sequence[str]:
        """Labels and numbers of the recording devices; without what tells runs apart where these are trials."""
        return list(self._devices if self._runs is None else self._runs)

    @property
    def paths(self) -> list[Path]:
        """Every file that the spikes are read from."""
        return [file for device in self._devices.values() for file in device.files]

    def population(self, sheet: str) -> Population:
        """The spikes of a device; its files list no neurons but those that fire."""
        return Population(self._checked(sheet))

    def sheet(self, name: str, rule: TrialRule, repeat: int | None = None) -> SheetRecording:
        """Open one sheet; see `spikebin.recordings.protocol.Recording`."""
        self.check_sheet(name, rule)
        if self._runs is None:
            return super().sheet(name, rule, repeat)
        runs = SpikesOfRuns({trial: self._checked(label) for trial, label in self._runs[name].items()})
        spikes = SpikesOfTrials(
            runs, Splits(trial=TRIAL), make_clock("ms", None, self.name), None, None, f"{name} of {self.name}",
            trials=list(self._runs[name]),
        )  # fmt: skip
        return TrialwiseSheet(self, name, spikes, rule, repeat)

    def _checked(self, label: str) -> _Files:
        """The files of a device, which all are of spikes."""
        device = self._devices[label]
        for name, why in device.problems.items():
            raise self.error(f"{name} {why}, but other files of {label} are of spikes: copy or write it again")
        for file in device.files:
            if ends_within_line(file):
                raise self.error(f"{file.name} ends within a line: it is cut off, copy or write it again")
        if device.times not in {"ms", None} and self.rate is None:
            raise self.error(
                f"{label} holds times in steps: give their number in a second with --rate (`rate` in [[recordings]]),"
                " 10000 for steps of 0.1 ms"
            )
        return _Files(device, self.rate)


class _Files:
    """The files of one device, one after another; NEST writes all spikes of a neuron to one of them."""

    def __init__(self, device: _Device, rate: float | None) -> None:
        self.device, self.rate = device, rate

    def chunks(self) -> Iterator[Spikes]:
        times = self.device.times or "ms"
        clock = make_clock("ms" if times == "ms" else "samples", self.rate, self.device.files[0].name)
        seen: dict[int, str] = {}
        for file in self.device.files:
            header, mine = _header(file), np.empty(0, np.int64)
            for spikes in () if header is None else self._of_file(file, header, times, clock):
                if len(self.device.files) > 1:
                    mine = np.union1d(mine, spikes[1])
                    twice = next((neuron for neuron in mine.tolist() if neuron in seen), None)
                    if twice is not None:
                        raise RecordingError(
                            f"neuron {twice} fires in {seen[twice]} and in {file.name}, and NEST writes all spikes of"
                            " one to one file: they are of several runs, keep those of one"
                        )
                yield spikes
            seen |= dict.fromkeys(mine.tolist(), file.name)

    def _of_file(self, file: Path, header: Header, kind: Times, clock: Clock) -> Iterator[Spikes]:
        columns = range(3 if kind == "steps and offsets" else 2)
        n_before, in_order = 0, _InOrder()
        step_ms = float(clock.to_ms(1.0))
        for ids, times, *offset in number_chunks(file, header, columns):
            if kind != "ms":
                bad = times != np.floor(times)
                if offset:
                    bad |= (offset[0] < 0) | (offset[0] > step_ms)
                if bad.any():
                    line = line_of_row(file, header, n_before + int(np.flatnonzero(bad)[0]))
                    raise RecordingError(
                        f"{file} line {line} does not hold a step, and an offset in ms within it: it is not a spike"
                        " recorder's file, or --rate is not its steps in a second"
                    )
                in_order.add(ids, times)
            # A step is the end of the interval in which the neuron fired, the offset how long before.
            exact = clock.to_ms(times)
            yield exact - offset[0] if offset else exact, whole_ids(ids, str(file))
            n_before += ids.size
        if not _is_own(header) and in_order.first_alone:
            raise RecordingError(
                f"{file}: its first column ascends as times do, its second does not, and NEST writes the neuron first:"
                " read it with --format arrays --times 0 --neurons 1 --unit samples"
            )


class _InOrder:
    """Whether two columns ascend."""

    def __init__(self) -> None:
        self._last = [-np.inf, -np.inf]
        self._ascend = [True, True]

    def add(self, *columns: NDArray[np.float64]) -> None:
        for i, column in enumerate(columns):
            if column.size:
                self._ascend[i] &= bool(column[0] >= self._last[i] and (np.diff(column) >= 0).all())
                self._last[i] = column[-1]

    @property
    def first_alone(self) -> bool:
        return self._ascend == [True, False]


def device_of(name: str) -> str | None:
    """Label and number of the device that wrote a file of this name; None where the name does not tell."""
    found = NAME.fullmatch(name)
    return f"{found['label']}-{found['device']}" if found else None


def _add(device: _Device, file: Path, *, asked: bool) -> None:
    """Look at the head of a file, and count it to its device, or to the problems of that."""
    try:
        header = _header(file)
    except RecordingError as error:
        device.problems[file.name] = str(error).removeprefix(f"{file} ")
        return
    if header is None and bare_suffix(file.name) == ".dat":
        # A recorder of NEST 2 that recorded nothing leaves an empty file, one of NEST 3 a header.
        device.problems[file.name] = "is empty"
        return
    why = "" if header is None else _problem(file, header, asked=asked)
    times = None if header is None or why else _times(header)
    if times and device.times not in {None, times}:
        why = f"has times in {times}, and not in {device.times}"
    if why:
        device.problems[file.name] = why
        return
    device.files.append(file)
    device.times = device.times or times


def _header(file: Path) -> Header | None:
    """The header of a file; None where it has no lines but comments."""
    return None if file.is_file() and has_no_rows(file) else read_header(file)


def _problem(file: Path, header: Header, *, asked: bool = False) -> str:
    """Why a file is not a spike recorder's; "" for one that is.

    `asked`: the user says that it is NEST's, so it may be called otherwise, and have no tab after each number.
    """
    if header.names is not None and not header.from_comment:
        if tuple(header.names) in COLUMNS:
            return ""
        return f"has the columns {', '.join(header.names)[:80]}, where a spike recorder has sender and time_ms"
    cells = _cells(header)
    line = " ".join(cells)[:40]
    if header.delimiter not in {"\t", None} or len(cells) not in {2, 3}:
        return f"has no header, and {len(cells)} numbers in a line, where NEST 2 has a neuron and a time"
    if not NODE.fullmatch(cells[0]) or not is_number(cells[1]):
        return f"begins with {line!r}, which is not a neuron and a time"
    if not _is_own(header) and not asked and bare_suffix(file.name) != ".gdf":
        return "has no header, and no tab after each number as NEST 2 has: give it alone, with --format nest"
    if len(cells) == 3 and not STEP.fullmatch(cells[1]):
        return f"begins with {line!r}, which is more than a neuron and a time"
    return ""


def _times(header: Header) -> Times:
    """How a spike recorder's file writes times."""
    if header.names is not None and not header.from_comment:
        return COLUMNS[tuple(header.names)]
    cells = _cells(header)
    if len(cells) == 3:
        return "steps and offsets"
    return "steps" if STEP.fullmatch(cells[1]) else "ms"


def _is_own(header: Header) -> bool:
    """Whether lines end as NEST 2 ends them, with a tab."""
    return header.delimiter == "\t" and header.first[-1] == ""


def _cells(header: Header) -> tuple[str, ...]:
    return header.first[:-1] if _is_own(header) else header.first


def _files(directory: Path) -> Iterator[Path]:
    return (
        file
        for file in sorted(directory.iterdir())
        if bare_suffix(file.name) in SUFFIXES and not file.name.startswith(".")
    )


def _device(path: Path) -> list[Path]:
    """All files of the device that wrote one of them."""
    device = device_of(path.name)
    return [path] if device is None else [file for file in _files(path.parent) if device_of(file.name) == device]


def _label(file: Path) -> str:
    return device_of(file.name) or bare_stem(file.name)
