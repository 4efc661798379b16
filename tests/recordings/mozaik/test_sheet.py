"""A sheet of a datastore, cut into trials: blanks and images side by side, and every spike counted once."""

from __future__ import annotations

import numpy as np
import pytest

from spikebin.errors import RecordingError
from spikebin.recordings import open_recording
from spikebin.recordings.settings import TrialRule
from spikebin.simulate.experiment import Experiment, presentations, write_datastore
from spikebin.simulate.v1 import SheetModel

EXPERIMENT = Experiment(70000, 2, 2, sheets=(SheetModel("X_ON", 6), SheetModel("V1_Exc_L2/3", 4)), trains="shuffled")


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    return open_recording(write_datastore(tmp_path_factory.mktemp("sheet"), EXPERIMENT))


def test_trials_hold_the_spikes_of_their_presentations(recording):
    sheet = recording.sheet("V1_Exc_L2/3", TrialRule())
    assert [(trial.image_id, trial.repeat) for trial in sheet.trials] == [
        (image, repeat) for repeat in range(2) for image in ("70000", "70001")
    ]
    drawn = {(p.image_id, p.repeat, p.null): p for p in presentations(EXPERIMENT) if p.sheet == "V1_Exc_L2/3"}
    n_spikes = 0
    for i, trial in enumerate(sheet.trials):
        for phase, found in zip(trial.phases, sheet.spikes(i), strict=True):
            shown = drawn[trial.image_id, trial.repeat, phase.name == "blank"]
            who = np.repeat(shown.ids, shown.counts)
            expected = sorted(zip(who.tolist(), shown.times.tolist(), strict=True))
            ids = sheet.neurons["neuron_id"][found.rows]
            assert sorted(zip(ids.tolist(), found.times.tolist(), strict=True)) == expected
            n_spikes += len(expected)
    assert sheet.n_recorded == sheet.n_in_trials == n_spikes


def test_without_blanks_their_spikes_are_in_no_trial(recording):
    sheet = recording.sheet("X_ON", TrialRule(blank="none"))
    assert [phase.name for phase in sheet.trials[0].phases] == ["image"]
    for i in range(len(sheet.trials)):
        sheet.spikes(i)
    assert sheet.n_in_trials < sheet.n_recorded
    assert len(sheet.files) == 1 + 2 * 2 * 2


def test_a_kind_that_is_not_there_is_refused(recording):
    with pytest.raises(RecordingError, match="Grating"):
        recording.sheet("X_ON", TrialRule(stimulus="Grating"))
