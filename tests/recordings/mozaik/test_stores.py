"""Stores of real mozaik objects against the truth that was kept of them: every spike, by every rule, in any bins.

The stores of 2024 have one kind of image and a blank before each; their content is that of spikebin 0.1.0. Those of
2026 have images with a blank before and after them, videos without, gratings, ends and spontaneous activity.
"""

from __future__ import annotations

import ast
import json
from functools import cache

import naive
import numpy as np
import pytest
from conftest import DATA, JIT

from spikebin import open_file
from spikebin.binning.rules import Binning
from spikebin.errors import RecordingError
from spikebin.matrixfile.seal import Identity
from spikebin.matrixfile.write_sheet import Settings, write_sheet
from spikebin.recordings import open_recording
from spikebin.recordings.settings import TrialRule

pytestmark = pytest.mark.slow

DIGESTS = json.loads((DATA / "content_digests.json").read_text())
GRATING, EYES = "FullfieldDriftingSinusoidalGrating", "NaturalImageWithEyeMovement"
RULES = ("before", "after", "both", "none")
NAMES = {
    "before": ("blank", "image"),
    "after": ("image", "blank_after"),
    "both": ("blank", "image", "blank_after"),
    "none": ("image",),
}
STORES = {
    "images_and_videos/SelfSustainedPushPull_trial0_chunk0_____simulation_seed:0": "sorted_0_0",
    "images_and_videos/SelfSustainedPushPull_trial0_chunk1_____simulation_seed:1": "sorted_0_1",
    "images_and_videos/SelfSustainedPushPull_trial1_chunk0_____simulation_seed:1000": "sorted_1_0",
    "images_and_videos/SelfSustainedPushPull_trial1_chunk1_____simulation_seed:1001": "sorted_1_1",
    "several_kinds/SelfSustainedPushPull_test_____": "sorted_9_0",
}
*MOVIES, SEVERAL = STORES
WIDTHS = [0.1, 1.0, 7.0, 35.0]
# The stores of movies differ in what was shown: each is binned in one width, the first in all. Of the other store each
# width meets some kind that has blanks.
READ = [
    *((MOVIES[0], "PixelMovieExperanto", "movie_name", width) for width in WIDTHS),
    *((store, "PixelMovieExperanto", "movie_name", width) for store, width in zip(MOVIES[1:], WIDTHS[1:], strict=True)),
    *((SEVERAL, GRATING, ("orientation", "contrast"), width) for width in (0.1, 7.0)),
    *((SEVERAL, EYES, "idd", width) for width in (1.0, 35.0)),
    *((SEVERAL, "InternalStimulus", None, width) for width in (0.1, 35.0)),
    (SEVERAL, (GRATING, EYES), ("orientation", "contrast", "idd"), 7.0),
]
opened = cache(open_recording)


def exported(directory, sheet, rule, binning, out):
    """The sheet of a recording, and the matrix file that it is exported to."""
    recording = opened(directory).sheet(sheet, rule)
    write_sheet(recording, Identity(sheet, "train", "0"), Settings(binning, trial=rule.settings), out / "x.h5")
    return recording, open_file(out / "x.h5")


@pytest.mark.parametrize("name", DIGESTS)
def test_stores_of_2024_have_the_content_that_they_always_had(datastores, tmp_path, name):
    store, part = name.split("/")
    (directory,) = (datastores / store).rglob(f"*from_{part}_*")
    for sheet, digests in DIGESTS[name].items():
        for blank, digest in digests.items():
            recording, file = exported(directory, sheet, TrialRule(blank=blank), Binning(), tmp_path)
            assert file.header.content_digest == digest
            assert recording.n_in_trials == file.header.n_spikes
            if blank == "before":
                assert recording.n_recorded == recording.n_in_trials


class Truth:
    """What a truth file says was presented to one sheet, in time, and which blank belongs to what."""

    def __init__(self, path, sheet):
        with np.load(path) as file:
            truth = dict(file)
        ends = np.cumsum(truth["n"])
        mine = np.flatnonzero(truth["sheet"] == sheet)
        self.shown = [ast.literal_eval(str(truth["stimulus"][i])) for i in mine]
        self.spikes = [
            (truth["neuron"][ends[i] - truth["n"][i] : ends[i]], truth["time"][ends[i] - truth["n"][i] : ends[i]])
            for i in mine
        ]
        self.has_nulls = "9_0" in path.name
        self.n_spikes = int(truth["n"][mine].sum())
        self.cells = cache(self.cells)

    def duration(self, i):
        return 150.0 if self.has_nulls and i % 2 == 0 else self.shown[i]["duration"]

    def trials(self, kinds, rule):
        """Of each trial the places of its presentations, by phase; None where it has none."""
        found = []
        for i, stimulus in enumerate(self.shown):
            if stimulus["name"] not in kinds or (self.has_nulls and i % 2 == 0):
                continue
            phases = {"image": i, "blank": None, "blank_after": None}
            if self.has_nulls:
                phases["blank"] = i - 1
                phases["blank_after"] = i + 1 if rule == "after" else None
            elif stimulus["movie_frame_duration"] == stimulus["duration"]:
                phases |= {"blank": i - 1, "blank_after": i + 1}
            found.append([phases[name] for name in NAMES[rule]])
        return found

    def cells(self, i, width):
        """(neuron id, bin) of each spike of a presentation, -1 for outside, and how many bins it has."""
        stop = self.duration(i)
        n_bins = naive.n_bins(0.0, stop, width, True)
        times = zip(*(array.tolist() for array in self.spikes[i]), strict=True)
        return [(n, naive.bin_of(t, 0.0, stop, width, False, True, n_bins)) for n, t in times], n_bins


