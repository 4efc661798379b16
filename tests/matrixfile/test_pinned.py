"""Files of format_version 1 as release 0.1.0 wrote them: whatever this release reads today, every later one reads too.

What the files hold is in tests/data/format_1/expected.json. Where a test here fails, the reader is wrong: neither the
files nor what is expected of them is ever changed (spikebin/docs/format-changes.md).
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import shutil
from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401  registers Blosc2 with h5py
import numpy as np
import pytest
import tables
from conftest import DATA

import spikebin
from spikebin import open_dataset
from spikebin.binning.trial import TrialEvents
from spikebin.errors import MatrixFileError
from spikebin.matrixfile.digest import ContentDigest
from spikebin.matrixfile.reader import open_file
from spikebin.matrixfile.verify import verify_file
from spikebin.output.exclusions import read_excluded
from spikebin.output.state import survey
from spikebin.pipeline.config import load_config
from spikebin.pipeline.plan import load_plan, make_plan
from spikebin.slurm.squeue import submitted

FORMAT_1 = DATA / "format_1"
EXPECTED = json.loads((FORMAT_1 / "expected.json").read_text("utf-8"))
FILES = EXPECTED["files"]
OUTPUT = EXPECTED["output"]
PAGE = Path(spikebin.__file__).parent / "docs" / "format-changes.md"
BLOCK = re.compile(r"<!-- test: content digest -->\n```python\n(.*?)```", re.DOTALL)
# sha256 over the names and bytes of all that is pinned. It stays as it is: new formats get a directory of their own.
BYTES = "48084455ae0d4f24535b3b07a5c0df65b5bf8191fb3e7cbc6ffe389b79630e41"


def content_digest(neuron_ids, trials, matrix):
    """By the words of README, "What a matrix file holds", and nothing of spikebin."""
    digest = hashlib.sha256(np.array(neuron_ids, "<i8").tobytes())
    for (image_id, repeat, n_bins), dense in zip(trials, matrix, strict=True):
        flat = np.flatnonzero(dense)
        digest.update(image_id.encode() + b"\0" + np.array([repeat, n_bins, *flat], "<i8").tobytes())
        if matrix.dtype == np.uint8:
            digest.update(dense.reshape(-1)[flat].tobytes())
    return digest.hexdigest()


def dense_of(content):
    dense = np.zeros(content["shape"], content["dtype"])
    for trial, row, column, value in content["cells"]:
        dense[trial, row, column] = value
    return dense


def assert_columns(table, expected):
    """Names, kinds and values; a later reader may know more columns than the file has."""
    n_rows = {len(values) for _, values in expected.values()}
    assert n_rows == {len(table)}
    for name, (kind, values) in expected.items():
        column = table[name]
        assert (column.dtype.kind if kind == "U" else column.dtype.str[1:]) == kind, name
        found = column.tolist()
        if kind == "f8":
            found = [None if math.isnan(value) else value for value in found]
        assert found == values, name


def in_all_parts(contents, column):
    return [value for content in contents for value in content["trials"][column][1]]


@pytest.fixture(params=FILES)
def name(request):
    return request.param


@pytest.fixture
def path(name):
    return FORMAT_1 / name


@pytest.fixture
def content(name):
    return EXPECTED["contents"][FILES[name]["content"]]


@pytest.fixture
def example(tmp_path):
    """The output of release 0.1.0 with its config, and where its recordings lay; they themselves are not kept."""
    shutil.copytree(FORMAT_1 / "example", tmp_path / "example")
    for recording in OUTPUT["recordings"]:
        (tmp_path / "example" / recording).mkdir(parents=True)
    return tmp_path / "example"


def test_nothing_that_is_pinned_has_changed():
    digest = hashlib.sha256()
    pinned = [FORMAT_1 / "expected.json", *(FORMAT_1 / "matrix_files").rglob("*"), *(FORMAT_1 / "example").rglob("*")]
    for path in sorted(path for path in pinned if path.is_file()):
        name = path.relative_to(FORMAT_1).as_posix()
        digest.update(f"{name}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    assert digest.hexdigest() == BYTES


def test_every_kind_of_file_is_pinned():
    kinds = {(*(seal[key] for key in ("format_version", "layout", "codec")), seal["binning"]["values"])
             for seal in (expected["seal"] for expected in FILES.values())}  # fmt: skip
    assert kinds == {(1, layout, codec, values) for layout in ("matrix", "events") for codec in ("blosc2", "zlib")
                     for values in ("bool", "count")}  # fmt: skip
    sizes = set()
    for path in (FORMAT_1 / "matrix_files").glob("*.h5"):
        with tables.open_file(path) as file:
            sizes |= {file.root.events.dtype.itemsize} if "events" in file.root else set()
    assert sizes == {1, 2, 4, 8}


def test_the_header_is_what_was_sealed(name, path, content):
    seal, file = FILES[name]["seal"], open_file(path)
    assert file.header.as_dict() | seal == file.header.as_dict()
    assert file.shape == tuple(content["shape"])
    assert file.dtype == content["dtype"]
    tally = file.header.tally
    assert [tally.n_spikes, tally.n_binned, tally.n_collisions, tally.n_outside] == content["counts"]
    assert [phase.name for phase in file.header.phases] == content["phases"]
    for key, value in seal["binning"].items():
        assert getattr(file.binning, key) == value


def test_every_byte_and_count_is_verified(name, path, tmp_path):
    seal, header = FILES[name]["seal"], verify_file(path)
    assert header.as_dict() | seal == header.as_dict()
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    (tmp_path / "changed.h5").write_bytes(data)
    with pytest.raises(MatrixFileError, match="sha256"):
        verify_file(tmp_path / "changed.h5")


def test_the_whole_matrix_is_read(path, content):
    spikes, dense = open_file(path).spikes, dense_of(content)
    assert spikes.shape == dense.shape
    assert spikes.dtype == dense.dtype
    assert np.array_equal(np.asarray(spikes), dense)
    assert np.array_equal(spikes[:], dense)


@pytest.mark.parametrize(
    "index",
    [
        0,
        -1,
        (slice(None), 2),
        (slice(None), slice(1, 4), slice(3, 60)),
        (0, slice(None, None, -1), slice(None, None, 3)),
        (slice(None), [3, 0], 5),
        (..., slice(-2, None)),
        (slice(None), np.array([True, False, True, False])),
        (0, 0, slice(0, 0)),
    ],
    ids=str,
)
def test_slices_of_the_matrix_are_read(path, content, index):
    spikes, dense = open_file(path).spikes, dense_of(content)
    if isinstance(index, tuple) and isinstance(index[1], np.ndarray):
        index = (index[0], np.resize(index[1], dense.shape[1]))
    assert np.array_equal(spikes[index], dense[index])


def test_the_events_of_each_trial_are_read(path, content):
    file, dense = open_file(path), dense_of(content)
    for trial in range(-len(dense), len(dense)):
        neurons, bins = file.events(trial)
        assert np.array_equal(np.column_stack([neurons, bins]), np.argwhere(dense[trial]))
        flat, values = file.flat_events(trial)
        assert np.array_equal(flat, np.flatnonzero(dense[trial]))
        assert np.array_equal(values, dense[trial].reshape(-1)[flat])


def test_the_tables_are_read(path, content):
    file = open_file(path)
    assert_columns(file.trials, content["trials"])
    assert_columns(file.neurons, content["neurons"])
    assert_columns(file.sources, content["sources"])
    source = file.header.source
    assert (source.files, source.size) == (len(file.sources), file.sources["size"].sum())
    assert source.mtime == file.sources["mtime"].max()


def test_the_content_digest_is_that_of_what_is_expected(name, content):
    columns = [content["trials"][column][1] for column in ("image_id", "repeat", "n_bins")]
    found = content_digest(content["neurons"]["neuron_id"][1], list(zip(*columns, strict=True)), dense_of(content))
    assert found == FILES[name]["seal"]["content_digest"]


def test_plain_pytables_and_h5py_read_it(name, path, content):
    """The lines of README, "The two layouts"."""
    dense, seal = dense_of(content), FILES[name]["seal"]
    with tables.open_file(path) as plain, h5py.File(path) as file:
        assert file.userblock_size == 4096
        assert set(file) == {"neurons", "trials", "source"} | (
            {"spikes"}
            if seal["layout"] == "matrix"
            else {"events", "rate_class"} | ({"counts"} if dense.dtype == np.uint8 else set())
        )
        for table, column, key in (("neurons", "neuron_id", "neurons"), ("trials", "n_bins", "trials")):
            assert plain.get_node(f"/{table}").col(column).tolist() == content[key][column][1]
            assert file[table][column].tolist() == content[key][column][1]
        images = [image.decode() for image in file["trials"]["image_id"].tolist()]
        assert images == content["trials"]["image_id"][1]
        if seal["layout"] == "matrix":
            assert np.array_equal(plain.root.spikes[:], dense)
            assert np.array_equal(file["spikes"][:], dense)
            return
        for root, n_columns in (
            (plain.root, plain.root.events.attrs.n_columns),
            (file, file["events"].attrs["n_columns"]),
        ):
            order = np.argsort(-root["rate_class"][:].astype(int), kind="stable")
            found = np.zeros_like(dense)
            for trial in range(len(dense)):
                gaps = root["events"][trial]
                cells = np.cumsum(gaps[gaps > 0], dtype=np.int64) - 1
                values = root["counts"][trial][: cells.size] if dense.dtype == np.uint8 else True
                found[trial, order[cells // n_columns], cells % n_columns] = values
            assert np.array_equal(found, dense)


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPECTED["large"])
def test_a_large_trial_is_read(name):
    """More than 65,536 neurons, 2^26 cells or 2^24 events; how large a chunk may be is part of the format."""
    path, expected = FORMAT_1 / name, EXPECTED["large"][name]
    header = verify_file(path)
    assert header.as_dict() | expected["seal"] == header.as_dict()
    _, n_neurons, n_columns = header.shape
    cells = np.arange(n_neurons * n_columns) if expected["flat"] == "all" else np.array(expected["flat"])
    flat, values = open_file(path).flat_events(0)
    assert np.array_equal(flat, cells)
    assert (values == 1).all()
    assert open_file(path).neurons["neuron_id"].tolist() == list(range(n_neurons))
    assert open_file(path).trials["n_bins"].tolist() == [n_columns]
    assert open_file(path).trials["window_stop"].tolist() == [0.5 * n_columns]
    assert len(open_file(path).sources) == 0


def test_slices_of_a_matrix_in_several_chunks_are_read():
    file = open_file(FORMAT_1 / "matrix_files/large_chunks_matrix.h5")
    assert np.argwhere(file.spikes[0, 65530:, 1020:]).tolist() == [[5, 4], [6, 3], [6, 4]]
    assert np.flatnonzero(file.spikes[0, 0]).tolist() == [0, 1023, 1024]
    neurons, bins = file.events(0)
    assert np.array_equal(neurons * 1025 + bins, EXPECTED["large"]["matrix_files/large_chunks_matrix.h5"]["flat"])


def test_the_plan_of_an_output_is_read(example):
    plan = load_plan(load_config(example / "spikebin.toml"))
    found = [[job.index, job.variant, job.part, [[s.path, list(s.sheets)] for s in job.sources]] for job in plan.jobs]
    assert found == OUTPUT["jobs"]
    assert plan.sheets == ("X_ON", "V1_Exc_L2/3")
    assert plan.job(8) == plan.find_job("test/1")
    assert plan.job(8).source("V1_Exc_L2/3") == ""
    settings = json.loads((example / "output/plan.json").read_text())
    assert settings == OUTPUT["plan"]


@pytest.mark.parametrize(
    ("was", "now"),
    [("width = 1.0", "width = 2.0"), ('values = "bool"', 'values = "count"'), ('blank = "before"', 'blank = "none"')],
)
def test_the_plan_of_an_output_binds(example, was, now):
    config = example / "spikebin.toml"
    config.write_text(config.read_text().replace(was, now))
    with pytest.raises(spikebin.SpikebinError, match=now.partition(" ")[0]):
        load_plan(load_config(config))


def test_a_new_plan_goes_on_from_the_old_one(example):
    config = load_config(example / "spikebin.toml")
    new = example / OUTPUT["recordings"][0].replace("_9_", "_8_")
    new.mkdir()
    old = list(load_plan(config).jobs)
    plan, changes = make_plan(config)
    assert (changes.parts, changes.sheets, changes.sources) == (1, 0, 0)
    assert changes.vanished == ["train/14"]
    assert list(plan.jobs)[:-1] == old
    assert (plan.jobs[-1].index, plan.jobs[-1].name) == (len(old), "train/8")
    assert load_plan(config).jobs == plan.jobs


@pytest.mark.parametrize("deep", [False, True])
def test_every_sheet_of_an_output_is_in_its_state(example, deep):
    plan = load_plan(load_config(example / "spikebin.toml"))
    states = list(survey(plan, deep=deep))
    facts = [(s.job.name, s.sheet, str(s.state), s.attempts.failures, s.attempts.running) for s in states]
    # A file of --limit that lies in the place of the complete one was "missing" to the release that wrote these.
    broken = {("train/16", "X_ON"): "broken"}
    assert facts == [
        (name, sheet, broken.get((name, sheet), at_every_byte if deep else state), failures, running)
        for name, sheet, state, at_every_byte, failures, running in OUTPUT["states"]
    ]
    headers = {f"{s.job.name}/{s.sheet}": s.header for s in states if s.state == "done"}
    sealed = {expected["content"]: expected["seal"] for name, expected in FILES.items() if name.startswith("example/")}
    assert {"train/9/X_ON", "train/10/V1_Exc_L2/3", "test/1/X_ON"} <= headers.keys()
    for name in headers.keys() & sealed.keys():
        assert headers[name].as_dict() | sealed[name] == headers[name].as_dict()
    reasons = {(s.job.name, s.sheet): s.reason for s in states}
    name, sheet, reason, log = OUTPUT["failed"]
    assert reasons[name, sheet] == reason
    assert [s.attempts.log for s in states if (s.job.name, s.sheet) == (name, sheet)] == [log]
    assert reasons["train/12", "X_ON"] == OUTPUT["excluded"]["train/12"]


def test_what_else_is_kept_beside_a_plan_is_read(example):
    assert read_excluded(example / "output") == OUTPUT["excluded"]
    notes = submitted(example / "output")
    found = [[n.job_id, n.array, n.offset, list(n.sheets), n.user, n.time] for n in notes.values()]
    assert sorted(found) == OUTPUT["submitted"]


def test_the_ids_beside_the_matrix_files_are_read():
    output = FORMAT_1 / "example/output"
    assert {path.relative_to(output).as_posix() for path in output.rglob("*.npy")} == OUTPUT["npy"].keys()
    for name, (kind, values) in OUTPUT["npy"].items():
        array = np.load(output / name)
        assert (array.dtype.kind, array.tolist()) == (kind, values)
    for name, expected in FILES.items():
        seal, content = expected["seal"], EXPECTED["contents"][expected["content"]]
        stem = f"{seal['variant']}/neuron_ids/neuron_ids_{seal['sheet'].replace('/', '')}_{seal['part']}.npy"
        if name.startswith("example/") and "limit" not in seal:
            assert OUTPUT["npy"][stem][1] == content["neurons"]["neuron_id"][1]


@pytest.mark.parametrize(("variant", "parts"), [("train", ["9", "10"]), ("test", ["1"])])
def test_an_output_is_read_as_a_data_set(example, variant, parts):
    sheets = open_dataset(example / "output", variant, broken="leave out")
    assert list(sheets) == (["X_ON", "V1_Exc_L2/3"] if variant == "train" else ["X_ON"])
    assert set(sheets.left_out) == ({"11", "12", "13", "14", "15", "16"} if variant == "train" else set())
    for name, sheet in sheets.items():
        contents = [EXPECTED["contents"][f"{variant}/{part}/{name}"] for part in parts]
        dense = [dense_of(content) for content in contents]
        n_columns = max(part.shape[2] for part in dense)
        whole = np.concatenate([np.pad(part, ((0, 0), (0, 0), (0, n_columns - part.shape[2]))) for part in dense])
        assert sheet.shape == whole.shape
        assert np.array_equal(sheet[:], whole)
        assert np.array_equal(sheet[::-1, 1:3, 4:40], whole[::-1, 1:3, 4:40])
        for trial in range(len(whole)):
            assert np.array_equal(np.column_stack(sheet.events(trial)), np.argwhere(whole[trial]))
        assert sheet.parts == parts
        assert sheet.trials["part"].tolist() == [
            part for part, one in zip(parts, dense, strict=True) for _ in range(len(one))
        ]
        for column in ("image_id", "repeat", "order", "n_bins"):
            assert sheet.trials[column].tolist() == in_all_parts(contents, column)
        phases, bins = sheet.phases()
        assert phases == ["blank", "image"]
        assert bins.tolist() == in_all_parts(contents, "phase_bins")
        assert_columns(sheet.neurons, contents[0]["neurons"])


def test_what_is_broken_or_not_whole_in_an_output_is_refused(example):
    with pytest.raises(spikebin.SpikebinError, match="11"):
        open_dataset(example / "output", "train")
    spikes = example / "output/train/spikes"
    with pytest.raises(MatrixFileError):
        open_file(spikes / "X_ON/spikes_X_ON_11.h5")
    with pytest.raises(MatrixFileError, match="sha256"):
        verify_file(spikes / "V1_Exc_L23/spikes_V1_Exc_L23_11.h5")


# Two digests that can be worked out by hand; README and format-changes.md show the same.
IDS = [3, 7]
TRIALS = [("a", 0, 4), ("ü", 1, 3)]
COUNTS = np.array([[[0, 2, 0, 0], [1, 0, 0, 255]], [[0, 0, 3, 0], [0, 0, 0, 0]]], np.uint8)
VECTORS = {
    "bool": (COUNTS > 0, "c65d54ec8dc53ec52b39f527cd3222c357faefe32b30efd2f6b4e58b4c03039d"),
    "count": (COUNTS, "1ed89484de9b24efa6154783758dd4646d8ebc8a374e0cdb5ff5acfe00f8d276"),
}


@pytest.mark.parametrize("values", VECTORS)
def test_the_content_digest_is_what_it_always_was(values):
    matrix, expected = VECTORS[values]
    assert content_digest(IDS, TRIALS, matrix) == expected
    digest = ContentDigest(np.array(IDS))
    for (image_id, repeat, n_bins), dense in zip(TRIALS, matrix, strict=True):
        flat = np.flatnonzero(dense)
        counts = dense.reshape(-1)[flat] if values == "count" else None
        digest.add(image_id, repeat, n_bins, TrialEvents(flat, counts))
    assert digest.hexdigest() == expected


def test_the_content_digest_on_the_page_is_that_of_the_test():
    (block,) = BLOCK.findall(PAGE.read_text("utf-8"))
    page = {}
    exec(block, page)  # its own assertions hold
    for matrix, expected in VECTORS.values():
        assert page["content_digest"](IDS, TRIALS, matrix) == expected
        assert expected in block
