"""Data sets of the old pipeline as recordings: both layouts give the bins that they were made of."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from here import spikebin_here
from scipy import sparse

from spikebin import open_dataset, open_file
from spikebin.binning.rules import Binning
from spikebin.errors import RecordingError
from spikebin.exports.export import export
from spikebin.matrixfile.seal import Identity
from spikebin.matrixfile.write_sheet import Settings, write_sheet
from spikebin.pipeline.config import load_config
from spikebin.pipeline.job import run_job
from spikebin.pipeline.plan import make_plan
from spikebin.recordings import format_of, open_recording
from spikebin.recordings.settings import Reading, TrialRule
from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import SheetModel

TINY = (SheetModel("X_ON", 4), SheetModel("V1_Exc_L2/3", 5))
RAW = Reading(bin_width=1.0, phases=("blank:150", "image:560"))
TRIMMED = Reading(bin_width=1.0, phases=("image:560", "blank_after:150"))


def planned(directory, text):
    config = directory / "spikebin.toml"
    config.write_text(text)
    plan, _ = make_plan(load_config(config))
    return {
        (job.part, outcome.sheet.replace("/", "")): outcome.header
        for job in plan.jobs
        for outcome in run_job(plan, job)
    }


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """Old data sets in both layouts, of two parts with one repeat and of one with two; and the seals of both."""
    root, seals = tmp_path_factory.mktemp("old"), {}
    for name, firsts, n_repeats in (("one", (50000, 50004), 1), ("two", (60000,), 2)):
        for first in firsts:
            experiment = Experiment(first_image=first, n_images=4, n_repeats=n_repeats, sheets=TINY, seed=first)
            write_datastore(root / name / "data", experiment, directory=f"Images_from_{first}")
        seals[name] = planned(
            root / name,
            '[[recordings]]\nvariant = "train"\nroot = "data"\nparts = "Images_from_{part}"\n',
        )
        sheets = open_dataset(root / name / "dataset", "train")
        for layout in ("raw", "trimmed"):
            list(export("npz", sheets, root / name / layout, layout=layout))
    return root, seals


def test_raw_files_are_parts(old, tmp_path):
    root, seals = old
    shutil.copytree(root / "one" / "raw" / "train_dataset", tmp_path / "train_dataset")
    entries = "".join(
        f'[[recordings]]\nvariant = "train"\nroot = "train_dataset/spikes/{sheet}"\n'
        f'parts = "spikes_{sheet}_{{part}}.npz"\n'
        f'sheets = ["{sheet}"]\nformat = "oldnpz"\nbin_width = 1.0\nphases = ["blank:150", "image:560"]\n'
        for sheet in ("X_ON", "V1_Exc_L23")
    )
    found = planned(tmp_path, entries)
    assert found.keys() == seals["one"].keys()
    for key, seal in found.items():
        assert seal.content_digest == seals["one"][key].content_digest
        assert seal.n_binned == seals["one"][key].n_binned > 0
        assert (seal.n_outside, seal.n_unassigned, seal.n_collisions) == (0, 0, 0)
        assert seal.phases == seals["one"][key].phases


def digest(sheet, path, binning):
    write_sheet(sheet, Identity("X_ON", "train", "0"), Settings(binning), path)
    from spikebin import open_file

    return open_file(path).header


@pytest.mark.parametrize("name", ["one", "two"])
@pytest.mark.parametrize("layout", ["raw", "trimmed"])
def test_a_directory_is_one_recording(old, tmp_path, name, layout):
    root, _ = old
    path = root / name / layout / "train_dataset"
    assert format_of(path) == "oldnpz"
    recording = open_recording(path, reading=RAW if layout == "raw" else TRIMMED)
    assert recording.sheets == ["V1_Exc_L23", "X_ON"]
    assert layout in recording.taken
    for width, end_bin in ((1.0, True), (20.0, False), (7.0, True)):
        binning = Binning(width=width, end_bin=end_bin, values="count")
        seal = digest(recording.sheet("X_ON", TrialRule(blank="none")), tmp_path / "a.h5", binning)
        # The spikes of the images, from the recordings: those that shared a bin of 1 ms are one in the old files.
        binned = open_dataset(root / name / "dataset", "train", sheet="X_ON")
        n_spikes = sum(int(np.count_nonzero(binned[i][:, 151:])) for i in range(len(binned)))
        assert (seal.shape[0], seal.n_spikes) == (len(binned), n_spikes)
        assert seal.n_outside == 0
    if name == "two":
        trials = recording.sheet("X_ON", TrialRule()).trials
        assert [trial.repeat for trial in trials] == [0, 0, 0, 0, 1, 1, 1, 1]


@pytest.mark.parametrize("name", ["one", "two"])
@pytest.mark.parametrize("layout", ["raw", "trimmed"])
def test_bin_gives_what_a_plan_gives(old, tmp_path, name, layout):
    phases = (RAW if layout == "raw" else TRIMMED).phases
    path = old[0] / name / layout / "train_dataset"
    shutil.copytree(path, tmp_path / "old" / "train_dataset")
    wanted = planned(
        tmp_path,
        '[[recordings]]\nvariant = "train"\nroot = "old"\nparts = "{part}_dataset"\nformat = "oldnpz"\n'
        f"bin_width = 1.0\nphases = {list(phases)}\n",
    )
    assert len(wanted) == 2
    given = ["--bin-width", "1ms", "--phases", ",".join(phases), "--end-bin", "--values", "bool"]
    ran = spikebin_here("bin", path, "--width", "1", *given, "--out", tmp_path / "out", "--ragged", "pad", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    for (part, sheet), seal in wanted.items():
        found = open_file(tmp_path / "out" / f"spikes_{sheet}_{part}_dataset.h5").header
        assert found.content_digest == seal.content_digest
        assert found.reading == seal.reading
        assert found.n_binned == seal.n_binned > 0
    # One file alone.
    if layout == "raw" and name == "one":
        matrix = path / "spikes" / "X_ON" / "spikes_X_ON_50000.npz"
        ran = spikebin_here("bin", matrix, "--width", "1", *given, "--out", tmp_path / "one.h5", cwd=tmp_path)
        assert ran.returncode == 0, ran.stderr
        digest = open_file(tmp_path / "one.h5").header.content_digest
        assert digest == old[1]["one"]["50000", "X_ON"].content_digest
    ran = spikebin_here("bin", path, "--width", "1", cwd=tmp_path)
    assert ran.returncode == 1
    assert "give both in ms, --bin-width 1 --phases blank:150,image:560" in ran.stderr


def test_what_is_not_told_is_asked_for(old, tmp_path):
    path = old[0] / "one" / "raw" / "train_dataset"
    for reading, words in (
        (Reading(), "give both in ms"),
        (Reading(bin_width=1.0, phases=("image:560",)), "is not 560 ms each"),
        (Reading(bin_width=2.0, phases=RAW.phases), "check bin_width and phases"),
        (Reading(bin_width=1.0, phases=("grey:150",)), "give blank, image or blank_after"),
    ):
        with pytest.raises(RecordingError, match=words):
            open_recording(path, reading=reading).sheet("X_ON", TrialRule())
    for rule, words in (
        (TrialRule(stimulus="NaturalImage"), "take `stimulus` out"),
        (TrialRule(blank="both"), "needs the phase blank_after"),
    ):
        with pytest.raises(RecordingError, match=words):
            open_recording(path, reading=RAW).sheet("X_ON", rule)


def test_rows_in_another_order_are_placed_by_id(old, tmp_path):
    shutil.copytree(old[0] / "one" / "raw" / "train_dataset", tmp_path / "train_dataset")
    recording = open_recording(tmp_path / "train_dataset", reading=RAW)
    before = [phase.rows.tolist() for phase in recording.sheet("X_ON", TrialRule()).spikes(5)]
    matrix = tmp_path / "train_dataset" / "spikes" / "X_ON" / "spikes_X_ON_50004.npz"
    ids = tmp_path / "train_dataset" / "neuron_ids" / "neuron_ids_X_ON_50004.npy"
    sparse.save_npz(matrix, sparse.csr_matrix(sparse.load_npz(matrix)[::-1]))
    np.save(ids, np.load(ids)[::-1])
    after = [phase.rows.tolist() for phase in open_recording(tmp_path / "train_dataset", reading=RAW).sheet(
        "X_ON", TrialRule()).spikes(5)]  # fmt: skip
    assert [sorted(rows) for rows in after] == [sorted(rows) for rows in before]
    shutil.rmtree(tmp_path / "train_dataset" / "neuron_ids")
    sheet = open_recording(tmp_path / "train_dataset", reading=RAW).sheet("X_ON", TrialRule())
    assert sheet.neurons["neuron_id"].tolist() == [0, 1, 2, 3]
    assert "called by their rows" in sheet.notes[0]
    shutil.rmtree(tmp_path / "train_dataset" / "image_ids")
    with pytest.raises(RecordingError, match="names the images: copy it there"):
        open_recording(tmp_path / "train_dataset", reading=RAW).sheet("X_ON", TrialRule())


@pytest.mark.parametrize("what", ["cut", "text", "indptr", "column", "csc"])
def test_damaged_files_are_refused(old, tmp_path, what):
    shutil.copytree(old[0] / "one" / "raw" / "train_dataset", tmp_path / "train_dataset")
    path = tmp_path / "train_dataset" / "spikes" / "X_ON" / "spikes_X_ON_50000.npz"
    if what == "cut":
        path.write_bytes(path.read_bytes()[:-30])
    elif what == "text":
        path.write_text("no archive")
    elif what == "csc":
        sparse.save_npz(path, sparse.csc_matrix(sparse.load_npz(path)))
    else:
        with np.load(path) as found:
            members = dict(found)
        if what == "indptr":
            members["indptr"][1] = 9999
        else:
            members["indices"][0] = 1 << 20
        np.savez(path, **members)
    with pytest.raises(
        RecordingError, match=r"spikes_X_ON_50000.npz (cannot be read|contradicts|is not a CSR)"
    ) as error:
        open_recording(tmp_path / "train_dataset", "oldnpz", RAW).sheet("X_ON", TrialRule()).spikes(0)
    assert "\n" not in str(error.value)
