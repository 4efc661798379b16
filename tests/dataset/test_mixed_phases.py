"""Views of trials that differ in their phases: images with a blank before and after them, videos without."""

from __future__ import annotations

import numpy as np
import pytest

from spikebin import open_file
from spikebin.binning.rules import Binning
from spikebin.dataset.dataset import Dataset
from spikebin.display.plots import at_onset, trials_text
from spikebin.display.text import spark_psth
from spikebin.errors import DatasetError
from spikebin.matrixfile.seal import Identity
from spikebin.matrixfile.verify import describe
from spikebin.matrixfile.write_sheet import Settings, write_sheet
from spikebin.recordings import open_recording
from spikebin.recordings.settings import TrialRule

STORE = "images_and_videos/SelfSustainedPushPull_trial0_chunk0_____simulation_seed:0"
GRATINGS = "several_kinds/SelfSustainedPushPull_test_____"
# Bins of 7 ms, with the end bin: blank 44, image 72, blank_after 8; the video 316.
BINS = {"both": [[44, 72, 8], [44, 72, 8], [0, 316, 0]], "before": [[44, 72], [44, 72], [0, 316]]}


@pytest.fixture(scope="module")
def datasets(stores_2026, tmp_path_factory):
    """The images and videos of a store, by the rule for their blanks; and gratings."""
    root = tmp_path_factory.mktemp("mixed")

    def made(name, store, rule):
        settings = Settings(Binning(7.0), trial=rule.settings)
        recording = open_recording(stores_2026 / store).sheet("X_ON", rule)
        write_sheet(recording, Identity("X_ON", "train", name), settings, root / f"{name}.h5")
        return Dataset([open_file(root / f"{name}.h5")])

    found = {rule: made(rule, STORE, TrialRule(blank=rule)) for rule in ("before", "after", "both", "none")}
    gratings = TrialRule(stimulus="FullfieldDriftingSinusoidalGrating", image_id=("orientation", "contrast"))
    return {**found, "gratings": made("gratings", GRATINGS, gratings)}


@pytest.mark.parametrize("rule", BINS)
def test_a_window_from_the_onset_of_the_image_is_the_same_in_every_trial(datasets, rule):
    view = datasets[rule]
    names, bins = view.phases()
    assert bins.tolist() == BINS[rule]
    whole = view.to_numpy()
    onsets = bins[:, names.index("image")].cumsum() * 0 + np.array([44, 44, 0])
    assert view.onsets("image").tolist() == onsets.tolist()
    window = view.window(0, 70).to_numpy()
    assert np.array_equal(window, np.stack([whole[i, :, onset : onset + 70] for i, onset in enumerate(onsets)]))
    # What a view shows of a trial is the same whatever the rule.
    assert np.array_equal(window, datasets["none"].window(0, 70).to_numpy())


def test_a_window_from_a_phase_that_some_trials_lack(datasets):
    view = datasets["both"]
    with pytest.raises(DatasetError, match="begins with a phase that is not there in 1 of 3 trials"):
        view.window(0, 8, "blank_after")
    dropped = view.window(0, 8, "blank_after", short="drop")
    assert np.array_equal(dropped.to_numpy(), view.to_numpy()[:2, :, 116:124])
    padded = view.window(0, 8, "blank_after", short="pad").to_numpy()
    assert np.array_equal(padded[:2], dropped.to_numpy())
    assert not padded[2].any()
    with pytest.raises(DatasetError, match="no phase 'blank_after'"):
        datasets["before"].window(0, 8, "blank_after")


def test_across_goes_on_only_where_nothing_lies_between(datasets):
    both, before = datasets["both"], datasets["before"]
    assert both.trials["skipped"].tolist() == [0, 0, 0]
    assert before.trials["skipped"].tolist() == [0, 1, 1]
    whole = both.to_numpy()
    # An image, its blank, then the blank and the image of the next trial; from the second image on, the video.
    joined = both.window(0, 150, across=True, short="cut")
    expected = np.concatenate([whole[0, :, 44:124], whole[1, :, :70]], axis=1)
    assert np.array_equal(joined.trial(0), expected)
    assert np.array_equal(joined.trial(1), np.concatenate([whole[1, :, 44:124], whole[2, :, :70]], axis=1))
    # Without the blanks after them, the 49 ms between two trials are in neither: a window ends there.
    stopped = before.window(0, 150, across=True, short="cut")
    assert stopped.trials["n_bins"].tolist() == [72, 72, 150]
    assert np.array_equal(stopped.trial(0), whole[0, :, 44:116])
    with pytest.raises(DatasetError, match="presentations that are in no trial lie between some"):
        before.window(0, 150, across=True)


