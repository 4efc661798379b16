"""Labels of sorted units: which are taken, what a mistyped one may have meant, and what was left out."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import one_line_error
from here import spikebin_here

from spikebin.errors import RecordingError
from spikebin.recordings import open_recording
from spikebin.recordings.settings import Reading, TrialRule


@pytest.fixture
def folder(tmp_path):
    """Clusters 0 to 5, cluster k fires k + 1 times."""
    folder = tmp_path / "phy"
    folder.mkdir()
    clusters = np.repeat(np.arange(6), np.arange(1, 7))
    np.save(folder / "spike_times.npy", np.arange(1, clusters.size + 1, dtype="u8") * 3000)
    np.save(folder / "spike_clusters.npy", clusters.astype("i4"))
    (folder / "params.py").write_text("sample_rate = 30000.\n")
    return folder


def table(path, rows, delimiter="\t"):
    path.write_text("".join(delimiter.join(row) + "\n" for row in rows))


def group(folder, labels, name="cluster_group.tsv", column="group", **kwargs):
    table(folder / name, [("cluster_id", column), *((str(k), label) for k, label in labels.items())], **kwargs)


def sheet_of(folder, *labels):
    return open_recording(folder, None, Reading(labels=labels or None)).sheet("units", TrialRule())


def ids(folder, *labels):
    return sheet_of(folder, *labels).neurons["neuron_id"].tolist()


def test_a_person_comes_before_kilosort(folder):
    assert ids(folder) == [0, 1, 2, 3, 4, 5]
    group(folder, {0: "good", 1: "noise", 2: "mua", 3: "unsorted"})
    group(folder, {0: "mua", 1: "good", 3: "good", 4: "mua"}, "cluster_KSLabel.tsv", "KSLabel")
    assert ids(folder) == [0, 2, 3, 4, 5]
    assert ids(folder, "good") == [0, 3]
    assert ids(folder, "mua") == [2, 4]
    assert ids(folder, "noise", "good") == [0, 1, 3]
    assert ids(folder, "unsorted") == [3, 4, 5]


@pytest.mark.parametrize("asked", ["GOOD", "Good", " good"])
@pytest.mark.parametrize("written", ["good", "GOOD", "Good"])
def test_case_does_not_matter(folder, asked, written):
    group(folder, {0: written, 1: "MUA", 2: "Noise"})
    assert ids(folder, asked.strip()) == [0]
    assert ids(folder, "mua") == [1]
    assert 2 not in ids(folder)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (("goood",), "no cluster is labelled 'goood': did you mean 'good'?"),
        (("good", "mau"), "no cluster is labelled 'mau': did you mean 'mua'?"),
        (("best",), "no cluster is labelled 'best': known are good, mua, unsorted"),
        (("noise",), "no cluster is labelled noise: labels are good, mua, unsorted"),
        (("",), "no cluster is labelled ''"),
        (("quality=good",), "its tables of clusters have no column 'quality': known are group"),
        (("grup=good",), "its tables of clusters have no column 'grup': did you mean 'group'?"),
        (("a=x", "b=y"), "labels of two columns, a and b"),
    ],
)
def test_an_unknown_label_is_an_error_that_suggests(folder, labels, message):
    group(folder, {0: "good", 1: "mua"})
    with pytest.raises(RecordingError) as caught:
        ids(folder, *labels)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["cluster_group.csv", "cluster_groups.csv"])
@pytest.mark.parametrize("delimiter", ["\t", ","])
def test_label_files_of_phy_1(folder, name, delimiter):
    group(folder, {0: "good", 1: "noise"}, name, delimiter=delimiter)
    assert ids(folder, "good") == [0]
    assert ids(folder) == [0, 2, 3, 4, 5]


def test_a_stale_table_of_all_is_beaten_by_that_of_groups(folder):
    table(
        folder / "cluster_info.tsv",
        [("cluster_id", "KSLabel", "group"), ("0", "good", "good"), ("1", "good", "noise"), ("2", "mua", "noise")],
    )
    assert ids(folder, "good") == [0]
    assert ids(folder) == [0, 3, 4, 5]
    group(folder, {0: "mua", 1: "good"})
    assert ids(folder, "good") == [1]
    assert ids(folder, "mua") == [0, 2]
    assert ids(folder) == [0, 1, 2, 3, 4, 5]


def test_a_line_without_an_id_refuses_nothing(folder):
    table(
        folder / "cluster_info.tsv",
        [("cluster_id", "ch", "group"), ("0", "1", "good"), ("1.0", "1", "noise"), ("", "2", "good")],
    )
    assert ids(folder, "good") == [0]
    assert ids(folder) == [0, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("name", "group"), ("0", "good")], "has no column cluster_id"),
        ([("id", "group"), ("x", "good")], "'x' is not the number of a cluster"),
        ([("id", "group"), ("1_0", "good")], "'1_0' is not the number of a cluster"),
        ([("id", "group"), ("0", "good"), ("0", "noise")], "has two lines of cluster 0"),
        ([("id", "group"), ("0", "good", "3")], "line 2 has 3 cells, its header 2"),
    ],
)
def test_damaged_tables_of_labels_are_one_line(folder, rows, message):
    table(folder / "cluster_group.tsv", rows)
    with pytest.raises(RecordingError, match=message) as caught:
        ids(folder)
    assert "\n" not in str(caught.value)


def test_labels_of_other_columns(folder):
    """bombcell's, and whatever else lies in the folder."""
    group(folder, {0: "good", 1: "good", 2: "noise"})
    group(folder, {0: "GOOD", 1: "MUA", 2: "NON-SOMA GOOD", 3: "NOISE"}, "cluster_bc_unitType.tsv", "bc_unitType")
    table(folder / "cluster_info.tsv", [("cluster_id", "region"), ("0", "V1"), ("5", "LM")])
    assert ids(folder, "bc_unitType=good") == [0]
    assert ids(folder, "bc_unittype=GOOD", "non-soma good") == [0, 2]
    assert ids(folder, "region=lm") == [5]
    with pytest.raises(RecordingError, match="no cluster is labelled 'god': did you mean 'good'"):
        ids(folder, "bc_unitType=god")
    assert "cluster_bc_unitType.tsv" in [file.name for file in sheet_of(folder, "bc_unitType=good").files]
    assert "cluster_bc_unitType.tsv" not in [file.name for file in sheet_of(folder).files]


