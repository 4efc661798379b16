"""Pickles of the simulator are those of mozaik, as neo and its own classes read them."""

from __future__ import annotations

import io
import pickle
import pickletools
import sys
import types
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from stubs import Stub, neo_load, plain

from spikebin.simulate.experiment import Experiment, presentations, write_datastore
from spikebin.simulate.mozaik_pickles import IndexEntry, dump_index, dump_segment
from spikebin.simulate.v1 import SheetModel

DATA = Path(__file__).parent.parent / "data"


SMALL = (
    SheetModel("X_ON", 40, (16.8, 20.0, 24.6, 29.5, 33.4), polarity=1.0),
    SheetModel("V1_Exc_L2/3", 60),
)


REAL = [
    ("small_neo0146_np24", "neo-0.14", "source_id"),
    ("small_neo012_np126_p4default", "neo-0.12", "source_id"),
    ("small_shuffle_neo012", "neo-0.12", "source_id"),
]


class StubUnpickler(pickle.Unpickler):
    def find_class(self, module, name):
        known = module.split(".")[0] in {"numpy", "datetime"}
        return super().find_class(module, name) if known else type(name, (Stub,), {})


def read_stubs(path):
    return StubUnpickler(io.BytesIO(path.read_bytes())).load().state


def opcodes(data):
    """The opcodes of a pickle and their arguments, but for the frames, which may end anywhere."""
    return [(code.name, arg) for code, arg, _ in pickletools.genops(data) if code.name != "FRAME"]


def only_directory(path):
    (directory,) = path.iterdir()
    return directory


def trains_of(presentation):
    """Spike times of each train, in ms."""
    return np.split(presentation.times, np.cumsum(presentation.counts)[:-1])


@pytest.fixture
def mozaik_wrapper(monkeypatch):
    """mozaik's wrapper of a segment, which every index names."""
    neo = pytest.importorskip("neo")
    name = "mozaik.storage.neo_neurotools_wrapper"
    for module in ("mozaik", "mozaik.storage", name):
        monkeypatch.setitem(sys.modules, module, types.ModuleType(module))
    wrapper = type("PickledDataStoreNeoWrapper", (neo.Segment,), {"__module__": name})
    sys.modules[name].PickledDataStoreNeoWrapper = wrapper
    return wrapper


@pytest.mark.parametrize(("name", "flavour", "id_key"), REAL)
def test_a_real_segment_written_anew_has_the_same_opcodes(name, flavour, id_key):
    paths = sorted(only_directory(DATA / name).glob("Segment*.pickle"))
    assert paths
    for path in paths:
        segment = read_stubs(path)
        stubs = segment["spiketrains"] if "spiketrains" in segment else segment["_spiketrains"].state["_items"]
        trains = [stub.args for stub in stubs]
        times = [train[1] for train in trains]
        out = io.BytesIO()
        dump_segment(
            out,
            IndexEntry(
                identifier=path.stem,
                name=segment["name"],
                sheet=segment["annotations"]["sheet_name"],
                stimulus=segment["annotations"]["stimulus"],
                null=False,
                recorded=segment["rec_datetime"],
            ),
            duration=np.frombuffer(trains[0][2].state[4])[0],
            times=np.concatenate(times),
            counts=np.array([len(train) for train in times]),
            ids=np.array([train[14][id_key] for train in trains]),
            indices=np.array([train[14]["source_index"] for train in trains]),
            flavour=flavour,
            unit="ms",
            id_key=id_key,
        )
        assert opcodes(out.getvalue()) == opcodes(path.read_bytes())


@pytest.mark.parametrize(("name", "flavour"), [real[:2] for real in REAL])
def test_a_real_index_written_anew_holds_the_same(name, flavour):
    path = only_directory(DATA / name) / "datastore.recordings.pickle"
    block = read_stubs(path)
    annotations = block["annotations"]
    wrappers = [w.state for w in (block["segments"] if "segments" in block else block["_segments"].state["_items"])]
    out = io.BytesIO()
    dump_index(
        out,
        [
            IndexEntry(
                identifier=w["identifier"],
                name=w["name"],
                sheet=w["annotations"]["sheet_name"],
                stimulus=w["annotations"]["stimulus"],
                null=w["null"],
                recorded=w["rec_datetime"],
            )
            for w in wrappers
        ],
        neuron_ids=annotations["neuron_ids"],
        positions=annotations["neuron_positions"],
        parameters={key: annotations[key] for key in ("model_parameters", "sheet_parameters")},
        experiments=annotations["experiment_parameters"],
        datastore_path=wrappers[0]["datastore_path"],
        flavour=flavour,
    )
    assert plain(StubUnpickler(io.BytesIO(out.getvalue())).load().state) == plain(block)


