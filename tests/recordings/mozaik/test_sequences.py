"""Any sequence of presentations, written by the simulator: every spike is in one trial, or counted as in none."""

from __future__ import annotations

import io
import pickle
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikebin.binning.rules import Binning
from spikebin.binning.trial import bin_trial, phase_bins
from spikebin.errors import RecordingError
from spikebin.recordings import open_recording
from spikebin.recordings.mozaik.phases import PHASES
from spikebin.recordings.settings import TrialRule
from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.schedule import Item, experanto_items
from spikebin.simulate.v1 import SheetModel

SHEETS = (SheetModel("X_ON", 3, (40.0, 60.0, 80.0, 100.0, 120.0)), SheetModel("V1_Exc_L2/3", 2))
MOVIE, GRATING, BLANK = "PixelMovieExperanto", "FullfieldDriftingSinusoidalGrating", "InternalStimulus"
KINDS = {MOVIE: None, GRATING: "orientation", BLANK: None, (MOVIE, GRATING): ("movie_name", "orientation")}
REFUSALS = (
    "kinds of stimulus",
    "no blank of their own",
    "no stimulus of the kind",
    "alone between",
    "do not pair",
    "as long as the `window`",
)


class _Stub:
    """Whatever a pickle names; keeps what it was made of."""

    def __init__(self, *args):
        self.args = args

    def __setstate__(self, state):
        self.state = state

    def __setitem__(self, key, value):
        self.item = (key, value)


class _Naive(pickle.Unpickler):
    def find_class(self, module, name):
        return super().find_class(module, name) if module.startswith("numpy") else type(name, (_Stub,), {})


def spikes_on_disk(directory, sheet):
    """(neuron, time) of every spike of a sheet, whatever was presented, by plain unpickling."""
    found = []
    for path in sorted(directory.glob("Segment*.pickle")):
        state = _Naive(io.BytesIO(path.read_bytes())).load().state
        if state["annotations"]["sheet_name"] == sheet:
            for train in state["spiketrains"]:
                found += [(train.args[14]["source_id"], time) for time in train.args[1].tolist()]
    return Counter(found)


@st.composite
def sequences(draw):
    """Items in any order, of any duration; a third of the sequences with null presentations before all of them."""
    null_ms = draw(st.sampled_from([0.0, 0.0, 20.0]))
    kinds = draw(
        st.lists(st.sampled_from(["blank", "blank", "image", "video", "grating", "end"]), min_size=1, max_size=9)
    )
    durations = st.sampled_from([0.1, 7.0, 49.0, 50.5, 120.0])
    return tuple(Item(kind, draw(durations), i, null_ms=null_ms) for i, kind in enumerate(kinds))  # type: ignore[arg-type]


@settings(max_examples=40)
@given(sequences(), st.sampled_from(list(KINDS)), st.sampled_from([*PHASES, None]), st.sampled_from([None, 5.0, 49.0]))
def test_all_spikes_of_any_sequence_are_in_one_trial_or_counted_as_in_none(items, kind, blank, window):
    with tempfile.TemporaryDirectory() as name:
        experiment = Experiment(sheets=SHEETS, image_key="experanto", items=items)
        directory = write_datastore(Path(name), experiment, directory="drawn", flavour="neo-0.12")
        rule = TrialRule(stimulus=kind, image_id=KINDS[kind], blank=blank)
        if window is not None and kind == BLANK and blank in {None, "none"}:
            rule = TrialRule(stimulus=kind, blank=blank, window_start=0.0, window_stop=window)
        for sheet in ("X_ON", "V1_Exc_L2/3"):
            every = spikes_on_disk(directory, sheet)
            try:
                recording = open_recording(directory).sheet(sheet, rule)
            except RecordingError as error:
                if not any(word in str(error) for word in REFUSALS):
                    raise
                return
            taken = Counter()
            for trial in range(len(recording.trials)):
                for found in recording.spikes(trial):
                    neurons = recording.neurons["neuron_id"][found.rows]
                    taken += Counter(zip(neurons.tolist(), found.times.tolist(), strict=True))
            if rule.window_start is None:
                assert taken <= every
                assert recording.n_in_trials == taken.total()
            else:
                # A spike on the edge of two windows is handed to both, and counted once. One that lies at the end of a
                # segment and at the start of the next may be in a window of either, or of both.
                assert taken.keys() <= every.keys()
                assert len(taken) <= recording.n_in_trials <= sum(every[spike] for spike in taken)
            assert recording.n_recorded == every.total()
            assert len(recording.files) == 1 + len(list(directory.glob("Segment*"))) // 2
            for trial in recording.trials:
                assert len(trial.phases) == len(recording.trials[0].phases)
                bins = phase_bins(trial.phases, Binning(7.0))
                assert all((n > 0) == phase.shown for n, phase in zip(bins, trial.phases, strict=True))


