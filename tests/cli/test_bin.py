"""`bin` and `formats`: what was made is said, what cannot be is one line in the words of the command."""

from __future__ import annotations

import json

import numpy as np
import pytest
from here import spikebin_here

from spikebin import open_file


@pytest.fixture
def session(tmp_path):
    np.savez(tmp_path / "s.npz", time_s=np.arange(0.5, 20), neuron=np.arange(20) % 2)
    (tmp_path / "t.csv").write_text("cue_s,angle\n5,90\n9,0\n")
    return tmp_path


def test_one_line_makes_a_file_and_says_what_is_in_it(session):
    command = ["bin", "s.npz", "--trials", "t.csv", "--window", -200, 500, "--align-to", "cue_s", "-w", 10]
    result = spikebin_here(*command, "--out", "o.h5", cwd=session)
    assert result.returncode == 0, result.stderr
    assert "2 trials x 2 neurons x 70 bins" in result.stdout
    assert open_file(session / "o.h5").shape == (2, 2, 70)
    again = spikebin_here(*command, "--out", "o.h5", cwd=session)
    assert again.returncode == 1
    assert "--force" in again.stderr
    (facts,) = json.loads(spikebin_here(*command, "--json", cwd=session).stdout)
    assert facts["shape"] == [2, 2, 70]


@pytest.mark.parametrize(
    ("options", "words"),
    [(["-w", "10", "--window", "500", "-200"], "window"), (["-w", "0"], "width"), (["-w", "10", "--sheet", "x"], "x")],
)
def test_what_cannot_be_is_one_line(session, options, words):
    result = spikebin_here("bin", "s.npz", *options, cwd=session)
    assert result.returncode in {1, 2}
    assert words in result.stderr
    assert "Traceback" not in result.stderr


def test_formats_with_an_example_of_each(tmp_path):
    listed = json.loads(spikebin_here("formats", "--json", cwd=tmp_path).stdout)
    assert {"nwb", "arrays", "mozaik"} <= {row["format"] for row in listed}
    assert "spikebin bin" in spikebin_here("formats", "nwb", cwd=tmp_path).stdout


def test_files_of_one_name_are_told_apart(tmp_path):
    for run in "12":
        (tmp_path / run).mkdir()
        np.savez(tmp_path / run / "s.npz", time_s=np.arange(0.5, 20), neuron=np.arange(20) % 2)
    result = spikebin_here("bin", "1/s.npz", "2/s.npz", "--width", "1s", "--out", "all", cwd=tmp_path)
    headings = [line.partition(":")[0] for line in result.stdout.splitlines() if not line.startswith(" ")]
    assert headings == ["1/s.npz, neurons", "2/s.npz, neurons"]
    assert sorted(path.name for path in (tmp_path / "all").iterdir()) == [
        "spikes_neurons_1.h5",
        "spikes_neurons_2.h5",
    ]
