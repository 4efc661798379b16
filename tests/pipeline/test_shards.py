"""The recordings of a plan as shards: one a part, one a trial over its parts, restarted, and recordings again."""

from __future__ import annotations

import json
import shutil
import time

import numpy as np
import pytest
from exports.shards import read_screen, read_shard
from typer.testing import CliRunner
from workers import typed

import spikebin
from spikebin import cli
from spikebin.exports.experanto.settings import ShardSettings
from spikebin.pipeline.config import load_config
from spikebin.pipeline.job import run_job
from spikebin.pipeline.plan import load_plan, make_plan
from spikebin.pipeline.shards import shard_tasks, write_shards
from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.schedule import experanto_items
from spikebin.simulate.v1 import SheetModel

TINY = (SheetModel("X_ON", 4), SheetModel("V1_Exc_L2/3", 3))


@pytest.fixture(scope="module")
def three_parts(tmp_path_factory):
    root = tmp_path_factory.mktemp("three_parts")
    for i in range(3):
        experiment = Experiment(sheets=TINY, image_key="experanto", items=experanto_items(i, 3, 1), exploded=i == 2)
        write_datastore(root / "data", experiment, directory=f"Model_chunk{i}")
    return root


@pytest.fixture
def config(three_parts, tmp_path):
    shutil.copytree(three_parts, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "spikebin.toml"
    path.write_text(
        '[trial]\nblank = "both"\n[[recordings]]\nvariant = "train"\nroot = "data"\nparts = "Model_chunk{part}"\n'
    )
    make_plan(load_config(path))
    return path


@pytest.fixture(scope="module")
def two_trials(tmp_path_factory):
    root = tmp_path_factory.mktemp("two_trials")
    for repeat in range(2):
        for chunk in range(3):
            items = experanto_items(4 * chunk, 3, 1, repeat)
            experiment = Experiment(sheets=TINY, image_key="experanto", items=items)
            write_datastore(root / "data", experiment, directory=f"Model_trial{repeat}_chunk{chunk}")
    return root


@pytest.fixture
def chunked(two_trials, tmp_path):
    """Two trials of three chunks, each with images and videos."""
    (tmp_path / "data").symlink_to(two_trials / "data")
    path = tmp_path / "spikebin.toml"
    path.write_text(
        '[trial]\nblank = "both"\n[[recordings]]\nvariant = "train"\nroot = "data"\n'
        'parts = "Model_trial{repeat}_chunk{part}"\n'
    )
    return make_plan(load_config(path))[0]


def test_the_parts_of_a_plan(config, tmp_path):
    def export(*arguments):
        return CliRunner().invoke(cli.app, ["export", "experanto", *map(str, arguments), "--config", str(config)])

    cli._register()
    result = export(tmp_path / "out")
    assert result.exit_code == 1
    assert result.stdout == "2 written, 0 there already, 1 failed\n"
    assert "error: train/2: Model_chunk2: its simulation exploded" in result.stderr
    assert sorted(path.name for path in (tmp_path / "out" / "train").iterdir()) == ["0", "1"]
    assert read_shard(tmp_path / "out" / "train" / "1")[2]["sheets"] == ["X_ON", "V1_Exc_L2/3"]
    result = export(tmp_path / "out", "--index", "0,1", "--json")
    assert [(one["part"], one["shards"][0]["skipped"]) for one in json.loads(result.stdout)] == [
        ("train/0", True),
        ("train/1", True),
    ]
    # Another choice is another shard, which takes its place only if asked to.
    result = export(tmp_path / "out", "--index", "1", "--sheet", "V1_Exc_L23")
    assert "replace it with --force" in result.stderr
    result = export(tmp_path / "out", "--index", "1", "--sheet", "V1_Exc_L23", "--force")
    assert (result.exit_code, result.stdout) == (0, "1 written, 0 there already, 0 failed\n")
    assert read_shard(tmp_path / "out" / "train" / "1")[2]["sheets"] == ["V1_Exc_L2/3"]
    (tmp_path / "mine" / "train" / "0").mkdir(parents=True)
    (tmp_path / "mine" / "train" / "0" / "notes.txt").write_text("keep")
    result = export(tmp_path / "mine", "-i", "0")
    assert "is there and was not written by spikebin" in result.stderr
    assert (tmp_path / "mine" / "train" / "0" / "notes.txt").read_text() == "keep"
    for arguments, words in (
        ((config.parent / "dataset" / "x",), "lies in the data set"),
        ((tmp_path / "new", "--step", "2"), "experanto takes no --step"),
        ((tmp_path / "new", "--by", "trial"), "needs the field {repeat} in `parts`"),
        ((tmp_path / "new", "--tier", "train=0.8"), "do not add up to 1"),
        ((tmp_path / "new", "--as", "sequence", "--rate", "30", "--width", "2"), "give --rate or --width alone"),
        ((tmp_path / "new", "--dataset", "x", "--index", "1"), "takes no --index"),
    ):
        assert words in str(export(*arguments).exception or export(*arguments).stderr)


def test_shards_are_recordings_of_a_plan(config, tmp_path):
    plan = load_plan(load_config(config))
    outcomes = list(write_shards(plan, shard_tasks(plan, indices=[0, 1]), tmp_path / "out", ShardSettings(tier="")))
    assert [outcome.trouble for outcome in outcomes] == ["", ""]
    shutil.rmtree(tmp_path / "data")
    again = tmp_path / "again.toml"
    again.write_text(
        'output = "again"\n[trial]\nblank = "both"\n'
        '[[recordings]]\nvariant = "train"\nroot = "out/train"\nparts = "{part}"\nformat = "experanto"\n'
    )
    plan, _ = make_plan(load_config(again))
    seals = [outcome.header for job in plan.jobs for outcome in run_job(plan, job)]
    assert len(seals) == 4
    assert all(seal.n_spikes > 0 and seal.n_outside == 0 for seal in seals)
    assert sum(seal.n_spikes + seal.n_unassigned for seal in seals) == sum(o.shards[0].n_spikes for o in outcomes)


@pytest.mark.slow
def test_killed_at_random_a_shard_is_complete_or_not_there(config, tmp_path):
    draws = np.random.default_rng(5)
    for _ in range(6):
        child = typed("export", "experanto", "out", "--config", config, cwd=tmp_path)
        time.sleep(draws.uniform(0, 0.4))
        child.kill()
        child.join()
        for path in (tmp_path / "out" / "train").iterdir() if (tmp_path / "out" / "train").exists() else ():
            read_shard(path)
            assert read_screen(path)
            assert json.loads((path / "meta.json").read_text())["data_key"] == path.name
    plan = load_plan(load_config(config))
    outcomes = list(write_shards(plan, shard_tasks(plan, indices=[0, 1]), tmp_path / "out", ShardSettings(tier="")))
    assert [outcome.trouble for outcome in outcomes] == ["", ""]


def test_a_shard_a_trial_over_its_chunks(chunked, tmp_path, monkeypatch):
    parts = list(write_shards(chunked, shard_tasks(chunked), tmp_path / "parts", ShardSettings(tier="")))
    tasks = shard_tasks(chunked, by="trial")
    assert [(str(task), [job.part for job in task.jobs]) for task in tasks] == [
        ("train/trial_0", ["0-0", "0-1", "0-2"]), ("train/trial_1", ["1-0", "1-1", "1-2"])
    ]  # fmt: skip
    # Of an array with a task for each job, those of the other chunks write nothing.
    assert [len(shard_tasks(chunked, by="trial", indices=[i])) for i in range(6)] == [1, 0, 0, 1, 0, 0]
    read = []
    count = {"on_read": lambda *so_far: read.append(so_far)}
    trials = list(write_shards(chunked, tasks, tmp_path / "trials", ShardSettings(tier=""), **count))
    n_all = sum(2 * (one.shards[0].n_entries - 1) for one in parts[:3])
    assert read == [(n, n_all) for n in range(1, n_all + 1)] * 2
    assert [one.trouble for one in parts + trials] == [""] * 8
    wanted, screen, onset = [], [], 0.0
    for chunk in range(3):
        spikes, shown, meta = read_shard(tmp_path / "parts" / "train" / f"1-{chunk}")
        wanted += [(sheet, unit, round(onset + s, 9)) for sheet, unit, s in spikes]
        screen += [(kind, image, round(onset + a, 9), round(onset + b, 9)) for kind, image, a, b, _ in shown]
        onset += meta["end_time"]
    spikes, shown, meta = read_shard(tmp_path / "trials" / "train" / "trial_1")
    assert sorted((sheet, unit, round(s, 9)) for sheet, unit, s in spikes) == sorted(wanted)
    assert [(kind, image, round(a, 9), round(b, 9)) for kind, image, a, b, _ in shown] == screen
    assert meta["trial_id"] == 1
    # A screen has five digits for its entries: more are more shards, cut between presentations.
    monkeypatch.setattr("spikebin.pipeline.shards.MOST_ENTRIES", 8)
    monkeypatch.setattr("spikebin.exports.experanto.shard.MOST_ENTRIES", 8)
    outcome, _ = write_shards(chunked, tasks, tmp_path / "cut", ShardSettings(tier=""))
    assert outcome.trouble == ""
    assert len(outcome.shards) > 3
    assert all(shard.n_entries <= 8 for shard in outcome.shards)
    assert sum(shard.n_spikes for shard in outcome.shards) == trials[0].shards[0].n_spikes
    again, _ = write_shards(chunked, tasks, tmp_path / "cut", ShardSettings(tier=""))
    assert [shard.path.name for shard in again.shards] == [
        "trial_0",
        *(f"trial_0_{i}" for i in range(1, len(again.shards))),
    ]
    assert all(shard.skipped for shard in again.shards)
    # However they are cut, they hold the same parts: of shards, and of a data set.
    for name in ("trials", "cut"):
        verdicts = spikebin.compare_two_shards(tmp_path / name, tmp_path / "parts")
        assert [str(verdict) for verdict in verdicts] == [f"train/{r}-{c}: agrees" for r in range(2) for c in range(3)]
    for job in chunked.jobs:
        assert all(outcome.exported for outcome in run_job(chunked, job))
    sheets = spikebin.open_dataset(chunked.output, "train")
    for name in ("trials", "cut"):
        verdicts = spikebin.compare_shards(sheets, tmp_path / name)
        assert (len(verdicts), [str(one) for one in verdicts if not one.agrees]) == (12, [])


def test_all_repeats_of_a_condition_are_in_one_tier(chunked, tmp_path):
    settings = ShardSettings(tier="train=0.5,validation=0.5")
    tiers = {}
    for outcome in write_shards(chunked, shard_tasks(chunked), tmp_path / "out", settings):
        for kind, image, *_, tier in read_shard(outcome.shards[0].path)[1]:
            if kind != "blank":
                tiers.setdefault((kind, image), set()).add(tier)
    assert all(len(one) == 1 for one in tiers.values())
    assert set.union(*tiers.values()) == {"train", "validation"}


def test_a_data_set_whose_recordings_are_gone(config, tmp_path):
    plan = load_plan(load_config(config))
    seals = {}
    for job in plan.jobs[:2]:
        for outcome in run_job(plan, job):
            seals[job.part, outcome.sheet] = outcome.header
    shutil.rmtree(tmp_path / "data")
    command = ["export", "experanto", str(tmp_path / "out"), "--dataset", str(plan.output), "--leave-out", "2"]
    result = CliRunner().invoke(cli.app, command)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == "2 written, 0 there already, 0 failed\n"
    again = tmp_path / "again.toml"
    again.write_text(
        'output = "again"\n[trial]\nblank = "both"\n'
        '[[recordings]]\nvariant = "train"\nroot = "out/train"\nparts = "{part}"\nformat = "experanto"\n'
    )
    plan, _ = make_plan(load_config(again))
    for job in plan.jobs:
        for outcome in run_job(plan, job):
            before = seals[job.part, outcome.sheet]
            assert outcome.header.content_digest == before.content_digest, outcome.message
            assert outcome.header.n_spikes == before.n_binned > 0
    result = CliRunner().invoke(cli.app, [*command[:2], str(tmp_path / "bins"), *command[3:], "--as", "sequence"])
    assert result.exit_code == 0, result.stderr
    for job in plan.jobs:
        counts = np.load(tmp_path / "bins" / "train" / job.part / "responses" / "data.npy")
        assert counts.sum() == sum(seals[job.part, sheet].n_binned for sheet in job.sheets)


def test_sheets_of_several_recordings_are_one_shard(tmp_path):
    for root, sheets in (("thalamus", TINY[:1]), ("cortex", TINY[1:])):
        for i in range(2):
            experiment = Experiment(sheets=sheets, image_key="experanto", items=experanto_items(4 * i, 3, 1))
            write_datastore(tmp_path / root, experiment, directory=f"Model_chunk{i}")
    other = Experiment(sheets=TINY[1:], image_key="experanto", items=experanto_items(20, 3, 1))
    shutil.rmtree(tmp_path / "cortex" / "Model_chunk1")
    write_datastore(tmp_path / "cortex", other, directory="Model_chunk1")
    (tmp_path / "spikebin.toml").write_text(
        '[trial]\nblank = "both"\n'
        + "".join(
            f'[[recordings]]\nvariant = "train"\nroot = "{root}"\nparts = "Model_chunk{{part}}"\nsheets = ["{sheet}"]\n'
            for root, sheet in (("thalamus", "X_ON"), ("cortex", "V1_Exc_L2/3"))
        )
    )
    make_plan(load_config(tmp_path / "spikebin.toml"))
    good, bad = spikebin.export_shards(tmp_path / "out", tmp_path / "spikebin.toml")
    assert good.trouble == ""
    spikes, _, meta = read_shard(tmp_path / "out" / "train" / "0")
    assert meta["sheets"] == ["X_ON", "V1_Exc_L2/3"]
    assert {sheet for sheet, _, _ in spikes} == {"X_ON", "V1_Exc_L2/3"}
    assert "was not shown the same as" in bad.trouble
    (one,) = spikebin.export_shards(tmp_path / "one", tmp_path / "spikebin.toml", indices=[1], sheets=["V1_Exc_L23"])
    assert one.shards[0].n_units == 3


def test_a_data_set_can_be_made_of_shards_and_agrees(chunked, tmp_path):
    for job in chunked.jobs[:2]:
        assert all(outcome.exported for outcome in run_job(chunked, job))
    outcomes = spikebin.export_shards(tmp_path / "out", tmp_path / "spikebin.toml", indices=[0, 1])
    assert [outcome.trouble for outcome in outcomes] == ["", ""]
    verdicts = spikebin.compare_shards(
        spikebin.open_dataset(chunked.output, "train", leave_out=["0-2", "1-0", "1-1", "1-2"]), tmp_path / "out"
    )
    assert len(verdicts) == 4
    assert all(verdict.agrees for verdict in verdicts), verdicts
    assert all(verdict.agrees for verdict in spikebin.compare_datasets(chunked.output, chunked.output))
