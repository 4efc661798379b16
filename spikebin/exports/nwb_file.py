"""A recording as an NWB file: units with exact spike times, and what was presented when. Needs pynwb.

What is presented, and when each neuron fires, comes from a timeline of a recording.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.errors import SpikebinError
from spikebin.recordings.mozaik.stimulus import columns_of
from spikebin.recordings.presented import STEP, are_steps
from spikebin.system.files import make_directory, os_error, sync_directory, sync_file, write_atomically
from spikebin.system.lock import locked
from spikebin.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from numpy.typing import NDArray

    from spikebin.recordings.presented import Presented, Stretch

__all__ = ["NwbFile", "nwb_there", "write_nwb"]

NOTE = "made_from.json"
TAKEN = ("start_time", "stop_time", "kind", "image_id", "stimulus", "repeat")
"""Columns of tables of presentations that are no parameters of a stimulus."""


@dataclass(frozen=True)
class NwbFile:
    """An NWB file on disk.

    Parameters
    ----------
    path : Path
    n_units, n_spikes, n_trials : int
    n_outside : int
        Spikes outside of their presentation, which it does not hold.
    skipped : bool
        It was there already, made from the same.
    """

    path: Path
    n_units: int
    n_spikes: int
    n_trials: int
    n_outside: int
    skipped: bool


def nwb_there(path: Path, work: Path, made_from: Mapping[str, Any], *, force: bool = False) -> NwbFile | None:
    """A file that is in place and was made from the same.

    Parameters
    ----------
    path, work, made_from, force
        As for `write_nwb`.

    Returns
    -------
    NwbFile or None
        None if it is to be written.

    Raises
    ------
    SpikebinError
        If another file lies there, without `force`.
    """
    if not path.exists():
        return None
    try:
        known = json.loads((work / NOTE).read_text("utf-8"))
        there = NwbFile(path, **known["counts"], skipped=True)
        if known["made_from"] == made_from and known["size"] == path.stat().st_size:
            return there
    except (OSError, ValueError, KeyError, TypeError):
        pass
    if force:
        return None
    raise SpikebinError(
        f"{path} was made of other files or with other settings: give another directory, or replace it with --force"
    )


def write_nwb(
    shown: Presented,
    path: Path,
    work: Path,
    made_from: Mapping[str, Any],
    *,
    recorded: datetime,
    force: bool = False,
) -> NwbFile:
    """Write one recording as an NWB file; what is there and was made from the same is left alone.

    Parameters
    ----------
    shown : Presented
        A sheet at a time is in memory.
    path : Path
        Of the file.
    work : Path
        A directory for this file alone, on the same file system: it is built there, and moved into place at the end.
    made_from : mapping
        Recordings and settings, in JSON's types: kept in `work`, and compared with what is there.
    recorded : datetime
        When it began, with a time zone.
    force : bool
        Replace a file that was made otherwise.

    Returns
    -------
    NwbFile

    Raises
    ------
    RecordingError
        If a segment is missing or damaged.
    SpikebinError
        If pynwb is missing, another file lies there, or it cannot be written.
    """
    try:
        from pynwb import NWBHDF5IO
    except ImportError:
        raise SpikebinError("NWB files are written by pynwb: pip install 'spikebin[pynwb]'") from None
    building = work / "partial"
    make_directory(path.parent)
    try:
        with locked(work, patience=1.0):
            there = nwb_there(path, work, made_from, force=force)
            if there is not None:
                return there
            shutil.rmtree(building, ignore_errors=True)
            make_directory(building)
            try:
                file, counts = _file(shown, building, made_from, recorded)
                made = building / path.name
                with NWBHDF5IO(made, "w") as io:
                    io.write(file)
                sync_file(made)
                if path.exists():
                    # The note below is of what is there: never of another file.
                    path.rename(building / "old")
                note = {"version": __version__, "made_from": made_from, "counts": counts, "size": made.stat().st_size}
                write_atomically(work / NOTE, [json.dumps(note).encode()])
                made.rename(path)
                sync_directory(path.parent)
            finally:
                shutil.rmtree(building, ignore_errors=True)
            return NwbFile(path, **counts, skipped=False)
    except OSError as error:
        raise os_error(error, path) from None


def _file(
    shown: Presented, scratch: Path, made_from: Mapping[str, Any], recorded: datetime
) -> tuple[Any, dict[str, int]]:
    """The file as pynwb holds it, with its spikes in a file of their own; and what it holds."""
    from pynwb import NWBFile
    from pynwb.file import Subject

    what = json.dumps(made_from, sort_keys=True)
    file = NWBFile(
        session_description=f"Spikes of {', '.join(shown.sheets)} during {len(shown.stretches)} presentations.",
        identifier=hashlib.sha256(what.encode()).hexdigest(),
        session_start_time=recorded,
        # Recordings with presentations are simulations. A file must say something of an animal: sex and age unknown.
        subject=Subject(subject_id="model", description="A simulated network, not an animal.", sex="U", age="P0D/"),
        source_script=f"spikebin {__version__}: export nwb",
        source_script_file_name="spikebin",
        notes=f"made from {what}",
    )
    trials = [stretch for stretch in shown.stretches if stretch.kind != "blank"]
    if trials:
        file.trials = _intervals("trials", "What was shown: images and videos, one after the other.", trials)
    file.add_time_intervals(_intervals("presentations", "All that was presented, blanks included.", shown.stretches))
    file.units, counts = _units(shown, scratch)
    return file, {**counts, "n_trials": len(trials)}


def _units(shown: Presented, scratch: Path) -> tuple[Any, dict[str, int]]:
    from hdmf.common import ElementIdentifiers, VectorData, VectorIndex
    from pynwb.misc import Units

    ends, tables, sheets = [np.zeros(0, np.int64)], [], []
    n_spikes, n_outside, steps = 0, 0, True
    with (scratch / "spikes").open("wb") as out:
        for sheet in shown.sheets:
            found = shown.spikes(sheet)
            out.write((np.asarray(found.times) / 1000.0).tobytes())
            steps = steps and are_steps(np.asarray(found.times))
            ends.append(n_spikes + found.counts.cumsum())
            n_spikes += found.times.size
            n_outside += found.n_outside
            tables.append(shown.neurons(sheet))
            sheets += [sheet] * found.counts.size
    times = np.memmap(scratch / "spikes", np.float64, "r") if n_spikes else np.empty(0)
    n_units = len(sheets)
    span = np.tile([0.0, shown.stretches[-1].stop / 1000.0], (n_units, 1))
    spikes = VectorData(name="spike_times", description="Spike times in seconds.", data=times)
    observed = VectorData(name="obs_intervals", description="When the unit was recorded, in seconds.", data=span)
    columns = [
        spikes,
        VectorIndex(name="spike_times_index", target=spikes, data=np.concatenate(ends)),
        observed,
        VectorIndex(name="obs_intervals_index", target=observed, data=np.arange(1, n_units + 1)),
        VectorData(name="sheet", description="Population that the neuron belongs to.", data=sheets),
    ]
    columns += [VectorData(name=name, description=text, data=data) for name, text, data in _known(tables)]
    units = Units(
        name="units",
        description="Neurons of the recording, sheet after sheet, by ascending id.",
        id=ElementIdentifiers(name="id", data=np.arange(n_units)),
        resolution=STEP / 1000.0 if steps else None,
        columns=columns,
        colnames=[column.name for column in columns if not isinstance(column, VectorIndex)],
    )
    return units, {"n_units": n_units, "n_spikes": n_spikes, "n_outside": n_outside}


def _known(tables: Sequence[NDArray[Any]]) -> list[tuple[str, str, NDArray[Any]]]:
    """What is known of neurons, of all sheets: their ids, their places where there are any, and what else all have."""
    found = []
    for name in tables[0].dtype.names or ():
        if not all(name in (table.dtype.names or ()) for table in tables):
            continue
        column = np.concatenate([table[name] for table in tables])
        if column.dtype.kind == "f" and np.isnan(column).all():
            continue
        text = {"neuron_id": "Id of the neuron in the recording."}.get(name, f"{name} of the neuron in the recording.")
        found.append((name, text, column.astype(str) if column.dtype.kind in "SU" else column))
    return found


def _intervals(name: str, what: str, stretches: Sequence[Stretch]) -> Any:
    """A table of presentations, with the parameters in which their stimuli differ."""
    from hdmf.common import ElementIdentifiers, VectorData
    from pynwb.epoch import TimeIntervals

    columns: list[tuple[str, str, Any]] = [
        ("start_time", "When it begins, in seconds.", [stretch.start / 1000.0 for stretch in stretches]),
        ("stop_time", "When it ends, in seconds.", [stretch.stop / 1000.0 for stretch in stretches]),
        ("kind", "image, video or blank.", [stretch.kind for stretch in stretches]),
        ("image_id", "Name of the image or video.", [stretch.image_id for stretch in stretches]),
        ("stimulus", "Kind of the stimulus.", [stretch.stimulus.kind for stretch in stretches]),
    ]
    repeats = [stretch.stimulus.get("trial") for stretch in stretches]
    if all(type(repeat) is int for repeat in repeats):
        columns.append(("repeat", "Which repeat of the image or video it is, from 0.", repeats))
    told = [dict(one) for one in columns_of([stretch.stimulus for stretch in stretches], ())]
    for parameter in told[0]:
        # Its name is its kind, and a column must not be called like what every table has.
        taken = parameter in TAKEN or hasattr(TimeIntervals, parameter)
        label = f"stimulus_{parameter}" if taken else parameter.replace("/", "_")
        if parameter != "name":
            columns.append((label, f"Parameter {parameter} of the stimulus.", [one[parameter] for one in told]))
    return TimeIntervals(
        name=name,
        description=what,
        id=ElementIdentifiers(name="id", data=np.arange(len(stretches))),
        columns=[VectorData(name=column, description=text, data=data) for column, text, data in columns],
        colnames=[column for column, _, _ in columns],
    )
