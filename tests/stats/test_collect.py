"""Sums of parts are kept beside the output: added up once, again where a part has changed, whoever did it."""

from __future__ import annotations

import gc
import json
import pickle
import shutil
import tracemalloc

import numpy as np
import pytest
from conftest import export_all, one_line_error, write_toml
from drawn import images, write_part
from here import spikebin_here

from spikebin import open_dataset
from spikebin.errors import DatasetError
from spikebin.matrixfile.convert import convert_files, convert_targets
from spikebin.output.paths import matrix_path
from spikebin.stats.collect import Cut, Request, collect, reduce_parts

PARTS = ("1", "2", "3")


@pytest.fixture
def root(tmp_path):
    for i, part in enumerate(PARTS):
        write_part(tmp_path, "X_ON", part, images(10 * i, 3, repeats=2))
    return tmp_path


def statistics(root, request, threads=1, **options):
    """Of X_ON, and which parts were there already."""
    dataset = open_dataset(root, sheet="X_ON", **options)
    kept = {}

    def watched():
        for part, there, sums in collect(dataset, request, root, threads=threads):
            kept[part] = there
            yield part, there, sums

    return reduce_parts(dataset, request, watched()), [part for part, there in kept.items() if there]


def assert_same_as_the_view(found, view, widths):
    wanted = view.stats(widths)
    assert found.neurons.tobytes() == wanted.neurons.tobytes()
    assert [one.width for one in found.widths] == [one.width for one in wanted.widths]
    for mine, other in zip((found, *found.widths), (wanted, *wanted.widths), strict=True):
        for name, value in vars(other).items():
            if isinstance(value, np.ndarray) and value.dtype.kind == "f":
                assert np.allclose(getattr(mine, name), value, equal_nan=True), name
            elif isinstance(value, np.ndarray) and name != "neurons":
                assert np.array_equal(getattr(mine, name), value), name


@pytest.mark.parametrize("threads", [1, 3])
def test_what_is_kept_is_not_added_up_again(root, threads):
    request = Request((1, 4), Cut((0, 17), across=True, short="cut"))
    first, kept = statistics(root, request, threads)
    assert kept == []
    again, kept = statistics(root, request, threads)
    assert kept == [*PARTS]
    items = open_dataset(root, sheet="X_ON").window(0, 17, across=True, short="cut")
    assert_same_as_the_view(first["all"], items, (1, 4))
    assert_same_as_the_view(again["all"], items, (1, 4))
    files = sorted(path.name for path in (root / "stats").rglob("*"))
    assert len([name for name in files if name.endswith(".npz")]) == 3
    assert not [name for name in files if name.endswith(".tmp")]


def test_a_part_that_was_written_again_is_added_up_again(root):
    request = Request()
    statistics(root, request)
    write_part(root, "X_ON", "2", images(10, 3, repeats=2), seed=1)
    found, kept = statistics(root, request)
    assert kept == ["1", "3"]
    assert_same_as_the_view(found["all"], open_dataset(root, sheet="X_ON"), None)


def test_another_layout_is_the_same_content(root):
    request = Request()
    first, _ = statistics(root, request)
    list(convert_files(convert_targets([root], None), layout="events"))
    again, kept = statistics(root, request)
    assert kept == [*PARTS]
    assert first["all"].rates.tolist() == again["all"].rates.tolist()


@pytest.mark.parametrize("damage", ["empty", "cut off", "no zip", "a byte", "other arrays"])
def test_sums_that_are_damaged_are_added_up_again(root, damage):
    request = Request((1, 2))
    statistics(root, request)
    path = next((root / "stats").rglob("*_2_*.npz"))
    data = path.read_bytes()
    if damage == "other arrays":
        np.savez(path, facts=np.array("{}"))
    else:
        middle = len(data) // 2
        flipped = data[:middle] + bytes([data[middle] ^ 255]) + data[middle + 1 :]
        path.write_bytes({"empty": b"", "cut off": data[:-200], "no zip": b"x" * 100, "a byte": flipped}[damage])
    found, kept = statistics(root, request)
    assert kept == ["1", "3"]
    assert_same_as_the_view(found["all"], open_dataset(root, sheet="X_ON"), (1, 2))
    assert statistics(root, request)[1] == [*PARTS]


