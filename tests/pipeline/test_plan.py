"""Plans that keep their indices, the six states, exclusion, and what `missing` and `status` say of them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from conftest import make_config, one_line_error, write_toml
from here import spikebin_here
from hypothesis import given
from hypothesis import strategies as st

from spikebin import Binning, SpikebinError, open_file
from spikebin.errors import ConfigError, PlanError
from spikebin.matrixfile.seal import pack_facts
from spikebin.names import natural_key
from spikebin.output.jobs import Job, Source
from spikebin.output.paths import matrix_path
from spikebin.output.state import State, survey
from spikebin.pipeline.config import Config, Recordings, load_config
from spikebin.pipeline.job import run_job
from spikebin.pipeline.plan import Plan, load_plan, make_plan
from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import SheetModel

SHEETS = (SheetModel("X_ON", 3), SheetModel("V1_Inh_L2/3", 4))


def add_part(root, first, sheets=SHEETS, n_images=1):
    return write_datastore(root, Experiment(first, n_images, sheets=sheets))


def names_only(root, *parts):
    """Directories that hold nothing: all that a plan needs when the sheets are given."""
    for part in parts:
        (root / f"NewDataset_Images_from_{part}_to_x").mkdir(parents=True)


def states(config, **options):
    return {(s.job.part, s.sheet): s.state for s in survey(load_plan(config), **options)}


def test_an_index_keeps_its_part_when_parts_come_and_go(tmp_path):
    names_only(tmp_path / "data", 500, 50000, 1000)
    config = make_config(tmp_path / "out", tmp_path / "data", sheets=("X_ON",))
    plan, changes = make_plan(config)
    assert [(job.index, job.part) for job in plan.jobs] == [(0, "500"), (1, "1000"), (2, "50000")]
    assert changes.parts == 3
    names_only(tmp_path / "data", 7)
    (tmp_path / "data" / "NewDataset_Images_from_1000_to_x").rmdir()
    plan, changes = make_plan(config)
    assert [job.part for job in plan.jobs] == ["500", "1000", "50000", "7"]
    assert (changes.parts, changes.vanished) == (1, ["train/1000"])
    assert load_plan(config).jobs == plan.jobs
    assert states(config)["1000", "X_ON"] is State.NO_SOURCE


def test_new_sheets_and_sources_are_added_and_no_index_moves(tmp_path):
    names_only(tmp_path / "a", 1, 2)
    names_only(tmp_path / "b", 2)
    entries = tuple(
        Recordings("train", tmp_path / name, "NewDataset_Images_from_{part}_to_*", sheets=(sheet,))
        for name, sheet in (("a", "X_ON"), ("b", "X_OFF"))
    )
    config = Config(tmp_path / "spikebin.toml", tmp_path / "out", entries, sheets=("X_ON", "X_OFF"))
    make_plan(config)
    assert states(config) == {
        ("1", "X_ON"): State.MISSING, ("1", "X_OFF"): State.NO_SOURCE,
        ("2", "X_ON"): State.MISSING, ("2", "X_OFF"): State.MISSING,
    }  # fmt: skip
    names_only(tmp_path / "b", 1)
    _, changes = make_plan(config)
    assert (changes.parts, changes.sheets, changes.sources) == (0, 0, 1)
    more = Config(config.path, config.output, entries, sheets=("X_ON", "X_OFF", "V1"))
    with pytest.raises(PlanError, match="run `spikebin plan`"):
        load_plan(more)
    _, changes = make_plan(more)
    assert (changes.parts, changes.sheets) == (0, 2)
    assert [job.part for job in load_plan(more).jobs] == ["1", "2"]


def test_sources_follow_a_root_that_moved(tmp_path):
    names_only(tmp_path / "a", 1, 2)
    make_plan(make_config(tmp_path / "out", tmp_path / "a", sheets=("X_ON",)))
    shutil.move(tmp_path / "a", tmp_path / "b")
    moved = make_config(tmp_path / "out", tmp_path / "b", sheets=("X_ON",))
    assert set(states(moved).values()) == {State.NO_SOURCE}
    plan = load_plan(moved)
    with pytest.raises(PlanError, match="run `spikebin plan`"):
        plan.entry(plan.jobs[0], plan.jobs[0].source("X_ON"))
    make_plan(moved)
    assert set(states(moved).values()) == {State.MISSING}


def test_each_part_is_read_as_its_own_entry_says_though_the_roots_are_one(tmp_path):
    times, neurons = np.array([10.5, 80.25, 81.0, 399.0]), np.array([1, 2, 1, 2])
    np.savez(tmp_path / "A_1.npz", times=times / 1000, neurons=neurons)
    np.savez(tmp_path / "B_2.npz", times=times, neurons=neurons)
    (tmp_path / "spikebin.toml").write_text(
        '[trial]\nevents = "none"\nwindow = [0, 400]\n'
        + "".join(
            f'[[recordings]]\nvariant = "train"\nroot = "."\nparts = "{parts}"\nformat = "arrays"\nunit = "{unit}"\n'
            for parts, unit in (("A_{part}.npz", "s"), ("B_{part}.npz", "ms"))
        )
    )
    plan, _ = make_plan(load_config(tmp_path / "spikebin.toml"))
    assert [plan.entry(job, job.source("neurons")).reading.unit for job in plan.jobs] == ["s", "ms"]
    for job in plan.jobs:
        assert [outcome.state for outcome in run_job(plan, job)] == [State.DONE]
    a, b = (open_file(matrix_path(tmp_path / "dataset", "train", part, "neurons")).spikes[:] for part in "12")
    assert a.sum() == times.size
    np.testing.assert_array_equal(a, b)


def test_entries_that_share_a_recording_are_told_apart_by_their_sheets(tmp_path):
    names_only(tmp_path / "data", 1)
    pattern = "NewDataset_Images_from_{part}_to_*"
    first, second = (Recordings("train", tmp_path / "data", pattern, sheets=(sheet,)) for sheet in ("A", "B"))
    plan, _ = make_plan(Config(tmp_path / "spikebin.toml", tmp_path / "out", (first, second)))
    (job,) = plan.jobs
    assert [plan.entry(job, job.source(sheet), sheet) for sheet in ("A", "B")] == [first, second]
    with pytest.raises(ConfigError, match="claimed by both entry 1 .* and entry 2"):
        make_plan(Config(tmp_path / "spikebin.toml", tmp_path / "out", (first, first)))


def test_without_sheets_every_part_is_planned_with_what_it_holds(tmp_path):
    names_only(tmp_path / "data", 100)
    add_part(tmp_path / "data", 200, SHEETS[:1])
    add_part(tmp_path / "data", 300)
    config = make_config(tmp_path / "out", tmp_path / "data")
    make_plan(config)
    expected = {
        ("100", "X_ON"): State.MISSING, ("100", "V1_Inh_L2/3"): State.MISSING,
        ("200", "X_ON"): State.MISSING, ("200", "V1_Inh_L2/3"): State.NO_SOURCE,
        ("300", "X_ON"): State.MISSING, ("300", "V1_Inh_L2/3"): State.MISSING,
    }  # fmt: skip
    assert states(config) == expected
    for file in (tmp_path / "data").glob("*_from_[23]00_*/*"):
        file.unlink()
    add_part(tmp_path / "data", 400, SHEETS[1:])
    make_plan(config)
    added = {("400", "X_ON"): State.NO_SOURCE, ("400", "V1_Inh_L2/3"): State.MISSING}
    assert states(config) == expected | added, "what a plan has found is not looked at again"


def test_a_part_that_is_called_otherwise_now_is_not_exported_twice(tmp_path):
    add_part(tmp_path / "data", 100)
    root = tmp_path / "data"
    next(root.iterdir()).rename(root / "x_A_1")
    before, after = (
        Config(tmp_path / "spikebin.toml", tmp_path / "out", (Recordings("train", root, parts),))
        for parts in ("x_{part}_1", "x_A_{part}")
    )
    make_plan(before)
    plan, changes = make_plan(after)
    assert changes.vanished == ["train/A"]
    assert [(job.index, job.part) for job in plan.jobs] == [(0, "A"), (1, "1")]
    of_part = {part: state for (part, _), state in states(after).items()}
    assert of_part == {"A": State.NO_SOURCE, "1": State.MISSING}
    for outcome in run_job(plan, plan.job(0)):
        assert outcome.state is State.NO_SOURCE
        assert "`spikebin plan` looks again" in outcome.message
    plan, _ = make_plan(before)
    assert {part: state for (part, _), state in states(before).items()} == {"A": State.MISSING, "1": State.NO_SOURCE}


def together(program, *arguments):
    """Run a program in four processes at once, each given its number."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(n), *map(str, arguments)], stdout=subprocess.PIPE, text=True
        )
        for n in range(4)
    ]
    answers = [process.communicate(timeout=100)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4
    return answers


def test_plans_made_at_once_move_no_index(tmp_path):
    names_only(tmp_path / "data", "first")
    write_toml(tmp_path / "spikebin.toml", tmp_path / "data", 'sheets = ["X_ON"]')
    program = (
        "import json, sys; from pathlib import Path\n"
        "from spikebin.pipeline.config import load_config; from spikebin.pipeline.plan import make_plan\n"
        "n, directory = sys.argv[1], Path(sys.argv[2])\n"
        "for i in range(6):\n"
        "    (directory / 'data' / f'NewDataset_Images_from_{n}{i:02}_to_x').mkdir()\n"
        "    plan, _ = make_plan(load_config(directory / 'spikebin.toml'))\n"
        "    print(json.dumps([job.part for job in plan.jobs]))\n"
    )
    answers = [json.loads(line) for answer in together(program, tmp_path) for line in answer.splitlines()]
    final = [job.part for job in load_plan(load_config(tmp_path / "spikebin.toml")).jobs]
    assert len(final) == 1 + 4 * 6
    for parts in answers:
        assert parts == final[: len(parts)]


def test_the_sheets_of_a_job_are_found_without_the_other_jobs(tmp_path):
    here, there = (
        Job(0, "train", "7", (Source("a", ("V1_Inh_L2/3",)),)),
        Job(1, "train", "8", (Source("b", ("X_ON",)),)),
    )

    class Jobs(list):
        def __iter__(self):
            raise AssertionError("all jobs are read")

    config = make_config(tmp_path / "dataset", tmp_path)
    assert Plan(config, Jobs([here, there])).find_sheet("V1_Inh_L23", here) == "V1_Inh_L2/3"
    assert Plan(config, (here, there)).find_sheet("X_ON", here) == "X_ON"
    with pytest.raises(PlanError, match="no sheet 'X_OF'.*'X_ON'"):
        Plan(config, (here, there)).find_sheet("X_OF", here)


def test_settings_bind_without_the_list_of_jobs(tmp_path):
    names_only(tmp_path / "data", 1)
    make_plan(make_config(tmp_path / "out", tmp_path / "data", sheets=("X_ON",)))
    (tmp_path / "out" / "jobs.csv").unlink()
    other = make_config(tmp_path / "out", tmp_path / "data", sheets=("X_ON",), binning=Binning(width=2.0))
    with pytest.raises(PlanError, match=r"width = 2.0.*made with width = 1.0.*plan --replace"):
        make_plan(other)
    make_plan(other, replace=True)


def test_the_plan_binds_binning_and_trials(tmp_path):
    add_part(tmp_path / "data", 100)
    config = make_config(tmp_path / "out", tmp_path / "data")
    plan, _ = make_plan(config)
    list(run_job(plan, plan.job(0)))
    other = make_config(tmp_path / "out", tmp_path / "data", binning=Binning(width=2.0))
    for act in (load_plan, make_plan):
        with pytest.raises(PlanError, match=r"width = 2.0.*made with width = 1.0.*plan --replace"):
            act(other)
    make_plan(other, replace=True)
    assert set(states(other).values()) == {State.BROKEN}
    plan = load_plan(other)
    assert all(outcome.exported for outcome in run_job(plan, plan.job(0)))
    assert set(states(other).values()) == {State.DONE}


@pytest.mark.parametrize("name", ["..", "/./", "a\0b", "two\nlines"])
def test_a_sheet_that_no_directory_can_be_named_after_is_refused(tmp_path, name):
    add_part(tmp_path / "data", 100, sheets=(SheetModel("X_ON", 3), SheetModel(name, 3)))
    config = make_config(tmp_path / "out", tmp_path / "data")
    with pytest.raises(PlanError, match="names? those to export in `sheets`") as caught:
        make_plan(config)
    assert repr(name) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out" / "jobs.csv").exists()


@pytest.mark.parametrize("parts", [["9", "10", "²", "٣", "a2"]])
def test_parts_of_any_digits_have_an_order(parts):
    assert sorted(parts, key=natural_key) == ["٣", "9", "10", "a2", "²"]


def test_one_broken_part_never_stops_the_plan(tmp_path):
    names_only(tmp_path / "data", 100)
    add_part(tmp_path / "data", 200)
    plan, _ = make_plan(make_config(tmp_path / "out", tmp_path / "data"))
    assert plan.sheets == ("X_ON", "V1_Inh_L2/3")
    assert [job.part for job in plan.jobs] == ["100", "200"]
    outcomes = [outcome for job in plan.jobs for outcome in run_job(plan, job)]
    assert [outcome.state for outcome in outcomes] == [State.FAILED] * 2 + [State.DONE] * 2


def test_a_plan_that_was_meddled_with_is_refused(tmp_path):
    names_only(tmp_path / "data", 1, 2)
    config = make_config(tmp_path / "out", tmp_path / "data", sheets=("X_ON",))
    with pytest.raises(PlanError, match="run `spikebin plan` first"):
        load_plan(config)
    make_plan(config)
    text = (tmp_path / "out" / "jobs.csv").read_text()
    for broken in (text.replace("\n1,", "\n5,"), text.replace("index", "nr"), text + "x\n", text + '"' + "x" * 140_000):
        (tmp_path / "out" / "jobs.csv").write_text(broken)
        with pytest.raises(PlanError, match="restore it"):
            load_plan(config)
    (tmp_path / "out" / "jobs.csv").write_text(text)
    (tmp_path / "out" / "plan.json").write_text("{")
    with pytest.raises(PlanError, match="plan --replace"):
        load_plan(config)


@given(
    sheets=st.lists(
        st.text("ab |%/,\"'", min_size=1).filter(lambda s: s.strip("/. ")),
        min_size=1,
        unique_by=lambda s: s.replace("/", ""),
    )
)
def test_names_survive_the_plan_file(tmp_path_factory, sheets):
    tmp_path = tmp_path_factory.mktemp("plan")
    names_only(tmp_path / "da | ta%20", 1)
    config = make_config(tmp_path / "out", tmp_path / "da | ta%20", sheets=tuple(sheets))
    plan, _ = make_plan(config)
    assert load_plan(config).jobs == plan.jobs
    assert plan.sheets == tuple(sheets)


def test_seals_are_packed_for_the_plan_s_own_names():
    with pytest.raises(SpikebinError, match="shorten"):
        pack_facts({"variant": "v", "part": "p" * 4096, "sheet": "s"})


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (["job", "7"], ["no job 7", "0 to 0"], 1),
        (["job", "--", "-1"], ["no job -1"], 1),
        (["job", "x"], ["INDEX", "integer"], 2),
        (["job"], ["INDEX"], 2),
        (["job", "0", "--sheet", "X_ONN"], ["did you mean 'X_ON'?"], 1),
        (["job", "0", "--limit", "2"], ["--out"], 2),
        (["missing", "--sheet", "X_OFF"], ["no sheet 'X_OFF'"], 1),
        (["missing", "--variant", "trian"], ["did you mean 'train'?"], 1),
        (["run", "--index", "9"], ["no job 9"], 1),
        (["run", "--index", "a"], ["array indices"], 1),
        (["exclude", "train/1", "--reason", "x"], ["no part 'train/1'"], 1),
        (["exclude", "train/100"], ["--reason"], 1),
        (["inspect", "none.h5"], ["no file none.h5"], 1),
        (["verify", "empty"], ["no matrix file"], 1),
        (["nonsense"], ["nonsense"], 2),
        (["missing", "--nonsense"], ["--nonsense"], 2),
    ],
)
def test_bad_usage_gets_one_line(tmp_path, arguments, words, code):
    add_part(tmp_path / "data", 100)
    (tmp_path / "empty").mkdir()
    write_toml(tmp_path / "spikebin.toml", tmp_path / "data")
    make_plan(
        Config(
            tmp_path / "spikebin.toml",
            tmp_path / "dataset",
            (Recordings("train", tmp_path / "data", "NewDataset_Images_from_{part}_to_*"),),
        )
    )
    one_line_error(spikebin_here(*arguments, cwd=tmp_path), *words, code=code)
