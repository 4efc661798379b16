"""What a shell completes after Tab comes from the plan and the files at hand; it never fails and loads no numpy."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import numpy as np
import pytest
from conftest import spikebin, write_toml
from drawn import images, write_part
from here import spikebin_here

from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import SheetModel

# As the script of the shell calls it, a process for each line, forked once all options are there; the name of the
# command is that of the console script.
CODE = """
import contextlib, functools, json, os, sys

import typer.main

from spikebin.cli import main

typer.main.get_command = functools.cache(typer.main.get_command)
sys.argv = ["spikebin", "--version"]
with contextlib.redirect_stdout(None), contextlib.suppress(SystemExit):
    main()
sys.argv = ["spikebin"]
for words in json.load(sys.stdin):
    child = os.fork()
    if not child:
        os.environ.update(words)
        try:
            main()
        finally:
            print("ended, with numpy" if "numpy" in sys.modules else "ended", flush=True)
    os.waitpid(child, 0)
"""


def words_of(line):
    return {"_SPIKEBIN_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}


def completed(lines, cwd):
    """What each line is completed to, and whether numpy was loaded for it."""
    result = subprocess.run(
        [sys.executable, "-c", CODE], cwd=cwd, input=json.dumps([words_of(line) for line in lines]),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (result.returncode, result.stderr) == (0, "")
    answers = re.findall(r"(.*?)^ended(, with numpy)?\n", result.stdout, re.DOTALL | re.MULTILINE)
    return [(found.split(), bool(numpy)) for found, numpy in answers]


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    root = tmp_path_factory.mktemp("planned")
    write_datastore(root / "data", Experiment(100, 1, sheets=(SheetModel("X_ON", 3), SheetModel("V1_Inh_L2/3", 3))))
    write_toml(root / "spikebin.toml", root / "data")
    assert spikebin("plan", cwd=root).returncode == 0
    (root / "trials.csv").write_text("cue_s,image\n1,a\n")
    (root / "spikes.csv").write_text("time_s,neuron\n1,1\n")
    np.savez(root / "s.npz", time_s=np.arange(3.0), neuron=np.arange(3))
    return root


TABS = {
    "spikebin mis": ["missing"],
    "spikebin missing --sheet V": ["V1_Inh_L23"],
    "spikebin job 0 -s X": ["X_ON"],
    "spikebin status --variant t": ["train"],
    "spikebin exclude train/": ["train/100"],
    "spikebin bin x.csv --format so": ["sonata"],
    "spikebin bin x.csv --trials trials.csv --align-to c": ["cue_s"],
    "spikebin bin x.csv --trials nothing.csv --align-to c": [],
    "spikebin docs tro": ["troubleshooting"],
    "spikebin retry train/": ["train/100"],
    "spikebin stats --leave-out 1": ["100"],
    "spikebin stats --format pa": ["parquet"],
    "spikebin template st": ["stats.sbatch"],
    "spikebin psth nothing.h5 --by c": [],
    "spikebin missing --config nothing.toml --sheet V": [],
}


def test_tab(planned):
    """Only what asks a matrix file loads numpy."""
    found = dict(zip(TABS, completed(TABS, planned), strict=True))
    assert found == {line: (wanted, "psth" in line) for line, wanted in TABS.items()}


def completed_here(line, cwd):
    """In this process, where numpy may be there already."""
    return spikebin_here(cwd=cwd, env=words_of(line)).stdout.split()


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("spikebin bin spikes.csv --times ti", ["time_s"]),
        ("spikebin bin s.npz --neurons n", ["neuron"]),
        ("spikebin bin x.csv --unit m", ["ms"]),
        ("spikebin bin x.csv --trials trials.csv --trials-unit u", ["us"]),
        ("spikebin bin kilosort --labels g", ["good"]),
        ("spikebin bin s.npz --sheet n", ["neurons"]),
        ("spikebin job ", ["0"]),
        ("spikebin run --index 0", ["0"]),
        ("spikebin stats --index 0", ["0"]),
        ("spikebin export nwb out --index 0", ["0"]),
        ("spikebin inspect nothing.h5 --trial 0", []),
        ("spikebin view --origin i", []),
    ],
)
def test_tab_for_what_is_at_hand(planned, line, wanted):
    assert completed_here(line, planned) == wanted


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("psth {} --by im", ["image_id"]),
        ("psth {} --unit 10", ["100", "101"]),
        ("psth {} --origin im", ["image"]),
        ("inspect {} --trial ", ["0", "1"]),
        ("view --out o --dataset data --origin b", ["blank"]),
        ("stats --dataset data --origin i", ["image"]),
    ],
)
def test_tab_for_what_a_matrix_file_holds(tmp_path, line, wanted):
    write_part(tmp_path / "data", "X_ON", "1", images(0, 2))
    (path,) = tmp_path.rglob("*.h5")
    assert completed_here(f"spikebin {line.format(path)}", tmp_path) == wanted


def test_a_seal_is_read_without_numpy(tmp_path):
    write_part(tmp_path / "data", "X_ON", "1", images(0, 2))
    (path,) = tmp_path.rglob("*.h5")
    assert completed([f"spikebin inspect {path} --origin im"], tmp_path) == [(["image"], False)]
