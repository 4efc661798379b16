"""Simulated recordings: neo reads them, they are pickled as real ones are, and mean what they say."""

from __future__ import annotations

import dataclasses
import io
import pickle
import pickletools
import re
import sys
import types
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from spikebin.errors import ConfigError, RecordingError
from spikebin.simulate.experiment import Experiment, presentations, write_datastore
from spikebin.simulate.mozaik_pickles import IndexEntry, dump_index, dump_segment
from spikebin.simulate.v1 import STEP_MS, V1, SheetModel, scaled

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


class Stub:
    """Whatever a pickle names; keeps what it was made of."""

    def __init__(self, *args):
        self.args = args

    def __setstate__(self, state):
        self.state = state

    def __setitem__(self, key, value):
        self.item = (key, value)


class StubUnpickler(pickle.Unpickler):
    def find_class(self, module, name):
        known = module.split(".")[0] in {"numpy", "datetime"}
        return super().find_class(module, name) if known else type(name, (Stub,), {})


def read_stubs(path):
    return StubUnpickler(io.BytesIO(path.read_bytes())).load().state


def opcodes(data):
    """The opcodes of a pickle and their arguments, but for the frames, which may end anywhere."""
    return [(code.name, arg) for code, arg, _ in pickletools.genops(data) if code.name != "FRAME"]


def plain(obj, above=()):
    """What an object was pickled with, as nested tuples, a reference to its holder as how far up that is."""
    if id(obj) in above:
        return f"up {above[::-1].index(id(obj))}"
    above = (*above, id(obj))
    if isinstance(obj, type):
        return obj.__name__
    if isinstance(obj, Stub):
        return type(obj).__name__, *(plain(part, above) for part in vars(obj).values())
    if isinstance(obj, dict):
        return tuple((key, plain(value, above)) for key, value in obj.items())
    if isinstance(obj, list | tuple):
        return tuple(plain(item, above) for item in obj)
    return (obj.shape, obj.dtype, obj.tobytes()) if isinstance(obj, np.ndarray) else obj


def only_directory(path):
    (directory,) = path.iterdir()
    return directory


def neo_load(path):
    pytest.importorskip("neo")
    with path.open("rb") as file:
        return pickle.load(file)


def trains_of(presentation):
    """Spike times of each train, in ms."""
    return np.split(presentation.times, np.cumsum(presentation.counts)[:-1])


def rows_of(presentation):
    """Index of the neuron of each spike."""
    return np.repeat(presentation.indices, presentation.counts)


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


# ---- as real ones


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


# ---- read by neo


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


# ---- what is drawn


def test_spikes_are_on_the_grid_of_nest():
    experiment = Experiment(n_images=4, sheets=SMALL)
    at_stop = errors = 0
    for shown in presentations(experiment):
        assert shown.steps.min() >= 1
        assert shown.steps.max() <= shown.duration_steps
        assert shown.duration == (150.0 if shown.null else 560.0)
        np.testing.assert_allclose(shown.times, shown.steps * STEP_MS, rtol=0, atol=1e-11)
        assert all((np.diff(times) > 0).all() for times in trains_of(shown))
        at_stop += (shown.times == shown.duration).sum()
        errors += (shown.times != shown.steps / 10).sum()
    assert at_stop > 0
    assert errors > 0


def test_equal_experiments_give_equal_files(tmp_path):
    experiment = Experiment(n_images=2, sheets=SMALL)
    first, again, other = (
        write_datastore(tmp_path / name, dataclasses.replace(experiment, seed=seed))
        for name, seed in (("first", 0), ("again", 0), ("other", 1))
    )
    names = sorted(path.name for path in first.iterdir())
    assert all((first / name).read_bytes() == (again / name).read_bytes() for name in names)
    assert (first / "Segment0.pickle").read_bytes() != (other / "Segment0.pickle").read_bytes()


def test_parts_share_their_neurons_but_not_their_spikes():
    parts = [Experiment(first_image=first, n_images=1, sheets=SMALL, unrecorded=0.2) for first in (50000, 50100)]
    one, other = (list(presentations(part)) for part in parts)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a.ids, b.ids)
        assert a.stimulus != b.stimulus
        assert not np.array_equal(a.steps, b.steps)


def test_rates_are_those_of_the_model():
    means = {
        "X_ON": 24.7,
        "X_OFF": 16.5,
        "V1_Exc_L4": 1.92,
        "V1_Inh_L4": 8.4,
        "V1_Exc_L2/3": 2.60,
        "V1_Inh_L2/3": 7.2,
    }
    experiment = Experiment(n_images=20, sheets=scaled(V1, 0.1))
    rates = {model.name: np.zeros(model.n_neurons) for model in experiment.sheets}
    for shown in presentations(experiment):
        rates[shown.sheet] += shown.counts / (20 * 0.710)
    for model in experiment.sheets:
        rate = rates[model.name]
        assert rate.mean() == pytest.approx(means[model.name], rel=0.12)
        assert np.percentile(rate, [50, 90]) == pytest.approx(model.percentiles_hz[2:4], rel=0.2)


