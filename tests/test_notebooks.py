"""The notebooks of the docs run from the first cell to the last, and say what they say there; they stay small."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
from glob import glob
from pathlib import Path

import pytest
from forked import commands

PLACE = Path(__file__).parent.parent / "spikebin" / "docs" / "notebooks"
NOTEBOOKS = sorted(PLACE.glob("*.ipynb"))


# What shows how failures are told.
FAILS = {"!spikebin job 1 > job-1.log": 1}


def run_cell(source, names, place):
    """What a cell prints: lines that start with ! are for the shell, all others are Python."""
    printed = ""
    shell = [line for line in source.splitlines() if line.startswith("!")]
    for line in shell:
        command, _, file = line[1:].partition(" > ")
        # GNU readline, which some test may load, sets LINES; how tall a raster is depends on it.
        environment = {name: value for name, value in os.environ.items() if name != "LINES"} | {"COLUMNS": "100"}
        words = [path for word in shlex.split(command) for path in (sorted(glob(word, root_dir=place)) or [word])]  # noqa: PTH207  a shell
        result = commands.run(words[1:], place, environment, 120)
        assert result.returncode == FAILS.get(line, 0), (line, result.stderr)
        if file:
            (place / file).write_text(result.stdout)
        else:
            printed += result.stdout
    if not shell:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(source, "cell", "exec"), names)
        printed = out.getvalue()
    return printed


def alike(text):
    """Without what differs between machines, versions and days: sizes, free space, time, paths."""
    text = re.sub(r"[-\d]+T\S+ by spikebin \S+|[\d.,]+ (bits|bytes|[kMGT]B)|[\d.]+ s \(.*?\)|\S*/\S*", "#", text)
    return " ".join(text.split())


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, tmp_path, monkeypatch):
    """SPIKEBIN_RECORD=1 records what its cells print."""
    if path.stem == "bmtk":
        pytest.importorskip("h5py", reason="h5py is not installed (extra hdf5)")
    if path.stem == "training":
        pytest.importorskip("torch", reason="torch is not installed (extra torch)")
    monkeypatch.chdir(tmp_path)
    notebook, names = json.loads(path.read_text("utf-8")), {"__name__": "__main__"}
    for number, cell in enumerate(cell for cell in notebook["cells"] if cell["cell_type"] == "code"):
        # Where it ran is not to be shown.
        printed = run_cell("".join(cell["source"]), names, tmp_path).replace(str(tmp_path), "/home/me")
        if os.environ.get("SPIKEBIN_RECORD") == "1":
            lines = printed.splitlines(keepends=True)
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": lines}] if lines else []
            cell["execution_count"] = number + 1
        recorded = "".join(line for output in cell["outputs"] for line in output["text"])
        assert alike(printed) == alike(recorded)
    if os.environ.get("SPIKEBIN_RECORD") == "1":
        path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", "utf-8")


def test_notebooks_are_small():
    assert [path.stem for path in NOTEBOOKS] == ["bmtk", "cluster", "mozaik", "session", "training"]
    assert all(path.stat().st_size < 20_000 for path in NOTEBOOKS)