truth_of = cache(Truth)


@pytest.mark.parametrize(("store", "kind", "image_id", "width"), READ)
def test_every_spike_is_where_truth_says(stores_2026, tmp_path, store, kind, image_id, width):
    if not JIT and width == 0.1:
        pytest.skip("takes minutes without the jit")
    for sheet in ("X_ON", "V1_Exc_L2/3"):
        truth = truth_of(stores_2026 / f"truth_{STORES[store]}.npz", sheet)
        for blank in RULES:
            rule = TrialRule(stimulus=kind, image_id=image_id, blank=blank)
            recording, file = exported(stores_2026 / store, sheet, rule, Binning(width), tmp_path)
            kinds = (kind,) if isinstance(kind, str) else kind
            expected = truth.trials(kinds, blank)
            image = NAMES[blank].index("image")
            expected.sort(key=lambda places: truth.shown[places[image]]["trial"])
            assert len(expected) == file.shape[0] > 0
            ids = file.neurons["neuron_id"].tolist()
            n_spikes = 0
            for trial, places in enumerate(expected):
                assert file.trials["repeat"][trial] == truth.shown[places[image]]["trial"]
                first, cells = 0, []
                for place, n_bins in zip(places, file.trials["phase_bins"][trial].tolist(), strict=True):
                    if place is None:
                        assert n_bins == 0
                        continue
                    found, expected_bins = truth.cells(place, width)
                    assert n_bins == expected_bins
                    assert all(k >= 0 for _, k in found)
                    cells += [(ids.index(neuron), first + k) for neuron, k in found]
                    first += n_bins
                assert sorted(set(cells)) == list(zip(*(array.tolist() for array in file.events(trial)), strict=True))
                n_spikes += len(cells)
            assert (file.header.n_spikes, file.header.n_outside) == (n_spikes, 0)
            assert file.header.n_unassigned == truth.n_spikes - n_spikes
            assert (recording.n_recorded, recording.n_in_trials) == (truth.n_spikes, n_spikes)


def test_what_the_index_tells_is_in_the_file(stores_2026, tmp_path):
    directory = stores_2026 / next(iter(STORES))
    rule = TrialRule(blank="both")
    recording, file = exported(directory, "V1_Exc_L2/3", rule, Binning(), tmp_path)
    assert file.neurons.dtype.names == ("neuron_id", "x", "y", "z", "LGNAfferentOrientation", "LGNAfferentPhase")
    assert file.neurons["LGNAfferentOrientation"][:2].tolist() == [3.1328274083621346, 2.1536936621719183]
    assert np.array_equal(file.neurons, recording.neurons)
    assert file.parameters["model_parameters"] == "{'null_stimulus_period': 0.0}"
    assert "RandomizedExperanto" in file.parameters["experiment_parameters"]
    assert "'explosion_detected': False" in file.parameters["simulation_log"]
    trials = file.trials
    assert trials["movie_frame_duration"].tolist() == [497.0, 497.0, 35.0]
    assert trials["movie_name"].tolist() == trials["image_id"].tolist()
    assert trials["blank_ms"].tolist() == [301.0, 301.0, 0.0]
    assert trials["image_ms"].tolist() == [497.0, 497.0, 2205.0]


def test_a_merged_store_pairs_each_image_with_its_own_blank(stores_2026):
    sheet = open_recording(next((stores_2026 / "merged_serial").iterdir())).sheet("X_ON", TrialRule())
    assert [trial.image_id for trial in sheet.trials] == ["1", "2", "3", "4"]
    assert sheet._phases == [
        (f"Segment{blank}.pickle", f"Segment{image}.pickle") for blank, image in [(2, 0), (3, 1), (6, 4), (7, 5)]
    ]
    assert sheet.n_recorded == sheet.n_in_trials == 120


def test_gratings_that_differ_in_contrast_are_no_repeats_of_one_image(stores_2026):
    recording = open_recording(stores_2026 / list(STORES)[4])
    with pytest.raises(RecordingError, match=r'differ in contrast: set image_id = \["orientation", "contrast"\] in'):
        recording.sheet("X_ON", TrialRule(stimulus=GRATING, image_id="orientation"))
    with pytest.raises(
        RecordingError, match=r"has no 'image_path' or 'movie_name': .* one or several of contrast, orie"
    ):
        recording.sheet("X_ON", TrialRule(stimulus=GRATING))
    with pytest.raises(RecordingError, match=r"InternalStimulus \(1\), FullfieldDriftingSinusoidalGrating \(8\)"):
        recording.sheet("X_ON", TrialRule())
    with pytest.raises(RecordingError, match="no stimulus of the kind 'EndOfSimulationBlank'"):
        recording.sheet("X_ON", TrialRule(stimulus="EndOfSimulationBlank"))


def test_the_default_rule_is_refused_where_only_some_images_have_a_blank_of_their_own(stores_2026):
    recording = open_recording(stores_2026 / next(iter(STORES)))
    with pytest.raises(
        RecordingError, match=r"1 of 3 images have no blank of their own before them \(first: Segment12"
    ):
        recording.sheet("X_ON", TrialRule())