def test_widths_are_kept_together(root):
    statistics(root, Request((1, 4)))
    found, kept = statistics(root, Request((3,)))
    assert kept == []
    assert [one.width for one in found["all"].widths] == [3]
    for widths in ((4, 3), (4, 1), None):
        found, kept = statistics(root, Request(widths))
        assert kept == [*PARTS]
        assert_same_as_the_view(found["all"], open_dataset(root, sheet="X_ON"), widths)


def test_subsets_and_ways_of_cutting_are_kept_apart(root):
    indices = {
        "few": {"X_ON": np.array([3, 0])},
        "one": {"X_ON": np.array([5])},
        "other sheet": {"X_OFF": np.array([0])},
    }
    found, kept = statistics(root, Request(indices=indices))
    assert kept == []
    assert list(found) == ["few", "one"]
    view = open_dataset(root, sheet="X_ON")
    assert_same_as_the_view(found["few"], view.select(index=[0, 3]), None)
    assert_same_as_the_view(found["one"], view.select(index=[5]), None)
    assert statistics(root, Request(indices={"again": indices["one"]}))[1] == [*PARTS]
    for other in (Request(), Request(cut=Cut((0, 3))), Request(sample=2)):
        assert statistics(root, other)[1] == []
        assert statistics(root, other)[1] == [*PARTS]


def test_memory_grows_by_the_rows_of_its_trials_alone(tmp_path):
    ids = np.arange(20_000)
    for part in range(1, 7):
        write_part(tmp_path, "X_ON", str(part), images(10 * part, 3), ids=ids)

    def peak(n_parts):
        dataset = open_dataset(tmp_path, sheet="X_ON", leave_out=[str(part) for part in range(n_parts + 1, 7)])
        assert len(dataset.neurons) == len(ids)
        gc.collect()
        tracemalloc.start()
        found = reduce_parts(dataset, Request((1, 4)), collect(dataset, Request((1, 4)), tmp_path))["all"]
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(found.trials) == 3 * n_parts
        shutil.rmtree(tmp_path / "stats")
        return highest

    peak(1)
    # Nothing that is kept of a part has a number for each neuron, but only for those of the sample.
    assert peak(6) - peak(3) < 3 * 8 * len(ids) / 2


@pytest.mark.parametrize("rows", [[6], [-1], [2, 2], []])
def test_a_subset_that_is_none(root, rows):
    with pytest.raises(DatasetError, match="the rows of X_ON in wrong are not rows of its 6 neurons"):
        statistics(root, Request(indices={"wrong": {"X_ON": np.array(rows, np.int64)}}))


def test_parts_of_other_neurons(root):
    write_part(root, "X_ON", "4", images(50, 2), ids=(3, 4, 8, 9, 100, 102))
    with pytest.raises(DatasetError, match="part 4 of train/X_ON has other neuron ids"):
        statistics(root, Request())
    found, kept = statistics(root, Request(), match="common")
    assert kept == []
    assert found["all"].neurons["neuron_id"].tolist() == [3, 4, 8, 9, 100]
    assert_same_as_the_view(found["all"], open_dataset(root, sheet="X_ON", match="common"), None)
    assert statistics(root, Request(), match="common")[1] == [*PARTS, "4"]


def test_a_part_that_cannot_be_read_is_named_and_the_others_are_kept(root):
    path = matrix_path(root, "train", "3", "X_ON")
    data = bytearray(path.read_bytes())
    data[5000:-200] = bytes(len(data) - 5200)
    path.write_bytes(data)
    with pytest.raises(Exception, match="spikes_X_ON_3.h5"):
        statistics(root, Request())
    path.unlink()
    assert statistics(root, Request(), leave_out=[])[1] == ["1", "2"]


@pytest.fixture(scope="module")
def project(datastores, tmp_path_factory):
    """A plan of two parts of the real train data, exported."""
    place = tmp_path_factory.mktemp("project")
    write_toml(place / "spikebin.toml", datastores / "train", extra='sheets = ["X_ON", "V1_Inh_L2/3"]')
    assert spikebin_here("plan", cwd=place).returncode == 0
    export_all(place)
    return place


