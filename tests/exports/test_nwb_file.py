"""NWB files of recordings: each spike at its time, opened by pynapple, without errors by nwbinspector."""

from __future__ import annotations

import ast
import json
import os
import signal
import time

import numpy as np
import pytest
from later import Later
from typer.testing import CliRunner

from spikebin import cli
from spikebin.errors import RecordingError, SpikebinError
from spikebin.exports.nwb_file import nwb_there, write_nwb
from spikebin.pipeline.config import load_config
from spikebin.pipeline.nwb_files import write_nwb_files
from spikebin.pipeline.plan import load_plan, make_plan
from spikebin.pipeline.timelines import open_timeline
from spikebin.recordings import open_recording
from spikebin.recordings.settings import TrialRule
from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.schedule import experanto_items
from spikebin.simulate.v1 import SheetModel
from spikebin.system.lock import locked

pynwb = Later("pynwb")

TINY = (SheetModel("X_ON", 4), SheetModel("V1_Exc_L2/3", 3))


@pytest.fixture(scope="module", autouse=True)
def _pynwb_is_there():
    pytest.importorskip("pynwb")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The directory of a config and of the files that were made by it: of videos and images, and one that exploded."""
    root = tmp_path_factory.mktemp("nwb")
    for i in range(3):
        experiment = Experiment(sheets=TINY, image_key="experanto", items=experanto_items(4 * i, 3, 1), exploded=i == 2)
        write_datastore(root / "data", experiment, directory=f"Model_chunk{i}")
    (root / "spikebin.toml").write_text(
        '[trial]\nblank = "both"\n[[recordings]]\nvariant = "train"\nroot = "data"\nparts = "Model_chunk{part}"\n'
    )
    make_plan(load_config(root / "spikebin.toml"))
    cli._register()
    return root, run(root)


def run(root, *options):
    command = ["export", "nwb", str(root / "out"), "--config", str(root / "spikebin.toml"), *options]
    return CliRunner().invoke(cli.app, command)


def test_every_spike_and_presentation_is_in_the_file(exported):
    root, result = exported
    assert (result.exit_code, result.stdout) == (1, "2 written, 0 there already, 1 failed\n")
    assert "error: train/2: Model_chunk2: its simulation exploded" in result.stderr
    plan = load_plan(load_config(root / "spikebin.toml"))
    timeline = open_timeline(plan, plan.job(0)).timeline()
    with pynwb.NWBHDF5IO(root / "out" / "train" / "0.nwb", "r") as io:
        file = io.read()
        units = file.units.to_dataframe()
        trials, presentations = file.trials.to_dataframe(), file.intervals["presentations"].to_dataframe()
    end = timeline.stretches[-1].stop / 1000
    for sheet in timeline.sheets:
        mine, found = units[units["sheet"] == sheet], timeline.spikes(sheet)
        assert mine["neuron_id"].tolist() == timeline.neurons(sheet)["neuron_id"].tolist()
        assert np.allclose(mine["x"], timeline.neurons(sheet)["x"])
        assert [len(times) for times in mine["spike_times"]] == found.counts.tolist()
        assert np.concatenate(mine["spike_times"].tolist()).tolist() == (found.times / 1000).tolist()
        assert all(one.tolist() == [[0.0, end]] for one in mine["obs_intervals"])
    assert presentations["kind"].tolist() == [stretch.kind for stretch in timeline.stretches]
    assert presentations["start_time"].tolist() == [stretch.start / 1000 for stretch in timeline.stretches]
    shown = [stretch for stretch in timeline.stretches if stretch.kind != "blank"]
    assert trials["image_id"].tolist() == [stretch.image_id for stretch in shown]
    assert trials["stop_time"].tolist() == [stretch.stop / 1000 for stretch in shown]
    told = [ast.literal_eval(stretch.stimulus.text)["movie_frame_duration"] for stretch in shown]
    assert trials["movie_frame_duration"].tolist() == told


def test_the_inspector_finds_no_errors(exported):
    nwbinspector = pytest.importorskip("nwbinspector")
    messages = list(nwbinspector.inspect_nwbfile(nwbfile_path=exported[0] / "out" / "train" / "1.nwb"))
    bad = [one for one in messages if one.importance.name in {"ERROR", "CRITICAL", "PYNWB_VALIDATION"}]
    assert not bad
    # It did look.
    assert {one.check_function_name for one in messages} >= {"check_institution"}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_pynapple_opens_it(exported):
    pynapple = pytest.importorskip("pynapple")
    file = pynapple.load_file(str(exported[0] / "out" / "train" / "0.nwb"))
    units, trials = file["units"], file["trials"]
    assert len(units) == 7
    assert len(trials) == 4
    plan = load_plan(load_config(exported[0] / "spikebin.toml"))
    timeline = open_timeline(plan, plan.job(0)).timeline()
    wanted = np.concatenate([timeline.spikes(sheet).times for sheet in timeline.sheets]) / 1000
    assert np.allclose(np.concatenate([units[i].t for i in range(7)]), wanted, rtol=0, atol=1e-9)
    inside = sum(((wanted >= start) & (wanted <= end)).sum() for start, end in trials.values)
    assert sum(units[i].restrict(trials).t.size for i in range(7)) == inside > 0


def test_the_reader_of_nwb_reads_it(exported):
    recording = open_recording(exported[0] / "out" / "train" / "0.nwb")
    sheet = recording.sheet(recording.sheets[0], TrialRule())
    assert len(sheet.trials) == 4
    assert sheet.neurons.size == 7


def test_what_is_there_is_left_alone(exported, tmp_path):
    root, _ = exported
    path = root / "out" / "train" / "1.nwb"
    before = path.stat().st_mtime_ns
    result = run(root, "--index", "1", "--json")
    assert [(one["part"], one["skipped"]) for one in json.loads(result.stdout)] == [("train/1", True)]
    assert path.stat().st_mtime_ns == before
    result = run(root, "--index", "1", "--sheet", "X_ON")
    assert result.exit_code == 1
    assert "replace it with --force" in result.stderr
    result = run(root, "--index", "1", "--sheet", "X_ON", "--force")
    assert (result.exit_code, result.stdout) == (0, "1 written, 0 there already, 0 failed\n")
    with pynwb.NWBHDF5IO(path, "r") as io:
        assert len(io.read().units) == 4
    assert (
        str(run(root, "--dataset", "x").exception) == "nwb takes no --dataset: it is made of the recordings of a plan"
    )


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_killed_at_random_a_file_is_complete_or_not_there(exported, tmp_path):
    plan = load_plan(load_config(exported[0] / "spikebin.toml"))
    jobs = [plan.job(0)]
    (whole,) = write_nwb_files(plan, jobs, tmp_path / "whole")
    start = time.monotonic()
    list(write_nwb_files(plan, jobs, tmp_path / "timed"))
    lasts = time.monotonic() - start
    path = tmp_path / "out" / "train" / "0.nwb"
    for i, share in enumerate(np.linspace(0.0, 1.2, 7).tolist()):
        # Every other time it replaces the file of other sheets.
        sheets = ["X_ON"] if i % 2 else []
        child = os.fork()
        if child == 0:
            try:
                list(write_nwb_files(plan, jobs, tmp_path / "out", sheets=sheets, force=True))
            finally:
                os._exit(0)
        time.sleep(share * lasts)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        if path.exists():
            with pynwb.NWBHDF5IO(path, "r") as io:
                n_units = len(io.read().units)
            assert n_units in (4, 7)
            # What is known of it is of this file.
            note = json.loads((tmp_path / "out" / ".spikebin" / "train" / "0.nwb" / "made_from.json").read_text())
            assert note["counts"]["n_units"] == n_units
    (again,) = write_nwb_files(plan, jobs, tmp_path / "out", force=True)
    assert (again.trouble, again.file.n_spikes) == ("", whole.file.n_spikes)
    left = [one.relative_to(tmp_path / "out") for one in (tmp_path / "out").rglob("*") if one.is_file()]
    assert sorted(map(str, left)) == [
        ".spikebin/train/0.nwb/.lock",
        ".spikebin/train/0.nwb/made_from.json",
        "train/0.nwb",
    ]


def test_what_was_left_behind_is_removed_where_the_file_is_there(exported, tmp_path):
    plan = load_plan(load_config(exported[0] / "spikebin.toml"))
    list(write_nwb_files(plan, [plan.job(0)], tmp_path / "out"))
    left = tmp_path / "out" / ".spikebin" / "train" / "0.nwb" / "partial"
    left.mkdir()
    (left / "spikes").write_bytes(b"1" * 80)
    with locked(left.parent):
        list(write_nwb_files(plan, [plan.job(0)], tmp_path / "out"))
    assert left.exists()
    (again,) = write_nwb_files(plan, [plan.job(0)], tmp_path / "out")
    assert again.file.skipped
    assert not left.exists()


def test_a_file_of_others_is_not_replaced(exported, tmp_path):
    root, _ = exported
    plan = load_plan(load_config(root / "spikebin.toml"))
    opened = open_timeline(plan, plan.job(0))
    (tmp_path / "0.nwb").write_text("mine")
    with pytest.raises(SpikebinError, match="was made of other files"):
        nwb_there(tmp_path / "0.nwb", tmp_path / "work", {})
    # What cannot be read leaves nothing behind where files are.
    segment = next(path for path in (root / "data" / "Model_chunk1").glob("Segment*"))
    timeline = open_timeline(plan, plan.job(1)).timeline()
    content = segment.read_bytes()
    segment.write_bytes(content[:50])
    try:
        with pytest.raises(RecordingError, match="Segment"):
            write_nwb(timeline, tmp_path / "1.nwb", tmp_path / "work", {}, recorded=opened.recorded)
    finally:
        segment.write_bytes(content)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.nwb", "work"]
