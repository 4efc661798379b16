"""Reads SegmentN.pickle, the spikes of one sheet during one presentation, into flat arrays.

Knows how neo's segments and spike trains are pickled, in every version; not which presentation is which, nor whether
two segments fit each other: that is the business of datastore.py.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from spikebin.pickles.inert import SCALAR, Enough, Inert, Refused
from spikebin.pickles.numpy_values import array_of, scalar_of
from spikebin.pickles.unpickler import read_bytes, reading, unpickle
from spikebin.recordings.mozaik.interpreter import first_span, interpret
from spikebin.system.threads import Scratch

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TypeVar

    from numpy.typing import NDArray

    from spikebin.recordings.mozaik.interpreter import Interpreted

    Times = TypeVar("Times", float, NDArray[np.float64])

__all__ = ["Segment", "probe_segment", "read_segment"]


@dataclass(frozen=True, eq=False)
class Segment:
    """Spikes of one sheet during one presentation.

    Attributes
    ----------
    sheet, stimulus : str
        Its annotations `sheet_name` and `stimulus`.
    ids : (n_trains,) int64
        Neuron of each train, in the file's order.
    counts : (n_trains,) int64
        Spikes of each train.
    times : (n_spikes,) float64
        ms; train after train, in the file's order within each.
    start, stop : float
        ms; t_start and t_stop of all its trains.
    """

    sheet: str
    stimulus: str
    ids: NDArray[np.int64]
    counts: NDArray[np.int64]
    times: NDArray[np.float64]
    start: float
    stop: float


def read_segment(path: Path) -> Segment:
    """Read the spikes of a segment.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Segment

    Raises
    ------
    RecordingError
        If the file is missing, damaged, hostile, not a segment, or holds no spike train; if a train lacks a neuron id
        or a unit of time known here; if its trains differ in t_start or t_stop.
    """
    with ExitStack() as borrowed:
        data = read_bytes(path, make=lambda size: borrowed.enter_context(_bytes.borrow(size)))
        read = interpret(data)
        if read is not None:
            return _from_arrays(read)
        with reading(path):
            return _from_objects(data)


_bytes = Scratch(lambda size: np.empty(size, np.uint8))


def probe_segment(path: Path) -> tuple[float, float]:
    """Read t_start and t_stop, in ms, of a segment's first train, and no more of the file than that takes.

    Parameters
    ----------
    path : Path

    Returns
    -------
    start, stop : float
        ms.

    Raises
    ------
    RecordingError
        If the file is missing, damaged before its first train ends, or holds no train.
    """
    data = read_bytes(path, _QUICK_PROBE)
    size = path.stat().st_size if data.size == _QUICK_PROBE else data.size
    span = first_span(data, size)
    if span is not None:
        return _in_ms(span.start, span.start_unit), _in_ms(span.stop, span.stop_unit)
    data = read_bytes(path, _PROBE)
    try:
        with reading(path):
            try:
                _probe(data, path.stat().st_size if data.size == _PROBE else data.size)
            except Refused:
                # The first train may end beyond what was read; if it does not, the complete file says what is wrong.
                data = read_bytes(path)
                _probe(data, data.size)
            raise Refused(_NO_TRAINS)
    except _Found as found:
        return found.start, found.stop


def _probe(data: NDArray[np.uint8], size: int) -> None:
    unpickle(data, size=size, stubs={_TRAIN: _FirstTrain, _TRAINS: _FirstTrains})


# Two of the frames of 64 KiB that a pickler writes; the first train is in the first. Mostly, it is near its beginning.
_PROBE, _QUICK_PROBE = 1 << 17, 1 << 13

_NO_TRAINS = "holds no spike train: the simulation recorded no spikes of this sheet; exclude the part"


class _Train(Inert):
    """A spike train, taken apart when the pickle makes it; what neo's function of that name would have been given."""

    __slots__ = ("neuron", "start", "stop", "times")

    # Each reader has a subclass of its own, with the number of spikes that its file can hold.
    left: ClassVar[int]

    neuron: int
    start: float
    stop: float
    times: NDArray[np.float64]

    def __new__(cls, *args: Any) -> Self:
        self = object.__new__(cls)
        self.args, self.state, self.items = (), None, []
        # cls, times, t_stop, units, dtype, copy, sampling_rate, t_start, ..., annotations, segment, unit
        if len(args) != 17:
            raise Refused(f"makes a spike train of {len(args)} things, not 17: this version of neo is not known here")
        unit = _unit_of(args[3])
        times = array_of(args[1])
        if times.ndim != 1 or times.dtype.kind not in "fiu":
            raise Refused(f"holds spike times of type {times.dtype} in {times.ndim} dimensions: it is damaged")
        cls.left -= times.size
        if cls.left < 0:
            raise Refused("makes more spikes than it holds: it is damaged or hostile")
        self.times = _in_ms(_floats(times), unit)
        self.stop = _time_of(args[2])
        self.start = _time_of(args[7])
        self.neuron = _neuron_of(args[14])
        return self


