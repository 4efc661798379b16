"""README and the pages of the reference: what they show runs, and what they link is there."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import typer
import yaml
from conftest import make_config, spikebin
from documented import sh_lines
from drawn import images, write_part
from exports.shards import Chunks, read_shard
from here import spikebin_here
from sessions import flat, make_trains, write_gdf, write_nodes, write_phy, write_sonata, write_trials

from spikebin import cli
from spikebin.cli.docs import DOCS
from spikebin.matrixfile.convert import convert_file
from spikebin.pipeline.job import run_job
from spikebin.pipeline.plan import make_plan
from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import V1, SheetModel

cli._register()
COMMANDS = typer.main.get_command(cli.app).commands
ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
# A block that a test of its own runs has a mark before it: <!-- test: NAME -->.
BLOCK = re.compile(r"^(<!-- test: .* -->\n)?```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
PAGES = sorted([*DOCS.glob("*.md"), *ROOT.glob("*.md")])


def blocks(page):
    return [code for marked, code in BLOCK.findall(page.read_text("utf-8")) if not marked]


@pytest.fixture(scope="module")
def data_set(datastores, tmp_path_factory):
    """A directory with what the pages read: `dataset`, `matrix.h5` and `events.h5`."""
    root = tmp_path_factory.mktemp("pages")
    plan, _ = make_plan(make_config(root / "dataset", datastores / "train"))
    for job in plan.jobs:
        assert all(outcome.exported for outcome in run_job(plan, job))
    write_part(root / "drawn", "X_ON", "1", images(0, 4), ids=tuple(range(30)))
    (made,) = (root / "drawn").rglob("*.h5")
    shutil.copy(made, root / "matrix.h5")
    convert_file(made, root / "events.h5", layout="events")
    return root


@pytest.mark.slow
def test_the_examples_of_the_readme_run(data_set):
    """As a user's script, from the first block to the last."""
    pytest.importorskip("torch", reason="torch is not installed (extra torch)")
    checks = """
    assert batch.spikes['X_ON'].shape[0] == 8
    assert batch.spikes['X_ON'].shape[1:] == (35, 72)
    assert by_image.shape[:2] == (20, 1)
    assert counts.shape == (3, 2, 4)
"""
    script = data_set / "example.py"
    script.write_text("\n".join([*blocks(README), "if __name__ == '__main__':", checks]))
    result = subprocess.run(
        [sys.executable, script], cwd=data_set, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stderr


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A directory with what the shell lines of the README read: recordings of mozaik below data/, and other formats."""
    place = tmp_path_factory.mktemp("lab")
    sheets = tuple(replace(model, n_neurons=8) for model in V1)
    for part in range(4):
        write_datastore(place / "data/nat_img_train", Experiment(50000 + 100 * part, 2, sheets=sheets, seed=part))
    write_datastore(place / "data/nat_img_test", Experiment(300050, 2, sheets=sheets, n_repeats=2))
    trains = make_trains()
    times, ids = flat(trains)
    np.savetxt(place / "spikes.csv", np.c_[times / 1000, ids], ["%.6f", "%d"], ",", header="time,unit", comments="")
    write_phy(place, trains).rename(place / "kilosort")
    write_sonata(place, trains)
    write_nodes(place)
    write_trials(place / "onsets.tsv", {"onset_ms": [1000.0, 3000.0]}, "\t")
    write_gdf(place / "data", trains)
    return place


def shell_lines(page):
    """(command, what is printed below it) of the lines that a shell is given, but for those that install something."""
    for block in re.findall(r"^```console\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL):
        for one in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, printed = one.partition("\n")
            if "pip install" not in command and "experanto" not in command:
                yield command, printed


@pytest.mark.slow
def test_the_shell_lines_of_the_readme_run_in_order(lab):
    """Each in the directory that the ones before it have left; what `bin` prints is what is printed there."""
    ran = []
    for command, printed in shell_lines(README):
        line = command.partition("  #")[0].replace("/data/", f"{lab}/data/")
        if line.startswith("python"):
            shell = line.replace("python", shlex.quote(sys.executable), 1)
            assert subprocess.run(shell, shell=True, cwd=lab, check=False).returncode == 0, command
            continue
        if "trials.csv" in line and "session.npz" not in line:
            # Of sessions of 20 s: the trials of ten minutes that the line above wrote are not theirs.
            write_trials(lab / "trials.csv", {"cue_s": [float(k) for k in range(1, 18)]})
        # The workers of `run` are forked, too, from where all that they need is there.
        result = (spikebin if " run " in line else spikebin_here)(*shlex.split(line)[1:], cwd=lab)
        assert result.returncode == 0, (command, result.stderr)
        ran.append(command)
        if "session.npz" in command:
            assert result.stdout == printed
    assert len(ran) > 10


def test_from_mozaik_to_a_batch_of_experanto(tmp_path, monkeypatch):
    """Up to where it imports Experanto, which is not on PyPI; from there on with a reader that follows its rules."""
    pytest.importorskip("torch", reason="torch is not installed (extra torch)")
    text = README.read_text("utf-8")
    text = text[text.index("From mozaik to a training batch") :]
    (line,) = re.findall(r"^\$ (spikebin export experanto .*?)(?:  #|$)", text, re.MULTILINE)
    (block,) = re.findall(r"^<!-- test: needs Experanto.*?```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    sheets = (SheetModel("X_ON", 4), SheetModel("V1_Exc_L2/3", 3))
    write_datastore(tmp_path / "data", Experiment(50000, 3, sheets=sheets))
    (tmp_path / "stimuli").mkdir()
    for image in range(50000, 50003):
        np.save(tmp_path / "stimuli" / f"{image}.npy", np.full((6, 9), image - 50000, np.uint8))
    for command in ("spikebin init data", "spikebin plan", line):
        ran = spikebin_here(*shlex.split(command)[1:], cwd=tmp_path)
        assert ran.returncode == 0, ran.stderr
        assert "have no frames" not in ran.stderr
    monkeypatch.chdir(tmp_path)
    load = SimpleNamespace(load=lambda path: yaml.safe_load(Path(path).read_text()))
    for name, module in (
        ("experanto", {}), ("experanto.datasets", {"ChunkDataset": Chunks}), ("omegaconf", {"OmegaConf": load})
    ):  # fmt: skip
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(**module))
    names = {}
    exec(compile(block, "README.md", "exec"), names)
    assert names["batch"]["responses"].shape == (8, 100, 7)
    assert names["batch"]["screen"].shape == (8, 1, 100, 6, 9)
    items = names["items"]
    assert len(items) > 500
    shown = np.unique(np.concatenate([items[i]["screen"].ravel() for i in range(0, len(items), 50)]))
    assert shown.tolist() == [0.0, 1.0, 2.0, 128.0]
    spikes, *_ = read_shard(tmp_path / "shards" / "train" / "50000")
    for i in range(0, len(items), 100):
        # An edge is a tenth of a step earlier than the spikes that lie on it.
        first, last = items.starts[i] - 1e-5, items.starts[i] + 0.1 - 1e-5
        assert items[i]["responses"].sum() == sum(first <= second < last for *_, second in spikes)


SH = [line for page in PAGES for line in sh_lines(page)]


@pytest.mark.parametrize("line", SH)
def test_the_lines_for_a_script_name_what_is_there(line):
    """Commands, options, templates; tests/slurm/test_real_templates.py runs those of the README on a real Slurm."""
    found = re.findall(r"\bspikebin ([a-z]+)([^|&;)>]*)", line)
    for name, arguments in found:
        COMMANDS[name].make_context(name, shlex.split(arguments), help_option_names=["-h", "--help"])
    scripts = re.findall(r"slurm/\S+", line)
    assert found or scripts
    for script in scripts:
        assert (ROOT / script).is_file()


@pytest.mark.slow
@pytest.mark.parametrize("page", [page.stem for page in sorted(DOCS.glob("*.md")) if blocks(page)])
def test_the_examples_of_a_page_run(data_set, monkeypatch, page):
    if page == "training":
        pytest.importorskip("torch", reason="torch is not installed (extra torch)")
    monkeypatch.chdir(data_set)
    names = {"__name__": "example"}
    for block in blocks(DOCS / f"{page}.md"):
        exec(compile(block, f"{page}.md", "exec"), names)
    if page == "files":
        found = np.zeros_like(names["one"])
        found[names["neurons"], names["bins"]] = True
        assert found.any()
        assert np.array_equal(found, names["one"]), "both layouts say the same"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_links_is_there(page):
    for link in LINK.findall(page.read_text("utf-8")):
        assert (page.parent / link).exists(), link


def test_the_readme_is_short():
    assert len(README.read_text("utf-8").splitlines()) < 350
