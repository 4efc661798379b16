"""The benchmarks: a quick run checks every contender, writes what it found, and leaves nobody out in silence.

A quick run is a call in this process, and the commands that it times are forked; what it starts of Python else is as
in a full run.
"""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
import typer
from forked import commands

from benchmarks import processes
from benchmarks.__main__ import main
from benchmarks.inputs import N_BINS, Truth
from benchmarks.peers import BenchmarkError, absence
from benchmarks.processes import python
from benchmarks.race import Contender, Race, race
from benchmarks.report import Goal, Report, Table, seconds_text, write_page, write_report

ROOT = Path(__file__).parent.parent
BENCHMARKS = [
    "job",
    "memory",
    "read",
    "kernel",
    "layouts",
    "access",
    "startup",
    "missing",
    "plan",
    "scaling",
    "dataset",
    "stats",
    "formats",
]
PEERS = ["elephant BinnedSpikeTrain.to_bool_array", "pynapple TsGroup.count", "boost-histogram"]


class Forked:
    """Takes the place of a started `python -m spikebin`, by a process that the server forks."""

    def __init__(self, arguments, env):
        self._arguments, self._env = arguments, env
        self.pid = commands.pid()
        self.returncode = None

    def communicate(self):
        done = commands.run(self._arguments, None, self._env, 120)
        self.returncode = done.returncode
        return done.stdout, done.stderr


def started(command, **options):
    if command[:3] == [sys.executable, "-m", "spikebin"]:
        return Forked(command[3:], options["env"])
    return subprocess.Popen(command, **options)


def benchmarks(*arguments):
    """Run benchmarks in this process; the exit code."""
    with (
        mock.patch.object(processes, "subprocess", SimpleNamespace(Popen=started, PIPE=subprocess.PIPE)),
        mock.patch.object(sys, "argv", ["benchmarks", *map(str, arguments)]),
        pytest.raises(SystemExit) as ended,
    ):
        typer.run(main)
    return ended.value.code


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """Results of a quick run of all benchmarks."""
    out = tmp_path_factory.mktemp("benchmarks")
    assert benchmarks("--quick", "--out", out) == 0
    return out


@pytest.mark.slow
def test_a_billion_spikes_take_part_by_name(tmp_path):
    assert benchmarks("huge", "--quick", "--out", tmp_path) == 0
    content = json.loads((tmp_path / "huge.json").read_text())
    assert [row[0] for row in content["tables"][0]["rows"]] == [
        "100,000 in order of time",
        "100,000 in no order",
    ]


# ---- a quick run


@pytest.mark.slow
def test_every_benchmark_runs_and_is_written_down(quick):
    for name in BENCHMARKS:
        found = json.loads((quick / f"{name}.json").read_text())
        assert found["tables"], name
        assert found["goals"] or name == "scaling"
        samples = [x for group in found["samples"].values() for times in group.values() for x in times]
        assert samples, name
        assert all(x > 0 for x in samples), name
        assert found["circumstances"]["quick"]
        assert found["circumstances"]["versions"]["spikebin"]
    assert sorted(path.stem for path in quick.glob("*.json")) == sorted(BENCHMARKS)


@pytest.mark.slow
def test_the_page_shows_all_and_says_that_its_figures_mean_nothing(quick):
    page = (quick / "RESULTS.md").read_text()
    assert "the figures mean nothing" in page
    assert re.findall("^## (.*)$", page, re.MULTILINE) == BENCHMARKS
    pictures = re.findall(r"!\[.+\]\((.+)\)", page)
    assert pictures
    for name in pictures:
        assert (quick / name).read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_whoever_does_not_take_part_is_listed_with_the_reason(quick):
    (table,) = json.loads((quick / "kernel.json").read_text())["tables"]
    skipped = {row[0]: row[-1] for row in table["rows"] if row[1] == "skipped"}
    assert sorted(skipped) == sorted(PEERS)
    assert all("left out of quick runs" in why for why in skipped.values())


@pytest.mark.slow
def test_the_old_way_takes_part_in_a_quick_run(quick):
    pytest.importorskip("neo")
    pytest.importorskip("scipy")
    goals = {goal["what"]: goal["measured"] for goal in json.loads((quick / "job.json").read_text())["goals"]}
    assert all(ratio > 0 for ratio in goals.values())
    assert goals


def test_an_unknown_name_is_refused():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "kernels"],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "no benchmark 'kernels'" in done.stderr


# ---- contenders


def test_a_wrong_contender_is_not_timed():
    with pytest.raises(BenchmarkError, match="seven gives a wrong result"):
        race([Contender("seven", lambda: 7, lambda found: found == 8)], rounds=1, quick=False)


