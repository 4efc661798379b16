"""Data sets against each other by content, and against shards: what agrees, and what differs first."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from spikebin import cli, open_dataset
from spikebin.errors import DatasetError
from spikebin.exports.compare_contents import compare_datasets, holds_matrices
from spikebin.exports.compare_shards import compare_shards, compare_two_shards
from spikebin.exports.experanto.parts import shards_in
from spikebin.exports.experanto.settings import ShardSettings
from spikebin.pipeline.config import load_config
from spikebin.pipeline.job import run_job
from spikebin.pipeline.plan import load_plan, make_plan
from spikebin.pipeline.shards import shard_tasks, write_shards
from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import SheetModel

TINY = (SheetModel("X_ON", 4), SheetModel("V1_Exc_L2/3", 3))
RECORDINGS = '[[recordings]]\nvariant = "train"\nroot = "data"\nparts = "Images_from_{part}"\n'


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Recordings of two parts, a data set of them, another in another layout, one in other bins, and shards."""
    root = tmp_path_factory.mktemp("made")
    for first in (50000, 50004):
        experiment = Experiment(first_image=first, n_images=4, sheets=TINY, seed=first)
        write_datastore(root / "data", experiment, directory=f"Images_from_{first}")
    for name, text in (
        ("a", ""),
        ("b", 'layout = "events"\ncodec = "zlib"\n'),
        ("wide", "[binning]\nwidth = 2.0\n"),
    ):
        config = root / f"{name}.toml"
        config.write_text(f'output = "{name}"\n{text}{RECORDINGS}')
        plan, _ = make_plan(load_config(config))
        assert all(outcome.exported for job in plan.jobs for outcome in run_job(plan, job))
    list(write_shards(plan, shard_tasks(plan), root / "shards", ShardSettings(tier="")))
    return root


def test_two_data_sets_agree_whatever_their_layout(made):
    verdicts = list(compare_datasets(made / "a", made / "b"))
    assert [verdict.path for verdict in verdicts] == [
        f"train/{sheet}/{part}" for sheet in ("V1_Exc_L23", "X_ON") for part in (50000, 50004)
    ]
    assert all(verdict.agrees and not verdict.remarks for verdict in verdicts)
    assert len(list(compare_datasets(made / "a", made / "b", sheet="V1_Exc_L2/3", without=["50000"]))) == 1
    assert len(list(compare_datasets(made / "a", made / "b", variant="train", without=["train/50000"]))) == 2
    with pytest.raises(DatasetError, match="neither .* has matrix files of test"):
        list(compare_datasets(made / "a", made / "b", variant="test"))


def test_what_differs_is_named(made, tmp_path):
    shutil.copytree(made / "b", tmp_path / "b")
    # The spikes of another part, under the name of this one, differ in their images.
    folder = tmp_path / "b" / "train" / "spikes" / "X_ON"
    shutil.copy(folder / "spikes_X_ON_50004.h5", folder / "spikes_X_ON_50000.h5")
    (folder / "spikes_X_ON_50004.h5").unlink()
    cut = tmp_path / "b" / "train" / "spikes" / "V1_Exc_L23" / "spikes_V1_Exc_L23_50000.h5"
    cut.write_bytes(cut.read_bytes()[:-9])
    found = {verdict.path: verdict for verdict in compare_datasets(made / "a", tmp_path / "b")}
    assert {path: verdict.agrees for path, verdict in found.items()} == {
        "train/V1_Exc_L23/50000": False,
        "train/V1_Exc_L23/50004": True,
        "train/X_ON/50000": False,
        "train/X_ON/50004": False,
    }
    assert found["train/X_ON/50000"].remarks == ("trial 0 has image_id 50000 in the new file, 50004 in the old one",)
    assert found["train/X_ON/50004"].remarks == ("only the new data set has it",)
    assert "50000.h5" in found["train/V1_Exc_L23/50000"].remarks[0]
    (wide, *_) = compare_datasets(made / "a", made / "wide")
    assert wide.remarks[0].startswith("binned otherwise: ")


@pytest.mark.parametrize("name", ["a", "b", "wide"])
def test_shards_agree_with_the_data_set_of_the_same_recordings(made, name):
    verdicts = list(compare_shards(open_dataset(made / name, "train"), made / "shards"))
    assert len(verdicts) == 4
    assert all(verdict.agrees for verdict in verdicts), verdicts


