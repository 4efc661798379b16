"""NEST's own text files: .dat with a header (NEST 3), .gdf without (NEST 2); each recording device is a sheet.

A device writes one file for each virtual process, ``<label>-<device>-<process>.<dat or gdf>``; they belong together.
https://nest-simulator.readthedocs.io/en/stable/devices/record_from_simulations.html
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from spikebin.errors import RecordingError
from spikebin.recordings.arrays import whole_ids
from spikebin.recordings.continuous.sheet import ContinuousRecording, Population
from spikebin.recordings.continuous.text_table import Header, number_chunks, read_header
from spikebin.recordings.continuous.units import make_clock
from spikebin.recordings.settings import Reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    Spikes = tuple[NDArray[np.float64], NDArray[np.int64]]

__all__ = ["NestRecording", "open", "recognises"]

SUFFIXES = {".dat", ".gdf"}
NAME = re.compile(r"(?P<label>.+)-(?P<device>\d+)-(?P<process>\d+)\.(?:dat|gdf)")
SENDERS = ("sender", "gid")


def recognises(path: Path) -> bool:
    """Whether a path is a .gdf file, a .dat file with NEST's header, or a directory that holds some."""
    if path.is_dir():
        return any(recognises(file) for file in islice(_files(path), 3))
    if path.suffix not in SUFFIXES or not path.is_file():
        return False
    try:
        header = read_header(path)
    except RecordingError:
        return False
    return _columns(header) is not None


def open(path: Path, reading: Reading | None = None) -> NestRecording:  # noqa: A001
    """Open the files of a NEST simulation: a directory of them, or one, which stands for all of its device.

    Raises
    ------
    RecordingError
        If there are none.
    """
    return NestRecording(path, reading or Reading())


class NestRecording(ContinuousRecording):
    """The spike recorders of one simulation. Times are in ms, or in steps, whose number per second is `rate`."""

    events_unit = "ms"

    def __init__(self, path: Path, reading: Reading) -> None:
        super().__init__(path, reading)
        self.rate = reading.rate
        files = list(_files(path)) if path.is_dir() else _device(path)
        self._devices: dict[str, list[Path]] = {}
        for file in files:
            self._devices.setdefault(_label(file), []).append(file)
        if not self._devices:
            raise self.error("no .dat or .gdf file of NEST in it: give the directory that NEST recorded to")

    @property
    def sheets(self) -> Sequence[str]:
        """Labels of the recording devices; with their number where two have one label."""
        return list(self._devices)

    @property
    def paths(self) -> list[Path]:
        """Every file that the spikes are read from."""
        return [file for files in self._devices.values() for file in files]

    def population(self, sheet: str) -> Population:
        """The spikes of a device; its files list no neurons but those that fire."""
        return Population(_Files(self._devices[sheet], self.rate))


class _Files:
    """The files of one device, one after another."""

    def __init__(self, files: list[Path], rate: float | None) -> None:
        self.files, self.rate = files, rate

    def chunks(self) -> Iterator[Spikes]:
        for file in self.files:
            header = _header(file)
            columns = None if header is None else _columns(header)
            if header is None or columns is None:
                if header is not None:
                    raise RecordingError(f"{file} has not the columns of a NEST spike recorder: give another file")
                continue
            clock = make_clock("samples" if len(columns) == 3 else "ms", self.rate, str(file))
            for ids, times, *offset in number_chunks(file, header, columns):
                # A step is the end of the interval in which the neuron fired, the offset how long before.
                exact = clock.to_ms(times)
                yield exact - offset[0] if offset else exact, whole_ids(ids, str(file))


def _header(file: Path) -> Header | None:
    """The header of a file; None for a device that recorded nothing."""
    try:
        return read_header(file)
    except RecordingError:
        if file.is_file() and _has_no_line(file):
            return None
        raise


def _has_no_line(file: Path) -> bool:
    with file.open("rb") as lines:
        return all(not line.strip() or line.startswith(b"#") for line in islice(lines, 8))


def _columns(header: Header) -> list[int] | None:
    """Places of sender, time, and of the offset of precise times in steps."""
    if header.names is None:
        return [0, 1] if header.delimiter in {None, "\t"} and header.n_columns in {2, 3} else None
    names = header.names
    sender = next((names.index(name) for name in SENDERS if name in names), None)
    if sender is None:
        return None
    if "time_ms" in names:
        return [sender, names.index("time_ms")]
    if "time_step" in names and "time_offset" in names:
        return [sender, names.index("time_step"), names.index("time_offset")]
    return None


def _files(directory: Path) -> Iterator[Path]:
    return (file for file in sorted(directory.iterdir()) if file.suffix in SUFFIXES and not file.name.startswith("."))


def _device(path: Path) -> list[Path]:
    """All files of the device that wrote one of them."""
    found = NAME.fullmatch(path.name)
    if found is None:
        return [path]
    stem = f"{found['label']}-{found['device']}-"
    return [file for file in _files(path.parent) if NAME.fullmatch(file.name) and file.name.startswith(stem)]


def _label(file: Path) -> str:
    found = NAME.fullmatch(file.name)
    return f"{found['label']}-{found['device']}" if found else file.stem