def test_what_was_left_out_is_named(folder):
    assert sheet_of(folder).notes == []
    group(folder, {0: "good", 1: "noise", 2: "mua", 4: "noise"})
    assert sheet_of(folder).notes == ["took 4 of 6 clusters that fire; left out 2 noise, with 7 spikes"]
    result = spikebin_here("bin", "phy", "-w", "10", "--labels", "good,mua", cwd=folder.parent)
    assert "  note        took 2 of 6 clusters that fire; left out 2 noise, 2 unsorted, with 17 spikes" in result.stdout
    assert "; 4 recorded, 0 of them in no trial" in result.stdout
    one_line_error(
        spikebin_here("bin", "phy", "-w", "10", "--labels", "godo", cwd=folder.parent), "did you mean 'good'"
    )
    group(folder, dict.fromkeys(range(6), "noise"))
    with pytest.raises(RecordingError, match="all of its clusters are noise: ask for them with --labels noise"):
        sheet_of(folder)


def test_fractions_are_no_samples(folder):
    times = folder / "spike_times.npy"
    np.save(times, np.load(times).astype(float))
    assert sheet_of(folder).n_recorded == 21
    np.save(times, np.load(times) / 30_000)
    with pytest.raises(RecordingError, match="holds fractions, 0.1, which are no samples: .* --unit s"):
        sheet_of(folder)
    result = spikebin_here(
        "bin", "phy/spike_times.npy", "--neurons", "spike_clusters.npy", "--unit", "s", "-w", "10", cwd=folder.parent
    )
    assert "21 recorded" in result.stdout