def test_images_drive_the_sheets_after_a_latency():
    experiment = Experiment(n_images=20, sheets=(dataclasses.replace(V1[0], n_neurons=400),))
    hz = {"blank": 0.0, "before": 0.0, "onset": 0.0, "late": 0.0}
    windows = {"before": (0, 40), "onset": (50, 100), "late": (400, 560)}
    for shown in presentations(experiment):
        if shown.null:
            hz["blank"] += len(shown.steps) / 0.150
            continue
        for name, (start, stop) in windows.items():
            inside = (shown.times > start) & (shown.times <= stop)
            hz[name] += inside.sum() / (stop - start) * 1000
    assert hz["before"] == pytest.approx(hz["blank"], rel=0.15)
    assert hz["onset"] > 1.5 * hz["late"] > 2 * hz["blank"]


def test_an_image_is_a_pattern_over_the_visual_field():
    models = (
        SheetModel("X_ON", 900, V1[0].percentiles_hz, 1.0),
        SheetModel("X_OFF", 900, V1[0].percentiles_hz, -1.0),
    )
    experiment = Experiment(n_images=1, n_repeats=40, sheets=models)
    counts = {model.name: np.zeros(900) for model in models}
    for shown in presentations(experiment):
        if not shown.null:
            counts[shown.sheet] += shown.counts
    maps = [counts[name].reshape(30, 30) for name in ("X_ON", "X_OFF")]
    on, off = ((m[::2, ::2] + m[1::2, ::2] + m[::2, 1::2] + m[1::2, 1::2]).ravel() for m in maps)
    assert np.corrcoef(on, off)[0, 1] < -0.5
    assert np.corrcoef(maps[0][:, :-1].ravel(), maps[0][:, 1:].ravel())[0, 1] > 0.5


def test_bursts_put_several_spikes_into_one_bin():
    shown = next(presentations(Experiment(n_images=1, sheets=SMALL)))
    bins = rows_of(shown) * 1000 + shown.steps // 10
    assert len(np.unique(bins)) < len(bins)


# ---- what is presented


def test_image_and_blank_say_the_same_and_only_null_tells_them_apart():
    experiment = Experiment(first_image=50017, n_images=2, n_repeats=3, sheets=SMALL)
    shown = list(presentations(experiment))
    assert len(shown) == experiment.n_segments == 2 * 3 * 2 * 2
    assert [p.segment for p in shown] == list(range(len(shown)))
    for k in range(0, len(shown), 4):
        images, blanks = shown[k : k + 2], shown[k + 2 : k + 4]
        for image, blank in zip(images, blanks, strict=True):
            assert (image.null, blank.null) == (False, True)
            assert image.stimulus == blank.stimulus
            assert image.sheet == blank.sheet
            assert image.order == blank.order + 1
            assert image.onset_steps == blank.onset_steps + blank.duration_steps
    text = shown[0].stimulus
    assert text.startswith('{"module_path" :"mozaik.stimuli.vision.topographica_based","background_luminance":50.0, ')
    assert re.search(r"\"image_path\":'/imagenet/50017_img\d{5}\.png'", text)
    assert [p.repeat for p in shown[::4]] == [0, 0, 1, 1, 2, 2]
    assert '"trial":2}' in shown[-1].stimulus


def test_internal_blanks_are_presentations_in_order():
    experiment = Experiment(
        n_images=5, sheets=SMALL[:1], blanks="internal", blank_jitter_ms=60.0, image_key="movie_name"
    )
    shown = list(presentations(experiment))
    assert not any(p.null for p in shown)
    assert [p.order for p in shown] == list(range(10))
    assert ["'InternalStimulus'" in p.stimulus for p in shown] == [True, False] * 5
    assert all(f"\"movie_name\":'{p.image_id}'" in p.stimulus for p in shown[1::2])
    durations = [p.duration for p in shown[::2]]
    assert len(set(durations)) > 1
    assert all(f'"duration":{p.duration}' in p.stimulus for p in shown)
    assert min(durations) >= 90.0
    assert max(durations) <= 210.0
    assert all(b.onset_steps == a.onset_steps + a.duration_steps for a, b in pairwise(shown))


def test_times_stay_within_presentations_that_start_and_end_anywhere(tmp_path):
    experiment = Experiment(
        n_images=6, sheets=SMALL, blanks="internal", blank_ms=101.3, blank_jitter_ms=50.0, image_ms=333.3
    )
    part = write_datastore(tmp_path, experiment)
    for shown in presentations(experiment):
        assert shown.times.max() <= shown.duration
        segment = neo_load(part / f"Segment{shown.segment}.pickle")
        assert {float(train.t_stop) for train in segment.spiketrains} == {shown.duration}


def test_no_blanks_and_gratings_first():
    experiment = Experiment(n_images=2, n_repeats=2, sheets=SMALL[:1], blanks="none", gratings=1)
    names = [re.search(r"\"name\":'(\w+)'", p.stimulus)[1] for p in presentations(experiment)]
    assert names == ["FullfieldDriftingSinusoidalGrating", "NaturalImage", "NaturalImage"] * 2


