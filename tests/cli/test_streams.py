"""stdout carries the answer, for pipes and files; stderr how far it is and what else there is to say."""

from __future__ import annotations

import json

import pytest
from conftest import write_toml
from here import spikebin_here

from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import SheetModel

FILE = "dataset/train/spikes/V1_Exc_L23/spikes_V1_Exc_L23_0.h5"
# In this order: a command, and what its answer begins with; "" where it says all on stderr, as it has no answer.
ANSWERS = [
    ("plan", "variant "),
    ("missing", "0\n"),
    ("submit --dry-run", "sbatch --parsable --array=0 "),
    ("job 0", "train/0 V1_Exc_L2/3: 2 x 9 x 712, "),
    ("job 0", "train/0 V1_Exc_L2/3: done already\n"),
    ("missing", ""),
    ("run", ""),
    ("run --force", "1 of 1 file, 2 trials in "),
    ("status", "sheet "),
    ("verify", "1 of 1 file is complete\n"),
    (f"inspect {FILE}", "file "),
    ("stats", "variant "),
    ("export npy npy", "train: 1 written, 0 there already\n"),
    ("export npz npz", "train: 1 written, 0 there already\n"),
    ("compare npz", "2 of 2 files agree\n"),
    ("view --window 0:9 --out views", "train: 1 written, 0 there already\n"),
    (f"convert --layout events --out converted {FILE}", "converted/spikes_V1_Exc_L23_0.h5: events, "),
    ("bin {store} --width 1 --out bin.h5", "{name}, V1_Exc_L2/3: mozaik\n"),
    ("formats", "format "),
    ("docs binning", "# The rules of binning\n"),
    ("report page.html", ""),
    ("clean", ""),
]
AS_JSON = ["plan", "job 0", "status", "verify", f"inspect {FILE}", "compare npz", "formats"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("streams")
    write_datastore(place / "data", Experiment(0, 2, sheets=(SheetModel("V1_Exc_L2/3", 9),)))
    write_toml(place / "spikebin.toml", place / "data")
    return place


def test_answers_go_to_stdout_and_all_else_to_stderr(place):
    store = next((place / "data").iterdir())
    for command, answer in ANSWERS:
        words = [word.format(store=store) for word in command.split()]
        result = spikebin_here(*words, cwd=place)
        assert result.returncode == 0, (command, result.stderr)
        assert result.stdout.startswith(answer.format(name=store.name)), (command, result.stdout)
        assert bool(result.stdout) == bool(answer), (command, result.stdout)
        assert answer or result.stderr, command
    for command in AS_JSON:
        result = spikebin_here(*command.split(), "--json", cwd=place)
        assert result.returncode == 0, (command, result.stderr)
        assert json.loads(result.stdout), command


def test_of_a_command_that_fails_nothing_is_on_stdout(place):
    for command in ("missing --sheet X", "status --variant x", f"inspect {FILE} --trial 9", "docs x"):
        result = spikebin_here(*command.split(), cwd=place)
        assert (result.returncode != 0, result.stdout) == (True, ""), command
        assert result.stderr.startswith("error: "), command