def test_contenders_take_turns():
    calls = []
    contenders = [
        Contender(name, lambda name=name: calls.append(name), lambda found: found is None, most_rounds=most)
        for name, most in (("a", 4), ("b", 4), ("c", 2))
    ]
    found = race(contenders, rounds=3, quick=False)
    assert "".join(calls) == "abc" + "abc" + "ab" + "ab"
    assert {name: len(times) for name, times in found.samples.items()} == {"a": 4, "b": 4, "c": 2}


def test_short_runs_are_repeated_and_counted_one_by_one():
    calls = []
    found = race([Contender("a", lambda: calls.append(1), lambda _: True, per=10)], rounds=2, quick=False)
    assert len(found.samples["a"]) == 2
    assert len(calls) > 100
    assert found.median("a") < 0.001


def test_what_is_prepared_is_given_and_timed_apart():
    found = race(
        [Contender("a", lambda made: made + 1, lambda result: result == 6, prepare=lambda: 5)], rounds=1, quick=True
    )
    assert found.preparation["a"] > 0
    assert found.table("t", unit="run", against="a").columns[5] == "its objects made in"


def test_an_absent_contender_is_in_the_table_and_in_no_ratio():
    found = race(
        [
            Contender("here", lambda: 1, lambda result: result == 1),
            Contender("peer", lambda: 1, lambda result: result == 1, ("elephant",)),
        ],
        rounds=1,
        quick=True,
    )
    rows = found.table("t", unit="run", against="here").rows
    assert [(row[0], row[1], row[-1]) for row in rows[1:]] == [
        ("peer", "skipped", "elephant is left out of quick runs")
    ]
    assert found.ratio("peer", "here") is None


def test_a_ratio_is_of_medians():
    found = Race(samples={"slow": [4.0, 100.0, 6.0], "fast": [2.0, 1.0, 3.0]})
    assert found.ratio("slow", "fast") == 3


def test_a_peer_that_is_not_installed_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr("benchmarks.peers.find_spec", lambda _: None)
    assert absence("pynapple", quick=False) == "pynapple is not installed: pip install 'spikebin[bench]'"
    assert absence(quick=False) == ""


# ---- processes


def test_a_process_is_measured_with_its_children():
    held = "x = bytearray(80_000_000); import time; time.sleep(0.3)"
    code = f"import subprocess, sys; y = bytearray(50_000_000); subprocess.run([sys.executable, '-c', {held!r}])"
    finished = python("-c", code)
    assert 130 < finished.peak_mb < 200
    assert finished.seconds > 0.3


def test_a_process_that_fails_is_an_error():
    with pytest.raises(BenchmarkError, match="ends with 3: too bad"):
        python("-c", "import sys; print('too bad', file=sys.stderr); sys.exit(3)")


# ---- truth and report


def test_entropy_is_that_of_each_neuron_on_its_own():
    # Neuron 0 fires in half of its bins, neuron 1 never, neuron 2 in every one.
    half = np.arange(0, N_BINS, 2)
    always = np.arange(2 * N_BINS, 3 * N_BINS)
    flat = np.concatenate([half, always])
    truth = Truth(np.arange(3), (flat, flat), (flat.size, flat.size))
    assert math.isclose(truth.entropy_bits(), 2 * N_BINS)


@pytest.mark.parametrize(
    ("measured", "more_is_better", "verdict"),
    [(9, True, "no"), (10, True, "yes"), (20, True, "stretch"), (None, True, "not measured"), (21, False, "no")],
)
def test_verdicts(measured, more_is_better, verdict):
    goal, stretch = (10, 20) if more_is_better else (20, 10)
    assert Goal("it", measured, goal, stretch, more_is_better=more_is_better).verdict == verdict


@pytest.mark.parametrize(
    ("seconds", "text"), [(2.0, "2 s"), (0.01234, "12.3 ms"), (4.2e-5, "42 µs"), (3e-9, "3 ns"), (123.4, "123 s")]
)
def test_durations_as_people_read_them(seconds, text):
    assert seconds_text(seconds) == text


def test_a_benchmark_run_alone_leaves_the_others_results(tmp_path):
    for name, what in (("read", "old"), ("job", "same"), ("read", "new")):
        report = Report(name, what, [Table("t", ["", "a|b"], [[what, "1"]])], [Goal(f"{name} {what}", 3, 2, 4)])
        write_report(report, tmp_path, command="python -m benchmarks", quick=False)
    write_page(tmp_path, BENCHMARKS)
    page = (tmp_path / "RESULTS.md").read_text()
    assert re.findall("^## (.*)$", page, re.MULTILINE) == ["Goals", "job", "read"]
    assert "| read new | 3x | at least 2x | 4x | yes |" in page
    assert "a\\|b" in page
    assert "old" not in page
    assert "mean nothing" not in page