def test_a_spike_that_moved_is_found(made, tmp_path):
    shutil.copytree(made / "shards" / "train", tmp_path / "shards")
    shutil.rmtree(tmp_path / "shards" / "50004")
    path = tmp_path / "shards" / "50000" / "responses" / "spikes.npy"
    times = np.load(path)
    gaps = np.diff(times) > 0.02
    times[np.flatnonzero(gaps[1:] & gaps[:-1])[0] + 1] += 0.0021
    np.save(path, times)
    found = {v.path: v for v in compare_shards(open_dataset(made / "a", "train"), tmp_path / "shards")}
    bad = [path for path, verdict in found.items() if not verdict.agrees]
    assert len(bad) == 3
    assert "no shard holds this part" in found["train/X_ON/50004"].remarks
    (moved,) = (found[path].remarks[0] for path in bad if path.endswith("50000"))
    assert re.match(
        r"cells that differ in trial \d: 2, the first of neuron \d+ in bin \d+: 1 in the data set, 0", moved
    )


def test_shards_that_differ(made, tmp_path):
    def remarks(**options):
        return [verdict.remarks for verdict in compare_two_shards(made / "shards", tmp_path / "shards", **options)]

    shutil.copytree(made / "shards" / "train", tmp_path / "shards")
    assert remarks() == [(), ()]
    shutil.rmtree(tmp_path / "shards" / "50004")
    path = tmp_path / "shards" / "50000" / "responses" / "spikes.npy"
    times = np.load(path)
    gaps = np.diff(times) > 0.02
    times[np.flatnonzero(gaps[1:] & gaps[:-1])[-1] + 1] += 0.0021
    np.save(path, times)
    moved, lacking = remarks()
    assert lacking == ("only the new shards hold it",)
    assert re.match(r"V1_Exc_L2/3, presentation \d: 1 spikes lie elsewhere, the first of neuron \d+ at", moved[0])
    assert remarks(sheet="X_ON")[0] == ()
    assert remarks(sheet="X_OFF")[0] == ("no sheet X_OFF in the new shards",)
    path = tmp_path / "shards" / "50000" / "screen" / "combined_meta.json"
    path.write_text(path.read_text().replace("50002", "50003"))
    assert re.search(r"presentation \d: image_path is .*50002.* in the new shards, .*50003", remarks()[0][0])
    path.write_text("{}")
    assert "has no entries" in remarks()[0][0]
    with pytest.raises(DatasetError, match="neither .* has shards"):
        list(compare_two_shards(tmp_path / "no", tmp_path / "none"))


def test_shards_of_counts_agree_byte_by_byte(made, tmp_path):
    plan = load_plan(load_config(made / "a.toml"))
    for name, width in (("five", 5.0), ("again", 5.0), ("two", 2.0)):
        list(write_shards(plan, shard_tasks(plan), tmp_path / name, ShardSettings("sequence", width, tier="")))
    assert all(verdict.agrees for verdict in compare_two_shards(tmp_path / "five", tmp_path / "again"))
    verdict, _ = compare_two_shards(tmp_path / "five", tmp_path / "two")
    assert verdict.remarks == ("responses/meta.yml differs", "responses/data.npy differs")


def test_the_command_recognises_what_it_is_given(made, tmp_path):
    def compare(other, *options):
        return CliRunner().invoke(
            cli.app, ["compare", str(other), "--dataset", str(made / "a"), *options], catch_exceptions=False
        )

    cli._register()
    assert holds_matrices(made / "a")
    assert not holds_matrices(made / "shards")
    assert list(shards_in(made / "shards", "train")) == ["50000", "50004"]
    for other in ("b", "shards", "shards/train"):
        result = compare(made / other)
        assert (result.exit_code, result.stdout) == (0, "4 of 4 files agree\n"), result.stderr
    result = compare(made / "shards", "--dataset", str(made / "shards"))
    assert (result.exit_code, result.stdout) == (0, "2 of 2 files agree\n"), result.stderr
    result = CliRunner().invoke(cli.app, ["compare", str(made / "a"), "--dataset", str(made / "shards")])
    assert "give the data set with --dataset" in str(result.exception)
    result = compare(made / "wide", "--json")
    assert result.exit_code == 1
    assert [one["agrees"] for one in json.loads(result.stdout)] == [False] * 4