def test_images_are_shuffled_within_each_repeat():
    experiment = Experiment(n_images=8, n_repeats=3, sheets=SMALL[:1], blanks="none", shuffle_images=True)
    ids = np.array([p.image_id for p in presentations(experiment)]).reshape(3, 8)
    assert len({tuple(row) for row in ids}) == 3
    assert {tuple(sorted(row)) for row in ids} == {tuple(str(50000 + k) for k in range(8))}


@pytest.mark.parametrize(("trains", "n_orders"), [("sorted", 1), ("shuffled", 1), ("per segment", 4)])
def test_the_order_of_trains_changes_no_spike(trains, n_orders):
    base = Experiment(n_images=2, sheets=SMALL[:1], unrecorded=0.25)
    orders = set()
    for shown, plain in zip(presentations(dataclasses.replace(base, trains=trains)), presentations(base), strict=True):
        orders.add(tuple(shown.ids))
        spots = np.lexsort((shown.steps, rows_of(shown)))
        np.testing.assert_array_equal(rows_of(shown)[spots], rows_of(plain))
        np.testing.assert_array_equal(shown.steps[spots], plain.steps)
    assert len(orders) == n_orders
    assert (orders == {tuple(plain.ids)}) == (trains == "sorted")


def test_unrecorded_neurons_leave_gaps_in_the_ids():
    experiment = Experiment(n_images=1, sheets=SMALL, unrecorded=0.5)
    for shown, population in zip(presentations(experiment), experiment.populations, strict=False):
        assert len(population.ids) == 2 * len(shown.ids)
        assert population.positions.shape == (3, len(population.ids))
        assert (np.diff(shown.ids) > 1).any()
        np.testing.assert_array_equal(population.ids[shown.indices], shown.ids)


# ---- what is written when


def test_an_interrupted_datastore_has_no_index_and_is_written_anew(tmp_path):
    experiment = Experiment(n_images=2, sheets=SMALL)

    def stop_at_third():
        if len(list(tmp_path.glob("*/Segment*.pickle"))) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_datastore(tmp_path, experiment, on_segment=stop_at_third)
    assert not list(tmp_path.glob("*/datastore.recordings.pickle"))
    called = []
    part = write_datastore(tmp_path, experiment, on_segment=lambda: called.append(1))
    assert len(called) == experiment.n_segments
    assert (part / "datastore.recordings.pickle").exists()
    assert {path.name for path in part.iterdir()} == {
        *(f"Segment{k}.pickle" for k in range(experiment.n_segments)),
        "datastore.recordings.pickle",
        "datastore.analysis.pickle",
        "datastore.sensory.stimulus.pickle",
    }


def test_a_datastore_is_never_overwritten(tmp_path):
    experiment = Experiment(n_images=1, sheets=SMALL)
    part = write_datastore(tmp_path, experiment)
    before = {path: path.read_bytes() for path in part.iterdir()}
    with pytest.raises(RecordingError, match="holds a datastore already"):
        write_datastore(tmp_path, dataclasses.replace(experiment, seed=1))
    assert {path: path.read_bytes() for path in part.iterdir()} == before


def test_the_directory_is_named_after_its_images_or_as_asked(tmp_path):
    experiment = Experiment(first_image=50300, n_images=1, sheets=SMALL[:1])
    part = write_datastore(tmp_path, experiment)
    name = "NewDataset_Images_from_50300_to_50400_ParameterSearch_____baseline:50300_trial:0"
    assert part == tmp_path / name
    assert write_datastore(tmp_path, experiment, directory="model_trial0_chunk3_____x").name.startswith("model_")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"seed": -1}, "seed is -1"),
        ({"first_image": -1}, "first_image is -1"),
        ({"sheets": ()}, "no sheets"),
        ({"sheets": SMALL + SMALL[:1]}, "X_ON"),
        ({"sheets": (SheetModel("X_ON", 0),)}, "X_ON"),
        ({"n_images": 0}, "n_images is 0"),
        ({"n_repeats": 0}, "n_repeats is 0"),
        ({"image_ms": 0.0}, "image_ms is 0.0"),
        ({"blank_jitter_ms": 150.0}, "at least"),
        ({"blank_jitter_ms": -1.0}, "blank_jitter_ms is -1.0"),
        ({"unrecorded": 1.0}, "unrecorded is 1.0"),
    ],
)
def test_impossible_experiments_are_refused(wrong, says):
    with pytest.raises(ConfigError, match=says):
        Experiment(**wrong)


def test_scaled_keeps_sheets_and_rates():
    small = scaled(V1, 0.01)
    assert [model.n_neurons for model in small] == [72, 72, 375, 94, 375, 94]
    assert [model.percentiles_hz for model in small] == [model.percentiles_hz for model in V1]
    assert {model.n_neurons for model in scaled(V1, 1e-6)} == {1}
