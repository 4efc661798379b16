"""The two kinds of pickle in a mozaik datastore, written as neo and mozaik would have pickled them.

First the neo, quantities and numpy objects, as things that pickle_writer names without importing them; then
a segment and the index. A segment's trains are one template, filled in: 37,500 of them take a tenth of a
second. v1.py decides what is in the trains, and reading pickles is that of recordings/.
"""

from __future__ import annotations

import functools
import itertools
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import numpy as np

from spikebin.simulate.pickle_writer import (
    BATCH,
    MEMOIZE,
    Global,
    Hole,
    Made,
    Pickler,
    Template,
    bytes_header,
    get,
    integer,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

__all__ = ["UNITS", "Flavour", "IdKey", "IndexEntry", "Unit", "dump_index", "dump_segment"]

Flavour = Literal["neo-0.14", "neo-0.12"]
Unit = Literal["s", "ms", "us"]
IdKey = Literal["source_id", "channel_id"]

UNITS: Mapping[Unit, float] = {"s": 1e-3, "ms": 1.0, "us": 1e3}
"""What one millisecond is in each unit."""

_FRAME_TRAINS = 250  # fills about 64 KiB, as much as pickle.Pickler puts into a frame

_DICT = Global("builtins", "dict")
_DATETIME = Global("datetime", "datetime")
_SEGMENT = Global("neo.core.segment", "Segment")
_BLOCK = Global("neo.core.block", "Block")
_OBJECT_LIST = Global("neo.core.objectlist", "ObjectList")
_SPIKETRAIN = Global("neo.core.spiketrain", "SpikeTrain")
_NEW_SPIKETRAIN = Global("neo.core.spiketrain", "_new_spiketrain")
_ARRAY_DICT = Global("neo.core.dataobject", "ArrayDict")
_NORMALIZE = Global("neo.core.dataobject", "_normalize_array_annotations")
_SPIKETRAIN_LIST = Global("neo.core.spiketrainlist", "SpikeTrainList")
_RECONSTRUCTOR = Global("copyreg", "_reconstructor")
_QUANTITY = Global("quantities.quantity", "Quantity")
_RECONSTRUCT_QUANTITY = Global("quantities.quantity", "_reconstruct_quantity")
_DIMENSIONALITY = Global("quantities.dimensionality", "Dimensionality")
_UNIT_TIME = Global("quantities.unitquantity", "UnitTime")
_UNIT_QUANTITY = Global("quantities.unitquantity", "UnitQuantity")
_WRAPPER = Global("mozaik.storage.neo_neurotools_wrapper", "PickledDataStoreNeoWrapper")

# The lists of a neo 0.14 Segment, with the class that each may hold. The trains come after the first two.
_SIGNAL_LISTS = {
    "_analogsignals": Global("neo.core.analogsignal", "AnalogSignal"),
    "_irregularlysampledsignals": Global("neo.core.irregularlysampledsignal", "IrregularlySampledSignal"),
}
_OTHER_LISTS = {
    "_events": Global("neo.core.event", "Event"),
    "_epochs": Global("neo.core.epoch", "Epoch"),
    "_channelviews": Global("neo.core.view", "ChannelView"),
    "_imagesequences": Global("neo.core.imagesequence", "ImageSequence"),
}


class _Words:
    """What all trains of a file share: dtypes, units, the sampling rate; and the makers of the rest.

    neo 0.12 comes with a numpy before 2, whose internals are `numpy.core`; neo 0.14 with `numpy._core`.
    """

    def __init__(self, flavour: Flavour, unit: Unit) -> None:
        self.neo_014 = flavour == "neo-0.14"
        multiarray = "numpy._core.multiarray" if self.neo_014 else "numpy.core.multiarray"
        self._reconstruct = Global(multiarray, "_reconstruct")
        self._scalar = Global(multiarray, "scalar")
        self._ndarray = Global("numpy", "ndarray")
        self._no_size = (0,)
        self.f8, self.i8 = self._dtype("f8"), self._dtype("i8")

        second = self._unit(_UNIT_TIME, ("second", None, "s", None, ["sec", "seconds"], None), (3, 0))
        milli = ("millisecond", self.quantity(0.001, {second: 1}), "ms", None, ["milliseconds"], None)
        millisecond = self._unit(_UNIT_TIME, milli, (3, 3))
        micro = ("microsecond", self.quantity(0.001, {millisecond: 1}), "us", "µs", ["microseconds"], None)
        microsecond = self._unit(_UNIT_TIME, micro, (3, 4))
        sort_key = (90, 147 if self.neo_014 else 146)
        hertz_quantity = self.quantity(1.0, {second: self.int64(b"\xff" * 8)})
        hertz = self._unit(_UNIT_QUANTITY, ("hertz", hertz_quantity, "Hz", None, [], None), sort_key)
        self.time = {"s": second, "ms": millisecond, "us": microsecond}[unit]
        self.sampling_rate = self.quantity(1.0, {hertz: 1})

    @staticmethod
    def _dtype(code: str) -> Made:
        state = (3, "<", *[None] * 3, -1, -1, 0)
        return Made(Global("numpy", "dtype"), (code, False, True), state=state)

    @staticmethod
    def _unit(kind: Global, args: tuple[Any, ...], sort_key: tuple[int, int]) -> Made:
        return Made(kind, args, state=(1, sort_key))

    def int64(self, data: bytes | Hole) -> Made:
        """Return a numpy int64, as newer PyNN annotates trains with."""
        return Made(self._scalar, (self.i8, data))

    def array(self, shape: tuple[int | Hole, ...], dtype: Made, data: bytes | Hole) -> Made:
        """Return an ndarray over little-endian bytes."""
        no_size = tuple(range(1))  # (0,), but never the same object twice: numpy makes one for each array
        return Made(self._reconstruct, (self._ndarray, no_size, b"b"), state=(1, shape, dtype, False, data))

    def quantity(self, value: float, units: Mapping[Made, Any]) -> Made:
        """Return a scalar Quantity."""
        dimensionality = Made(_DIMENSIONALITY, (), items=dict(units), new=True)
        args = (_QUANTITY, self._ndarray, self._no_size, "b")
        return Made(
            _RECONSTRUCT_QUANTITY,
            args,
            state=(1, (), self.f8, False, struct.pack("<d", value), dimensionality),
        )


@functools.cache
def _words(flavour: Flavour, unit: Unit) -> _Words:
    return _Words(flavour, unit)


def _datetime(when: datetime) -> Made:
    head = struct.pack(">H5B", when.year, when.month, when.day, when.hour, when.minute, when.second)
    return Made(_DATETIME, (head + when.microsecond.to_bytes(3, "big"),))


def _object_list(parent: Made, allowed: Global, items: list[Any]) -> Made:
    state = {"allowed_contents": (allowed,), "_items": items, "parent": parent}
    return Made(_OBJECT_LIST, (), state=state, new=True)


_COUNT = Hole("number of spikes")
_TIMES = Hole("spike times", memoizes=1)
_ID = Hole("neuron id")
_INDEX = Hole("neuron index")
_ID64 = Hole("neuron id as int64", memoizes=1)
_INDEX64 = Hole("neuron index as int64", memoizes=1)


@dataclass(frozen=True, eq=False)
class TrainList:
    """The list of a segment's trains; pickled as one train in full, then copies of a template."""

    words: _Words
    segment: Made
    sheet: str
    duration: float
    times: NDArray[np.float64]
    counts: NDArray[np.int64]
    ids: NDArray[np.int64]
    indices: NDArray[np.int64]
    id_key: IdKey

    def _train(self, count: int | Hole, times: bytes | Hole, annotations: dict[str, Any]) -> Made:
        """Return one train; neo 0.9 to 0.14 call _new_spiketrain with these 17 arguments."""
        words = self.words
        checks = {"check_function": _NORMALIZE, "length": count}
        args = (
            _SPIKETRAIN,
            words.array((count,), words.f8, times),
            words.quantity(self.duration, {words.time: 1}),
            words.quantity(1.0, {words.time: 1}),
            words.f8,
            None if words.neo_014 else True,
            words.sampling_rate,
            words.quantity(0.0, {words.time: 1}),
            None,
            None,
            None,
            None,
            None,
            Made(_RECONSTRUCTOR, (_ARRAY_DICT, _DICT, {}), state=checks),
            annotations,
            self.segment,
            None,
        )
        return Made(_NEW_SPIKETRAIN, args)

    def _annotations(self, neuron: int | Hole | Made, index: int | Hole | Made) -> dict[str, Any]:
        if self.id_key == "source_id":
            return {"source_population": self.sheet, "source_id": neuron, "source_index": index}
        return {"source_population": self.sheet, "source_index": index, "channel_id": neuron}

    def _first(self) -> Made:
        neuron, index, count = int(self.ids[0]), int(self.indices[0]), int(self.counts[0])
        if self.id_key == "source_id":
            annotations = self._annotations(neuron, index)
        else:
            numbers = (self.words.int64(struct.pack("<q", number)) for number in (neuron, index))
            annotations = self._annotations(*numbers)
        return self._train(count, self.times[:count].astype("<f8").tobytes(), annotations)

    def _template(self, pickler: Pickler) -> Template:
        if self.id_key == "source_id":
            annotations = self._annotations(_ID, _INDEX)
        else:
            annotations = self._annotations(self.words.int64(_ID64), self.words.int64(_INDEX64))
        return pickler.template(self._train(_COUNT, _TIMES, annotations))

    def save(self, pickler: Pickler) -> None:
        """Emit the list, in batches of 1,000 trains and frames of about 64 KiB."""
        n_trains = len(self.counts)
        pickler.emit(b"]")
        pickler.memoize(id(self))
        if n_trains == 0:
            return
        if n_trains == 1:
            pickler.save(self._first())
            pickler.emit(b"a")
            return
        pickler.emit(b"(")
        pickler.save(self._first())
        trains = iter(self._others(pickler))
        done = 1
        while done < n_trains:
            if done % BATCH == 0:
                pickler.emit(b"e", b"(")
            upto = min(done - done % _FRAME_TRAINS + _FRAME_TRAINS, n_trains)
            pickler.emit(*itertools.islice(trains, upto - done))
            pickler.end_frame()
            done = upto
        pickler.emit(b"e")

    def _others(self, pickler: Pickler) -> Iterable[bytes]:
        """Return the opcodes of each train but the first, and count their memo entries."""
        template = self._template(pickler)
        n_trains = len(self.counts) - 1
        fill: dict[Hole, Iterable[bytes]] = {
            _COUNT: _integers(self.counts[1:]),
            _TIMES: self._times_column(pickler, template),
        }
        if self.id_key == "source_id":
            fill |= {_ID: _integers(self.ids[1:]), _INDEX: _integers(self.indices[1:])}
        else:
            fill |= {_ID64: _int64s(self.ids[1:]), _INDEX64: _int64s(self.indices[1:])}
        columns = [
            itertools.repeat(piece, n_trains) if isinstance(piece, bytes) else fill[piece] for piece in template.pieces
        ]
        return map(b"".join, zip(*columns, strict=True))

    def _times_column(self, pickler: Pickler, template: Template) -> Iterator[bytes]:
        """Return each train's times but the first's, and count the memo entries of all these trains.

        There is one empty bytes object in Python: all empty trains but the first fetch it from the memo.
        """
        counts = self.counts[1:]
        empty = np.flatnonzero(counts == 0)
        fetch, n_fetched = pickler.recall(b""), len(empty)
        if fetch is None and len(empty):
            fetch = get(pickler.memo_size + int(empty[0]) * template.memo + template.memo_before[_TIMES])
            n_fetched -= 1
        pickler.skip_memo(len(counts) * template.memo - n_fetched * _TIMES.memoizes)
        return self._times_opcodes(first_empty=len(empty) > n_fetched, fetch_empty=fetch or b"")

    def _times_opcodes(self, *, first_empty: bool, fetch_empty: bytes) -> Iterator[bytes]:
        ends = (np.cumsum(self.counts) * 8).tolist()
        data = self.times.astype("<f8").tobytes()
        headers: dict[int, bytes] = {}
        for start, end in itertools.pairwise(ends):
            size = end - start
            if not size and not first_empty:
                yield fetch_empty
                continue
            first_empty = first_empty and bool(size)
            header = headers.get(size)
            if header is None:
                header = headers[size] = bytes_header(size)
            yield header + data[start:end] + MEMOIZE


def _integers(values: NDArray[np.int64]) -> list[bytes]:
    return [integer(value) for value in values.tolist()]


def _int64s(values: NDArray[np.int64]) -> list[bytes]:
    data = values.astype("<i8").tobytes()
    return [b"C\x08" + data[start : start + 8] + MEMOIZE for start in range(0, len(data), 8)]


@dataclass(frozen=True)
class IndexEntry:
    """What the index keeps of one segment.

    `identifier` is its file's name without the suffix, `name` the number that PyNN gave it.
    """

    identifier: str
    name: str
    sheet: str
    stimulus: str
    null: bool
    recorded: datetime


def dump_segment(
    file: BinaryIO,
    entry: IndexEntry,
    *,
    duration: float,
    times: NDArray[np.float64],
    counts: NDArray[np.int64],
    ids: NDArray[np.int64],
    indices: NDArray[np.int64],
    flavour: Flavour,
    unit: Unit,
    id_key: IdKey,
) -> None:
    """Write the pickle of one neo Segment: one sheet during one presentation.

    Parameters
    ----------
    file : BinaryIO
        Open for writing.
    entry : IndexEntry
        What the index says about this segment.
    duration : float
        t_stop of every train, in `unit`; t_start is 0.
    times : ndarray of float64, (n_spikes,)
        In `unit`, train after train; none beyond `duration`, which neo would refuse.
    counts : ndarray of int64, (n_trains,)
        Number of spikes of each train.
    ids, indices : ndarray of int64, (n_trains,)
        Each train's neuron id, below 2**31, and its place in the complete sheet.
    flavour : {"neo-0.14", "neo-0.12"}
        Whose layout; neo reads its own only.
    unit : {"s", "ms", "us"}
    id_key : {"source_id", "channel_id"}
        The annotation that holds the id: a Python int as `source_id`, a numpy int64 as `channel_id`.

    Notes
    -----
    Opcodes, memo and batches are those of the standard library's pickler; frames end between trains.
    """
    words = _words(flavour, unit)
    segment = Made(_SEGMENT, (), new=True)
    trains = TrainList(words, segment, entry.sheet, duration, times, counts, ids, indices, id_key)
    if words.neo_014:
        segment.state = _segment_state_014(segment, entry, trains, _block({}, [segment], entry.sheet, neo_014=True))
    else:
        segment.state = {**_segment_state_012(entry), "spiketrains": trains}
    pickler = Pickler(file)
    pickler.save(segment)
    pickler.close()


def _head(entry: IndexEntry) -> dict[str, Any]:
    return {
        "annotations": {"sheet_name": entry.sheet, "stimulus": entry.stimulus},
        "name": entry.name,
        "description": f'Population "{entry.sheet}"\n    Structure   : Space',
        "file_origin": None,
    }


def _segment_state_012(entry: IndexEntry) -> dict[str, Any]:
    """Return what neo 0.12 keeps of a Segment with no trains."""
    lists = ("analogsignals", "epochs", "events", "irregularlysampledsignals", "spiketrains", "imagesequences")
    return {
        **_head(entry),
        "block": None,
        **{name: [] for name in lists},
        "file_datetime": None,
        "rec_datetime": _datetime(entry.recorded),
        "index": None,
    }


def _segment_state_014(segment: Made, entry: IndexEntry, trains: TrainList | None, block: Made) -> dict[str, Any]:
    """Return what neo 0.14 keeps of a Segment in a Block."""
    train_list: dict[str, Any] = {
        "_items": trains,
        "_spike_time_array": None,
        "_channel_id_array": None,
        "_all_channel_ids": None,
        "_spiketrain_metadata": {},
        "segment": segment,
    }
    return {
        **_head(entry),
        "block": block,
        **{name: _object_list(segment, allowed, []) for name, allowed in _SIGNAL_LISTS.items()},
        "_spiketrains": Made(_SPIKETRAIN_LIST, (), state=train_list, new=True),
        **{name: _object_list(segment, allowed, []) for name, allowed in _OTHER_LISTS.items()},
        "file_datetime": None,
        "rec_datetime": _datetime(entry.recorded),
        "index": None,
    }


def _block(annotations: dict[str, Any], segments: list[Made], name: str | None = None, *, neo_014: bool) -> Made:
    head = {"annotations": annotations, "name": name, "description": None, "file_origin": None}
    times = {"file_datetime": None, "rec_datetime": None, "index": None}
    block = Made(_BLOCK, (), new=True)
    if neo_014:
        lists = {
            "_segments": _object_list(block, _SEGMENT, segments),
            "_groups": _object_list(block, Global("neo.core.group", "Group"), []),
        }
        block.state = {**head, **times, **lists}
    else:
        block.state = {**head, "segments": segments, "groups": [], **times, "regionsofinterest": []}
    return block


def dump_index(
    file: BinaryIO,
    entries: Iterable[IndexEntry],
    *,
    neuron_ids: Mapping[str, NDArray[np.int64]],
    positions: Mapping[str, NDArray[np.float64]],
    parameters: Mapping[str, str],
    experiments: Sequence[tuple[str, str]],
    datastore_path: str,
    flavour: Flavour,
    neuron_annotations: Mapping[str, list[dict[str, Any]]] | None = None,
    simulation_log: dict[str, Any] | None = None,
) -> None:
    """Write datastore.recordings.pickle: a neo Block whose segments are mozaik's wrappers, without trains.

    Parameters
    ----------
    file : BinaryIO
        Open for writing.
    entries : iterable of IndexEntry
        In the order of the segments' numbers.
    neuron_ids : mapping of sheet to ndarray of int64, (n,)
        Ids of the complete sheet.
    positions : mapping of sheet to ndarray of float64, (3, n)
        x, y and z of the same neurons.
    parameters : mapping of str to str
        More annotations of the block, as text: model_parameters, sheet_parameters.
    experiments : sequence of (str, str)
        Class and parameters of each experiment, as text.
    datastore_path : str
        Where the store was when it was written.
    flavour : {"neo-0.14", "neo-0.12"}
    neuron_annotations : mapping of sheet to list of dict, optional
        Of each neuron of a sheet; empty otherwise.
    simulation_log : dict, optional
        As newer versions of mozaik keep it.
    """
    words = _words(flavour, "ms")
    annotations = {
        "neuron_ids": {
            sheet: words.array((len(ids),), words.i8, ids.astype("<i8").tobytes()) for sheet, ids in neuron_ids.items()
        },
        "neuron_positions": {
            sheet: words.array(place.shape, words.f8, place.astype("<f8").tobytes())
            for sheet, place in positions.items()
        },
        "neuron_annotations": {
            sheet: (neuron_annotations or {}).get(sheet) or [{} for _ in ids] for sheet, ids in neuron_ids.items()
        },
        **parameters,
        "experiment_parameters": list(experiments),
        **({} if simulation_log is None else {"simulation_log": simulation_log}),
    }
    segments: list[Made] = []
    block = _block(annotations, segments, neo_014=words.neo_014)
    segments.extend(_wrapper(entry, block, datastore_path, neo_014=words.neo_014) for entry in entries)
    pickler = Pickler(file)
    pickler.save(block)
    pickler.close()


def _wrapper(entry: IndexEntry, block: Made, datastore_path: str, *, neo_014: bool) -> Made:
    """Return mozaik's stand-in for a segment that is still on disk; its trains are left out."""
    wrapper = Made(_WRAPPER, (), new=True)
    if neo_014:
        state = {"init_sp": 2, "init_as": True, **_segment_state_014(wrapper, entry, None, block)}
    else:
        state = {"init_sp": 0, "init_as": False, **_segment_state_012(entry)}
        for left_out in ("analogsignals", "spiketrains"):
            del state[left_out]
    wrapper.state = {
        **state,
        "identifier": entry.identifier,
        "null": entry.null,
        "full": False,
        "datastore_path": datastore_path,
    }
    return wrapper
