"""Several runs of NEST: trials where a pattern tells them apart, parts or sheets else, and never pooled."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import one_line_error
from here import spikebin_here

from spikebin import open_file
from spikebin.errors import RecordingError
from spikebin.recordings import open_recording
from spikebin.recordings.nest_runs import runs_of
from spikebin.recordings.settings import Reading, TrialRule

DATA = Path(__file__).parent.parent / "data" / "nest_runs"
RECORDERS = {"exc-8": range(1, 5), "inh-9": range(5, 7)}


def truth(run, ids):
    """What one recorder in memory had, by NEST itself; three decimals are in the files."""
    with np.load(DATA / f"truth_run{run}.npz") as found:
        mine = np.isin(found["senders"], ids)
        return sorted(zip(np.round(found["times"][mine], 3).tolist(), found["senders"][mine].tolist(), strict=True))


def spikes_of(sheet, trial=0):
    (found,) = sheet.spikes(trial)
    return sorted(zip(found.times.tolist(), sheet.neurons["neuron_id"][found.rows].tolist(), strict=True))


@pytest.fixture
def flat(tmp_path):
    """Both runs in one directory, apart by the prefix of their files."""
    for path in DATA.glob("*.dat"):
        shutil.copy(path, tmp_path)
    return tmp_path


@pytest.fixture
def nested(tmp_path):
    """A directory for each run."""
    for path in DATA.glob("*.dat"):
        run, _, name = path.name.partition("_")
        (tmp_path / "sims" / run).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, tmp_path / "sims" / run / name)
    return tmp_path / "sims"


def check_trials(recording):
    assert set(recording.sheets) == set(RECORDERS)
    for name, ids in RECORDERS.items():
        sheet = recording.sheet(name, TrialRule())
        assert [trial.image_id for trial in sheet.trials] == ["1", "2"]
        assert [spikes_of(sheet, i) for i in range(2)] == [truth(run, ids) for run in (1, 2)]
        assert sheet.n_recorded == sum(len(truth(run, ids)) for run in (1, 2))


def test_runs_in_one_directory_are_trials(flat):
    recording = open_recording(flat, None, Reading(trial="run{trial}_"))
    assert recording.taken == "nest, times in ms, neurons by sender, trials by run{trial}_"
    check_trials(recording)


def test_runs_in_directories_of_their_own_are_trials(nested):
    check_trials(open_recording(nested, "nest", Reading(trial="run{trial}/")))


def test_without_a_pattern_each_run_has_sheets_of_its_own(flat):
    recording = open_recording(flat)
    assert set(recording.sheets) == {f"run{run}_{name}" for run in (1, 2) for name in RECORDERS}
    for run in (1, 2):
        for name, ids in RECORDERS.items():
            assert spikes_of(recording.sheet(f"run{run}_{name}", TrialRule())) == truth(run, ids)


def test_ids_and_duration_of_recorders(flat):
    ids = "exc-8=1-4,inh-9=5-6"
    recording = open_recording(flat, None, Reading(trial="run{trial}_", ids=ids, duration=100.0))
    for name, listed in RECORDERS.items():
        sheet = recording.sheet(name, TrialRule())
        assert sheet.neurons["neuron_id"].tolist() == list(listed)  # neuron 3 is silent
        assert {(trial.phases[0].start, trial.phases[0].stop) for trial in sheet.trials} == {(0.0, 100.0)}
    with pytest.raises(RecordingError, match="was recorded from 0 to 100: choose .* --short"):
        recording.sheet("exc-8", TrialRule(window_start=0.0, window_stop=101.0))
    cut = recording.sheet("exc-8", TrialRule(window_start=50.0, window_stop=101.0, short="cut"))
    assert [trial.phases[0].stop for trial in cut.trials] == [100.0, 100.0]
    with pytest.raises(RecordingError, match="no trial lies within the 100 ms"):
        recording.sheet("exc-8", TrialRule(window_start=0.0, window_stop=101.0, short="drop"))
    short = open_recording(flat, None, Reading(trial="run{trial}_", duration=20.0))
    with pytest.raises(RecordingError, match="it has spikes from .* `duration` says 0 to 20"):
        short.sheet("exc-8", TrialRule())


def test_in_one_line_as_trials_and_as_parts(flat, nested):
    result = spikebin_here(
        "bin", flat, "-w", "1", "--trial", "run{trial}_", "--duration", "80", "-s", "exc-8", "-o", "m.h5", cwd=flat
    )
    assert result.returncode == 0, result.stderr
    assert open_file(flat / "m.h5").shape == (2, 3, 80)
    result = spikebin_here("bin", *sorted(nested.iterdir()), "-w", "1", "-s", "exc-8", "--json", cwd=nested)
    assert [one["recording"] for one in json.loads(result.stdout)] == ["run1", "run2"]
    files = sorted(flat.glob("run?_exc-8-*.dat"))
    result = spikebin_here("bin", *files, "-w", "1", "--json", cwd=flat)
    assert [(one["sheet"], one["n_recorded"]) for one in json.loads(result.stdout)] == [
        (f"run{run}_exc-8", len(truth(run, RECORDERS["exc-8"]))) for run in (1, 2)
    ]


def test_directories_of_runs_are_parts_of_a_plan(nested):
    root = nested.parent
    for command in (("init", "sims"), ("plan",), ("run", "--workers", "1")):
        result = spikebin_here(*command, cwd=root)
        assert result.returncode == 0, result.stderr
    for run in (1, 2):
        (path,) = (root / "dataset").glob(f"*/spikes/exc-8/spikes_exc-8_*{run}.h5")
        assert open_file(path).header.n_spikes == len(truth(run, RECORDERS["exc-8"]))


def test_files_of_another_run_are_never_pooled(flat):
    """Of a run on four threads two files are left over by one on two."""
    shutil.copy(flat / "run2_exc-8-0.dat", flat / "run1_exc-8-2.dat")
    shutil.copy(flat / "run2_exc-8-1.dat", flat / "run1_exc-8-3.dat")
    result = spikebin_here("bin", "run1_exc-8-0.dat", "-w", "1", cwd=flat)
    one_line_error(result, "fires in run1_exc-8-0.dat and in run1_exc-8-2.dat", "of several runs, keep those of one")


@pytest.mark.parametrize(
    ("pattern", "labels", "message"),
    [
        ("run_", ["run_1"], r"give what of the names of files tells the run, run\{trial\}_"),
        ("{trial}", ["1"], "give what of the names"),
        ("a{trial}b{trial}", ["1"], "give what of the names"),
        ("run{trial}_", ["run1_e-1", "mm-2"], "mm-2 does not fit"),
        ("run{trial}_", ["run1_e-1", "run1_i-1", "run2_i-1"], "run 2 has no files of e-1, run 1 has"),
        ("_r{trial}", ["e_r1_r1-1", "e_r1_r1-1"], "are both e_r1-1 of run 1"),
    ],
)
def test_patterns_that_tell_no_runs_are_one_line(pattern, labels, message):
    with pytest.raises(RecordingError, match=message) as caught:
        runs_of(labels, pattern, "sims")
    assert "\n" not in str(caught.value)


def test_one_file_is_one_run(flat):
    with pytest.raises(RecordingError, match="one file is of one run: give the directory"):
        open_recording(flat / "run1_exc-8-0.dat", None, Reading(trial="run{trial}_"))
