"""Names of images, conditions and trials are texts: they stay as they are written, in every part and on any way."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from conftest import export_all
from here import spikebin_here
from hypothesis import example, given, settings
from hypothesis import strategies as st

import spikebin as package
from spikebin.recordings import open_recording
from spikebin.recordings.settings import TrialRule

ODD = ["007", "7", "1_0", "1e2", "100", "12345678901234567890", "5", "", "5.0", "0x10", "#1", "NA", "nan", "1,5", "٣"]
names = st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]), max_size=5)
printable = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12)
like_numbers = st.from_regex(r"[+-]?[0-9_]{1,22}(\.[0-9]{0,3})?(e[+-]?[0-9]{1,3})?", fullmatch=True)


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    directory = tmp_path_factory.mktemp("session")
    (directory / "s.csv").write_text("time_s,neuron\n" + "".join(f"{i}.5,{i % 3}\n" for i in range(100)))
    return directory


def write_trials(path, **columns):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["onset_s", *columns])
        writer.writerows([i + 1, *row] for i, row in enumerate(zip(*columns.values(), strict=True)))
    return path


def trials_of(session, path, **rule):
    rule = TrialRule(events=str(path), window_start=0.0, window_stop=1000.0, **rule)
    return open_recording(session / "s.csv").sheet("neurons", rule).trials


@given(st.lists(st.one_of(names, st.sampled_from(ODD), st.integers().map(str)), min_size=1, max_size=8))
def test_names_of_images_are_as_they_are_written(session, written):
    path = write_trials(session / "t.csv", picture=written, image_id=written)
    assert [trial.image_id for trial in trials_of(session, path, image_id="picture")] == written
    assert [trial.image_id for trial in trials_of(session, path)] == written


@settings(max_examples=15)
@given(st.lists(st.one_of(printable, like_numbers, st.sampled_from(ODD)), min_size=1, max_size=6))
@example(ODD)
@example(['"', " a ", "a,b", "=1+1", "'", "e\u0301", "\u202e", "\U0001f9e0", "\xa0"])
@example(["0", "-1", "9223372036854775807"])
@example(["18446744073709551615", "-1"])
def test_from_a_table_to_a_file_and_back(session, written):
    path = write_trials(session / "t.csv", condition=written, image_id=written)
    for _ in range(2):
        package.bin_recording(
            session / "s.csv", 500, trials=path, window=(0.0, 1000.0), out=session / "m.h5", force=True, threads=1
        )
        trials = package.open_file(session / "m.h5").trials
        assert trials["image_id"].tolist() == written
        assert [str(value) for value in trials["condition"].tolist()] == written
        path = write_trials(session / "again.csv", condition=trials["condition"].tolist(), image_id=trials["image_id"])


@pytest.mark.parametrize("column", ["condition", "trial_id", "image", "Stimulus Name", "trialType", "contrast"])
def test_columns_that_name_something_are_kept_as_they_are_written(session, column):
    for written in (["007", "8"], ["1_0", "2"], ["12345678901234567890", "1"], ["1e2", "3"], ["5", ""], ["0.50", "1"]):
        trials = trials_of(session, write_trials(session / "t.csv", **{column: written}))
        found = [trial.extra[-1][1] for trial in trials]
        if column == "contrast" and written[0] in {"1e2", "5", "0.50"}:
            np.testing.assert_array_equal(found, [float(cell or "nan") for cell in written])
        else:
            assert found == written
    whole = trials_of(session, write_trials(session / "t.csv", **{column: ["3", "12"]}))
    assert [trial.extra[-1][1] for trial in whole] == [3, 12]
    chosen = trials_of(session, write_trials(session / "t.csv", **{column: ["5", ""]}), image_id=column)
    assert [(trial.image_id, trial.extra[-1][1]) for trial in chosen] == [("5", "5"), ("", "")]


def test_parts_that_differ_in_types_agree(session, tmp_path):
    columns = {
        "a": {"image": ["5", "7"], "contrast": ["5", ""], "note": ["1", "2"]},
        "b": {"image": ["5", ""], "contrast": ["low", "5"], "note": ["0.5", "2"]},
        "c": {"image": ["007", "1e2"], "contrast": ["0.25", "1"], "note": ["1", ""]},
    }
    for part, written in columns.items():
        (tmp_path / f"s_{part}.csv").write_bytes((session / "s.csv").read_bytes())
        write_trials(tmp_path / f"t_{part}.csv", **written)
    (tmp_path / "spikebin.toml").write_text(
        '[binning]\nwidth = 100\nend_bin = false\n[trial]\nevents = "t_{part}.csv"\nimage_id = "image"\n'
        'window = [0, 500]\n[[recordings]]\nvariant = "train"\nroot = "."\nparts = "s_{part}.csv"\nformat = "arrays"\n'
    )
    assert spikebin_here("plan", cwd=tmp_path).returncode == 0
    export_all(tmp_path)
    trials = package.open_dataset(tmp_path / "dataset", sheet="neurons").trials
    assert trials["image_id"].tolist() == ["5", "7", "5", "", "007", "1e2"]
    assert trials["image"].tolist() == ["5", "7", "5", "", "007", "1e2"]
    assert trials["contrast"].tolist() == ["5", "", "low", "5", "0.25", "1"]
    np.testing.assert_array_equal(trials["note"], [1, 2, 0.5, 2, 1, np.nan])
    files = [np.load(tmp_path / f"dataset/train/image_ids/image_ids_neurons_{part}.npy").tolist() for part in columns]
    assert files == [["5", "7"], ["5", ""], ["007", "1e2"]]


def test_the_way_through_the_command_line(session, tmp_path):
    path = write_trials(tmp_path / "t.csv", condition=ODD, onset2_s=list(range(len(ODD))))
    for out in ("m.h5", "m.npz"):
        command = ["bin", session / "s.csv", "-w", "100", "-t", path, "--window", "0", "500", "--image-id", "condition"]
        result = spikebin_here(*command, "--out", out, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
    trials = package.open_file(tmp_path / "m.h5").trials
    assert trials["image_id"].tolist() == trials["condition"].tolist() == ODD
    with np.load(tmp_path / "m.npz") as found:
        assert found["trial_image_id"].tolist() == found["trial_condition"].tolist() == ODD