def test_aligned_trials_keep_every_spike_and_say_how_many_there_are(datasets):
    view = datasets["both"]
    whole, aligned = view.to_numpy(), view.aligned("image")
    assert aligned.shape == (3, 12, 44 + 316)
    assert aligned.onsets("image").tolist() == [44, 44, 44]
    assert [aligned[i].sum() for i in range(3)] == [whole[i].sum() for i in range(3)]
    assert np.array_equal(aligned[2, :, 44:], whole[2, :, :316])
    assert np.array_equal(aligned[0, :, : 44 + 80], whole[0, :, :124])
    assert aligned.coverage().tolist() == [2] * 44 + [3] * 80 + [1] * 236
    # Each bin by the time of the trials that have it; an end bin takes no time.
    recorded = np.array([2] * 44 + [3] * 80 + [1] * 236) * 7.0
    for end_bin in (43, 43, 115, 115, 123, 123, 359):
        recorded[end_bin] -= 7.0
    assert aligned.recorded().tolist() == recorded.tolist()
    total = aligned.to_numpy().sum(axis=(0, 1))
    expected = np.where(recorded > 0, total / 12 / np.where(recorded > 0, recorded, 1) * 1000, np.nan)
    np.testing.assert_allclose(aligned.psth(), expected)
    assert aligned.rates().tolist() == view.rates().tolist()
    after = view.aligned("blank_after")
    assert len(after) == 2
    assert after.onsets("blank_after").tolist() == [116, 116]
    assert np.array_equal(after.to_numpy(), whole[:2, :, :124])
    with pytest.raises(DatasetError, match="no phase"):
        view.aligned("sound")


def test_what_is_drawn_is_aligned_where_onsets_differ(datasets):
    view, start = at_onset(datasets["both"])
    assert start == -44 * 7.0
    assert trials_text(view, start) == "trials: 2 from -308 ms, 3 from 0 ms, 1 from 560 ms"
    assert at_onset(datasets["none"]) == (datasets["none"], None)
    assert at_onset(datasets["gratings"])[1] is None
    assert at_onset(datasets["gratings"], "image")[1] == -22 * 7.0
    line, trials = spark_psth(datasets["both"], 100)
    assert line.startswith("X_ON  ")
    assert trials.strip() == "trials: 2 from -308 ms, 3 from 0 ms, 1 from 560 ms"
    assert len(spark_psth(datasets["none"], 100)) == 1


def test_patterns_of_phases_are_told_with_their_numbers(datasets):
    facts = describe(datasets["both"].files[0])
    assert facts["patterns"] == [
        {
            "trials": 2,
            "phases": [
                {"name": "blank", "ms": [301.0, 301.0]},
                {"name": "image", "ms": [497.0, 497.0]},
                {"name": "blank_after", "ms": [49.0, 49.0]},
            ],
        },
        {"trials": 1, "phases": [{"name": "image", "ms": [2205.0, 2205.0]}]},
    ]
    recorded = 2 * (301 + 497 + 49) + 2205
    header = datasets["both"].files[0].header
    assert facts["mean_rate_hz"] == pytest.approx(header.tally.n_inside / 12 / recorded * 1000)


def test_repeats_are_grouped_by_what_is_asked_and_never_mixed(datasets):
    view = datasets["gratings"]
    names = view.trials.dtype.names
    assert {"orientation", "contrast"} <= set(names)
    assert view.trials["contrast"].tolist() == [30, 100, 30, 100] * 2
    repeats = view.repeats()
    assert repeats.shape == (4, 2, *view.shape[1:])
    by_both = view.repeats(by=["orientation", "contrast"])
    assert by_both.groups.tolist() == [(0.0, 30), (0.0, 100), (np.pi / 4, 30), (np.pi / 4, 100)]
    assert np.array_equal(by_both[...], repeats[...])
    with pytest.raises(DatasetError, match=r"with orientation = 0\.0 show 2 images, such as 'orientation=0\.0,contr"):
        view.repeats(by="orientation")
    strong = view.take(view.trials["contrast"] == 100).repeats(by="orientation")
    assert strong.groups["orientation"].tolist() == [0.0, np.pi / 4]
    assert strong.images.tolist() == ["orientation=0.0,contrast=100", f"orientation={np.pi / 4},contrast=100"]
    with pytest.raises(DatasetError, match="no column 'orientations' to group its trials by: did you mean"):
        view.repeats(by="orientations")
