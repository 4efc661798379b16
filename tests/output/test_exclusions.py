"""Parts that are left out, and since when."""

from __future__ import annotations

import csv
import subprocess
import sys

from conftest import make_config, write_toml

from spikebin.output.exclusions import exclude, read_excluded
from spikebin.pipeline.config import load_config
from spikebin.pipeline.plan import make_plan


def names_only(root, *parts):
    """Directories that hold nothing: all that a plan needs when the sheets are given."""
    for part in parts:
        (root / f"NewDataset_Images_from_{part}_to_x").mkdir(parents=True)


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


def test_exclusions_made_at_once_are_all_kept(tmp_path):
    names_only(tmp_path / "data", *range(40))
    config = make_config(tmp_path / "out", tmp_path / "data", sheets=("X_ON",))
    write_toml(tmp_path / "spikebin.toml", tmp_path / "data", 'sheets = ["X_ON"]')
    make_plan(load_config(config.path))
    program = (
        "import sys; from pathlib import Path\n"
        "from spikebin.pipeline.config import load_config; from spikebin.pipeline.plan import load_plan\n"
        "from spikebin.output.exclusions import exclude, undo_exclude\n"
        "plan = load_plan(load_config(Path(sys.argv[2])))\n"
        "for part in range(int(sys.argv[1]), 40, 4):\n"
        "    exclude(plan.output, plan.find_job(f'train/{part}'), 'why')\n"
        "    if part % 2: undo_exclude(plan.output, plan.find_job(f'train/{part}'))\n"
    )
    together(program, config.path)
    assert set(read_excluded(tmp_path / "dataset")) == {f"train/{part}" for part in range(0, 40, 2)}


def test_an_exclusion_keeps_its_date(tmp_path):
    names_only(tmp_path / "data", 1, 2)
    config = make_config(tmp_path / "out", tmp_path / "data", sheets=("X_ON",))
    plan, _ = make_plan(config)
    exclude(plan.output, plan.job(0), "why")
    path = config.output / "excluded.csv"
    rows = list(csv.reader(path.read_text().splitlines()))
    path.write_text(path.read_text().replace(rows[1][3], "2001-02-03T04:05:06+00:00"))
    exclude(plan.output, plan.job(1), "why")
    dates = [row[3] for row in csv.reader(path.read_text().splitlines())]
    assert dates[1] == "2001-02-03T04:05:06+00:00"
    assert dates[2] >= rows[1][3]
