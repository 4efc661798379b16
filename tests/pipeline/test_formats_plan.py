"""The same formats through spikebin.toml: plan, jobs, the data set, and `init`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import one_line_error
from here import export_here, spikebin_here
from sessions import (
    IDS,
    ONSETS_MS,
    make_trains,
    reference,
    write_nest,
    write_npz,
    write_nwb,
    write_sonata,
    write_trials,
)
from workers import forked_workers

import spikebin as package
from spikebin.errors import ConfigError
from spikebin.pipeline.config import Recordings, load_config
from spikebin.pipeline.init_config import file_pattern, nested_pattern
from spikebin.recordings.settings import Reading, TrialRule

PARTS = {"mon": make_trains(seed=2), "tue": make_trains(seed=3)}


@pytest.fixture
def sessions(tmp_path):
    """Two days, each with an .npz, an NWB and a SONATA file, and events of its own."""
    for i, (part, trains) in enumerate(PARTS.items()):
        for write in (write_npz, write_nwb, write_sonata):
            path = write(tmp_path, trains)
            path.rename(tmp_path / f"{path.stem}_{part}{path.suffix}")
        onsets = ONSETS_MS[: 10 + i] / 1000
        names = [f"image{k % 3}" for k in range(onsets.size)]
        write_trials(tmp_path / f"events_{part}.csv", {"cue_s": onsets.tolist(), "image": names})
    return tmp_path


def config(
    directory, parts, recordings="", trial='events = "events_{part}.csv"\nalign_to = "cue_s"\nimage_id = "image"'
):
    (directory / "spikebin.toml").write_text(
        f"[binning]\nwidth = 10\nend_bin = false\n[trial]\nwindow = [-100, 300]\n{trial}\n"
        f'[[recordings]]\nvariant = "train"\nroot = "."\nparts = "{parts}"\n{recordings}\n'
    )
    return directory / "spikebin.toml"


@pytest.mark.parametrize(
    ("parts", "form", "sheet"),
    [
        ("session_{part}.npz", "arrays", "neurons"),
        ("session_{part}.nwb", "nwb", "units"),
        ("spikes_{part}.h5", "sonata", "v1"),
    ],
)
def test_plan_and_jobs_make_a_data_set(sessions, parts, form, sheet):
    config(sessions, parts, f'format = "{form}"')
    assert spikebin_here("plan", cwd=sessions).returncode == 0
    export_here(sessions)
    assert spikebin_here("missing", cwd=sessions).stdout == ""
    for i, (part, trains) in enumerate(PARTS.items()):
        file = package.open_file(sessions / f"dataset/train/spikes/{sheet}/spikes_{sheet}_{part}.h5")
        onsets = ONSETS_MS[: 10 + i]
        np.testing.assert_array_equal(file.spikes[:], reference(trains, onsets - 100, onsets + 300, 10) > 0)
        assert file.trials["image_id"][:4].tolist() == ["image0", "image1", "image2", "image0"]
        assert f"events_{part}.csv" in file.sources["name"].tolist()
        ids = np.load(sessions / f"dataset/train/neuron_ids/neuron_ids_{sheet}_{part}.npy")
        assert ids.tolist() == IDS.tolist()
        assert np.load(sessions / f"dataset/train/image_ids/image_ids_{sheet}_{part}.npy").size == 10 + i


def test_recordings_of_several_files_are_planned_by_one_of_them(tmp_path):
    for part, trains in PARTS.items():
        (tmp_path / f"day_{part}").mkdir()
        write_nest(tmp_path / f"day_{part}", trains)
    config(tmp_path, "day_{part}", 'format = "nest"', trial='events = "none"')
    assert spikebin_here("plan", cwd=tmp_path).returncode == 0
    export_here(tmp_path)
    file = package.open_file(tmp_path / "dataset/train/spikes/v1-0000041/spikes_v1-0000041_tue.h5")
    np.testing.assert_array_equal(file.spikes[:], reference(PARTS["tue"], [-100], [300], 10) > 0)


def test_another_window_is_another_data_set(sessions):
    config(sessions, "session_{part}.npz", 'format = "arrays"')
    assert spikebin_here("plan", cwd=sessions).returncode == 0
    export_here(sessions)
    path = sessions / "spikebin.toml"
    path.write_text(path.read_text().replace("300", "400"))
    one_line_error(spikebin_here("missing", cwd=sessions), "window_stop = 400.0", "--replace")
    assert spikebin_here("plan", "--replace", cwd=sessions).returncode == 0
    assert spikebin_here("missing", cwd=sessions).stdout == "0-1\n"


def test_job_and_run_say_once_which_trials_were_dropped(sessions):
    for part in PARTS:
        write_trials(sessions / f"events_{part}.csv", {"cue_s": [1.0, 2.0, 19.9], "image": ["a", "b", "c"]})
    short = 'events = "events_{part}.csv"\nalign_to = "cue_s"\nimage_id = "image"\nshort = "drop"'
    config(sessions, "spikes_{part}.h5", 'format = "sonata"\nduration = 20000\nsheets = ["v1"]', short)
    assert spikebin_here("plan", cwd=sessions).returncode == 0
    told = spikebin_here("job", "0", "--json", cwd=sessions)
    (outcome,) = json.loads(told.stdout)
    notes = outcome["notes"]
    assert notes == [
        f"trials of {sessions}/events_mon.csv: cue_s in s",
        "left out 1 of 3 trials, which reach past what was recorded (short = drop)",
    ]
    assert told.stderr.splitlines() == [f"note: train/mon v1: {note}" for note in notes]
    with forked_workers():
        result = spikebin_here("run", "--force", "--workers", "1", cwd=sessions)
    said = [line for line in result.stderr.splitlines() if line.startswith("note: ")]
    assert said == [f"note: train/mon v1: {note} (and 1 more)" for note in notes]


def test_a_part_without_events_fails_alone(sessions):
    (sessions / "events_mon.csv").unlink()
    config(sessions, "session_{part}.npz", 'format = "arrays"')
    spikebin_here("plan", cwd=sessions)
    one_line_error(spikebin_here("job", "0", cwd=sessions), "no table of events", "events_mon.csv")
    assert spikebin_here("job", "1", cwd=sessions).returncode == 0
    assert spikebin_here("missing", cwd=sessions).stdout == "0\n"


def test_keys_of_the_config(tmp_path):
    path = config(
        tmp_path,
        "{part}.npz",
        'format = "arrays"\nunit = "samples"\nrate = 30000\ntimes = "t"\nneurons = "n"\nids = "1-5"\n'
        'labels = ["good"]\nnodes = "n.h5"',
        'events = "t.csv"\nunit = "s"\nalign_to = "cue"\nuntil = "gone"\ndrop_missing = true',
    )
    loaded = load_config(path)
    assert loaded.trial == TrialRule(
        events="t.csv",
        events_unit="s",
        align_to="cue",
        until="gone",
        window_start=-100.0,
        window_stop=300.0,
        drop_missing=True,
    )
    assert loaded.recordings[0].reading == Reading(
        "samples", 30_000.0, "t", "n", "1-5", ("good",), str(tmp_path / "n.h5")
    )
    assert loaded.rule("train", "x").events == str(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("recordings", "trial", "message"),
    [
        ('unit = "h"', "", "unit='h': give 's'"),
        ("rate = 0", "", "rate is 0"),
        ("rate = true", "", "rate is True"),
        ('labels = "good"', "", "labels is 'good'"),
        ('nods = "x"', "", "unknown key 'nods': did you mean 'nodes'"),
        ("", 'unit = "days"', "unit='days'"),
        ("", "drop_missing = 1", "drop_missing is 1"),
        ("", 'event = "x"', "unknown key 'event': did you mean 'events'"),
    ],
)
def test_wrong_keys_name_file_key_and_remedy(tmp_path, recordings, trial, message):
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(config(tmp_path, "{part}", recordings, trial))
    assert "spikebin.toml line" in str(caught.value)


@pytest.mark.parametrize("window", ["[1]", "[2, 1]", '["a", 1]', "5", "[true, 2]"])
def test_wrong_windows_are_refused(tmp_path, window):
    path = config(tmp_path, "{part}")
    path.write_text(path.read_text().replace("[-100, 300]", window))
    with pytest.raises(ConfigError, match=r"\[trial\] window is .*: give its start and stop in ms"):
        load_config(path)


@pytest.mark.parametrize(
    ("names", "pattern"),
    [
        (["session_mon.npz", "session_tue.npz"], "session_{part}.npz"),
        (["day10.nwb", "day11.nwb"], "{part}.nwb"),
        (["a_1_sorted.csv", "a_22_sorted.csv"], "a_{part}_sorted.csv"),
        (["only.h5"], "only.h5"),
        (["12.npz"], "12.npz"),
        (["a*.npz"], "{part}"),
        (["phy.v2"], "phy.v2"),
        (["phy_a", "phy_b"], "phy_{part}"),
    ],
)
def test_names_of_files_make_a_pattern(names, pattern):
    assert file_pattern(names) == pattern
    parts = [Recordings("train", Path(), pattern).part(name) for name in names]
    assert None not in parts
    assert len(set(parts)) == len(names)


def test_only_what_a_format_may_be_is_a_part(tmp_path):
    write_npz(tmp_path, PARTS["mon"])
    (tmp_path / "notes.md").touch()
    config(tmp_path, "{part}", 'format = "arrays"', trial='events = "none"')
    assert spikebin_here("plan", cwd=tmp_path).returncode == 0
    assert (tmp_path / "dataset/jobs.csv").read_text().splitlines()[1:] == ["0,train,session.npz,neurons,session.npz"]


@pytest.mark.parametrize(("write", "form"), [(write_nwb, "nwb"), (write_sonata, "sonata"), (write_npz, "arrays")])
def test_init_recognises_them_and_its_config_works(tmp_path, write, form):
    (tmp_path / "data").mkdir()
    for day in (1, 2):
        path = write(tmp_path / "data", make_trains(seed=day))
        path.rename(tmp_path / "data" / f"day{day}{path.suffix}")
    result = spikebin_here("init", "data", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    text = (tmp_path / "spikebin.toml").read_text()
    assert f'format = "{form}"' in text
    assert spikebin_here("plan", cwd=tmp_path).returncode == 0
    export_here(tmp_path)


def test_one_file_is_one_part_whatever_lies_beside_it(tmp_path):
    write_npz(tmp_path, PARTS["mon"])
    write_npz(tmp_path, PARTS["tue"]).rename(tmp_path / "other.npz")
    write_npz(tmp_path, PARTS["mon"])
    assert spikebin_here("init", "session.npz", cwd=tmp_path).returncode == 0
    assert 'parts = "session.npz"' in (tmp_path / "spikebin.toml").read_text()
    assert spikebin_here("plan", cwd=tmp_path).returncode == 0
    assert (tmp_path / "dataset/jobs.csv").read_text().splitlines()[1:] == ["0,train,session,neurons,session.npz"]
    assert spikebin_here("job", "0", cwd=tmp_path).returncode == 0
    assert (tmp_path / "dataset/train/spikes/neurons/spikes_neurons_session.h5").exists()


@pytest.fixture
def runs(tmp_path):
    """Two runs of a simulation as bmtk lays them out, and what else lies about."""
    for i, trains in enumerate(PARTS.values()):
        for below in ("output", "inputs"):
            (tmp_path / f"sims/run_{i}" / below).mkdir(parents=True)
            write_sonata(tmp_path / f"sims/run_{i}" / below, trains)
        (tmp_path / f"sims/run_{i}/simulation_config.json").write_text("{}")
    (tmp_path / "sims/run_2/output").mkdir(parents=True)
    (tmp_path / "sims/run_3").touch()
    return tmp_path


def test_runs_with_one_file_name_are_parts_by_their_directories(runs):
    (runs / "spikebin.toml").write_text(
        "[binning]\nwidth = 10\nend_bin = false\n[[recordings]]\n"
        'variant = "train"\nroot = "sims"\nparts = "run_{repeat}/output/spikes.h5"\nformat = "sonata"\n'
    )
    assert spikebin_here("plan", cwd=runs).returncode == 0
    export_here(runs)
    sources = [line.split(",")[-1] for line in (runs / "dataset/jobs.csv").read_text().splitlines()[1:]]
    assert sources == [f"sims/run_{i}/output/spikes.h5" for i in range(2)]
    for i, trains in enumerate(PARTS.values()):
        file = package.open_file(runs / f"dataset/train/spikes/v1/spikes_v1_{i}.h5")
        assert file.header.n_spikes == sum(map(len, trains))
        assert file.trials["repeat"].tolist() == [i]
    text = (runs / "spikebin.toml").read_text()
    (runs / "spikebin.toml").write_text(text.replace("run_{repeat}/output", "*/{part}"))
    one_line_error(spikebin_here("plan", "--replace", cwd=runs), "'run_0/inputs/spikes.h5'", "'run_1/inputs/spikes.h5'")
    (runs / "spikebin.toml").write_text(text.replace("run_{repeat}/output", "{part}"))
    one_line_error(spikebin_here("plan", "--replace", cwd=runs), "no path below sims", "fix `parts`")


@pytest.mark.parametrize("below", ["output/", ""])
def test_init_looks_one_and_two_levels_below(runs, below):
    for i in range(2):
        (runs / f"sims/run_{i}/inputs/spikes.h5").unlink()
        (runs / f"sims/run_{i}/output/spikes.h5").rename(runs / f"sims/run_{i}" / below / "spikes.h5")
    result = spikebin_here("init", "sims", cwd=runs)
    assert result.returncode == 0, result.stderr
    assert f'parts = "run_{{part}}/{below}spikes.h5"' in (runs / "spikebin.toml").read_text()
    assert spikebin_here("plan", cwd=runs).returncode == 0
    export_here(runs)
    assert {path.name for path in (runs / "dataset/train/spikes/v1").glob("*.h5")} == {
        f"spikes_v1_{i}.h5" for i in range(2)
    }


def test_init_names_files_that_are_one_part_twice(runs):
    one_line_error(
        spikebin_here("init", "sims", cwd=runs), "run_0/inputs/spikes.h5", "run_0/output/spikes.h5", "claimed"
    )
    assert not (runs / "spikebin.toml").exists()


@pytest.mark.parametrize(
    ("names", "pattern"),
    [
        (["run_1/out/s.h5", "run_22/out/s.h5"], "run_{part}/out/s.h5"),
        (["run_1/out/s.h5"], "run_1/out/s.h5"),
        (["a/d1/s_1.nwb", "b/d1/s_2.nwb", "b/d2/s_11.nwb"], "{part}/{part2}/s_{part3}.nwb"),
        (["run_/s.h5", "run_2/s.h5"], "{part}/s.h5"),
        (["a*_1/s.h5", "a*_2/s.h5"], "{part}/s.h5"),
        (["v0.1/s.h5", "v1.2/s.h5"], "{part}/s.h5"),
    ],
)
def test_paths_make_a_pattern(names, pattern):
    assert nested_pattern(names) == pattern
    parts = [Recordings("train", Path(), nested_pattern(names)).part(name) for name in names]
    assert None not in parts
    assert len(set(parts)) == len(names)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("s.npz", "s"),
        ("run.1/out/s.npz", "s"),
        ("phy.v2", "phy"),
        ("a.b.nwb", "a.b"),
        ("x.2024", "x.2024"),
        (".nwb", ".nwb"),
    ],
)
def test_the_part_of_an_exact_name(name, part):
    recordings = Recordings("train", Path(), name)
    assert recordings.part(name) == part
    assert recordings.part(f"x{name}") is None
