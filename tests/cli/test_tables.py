"""Tables on terminals of every width: no name is lost, no word broken, no line too long; as they were recorded."""

from __future__ import annotations

import os
import re

import pytest
from conftest import DATA, write_toml
from here import spikebin_here

from spikebin.output.attempts import attempts_path, note_failure, note_start
from spikebin.output.paths import matrix_path
from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import SheetModel

WIDTHS = (60, 80, 120, 200)
SHEETS = (SheetModel("X_ON", 3), SheetModel("V1_Exc_L2/3", 4))
STYLE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Five parts of two sheets: two have failed of one cause, a file is missing, a part is excluded."""
    place = tmp_path_factory.mktemp("project")
    for part in range(5):
        write_datastore(place / "data", Experiment(100 * part, 1, sheets=SHEETS, seed=part))
    write_toml(place / "spikebin.toml", "data")
    for command in (["plan"], *(["job", str(index)] for index in range(5))):
        result = spikebin_here(*command, cwd=place)
        assert result.returncode == 0, result.stderr
    output = place / "dataset"
    for part in ("100", "200"):
        matrix_path(output, "train", part, "X_ON").unlink()
        attempt = attempts_path(output, "train", part, "X_ON")
        note_start(attempt)
        note_failure(attempt, f"NewDataset_Images_from_{part}_to_x: no parameter `image_paht`: see [trial] image_id")
    matrix_path(output, "train", "300", "V1_Exc_L2/3").unlink()
    assert spikebin_here("exclude", "train/400", "--reason", "disk error", cwd=place).returncode == 0
    return place


def shown(place, columns, *command):
    """What a terminal of so many columns shows."""
    environment = {"COLUMNS": str(columns), "FORCE_COLOR": "1", "NO_COLOR": "1", "TERM": "xterm"}
    result = spikebin_here(*command, cwd=place, env=environment)
    assert result.returncode == 0, result.stderr
    return STYLE.sub("", result.stdout)


FILE = "dataset/train/spikes/V1_Exc_L23/spikes_V1_Exc_L23_0.h5"
TABLES = {
    "formats": (["formats"], ["spikeinterface", "neo:NixIO", "spike_clusters.npy"]),
    "inspect": (["inspect", FILE], ["V1_Exc_L2/3 of train/0", "codec blosc2", "phases", "in bins 151 to 711", "peak"]),
    "psth": (["psth", FILE, "--by", "image_id"], ["mean of 4 neurons", "peak", "1 trial"]),
    "docs": (["docs"], ["troubleshooting", "binning"]),
    "plan": (["plan"], ["train", "10 files"]),
    "plan_list": (["plan", "--list"], ["train", "400"]),
    "status": (["status"], ["V1_Exc_L2/3", "X_ON", "total", "train/100", "image_paht", "[trial]", "(50 %)"]),
    "status_list": (["status", "--list"], ["train/100", "train/200", "train/400", "disk"]),
    "stats": (["stats", "--without-broken"], ["V1_Exc_L2/3", "train", "synchrony"]),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_fit(project, name):
    """SPIKEBIN_RECORD=1 records what is there now."""
    command, names = TABLES[name]
    text = ""
    for columns in WIDTHS:
        table = shown(project, columns, *command)
        for word in names:
            assert word in re.sub(r"\s+", " ", table), (word, table)
        for line in table.splitlines():
            # A path is longer than some terminals; it is not broken.
            assert len(line) <= columns or " " not in line.strip() or "jobs.csv" in line, line
        text += f"==== {columns} columns\n{table}\n"
    if name in {"formats", "docs", "inspect", "psth"}:
        return  # What they list grows, or is drawn: it is not recorded.
    text = re.sub(r"\(\d+\.\d \wB free\) -> \S+", "(... free) -> jobs.csv", text)
    path = DATA / "tables" / f"{name}.txt"
    if os.environ.get("SPIKEBIN_RECORD") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    if name == "stats":
        # Simulated spikes are drawn by numpy, whose versions may draw others.
        text, recorded = (re.sub(r"[\d.,]+", "#", one) for one in (text, path.read_text("utf-8")))
        assert text.split() == recorded.split()
    else:
        sizes = re.compile(r"[\d.,]+ kB|\d+\.\d(?! %)|(?<= )[\d,]{3,}(?= )")
        assert sizes.sub("#", text).split() == sizes.sub("#", path.read_text("utf-8")).split()


def test_identical_causes_are_one_row(project):
    table = shown(project, 200, "status")
    assert table.count("image_paht") == 1
    assert re.search(r"^2 +failed +e\.g\. train/100 X_ON \(index 1\)", table, re.MULTILINE)
    assert re.fullmatch(r"\d of 10 files done .*, 1 missing, 2 failed, 2 excluded", table.splitlines()[-1])
    remarks = spikebin_here("missing", cwd=project).stderr.splitlines()
    (line,) = [line for line in remarks if "image_paht" in line]
    assert line.startswith("failed: 2 sheets of parts, e.g. train/100 X_ON (index 1): NewDataset_Images_from_100_to_x:")
