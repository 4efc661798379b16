"""Jobs run by several processes: what becomes of those that are killed, and of their sheets."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import one_line_error, spikebin, write_toml
from workers import forked_workers, typed

from spikebin.matrixfile.verify import verify_file
from spikebin.output.state import State, survey
from spikebin.pipeline import run
from spikebin.pipeline.config import load_config
from spikebin.pipeline.job import run_job
from spikebin.pipeline.plan import make_plan
from spikebin.pipeline.run import run_tasks, wanted_tasks
from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import SheetModel

THREE = (SheetModel("X_ON", 500), SheetModel("X_OFF", 5), SheetModel("V1_Exc_L4", 5))


@pytest.fixture(scope="module")
def two_parts(tmp_path_factory):
    """Two parts, three sheets each; the first sheet takes longer than it takes to be killed."""
    root = tmp_path_factory.mktemp("two_parts")
    for i in range(2):
        write_datastore(root, Experiment(100 * i, 40, sheets=THREE))
    return root


@pytest.fixture
def planned(two_parts, tmp_path):
    """Their plan; workers are forked from a process that has imported all, where `spikebin run` starts new ones."""
    config = load_config(write_toml(tmp_path / "spikebin.toml", two_parts))
    with forked_workers():
        yield make_plan(config)[0]


def _kill_worker(*_):
    [worker] = multiprocessing.active_children()
    worker.kill()
    worker.join()


def test_a_killed_worker_fails_the_sheet_in_work_and_no_other(planned):
    killed = []

    def kill_once():
        if not killed:
            killed.append(_kill_worker())

    tasks = wanted_tasks(planned, indices=[0])
    outcomes = list(run_tasks(planned.config.path, tasks, workers=1, on_trial=kill_once))
    assert [(outcome.sheet, outcome.state) for outcome in outcomes] == [
        ("X_ON", State.FAILED),
        ("X_OFF", State.DONE),
        ("V1_Exc_L4", State.DONE),
    ]
    assert "SIGKILL" in outcomes[0].message
    [state] = [found for found in survey(planned) if found.job.index == 0 and found.state is not State.DONE]
    assert (state.state, state.reason, state.attempts.failures) == (State.FAILED, outcomes[0].message, 1)


def test_a_worker_that_is_killed_behind_its_file_has_not_failed(planned):
    killed = []

    def finish_and_kill():
        if not killed:
            os.kill(multiprocessing.active_children()[0].pid, signal.SIGSTOP)
            assert [outcome.state for outcome in run_job(planned, planned.job(0), sheets=["X_ON"])] == [State.DONE]
            killed.append(_kill_worker())

    tasks = wanted_tasks(planned, indices=[0])
    outcomes = list(run_tasks(planned.config.path, tasks, workers=1, on_trial=finish_and_kill))
    assert [(outcome.sheet, outcome.state) for outcome in outcomes] == [(sheet.name, State.DONE) for sheet in THREE]
    assert verify_file(Path(outcomes[0].message)) == outcomes[0].header
    assert not list(planned.config.output.rglob("*.jsonl"))


def test_a_worker_that_hangs_up_and_stays_is_ended(monkeypatch):
    monkeypatch.setattr(run, "PATIENCE", 0.1)
    worker = object.__new__(run._Worker)
    worker.connection, _ = multiprocessing.Pipe()
    worker.process = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(60,))
    worker.process.start()
    assert "was killed" in worker.bury()
    assert worker.process.exitcode == -signal.SIGKILL


def test_more_indices_than_the_plan_has_are_refused_at_once(planned):
    one_line_error(spikebin("run", "--index", "0-999999999", cwd=planned.config.path.parent), "no job 2")


def test_a_worker_that_dies_between_two_jobs_costs_nothing(planned):
    seen = []
    for outcome in run_tasks(planned.config.path, wanted_tasks(planned), workers=1, on_trial=lambda: None):
        seen.append((outcome.job.index, outcome.sheet, outcome.state))
        if len(seen) == len(THREE):
            time.sleep(0.3)  # It has told all and waits.
            _kill_worker()
    assert seen == [(i, sheet.name, State.DONE) for i in range(2) for sheet in THREE]


def test_a_config_that_is_broken_meanwhile_fails_sheets_with_one_line(planned, capfd):
    killed = []

    def break_and_kill():
        if not killed:
            planned.config.path.write_text("output = ")
            killed.append(_kill_worker())

    tasks = wanted_tasks(planned, indices=[0])
    outcomes = list(run_tasks(planned.config.path, tasks, workers=1, on_trial=break_and_kill))
    assert [outcome.state for outcome in outcomes] == [State.FAILED] * 3
    assert all("not valid TOML" in outcome.message for outcome in outcomes[1:])
    assert "Traceback" not in capfd.readouterr().err


@pytest.fixture
def one_job(datastores, tmp_path):
    write_toml(tmp_path / "spikebin.toml", datastores / "small_neo012_np126_p4default")
    assert spikebin("plan", cwd=tmp_path).returncode == 0
    return tmp_path


def all_is_well(directory):
    assert spikebin("verify", cwd=directory).returncode == 0
    assert spikebin("missing", cwd=directory).stdout == ""
    assert not list(directory.rglob("*.tmp"))


def test_processes_doing_the_same_job_at_once_do_no_harm(one_job):
    crew = [typed("job", 0, "--force", cwd=one_job) for _ in range(3)]
    assert [(process.join(), process.exitcode)[1] for process in crew] == [0, 0, 0]
    all_is_well(one_job)


def test_run_beside_job_does_no_harm(one_job):
    run_all = subprocess.Popen(
        [sys.executable, "-m", "spikebin", "run", "--workers", "1"], cwd=one_job, stderr=subprocess.PIPE
    )
    while not list((one_job / "dataset" / "failures").rglob("*.jsonl")):  # The worker has begun.
        assert run_all.poll() is None
        time.sleep(0.001)
    job = typed("job", 0, "--force", cwd=one_job)
    assert [(job.join(), job.exitcode)[1], (run_all.communicate(), run_all.returncode)[1]] == [0, 0]
    all_is_well(one_job)
    assert not list((one_job / "dataset" / "failures").rglob("*.jsonl"))
