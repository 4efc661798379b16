"""Simulated recordings: neo reads them, they are pickled as real ones are, and mean what they say."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest
from stubs import neo_load

from spikebin.errors import ConfigError, RecordingError
from spikebin.simulate.experiment import Experiment, presentations, write_datastore
from spikebin.simulate.v1 import SheetModel

SMALL = (
    SheetModel("X_ON", 40, (16.8, 20.0, 24.6, 29.5, 33.4), polarity=1.0),
    SheetModel("V1_Exc_L2/3", 60),
)


def rows_of(presentation):
    """Index of the neuron of each spike."""
    return np.repeat(presentation.indices, presentation.counts)


# ---- as real ones


# ---- read by neo


# ---- what is drawn


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


def test_times_stay_within_presentations_that_start_and_end_anywhere(tmp_path):
    experiment = Experiment(
        n_images=6, sheets=SMALL, blanks="internal", blank_ms=101.3, blank_jitter_ms=50.0, image_ms=333.3
    )
    part = write_datastore(tmp_path, experiment)
    for shown in presentations(experiment):
        assert shown.times.max() <= shown.duration
        segment = neo_load(part / f"Segment{shown.segment}.pickle")
        assert {float(train.t_stop) for train in segment.spiketrains} == {shown.duration}


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