@pytest.mark.slow
def test_jobs_add_up_and_the_next_call_reads_it(project, tmp_path):
    place = tmp_path / "project"
    shutil.copytree(project, place)
    result = spikebin_here("stats", "--missing", cwd=place)
    assert result.stdout.strip() == "0-1"
    for index in "01":
        result = spikebin_here("stats", "--index", index, "--width", "1,20", cwd=place)
        assert result.returncode == 0
        assert result.stdout == ""
        assert result.stderr.count("added up\n") == 2
    assert spikebin_here("stats", "--missing", "--width", "20", cwd=place).stdout == ""
    assert spikebin_here("stats", "--missing", "--width", "5", cwd=place).stdout.strip() == "0-1"
    stamps = {path: path.stat().st_mtime_ns for path in (place / "dataset/stats").rglob("*.npz")}
    assert len(stamps) == 4
    result = spikebin_here("stats", "--width", "20", "--json", "--out", place / "numbers", "--format", "csv", cwd=place)
    assert result.returncode == 0, result.stderr
    rows = json.loads(result.stdout)
    assert [(row["variant"], row["sheet"], row["width_ms"]) for row in rows] == [
        ("train", "X_ON", 20.0),
        ("train", "V1_Inh_L2/3", 20.0),
    ]
    wanted = open_dataset(place / "dataset", sheet="X_ON").stats([20])
    assert rows[0]["rate_hz"] == pytest.approx(wanted.rates.mean())
    assert rows[0]["fano"] is None
    assert {path: path.stat().st_mtime_ns for path in (place / "dataset/stats").rglob("*.npz")} == stamps
    assert (place / "numbers/trials.csv").read_text().count("\n") == 1 + 2 * len(wanted.trials)

    matrix_path(place / "dataset", "train", "50000", "X_ON").unlink()
    result = spikebin_here("stats", "--index", "0", cwd=place)
    assert "train/50000 X_ON is missing: export it first, `spikebin job 0`" in result.stderr
    assert result.returncode == 1
    one_line_error(spikebin_here("stats", cwd=place), "missing or broken")
    result = spikebin_here("stats", "--without-broken", "--json", cwd=place)
    assert [row["n_trials"] for row in json.loads(result.stdout)] == [10, 20]
    assert "left out: train/50000: no file of X_ON" in result.stderr


@pytest.mark.slow
def test_subsets_of_old_files(project, tmp_path):
    for name, rows in (("size_10.0", [1, 2]), ("size_5.0", [3])):
        (tmp_path / f"{name}.pkl").write_bytes(pickle.dumps({"X_ON": rows, "V1_Inh_L23": rows}))
    options = [option for name in ("size_10.0", "size_5.0") for option in ("--neurons-index", tmp_path / f"{name}.pkl")]
    result = spikebin_here("stats", *options, "--json", cwd=project)
    assert result.returncode == 0, result.stderr
    rows = json.loads(result.stdout)
    assert [(row["sheet"], row["subset"], row["n_neurons"]) for row in rows] == [
        ("X_ON", "size_10.0", 2),
        ("X_ON", "size_5.0", 1),
        ("V1_Inh_L2/3", "size_10.0", 2),
        ("V1_Inh_L2/3", "size_5.0", 1),
    ]
    wanted = open_dataset(project / "dataset", sheet="X_ON").select(index=[1, 2]).rates().mean()
    assert rows[0]["rate_hz"] == pytest.approx(wanted)


@pytest.mark.slow
def test_wrong_options(project):
    for options, words, code in (
        (["--width", "x"], "--width x", 2),
        (["--width", "1.5"], "not a multiple of the 1 ms", 1),
        (["--width", ""], "--width is empty", 2),
        (["--width", ","], "no width is given", 1),
        (["--index", "7"], "no job 7", 1),
        (["--index", "0", "--missing"], "do different things", 2),
        (["--missing", "--dataset", "."], "job by job", 2),
        (["--window", "5"], "give two bins", 1),
        (["--window", "0:9999"], "reaches past what was recorded", 1),
        (["--sheet", "X"], "X_ON", 1),
        (["--out", "numbers", "--format", "xls"], "known are csv", 1),
    ):
        one_line_error(spikebin_here("stats", *options, cwd=project), words, code=code)