def test_windows_cut_spontaneous_activity(tmp_path):
    items = (Item("blank", 100.0), Item("image", 50.0, 1), Item("blank", 59.9), Item("blank", 30.0))
    directory = write_datastore(tmp_path, Experiment(sheets=SHEETS, image_key="experanto", items=items))
    rule = TrialRule(stimulus=BLANK, window_start=10.0, window_stop=50.0)
    sheet = open_recording(directory).sheet("X_ON", rule)
    spans = [(trial.phases[0].start, trial.phases[0].stop) for trial in sheet.trials]
    assert spans == [(10.0, 50.0), (50.0, 90.0), (10.0, 50.0)]
    assert [(trial.image_id, trial.repeat) for trial in sheet.trials] == [(BLANK, i) for i in range(3)]
    assert dict(sheet.trials[1].extra)["window_start"] == 50.0
    whole = open_recording(directory).sheet("X_ON", TrialRule(stimulus=BLANK))
    assert [trial.phases[0].stop for trial in whole.trials] == [100.0, 59.9, 30.0]
    binning = Binning(1.0, end_bin=False)
    for trial, (of, first) in enumerate([(0, 10), (0, 50), (1, 10)]):
        cut = bin_trial(sheet.trials[trial], sheet.spikes(trial), binning, 40, "cut").flat
        events = bin_trial(whole.trials[of], whole.spikes(of), binning, 100, "whole").flat
        rows, bins = np.divmod(events, 100)
        inside = (bins >= first) & (bins < first + 40)
        assert cut.tolist() == sorted((rows[inside] * 40 + bins[inside] - first).tolist())
    with pytest.raises(
        RecordingError, match=r"window from 0 to 60 ms leaves Segment2\.pickle, which lasts from 0 to 50"
    ):
        open_recording(directory).sheet("X_ON", TrialRule(stimulus=MOVIE, window_start=0.0, window_stop=60.0))
    for short, rest in (("pad", "so that it is not padded: choose"), ("refuse", " ms: choose one inside of it")):
        rule = TrialRule(stimulus=MOVIE, window_start=10.0, window_stop=60.0, short=short)
        with pytest.raises(RecordingError, match=rf"{rest}.*--short cut or drop"):
            open_recording(directory).sheet("X_ON", rule)
    rule = TrialRule(stimulus=MOVIE, window_start=10.0, window_stop=60.0, short="cut")
    (trial,) = open_recording(directory).sheet("X_ON", rule).trials
    assert (trial.phases[0].start, trial.phases[0].stop) == (10.0, 50.0)
    assert dict(trial.extra)["window_stop"] == 50.0
    with pytest.raises(RecordingError, match="no presentation is as long"):
        open_recording(directory).sheet(
            "X_ON", TrialRule(stimulus=MOVIE, window_start=0.0, window_stop=60.0, short="drop")
        )
    with pytest.raises(RecordingError, match=r'take it or blank = "both" out'):
        open_recording(directory).sheet("X_ON", TrialRule(blank="both", window_start=0.0, window_stop=6.0))


def test_experanto_sequences_have_blanks_around_images_and_none_around_videos():
    items = experanto_items(100, 5, 3, repeat=1)
    kinds = "".join(item.kind[0] for item in items)
    assert kinds.replace("bib", "").strip("v") == ""
    assert kinds.count("v") == 3
    assert kinds.count("i") == 5
    assert [item.number for item in items] != [item.number for item in experanto_items(100, 5, 3, repeat=2)]
    lasting = {item.number: item.ms for item in items if item.kind != "blank"}
    assert lasting == {i.number: i.ms for i in experanto_items(100, 5, 3, repeat=2) if i.kind != "blank"}
    assert all(item.ms % 7 == 0 for item in items)