@pytest.mark.parametrize("id_key", ["source_id", "channel_id"])
@pytest.mark.parametrize(("unit", "per_ms"), [("ms", 1.0), ("s", 1e-3), ("us", 1e3)])
def test_neo_reads_what_was_drawn(tmp_path, id_key, unit, per_ms):
    experiment = Experiment(n_images=2, sheets=SMALL, unrecorded=0.3, trains="per segment")
    part = write_datastore(tmp_path, experiment, unit=unit, id_key=id_key)
    for shown in presentations(experiment):
        segment = neo_load(part / f"Segment{shown.segment}.pickle")
        assert segment.annotations == {"sheet_name": shown.sheet, "stimulus": shown.stimulus}
        assert len(segment.spiketrains) == len(shown.ids)
        for train, neuron, index, times in zip(
            segment.spiketrains, shown.ids, shown.indices, trains_of(shown), strict=True
        ):
            assert train.annotations == {
                "source_population": shown.sheet,
                id_key: neuron,
                "source_index": index,
            }
            assert train.units.dimensionality.string == unit
            assert train.t_start.magnitude == 0
            assert train.t_stop.magnitude == shown.duration * per_ms
            np.testing.assert_array_equal(train.magnitude, times * per_ms)
            assert train.segment is segment


def test_neo_reads_more_trains_than_one_batch_and_many_empty_ones(tmp_path):
    silent = SheetModel("V1_Exc_L4", 2301, (0.1, 0.2, 0.5, 1.0, 2.0))
    experiment = Experiment(n_images=1, sheets=(silent,))
    part = write_datastore(tmp_path, experiment)
    for shown in presentations(experiment):
        assert (shown.counts == 0).sum() > 1000
        segment = neo_load(part / f"Segment{shown.segment}.pickle")
        assert [len(train) for train in segment.spiketrains] == shown.counts.tolist()
        assert [train.annotations["source_id"] for train in segment.spiketrains] == shown.ids.tolist()
        np.testing.assert_array_equal(np.concatenate([t.magnitude for t in segment.spiketrains]), shown.times)


def test_neo_reads_a_sheet_of_one_neuron(tmp_path):
    experiment = Experiment(n_images=1, sheets=(SheetModel("X_ON", 1),))
    part = write_datastore(tmp_path, experiment)
    (train,) = neo_load(part / "Segment0.pickle").spiketrains
    np.testing.assert_array_equal(train.magnitude, next(presentations(experiment)).times)


def test_neo_reads_a_segment_of_no_trains(tmp_path):
    none, path = np.empty(0, dtype=np.int64), tmp_path / "Segment0.pickle"
    shown = next(presentations(Experiment(n_images=1, sheets=SMALL)))
    entry = IndexEntry("Segment0", "segment000", shown.sheet, shown.stimulus, null=False, recorded=datetime.min)
    with path.open("wb") as file:
        dump_segment(
            file,
            entry,
            duration=560.0,
            times=none.astype(float),
            counts=none,
            ids=none,
            indices=none,
            flavour="neo-0.14",
            unit="ms",
            id_key="source_id",
        )
    segment = neo_load(path)
    assert list(segment.spiketrains) == []
    assert segment.annotations["stimulus"] == shown.stimulus


def test_neo_reads_the_index(tmp_path, mozaik_wrapper):
    experiment = Experiment(first_image=50017, n_images=3, sheets=SMALL, unrecorded=0.2)
    part = write_datastore(tmp_path, experiment)
    block = neo_load(part / "datastore.recordings.pickle")
    shown = list(presentations(experiment))
    assert {type(segment) for segment in block.segments} == {mozaik_wrapper}
    assert [segment.identifier for segment in block.segments] == [f"Segment{p.segment}" for p in shown]
    assert [segment.null for segment in block.segments] == [p.null for p in shown]
    assert [segment.annotations["stimulus"] for segment in block.segments] == [p.stimulus for p in shown]
    for population in experiment.populations:
        sheet = population.model.name
        np.testing.assert_array_equal(block.annotations["neuron_ids"][sheet], population.ids)
        np.testing.assert_array_equal(block.annotations["neuron_positions"][sheet], population.positions)
        in_time = sorted(
            (s for s in block.segments if s.annotations["sheet_name"] == sheet), key=lambda s: s.rec_datetime
        )
        assert [segment.null for segment in in_time] == [True, False] * 3
        assert [int(segment.identifier.removeprefix("Segment")) for segment in in_time][:2] == sorted(
            (p.segment for p in shown[:4] if p.sheet == sheet), reverse=True
        )