class _Found(Enough):
    """Carries t_start and t_stop out of the unpickler."""

    def __init__(self, start: float, stop: float) -> None:
        super().__init__(start, stop)
        self.start = start
        self.stop = stop


class _FirstTrain(_Train):
    """The first spike train, and the end of reading."""

    __slots__ = ()
    left = 1 << 62

    def __new__(cls, *args: Any) -> Self:
        train = super().__new__(cls, *args)
        raise _Found(train.start, train.stop)


class _FirstTrains(Inert):
    """A list of trains whose state is known: if they are multiplexed, the end of reading."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        Inert.__setstate__(self, state)
        if _is_multiplexed(state):
            raise _Found(*_span_of(state))


_TRAIN = "neo.core.spiketrain._new_spiketrain"
_TRAINS = "neo.core.spiketrainlist.SpikeTrainList"
_QUANTITY = "quantities.quantity._reconstruct_quantity"

_Train.kind = _FirstTrain.kind = _TRAIN
_FirstTrains.kind = _TRAINS

# The units of time known here, by the names that quantities gives them, and as text.
_UNITS = {"second", "millisecond", "microsecond"}
_SYMBOLS = {"s": "second", "ms": "millisecond", "us": "microsecond"}


def _from_arrays(read: Interpreted) -> Segment:
    return Segment(
        sheet=read.sheet,
        stimulus=read.stimulus,
        ids=read.ids,
        counts=read.counts,
        times=_in_ms(read.times, read.times_unit),
        start=_in_ms(read.start, read.start_unit),
        stop=_in_ms(read.stop, read.stop_unit),
    )


def _from_objects(data: NDArray[np.uint8]) -> Segment:
    """Segment as the restricted unpickler sees it: slower than `interpret`, and what that must agree with."""
    train = type("_Train", (_Train,), {"__slots__": (), "left": data.size // 8})
    segment = unpickle(data, stubs={_TRAIN: train})
    if not isinstance(segment, Inert) or segment.kind != "neo.core.segment.Segment" or type(segment.state) is not dict:
        raise Refused("holds no neo segment: it is not a segment of a mozaik datastore")
    state, annotations = segment.state, segment.state.get("annotations")
    if type(annotations) is not dict:
        raise Refused("holds a segment without annotations: mozaik did not write it")
    sheet, stimulus = annotations.get("sheet_name"), annotations.get("stimulus")
    if type(sheet) is not str or type(stimulus) is not str:
        raise Refused("holds a segment without sheet_name and stimulus: mozaik did not write it")
    trains = state.get("_spiketrains", state.get("spiketrains"))
    if isinstance(trains, Inert) and trains.kind == _TRAINS:
        if _is_multiplexed(trains.state):
            return _from_multiplexed(sheet, stimulus, trains.state)
        trains = trains.state.get("_items") if type(trains.state) is dict else None
    if type(trains) is not list or not all(isinstance(train, _Train) for train in trains):
        raise Refused("holds a segment without a list of spike trains: this version of neo is not known here")
    # Trains refer to their segment and it to them, and the collector is off.
    state.clear()
    return _from_trains(sheet, stimulus, trains)


def _from_trains(sheet: str, stimulus: str, trains: list[_Train]) -> Segment:
    if not trains:
        raise Refused(_NO_TRAINS)
    for before, train in pairwise(trains):
        if (train.start, train.stop) != (before.start, before.stop):
            raise Refused(
                f"holds trains of neurons {before.neuron} and {train.neuron} from {before.start:g} to {before.stop:g} "
                f"ms and from {train.start:g} to {train.stop:g} ms: copy it again, or exclude the part"
            )
    return Segment(
        sheet=sheet,
        stimulus=stimulus,
        ids=np.array([train.neuron for train in trains], np.int64),
        counts=np.array([train.times.size for train in trains], np.int64),
        times=np.concatenate([train.times for train in trains]),
        start=trains[0].start,
        stop=trains[0].stop,
    )


def _is_multiplexed(state: Any) -> bool:
    """Whether a SpikeTrainList holds flat arrays alone; beside `_items` they are what neo kept of an earlier life."""
    return type(state) is dict and state.get("_items") is None and state.get("_spike_time_array") is not None


def _from_multiplexed(sheet: str, stimulus: str, state: dict[str, Any]) -> Segment:
    start, stop = _span_of(state)
    flat = _quantity_of(state["_spike_time_array"])
    times = _in_ms(_floats(flat[0]), flat[1])
    channels = _whole_numbers(state.get("_channel_id_array"))
    ids = _whole_numbers(state.get("_all_channel_ids"))
    if times.ndim != 1 or times.shape != channels.shape:
        raise Refused(f"holds {times.size:,} spike times of {channels.size:,} channels: copy it again")
    if not ids.size:
        raise Refused(_NO_TRAINS)
    # An id that is listed twice owns its spikes once, at its first place.
    listed, places = np.unique(ids, return_index=True)
    found = np.minimum(np.searchsorted(listed, channels), listed.size - 1)
    if not np.array_equal(listed[found], channels):
        stray = channels[listed[found] != channels][0]
        raise Refused(f"holds spikes of channel {stray}, which its list of channels lacks: copy it again")
    rows = places[found]
    return Segment(
        sheet=sheet,
        stimulus=stimulus,
        ids=ids,
        counts=np.bincount(rows, minlength=ids.size).astype(np.int64),
        times=times[np.argsort(rows, kind="stable")],
        start=start,
        stop=stop,
    )


def _span_of(state: dict[str, Any]) -> tuple[float, float]:
    metadata = state.get("_spiketrain_metadata")
    if type(metadata) is not dict or "t_stop" not in metadata:
        raise Refused("holds multiplexed spike trains without t_stop: this version of neo is not known here")
    # neo's own default for a train without t_start.
    return _time_of(metadata["t_start"]) if "t_start" in metadata else 0.0, _time_of(metadata["t_stop"])


def _whole_numbers(value: Any) -> NDArray[np.int64]:
    if type(value) is list:
        value = [scalar_of(item) if isinstance(item, Inert) else item for item in value]
        if not all(type(item) is int and -(2**63) <= item < 2**63 for item in value):
            raise Refused("holds channels that are not whole numbers: it is damaged")
        return np.array(value, np.int64)
    numbers = array_of(value)
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu":
        raise Refused(f"holds channels of type {numbers.dtype} in {numbers.ndim} dimensions: it is damaged")
    if numbers.size and int(numbers.max()) >= 1 << 63:
        raise Refused(f"holds the channel {numbers.max()}, more than a neuron id can be: it is damaged")
    return numbers.astype(np.int64)


def _neuron_of(annotations: Any) -> int:
    """Neuron id of a train: mozaik and PyNN annotate it as source_id, newer ones as channel_id."""
    if type(annotations) is not dict:
        raise Refused("holds a spike train without annotations: mozaik did not write it")
    named: set[int] = set()
    for value in (annotations[key] for key in ("source_id", "channel_id") if key in annotations):
        neuron = scalar_of(value) if isinstance(value, Inert) and value.kind == SCALAR else value
        if type(neuron) is not int or not -(2**63) <= neuron < 2**63:
            raise Refused("holds a spike train whose neuron id is not a whole number: mozaik did not write it")
        named.add(neuron)
    if len(named) > 1:
        raise Refused(f"holds a spike train of two neurons, {' and '.join(map(str, named))}: copy it again")
    if not named:
        raise Refused("holds a spike train without a neuron id (source_id or channel_id): mozaik did not write it")
    return named.pop()


def _time_of(value: Any) -> float:
    """Milliseconds that a Quantity of one number stands for."""
    number, unit = _quantity_of(value)
    if number.size != 1:
        raise Refused(f"holds a t_start or t_stop of {number.size} numbers: it is damaged")
    return _in_ms(float(number.reshape(-1)[0]), unit)


def _floats(times: NDArray[Any]) -> NDArray[np.float64]:
    # A NaN that signals would make numpy warn.
    with np.errstate(invalid="ignore"):
        return times.astype(np.float64, copy=False)


def _in_ms(times: Times, unit: str) -> Times:
    """Times in ms; those in ms are left as they are, bit for bit."""
    if unit == "millisecond":
        return times
    # Dividing by 1000 rounds once; 0.001 is itself a rounded number. What is not finite is the caller's to refuse.
    with np.errstate(over="ignore", invalid="ignore"):
        return times / 1000.0 if unit == "microsecond" else times * 1000.0


def _quantity_of(value: Any) -> tuple[NDArray[Any], str]:
    """Numbers and unit of a pickled Quantity."""
    match value:
        case Inert(kind=k, state=(_, _, _, _, _, dimensionality)) if k == _QUANTITY:
            numbers = array_of(value)
            if numbers.dtype.kind not in "fiu":
                raise Refused(f"holds times of type {numbers.dtype}: it is damaged")
            return numbers, _dimension(dimensionality)
    raise Refused("holds a time that is not a Quantity: this version of neo is not known here")


def _dimension(value: Any) -> str:
    """Name of the one unit of time, to the power of one, in a pickled Dimensionality."""
    match value:
        case Inert(kind="quantities.dimensionality.Dimensionality", items=[(unit, 1)]):
            return _unit_name(unit)
    raise Refused("holds a time in a unit that is not one of time: it is damaged")


def _unit_name(unit: Any) -> str:
    match unit:
        case Inert(kind="quantities.unitquantity.UnitTime", args=(str() as name, *_)):
            if name in _UNITS:
                return name
            raise Refused(f"holds times in the unit {name[:40]!r}: only s, ms and us are known here")
    raise Refused("holds a time in a unit that is not one of time: it is damaged")


def _unit_of(value: Any) -> str:
    """Unit of a train's times: a Quantity of 1.0, a UnitTime, or its symbol."""
    if type(value) is str and value in _SYMBOLS:
        return _SYMBOLS[value]
    if isinstance(value, Inert) and value.kind == "quantities.unitquantity.UnitTime":
        return _unit_name(value)
    number, unit = _quantity_of(value)
    if number.size != 1 or number.reshape(-1)[0] != 1.0:
        raise Refused("holds times in a multiple of a unit: it is damaged")
    return unit
