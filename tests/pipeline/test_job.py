"""Jobs on real datastores: bin for bin what the old script made, its known faults apart; and whatever goes wrong."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import naive
import numpy as np
import pytest
import scipy.sparse
from conftest import PARTS, make_config, one_line_error, spikebin, write_toml
from workers import typed

from spikebin import Binning, open_file
from spikebin.errors import PlanError
from spikebin.matrixfile.verify import verify_file
from spikebin.names import directory_name
from spikebin.output.exclusions import exclude
from spikebin.output.paths import matrix_path
from spikebin.output.state import State, survey
from spikebin.pipeline.config import Config, Recordings
from spikebin.pipeline.job import run_job
from spikebin.pipeline.plan import load_plan, make_plan
from spikebin.recordings.settings import TrialRule
from spikebin.simulate.experiment import Experiment, presentations, write_datastore
from spikebin.simulate.v1 import SheetModel
from spikebin.system.signals import GRACE

FLAVOURS = [
    "small_neo090_np123",
    "small_neo0102_np123",
    "small_neo012_np126_p4default",
    "small_neo0146_np24",
    "small_p2_neo012",
    "small_p5_neo012",
    "small_channel_neo012",
    "small_multiplexed_neo012",
]
TINY = (SheetModel("X_ON", 6), SheetModel("V1_Exc_L2/3", 9))


def export(config, **options):
    """Plan and run all jobs of a config; the outcomes by sheet and part."""
    plan, _ = make_plan(config)
    return {
        (outcome.sheet, job.part): outcome for job in plan.jobs for outcome in run_job(plan, job, threads=2, **options)
    }


def opened(config, sheet, part, variant="train"):
    return open_file(matrix_path(config.output, variant, part, sheet))


@pytest.mark.parametrize(
    ("name", "parts", "repeats"),
    [
        ("train", ["50000", "50200"], 1),
        ("test", ["300050"], 4),
        ("real_nest_train", ["50000"], 1),
        ("real_nest_test", ["300050"], 4),
    ],
)
@pytest.mark.slow
def test_real_datastores_equal_the_old_script_bin_for_bin(datastores, tmp_path, name, parts, repeats):
    config = make_config(tmp_path / "out", datastores / name)
    outcomes = export(config)
    assert len(outcomes) == 6 * len(parts)
    for (sheet, part), outcome in outcomes.items():
        assert outcome.state is State.DONE, outcome.message
        file, stem = opened(config, sheet, part), f"{directory_name(sheet)}_{part}"
        oracle = datastores / "oracle" / name
        old_ids = np.load(oracle / "neuron_ids" / f"neuron_ids_{stem}.npy")
        old_images = np.load(oracle / "image_ids" / f"image_ids_{stem}.npy")
        npy = config.output / "train"
        assert np.array_equal(np.load(npy / "neuron_ids" / f"neuron_ids_{stem}.npy"), np.sort(old_ids))
        assert np.array_equal(np.load(npy / "image_ids" / f"image_ids_{stem}.npy"), old_images)
        for repeat in range(repeats):
            trials = np.flatnonzero(file.trials["repeat"] == repeat)
            assert file.trials["image_id"][trials].tolist() == old_images.tolist()
            infix = f"trial_{repeat}_" if repeats > 1 else ""
            old = scipy.sparse.load_npz(oracle / "spikes" / directory_name(sheet) / f"spikes_{infix}{stem}.npz")
            # The old script's rows follow the order of the file's trains, ours the ids.
            rows = old.toarray()[np.argsort(old_ids)].astype(bool)
            expected = rows.reshape(len(old_ids), len(trials), 712).transpose(1, 0, 2)
            assert np.array_equal(file.spikes[trials], expected)


def test_the_old_script_lost_collisions_unseen(datastores, tmp_path):
    """Known fault: several spikes of a neuron in one bin became one without a word. Here they are counted."""
    config = make_config(tmp_path / "out", datastores / "train", sheets=("X_ON",))
    export(config)
    header = opened(config, "X_ON", "50000").header
    old = scipy.sparse.load_npz(datastores / "oracle" / "train" / "spikes" / "X_ON" / "spikes_X_ON_50000.npz")
    assert header.n_binned == old.nnz
    assert header.n_collisions == header.n_spikes - old.nnz > 0


@pytest.mark.parametrize("name", FLAVOURS[1:])
def test_every_flavour_gives_the_same_files(datastores, tmp_path, name):
    digests = {}
    for flavour in (FLAVOURS[0], name):
        config = make_config(tmp_path / flavour, datastores / flavour)
        for (sheet, _), outcome in export(config).items():
            assert outcome.state is State.DONE, outcome.message
            digests.setdefault(sheet, set()).add(outcome.header.content_digest)
            assert verify_file(Path(outcome.message))
    assert {sheet: len(found) for sheet, found in digests.items()} == {"X_ON": 1, "V1_Exc_L2/3": 1}


def test_trains_are_placed_by_id_whatever_their_order_in_each_segment(datastores, tmp_path):
    """Known fault: the old script's rows of such a datastore are garbage. Here they equal neo's own reading by id."""
    config = make_config(tmp_path / "out", datastores / "small_perseg_neo012")
    for (sheet, part), outcome in export(config).items():
        assert outcome.state is State.DONE, outcome.message
        file = opened(config, sheet, part)
        recording = _segments(next((datastores / "small_perseg_neo012").iterdir()), sheet)
        for trial, (blank, image) in enumerate(recording):
            expected = np.zeros(file.shape[1:], bool)
            for segment, first_bin in ((blank, 0), (image, 151)):
                ends = np.cumsum(segment.counts)
                for i, neuron in enumerate(segment.ids):
                    row = file.neurons["neuron_id"].tolist().index(neuron)
                    times = segment.times[ends[i] - segment.counts[i] : ends[i]]
                    expected[row, [first_bin + naive.bin_of(t, 0, 560, 1, False, True, 561) for t in times]] = True
            assert np.array_equal(file.spikes[trial], expected)


def _segments(directory, sheet):
    """(blank, image) segments of one sheet in order of presentation, straight from the index."""
    from spikebin.recordings.mozaik.datastore import MozaikRecording
    from spikebin.recordings.mozaik.segment import read_segment

    found = [p for p in MozaikRecording(directory).presentations if p.sheet == sheet]
    found.sort(key=lambda p: p.when)
    segments = [read_segment(directory / p.file) for p in found]
    return list(zip(segments[::2], segments[1::2], strict=True))


def test_image_ids_of_repeats_that_differ(datastores, tmp_path):
    """Known fault: the old script took the first repeat's image ids for all. Here each repeat has its own."""
    config = make_config(tmp_path / "out", datastores / "small_shuffle_neo012")
    export(config)
    part = make_plan(config)[0].jobs[0].part
    ids = np.load(config.output / "train" / "image_ids" / f"image_ids_X_ON_{part}.npy")
    assert ids.shape == (3, 3)
    assert len({tuple(row) for row in ids}) > 1
    file = opened(config, "X_ON", part)
    assert file.trials["image_id"].tolist() == ids.reshape(-1).tolist()
    assert file.trials["repeat"].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert sorted(file.trials["order"].tolist()) == list(range(9))


EXPERIMENTS = {
    "plain": {},
    "repeats": {"n_repeats": 3, "shuffle_images": True},
    "gaps in the ids, unsorted": {"unrecorded": 0.3, "trains": "per segment"},
    "explicit blanks of unequal duration": {"blanks": "internal", "blank_jitter_ms": 40.0, "image_key": "movie_name"},
    "no blanks": {"blanks": "none"},
    "other stimuli": {"gratings": 2},
    "unequal null blanks": {"blank_jitter_ms": 12.3},
}


@pytest.mark.parametrize("case", EXPERIMENTS)
@pytest.mark.parametrize("unit", ["ms", "s"])
def test_drawn_spikes_come_out_as_the_naive_twin_bins_them(tmp_path, case, unit):
    experiment = Experiment(70000, 2, sheets=TINY, **EXPERIMENTS[case])
    write_datastore(tmp_path / "data", experiment, unit=unit)
    rule = TrialRule(stimulus="NaturalImage") if "gratings" in EXPERIMENTS[case] else TrialRule()
    config = make_config(tmp_path / "out", tmp_path / "data", trial=rule)
    shown = [p for p in presentations(experiment) if p.image_id is not None or p.null or "Internal" in p.stimulus]
    for (sheet, part), outcome in export(config).items():
        assert outcome.state is State.DONE, outcome.message
        file = opened(config, sheet, part)
        mine = sorted((p for p in shown if p.sheet == sheet), key=lambda p: p.order)
        rows = {int(neuron): row for row, neuron in enumerate(file.neurons["neuron_id"])}
        expected, trials, n_spikes, pending = {}, [], 0, []
        for p in mine:
            if "Grating" in p.stimulus:
                pending = []
                continue
            cells = set()
            neurons = np.repeat(p.ids, p.counts)
            for step, neuron in zip(p.steps, neurons, strict=True):
                cells.add((rows[int(neuron)], int(step) // 10))
            pending.append((p.duration, cells, len(p.steps)))
            if p.null or "Internal" in p.stimulus:
                continue
            first_bin, matrix = 0, set()
            for duration, inside, n in pending:
                matrix |= {(row, first_bin + k) for row, k in inside}
                first_bin += naive.n_bins(0, duration, 1.0, True)
                n_spikes += n
            trials.append((p.repeat, len(trials), p.image_id))
            expected[len(trials) - 1] = matrix
            pending = []
        by_row = sorted(trials, key=lambda t: (t[0], t[1]))
        assert [(t["repeat"], t["order"], t["image_id"]) for t in file.trials] == by_row
        assert file.header.n_spikes == n_spikes
        for row, (_, order, _) in enumerate(by_row):
            assert set(zip(*(a.tolist() for a in file.events(row)), strict=True)) == expected[order]


def test_the_digest_does_not_depend_on_threads_layout_or_codec(datastores, tmp_path):
    digests = set()
    for threads, layout, codec in ((1, "matrix", "blosc2"), (3, "matrix", "zlib"), (2, "events", "blosc2")):
        config = make_config(
            tmp_path / layout / codec, datastores / "train", sheets=("X_ON",), layout=layout, codec=codec
        )
        plan, _ = make_plan(config)
        outcome = next(iter(run_job(plan, plan.job(0), threads=threads)))
        digests.add(outcome.header.content_digest)
    assert len(digests) == 1


def test_counts_hold_every_spike(datastores, tmp_path):
    config = make_config(tmp_path / "out", datastores / "train", sheets=("X_ON",), binning=Binning(values="count"))
    export(config)
    file = opened(config, "X_ON", "50000")
    assert file.header.n_collisions == 0
    assert np.asarray(file.spikes).sum(dtype=int) == file.header.n_spikes == file.header.n_binned


@pytest.mark.parametrize(
    ("name", "sheet", "words"),
    [
        ("broken_truncated_segment", "V1_Exc_L2/3", ["Segment3.pickle", "ends after", "copy it again"]),
        ("broken_missing_segment", "X_ON", ["Segment4.pickle", "missing"]),
        ("broken_neuron_count", "X_ON", ["neurons", "24", "20"]),
    ],
)
def test_a_broken_sheet_fails_alone_with_one_line(datastores, tmp_path, name, sheet, words):
    """Known fault: the old script cut such segments short in silence, or died with the part half done."""
    config = make_config(tmp_path / "out", datastores / name)
    outcomes = export(config)
    for (other, _), outcome in outcomes.items():
        assert outcome.state is (State.FAILED if other == sheet else State.DONE)
    line = next(outcome.message for (other, _), outcome in outcomes.items() if other == sheet)
    assert "\n" not in line
    assert all(word in line for word in words), line
    assert not list(config.output.rglob(f"*{directory_name(sheet)}*.h5"))
    assert not list(config.output.rglob("*.tmp"))
    state = next(s for s in survey(load_plan(config), sheet=sheet))
    assert (state.state, state.reason, state.attempts.failures) == (State.FAILED, line, 1)


def _edit(path, *changes):
    data = path.read_bytes()
    for old, new in changes:
        assert old in data
        assert len(old) == len(new)
        data = data.replace(old, new)
    path.write_bytes(data)


def _copied(datastores, tmp_path, name="small_neo012_np126_p4default"):
    shutil.copytree(datastores / name, tmp_path / "data")
    return next((tmp_path / "data").iterdir())


def _never(directory):
    """A file that is there once a hostile datastore was obeyed."""
    return directory.parent.parent / "never"


NAN = b"\0\0\0\0\0\0\xf8\x7f"
DAMAGES = {
    "empty": (lambda d: (d / "Segment3.pickle").write_bytes(b""), ["empty"]),
    "no index": (lambda d: (d / "datastore.recordings.pickle").unlink(), ["datastore.recordings.pickle", "missing"]),
    "index cut": (lambda d: os.truncate(d / "datastore.recordings.pickle", 3000), ["recordings.pickle", "ends after"]),
    "foreign": (lambda d: (d / "Segment3.pickle").write_bytes(b"\x80\x04K\x01."), ["Segment3.pickle"]),
    "hostile": (
        lambda d: (d / "Segment3.pickle").write_bytes(f"cos\nsystem\n(S'touch {_never(d)}'\ntR.".encode()),
        ["os.system", "nothing was run"],
    ),
    "other sheet": (lambda d: shutil.copy(d / "Segment0.pickle", d / "Segment3.pickle"), ["sheet"]),
    "nan": (lambda d: _edit(d / "Segment3.pickle", _first_time(d / "Segment3.pickle", NAN)), ["nan"]),
    "directory": (
        lambda d: ((d / "Segment3.pickle").unlink(), (d / "Segment3.pickle").mkdir()), ["Segment3.pickle", "not a file"]
    ),
}  # fmt: skip


def _first_time(path, new):
    from spikebin.recordings.mozaik.segment import read_segment

    return read_segment(path).times[:1].astype("<f8").tobytes(), new


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_input_gets_one_line_and_writes_nothing(datastores, tmp_path, damage):
    directory = _copied(datastores, tmp_path)
    make_damage, words = DAMAGES[damage]
    make_damage(directory)
    config = make_config(tmp_path / "out", tmp_path / "data", sheets=("V1_Exc_L2/3",))
    outcome = export(config)["V1_Exc_L2/3", "70000"]
    assert outcome.state is State.FAILED
    assert "\n" not in outcome.message
    assert all(word in outcome.message for word in words), outcome.message
    assert not list(config.output.rglob("*.h5"))
    assert not list(config.output.rglob("*.npy"))
    assert not _never(directory).exists()


def test_a_sheet_that_the_recording_lacks_is_suggested(datastores, tmp_path):
    config = make_config(tmp_path / "out", datastores / "small_p5_neo012", sheets=("V1_Exc_L23",))
    outcome = export(config)["V1_Exc_L23", "70000"]
    assert "did you mean 'V1_Exc_L2/3'?" in outcome.message


def test_several_kinds_of_stimulus_need_a_choice(tmp_path):
    write_datastore(tmp_path / "data", Experiment(70000, 2, sheets=TINY, gratings=2))
    outcome = export(make_config(tmp_path / "out", tmp_path / "data"))["X_ON", "70000"]
    assert "`stimulus` in [trial]" in outcome.message
    config = make_config(tmp_path / "out2", tmp_path / "data", trial=TrialRule(stimulus="NaturalImag"))
    assert "did you mean 'NaturalImage'?" in export(config)["X_ON", "70000"].message


def test_what_is_done_is_left_alone_and_force_redoes_it(datastores, tmp_path):
    config = make_config(tmp_path / "out", datastores / "small_p5_neo012")
    first = export(config)
    files = {path: path.stat().st_mtime_ns for path in config.output.rglob("*.*")}
    again = export(config)
    assert all(not outcome.exported and outcome.state is State.DONE for outcome in again.values())
    files_again = {path: path.stat().st_mtime_ns for path in config.output.rglob("*.*")}
    assert {p: t for p, t in files_again.items() if "plan" not in p.name and "jobs" not in p.name} == {
        p: t for p, t in files.items() if "plan" not in p.name and "jobs" not in p.name
    }
    forced = export(config, force=True)
    for key, outcome in forced.items():
        assert outcome.exported
        assert outcome.header.content_digest == first[key].header.content_digest


def test_ids_are_replaced_with_their_file_or_not_at_all(tmp_path):
    """A recording that has changed since, redone with --force: where that fails, what was there fits together."""
    config = make_config(tmp_path / "out", tmp_path / "data")
    write_datastore(tmp_path / "data", Experiment(100, 2, sheets=TINY))
    export(config)
    before = {path: path.read_bytes() for path in config.output.rglob("*_100.*")}
    assert len(before) == 3 * len(TINY)
    shutil.rmtree(tmp_path / "data")
    write_datastore(tmp_path / "data", Experiment(100, 3, sheets=TINY))
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Bytes a file may have: enough for ids, too few for a matrix file.
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, limit[1]))
    try:
        outcomes = export(config, force=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert {(outcome.state, outcome.disk_full) for outcome in outcomes.values()} == {(State.FAILED, True)}
    assert {path: path.read_bytes() for path in before} == before
    assert not list(config.output.rglob("*.tmp"))
    assert {outcome.state for outcome in export(config, force=True).values()} == {State.DONE}
    assert all(path.read_bytes() != old for path, old in before.items() if "neuron_ids" not in path.name)


def test_a_source_that_vanishes_once_it_is_read_is_not_told_as_a_write(tmp_path):
    directory = write_datastore(tmp_path / "data", Experiment(100, 1, sheets=TINY))
    config = make_config(tmp_path / "out", tmp_path / "data", sheets=("X_ON",))
    plan, _ = make_plan(config)
    outcome = next(run_job(plan, plan.job(0), on_trial=lambda: [path.unlink() for path in directory.glob("Seg*")]))
    assert outcome.state is State.FAILED
    assert "cannot be written" not in outcome.message
    assert "copy it" in outcome.message


def test_a_limited_export_goes_elsewhere_and_counts_as_nothing(datastores, tmp_path):
    config = make_config(tmp_path / "out", datastores / "small_p5_neo012")
    outcomes = export(config, limit=2, out=tmp_path / "peek")
    assert all(outcome.header.shape[0] == 2 for outcome in outcomes.values())
    assert len(list((tmp_path / "peek" / "train").glob("*.h5"))) == 2
    assert {found.state for found in survey(load_plan(config))} == {State.MISSING}
    for (sheet, part), outcome in outcomes.items():
        target = matrix_path(config.output, "train", part, sheet)
        target.parent.mkdir(parents=True)
        shutil.copy(outcome.message, target)
    assert {(f.state, "--limit 2" in f.reason) for f in survey(load_plan(config))} == {(State.BROKEN, True)}
    whole = export(config)
    for key, outcome in whole.items():
        assert outcome.exported
        assert np.array_equal(open_file(outcome.message).spikes[:2], open_file(outcomes[key].message).spikes[:])


def test_a_limited_export_into_the_data_set_is_refused(datastores, tmp_path):
    config = make_config(tmp_path / "out", datastores / "small_p5_neo012")
    export(config)
    files = {path: path.stat().st_mtime_ns for path in config.output.rglob("*.h5")}
    (tmp_path / "link").symlink_to(config.output)
    for place in (config.output, config.output / "train" / "spikes" / "X_ON", tmp_path / "link" / "peek"):
        with pytest.raises(PlanError, match="lies in the data set"):
            export(config, limit=1, out=place)
    assert {path: path.stat().st_mtime_ns for path in config.output.rglob("*.h5")} == files


def test_variants_with_parts_of_one_name_do_not_meet_in_out(datastores, tmp_path):
    entries = tuple(Recordings(variant, datastores / "small_p5_neo012", PARTS) for variant in ("train", "test"))
    config = Config(path=tmp_path / "spikebin.toml", output=tmp_path / "out", recordings=entries)
    plan, _ = make_plan(config)
    for job in plan.jobs:
        assert {outcome.state for outcome in run_job(plan, job, out=tmp_path / "peek")} == {State.DONE}
    for variant in ("train", "test"):
        [path] = (tmp_path / "peek" / variant).glob("spikes_X_ON_*.h5")
        assert open_file(path).header.variant == variant


def test_out_takes_the_sheets_that_a_job_takes(datastores, tmp_path):
    changes = {"sheets": ("X_ON", "Elsewhere"), "entry_sheets": ("X_ON",)}
    config = make_config(tmp_path / "out", datastores / "small_p5_neo012", **changes)
    outcomes = export(config, out=tmp_path / "peek")
    assert {sheet: outcome.state for (sheet, _), outcome in outcomes.items()} == {
        "X_ON": State.DONE,
        "Elsewhere": State.NO_SOURCE,
    }
    exclude(config.output, load_plan(config).jobs[0], "lost")
    assert {outcome.state for outcome in export(config, out=tmp_path / "more").values()} == {State.EXCLUDED}
    assert not (tmp_path / "more").exists()


def test_a_part_without_any_source_is_no_success(tmp_path):
    directory = write_datastore(tmp_path / "data", Experiment(70000, 1, sheets=TINY))
    write_toml(tmp_path / "spikebin.toml", tmp_path / "data", 'sheets = ["X_ON", "Elsewhere"]', 'sheets = ["X_ON"]')
    assert spikebin("plan", cwd=tmp_path).returncode == 0
    some = spikebin("job", 0, cwd=tmp_path)
    assert (some.returncode, "Elsewhere: no source" in some.stdout) == (0, True)
    assert spikebin("job", 0, "--sheet", "Elsewhere", cwd=tmp_path).returncode == 1
    shutil.rmtree(directory)
    assert spikebin("job", 0, cwd=tmp_path).returncode == 0, "one sheet is done"
    shutil.rmtree(tmp_path / "dataset" / "train")
    none = spikebin("job", 0, cwd=tmp_path)
    assert (none.returncode, none.stdout.count("no source")) == (1, 2)


@pytest.mark.slow
def test_killed_at_any_moment_it_is_always_right_and_leaves_no_stale_file(tmp_path):
    """SIGKILL at random moments: `missing` tells the truth, and a rerun gives the same digest and cleans up."""
    sheets = (SheetModel("X_ON", 400), SheetModel("X_OFF", 400))
    write_datastore(tmp_path / "data", Experiment(70000, 6, sheets=sheets))
    write_toml(tmp_path / "spikebin.toml", tmp_path / "data", 'codec = "zlib"')
    assert spikebin("plan", cwd=tmp_path).returncode == 0
    assert spikebin("job", 0, cwd=tmp_path).returncode == 0
    files = sorted((tmp_path / "dataset").rglob("*.h5"))
    digests = [open_file(path).header.content_digest for path in files]
    begun = time.monotonic()
    assert spikebin("job", 0, "--force", cwd=tmp_path).returncode == 0
    duration = time.monotonic() - begun
    generator = random.Random(0)
    for _ in range(8):
        for path in files:
            path.unlink(missing_ok=True)
        # Forked, so that it is at work at once; what takes longer than it may is killed.
        with suppress(subprocess.TimeoutExpired):
            spikebin("job", 0, cwd=tmp_path, timeout=duration * generator.uniform(0.0, 1.0))
        whole = [path.exists() for path in files]
        for path in files:
            assert not path.exists() or verify_file(path)
        found = spikebin("missing", "--deep", cwd=tmp_path)
        assert found.stdout == ("" if all(whole) else "0\n")
    assert spikebin("job", 0, cwd=tmp_path).returncode == 0
    assert [open_file(path).header.content_digest for path in files] == digests
    assert not list((tmp_path / "dataset").rglob("*.tmp"))


@pytest.mark.slow
def test_killed_while_it_writes_it_leaves_a_temporary_file_that_the_next_run_removes(tmp_path):
    from spikebin.system.files import write_atomically

    target = tmp_path / "spikes_X_1.h5"
    for i in range(20):
        pid = os.fork()
        if pid == 0:

            def blocks(i=i):
                for _ in range(i):
                    yield b"x" * 5000
                os.kill(os.getpid(), signal.SIGKILL)
                yield b"never"

            write_atomically(target, blocks())
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == signal.SIGKILL
        assert not target.exists()
    assert list(tmp_path.glob("*.tmp")) or list(tmp_path.glob(".*.tmp"))
    from spikebin.system.leftovers import remove_stale

    remove_stale(tmp_path, target.name)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A part that takes seconds."""
    directory = tmp_path_factory.mktemp("large")
    write_datastore(directory, Experiment(70000, 20, sheets=(SheetModel("V1_Exc_L4", 4000),)))
    return directory


@pytest.mark.parametrize(
    ("command", "number"),
    [
        (["job", "0"], signal.SIGINT),
        (["job", "0"], signal.SIGTERM),
        (["run", "--workers", "2"], signal.SIGTERM),
    ],
)
@pytest.mark.slow
def test_signals_end_it_soon_with_nothing_half_done(large, tmp_path, number, command):
    write_toml(tmp_path / "spikebin.toml", large, 'codec = "zlib"\n[binning]\nwidth = 0.05')
    assert spikebin("plan", cwd=tmp_path).returncode == 0
    process = typed(*command, cwd=tmp_path, err=tmp_path / "err")
    tries = tmp_path / "dataset" / "failures" / "train" / "V1_Exc_L4_70000.jsonl"
    deadline = time.monotonic() + 60
    while not tries.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.2)
    assert process.is_alive()
    begun = time.monotonic()
    os.kill(process.pid, number)
    process.join(30)
    err = (tmp_path / "err").read_text()
    assert time.monotonic() - begun < GRACE + 2
    assert process.exitcode == 128 + number, err
    assert f"ended by {number.name}" in err
    assert "Traceback" not in err
    assert not list((tmp_path / "dataset").rglob("*.h5"))
    assert not [p for p in (tmp_path / "dataset").rglob("*") if p.name.endswith(".tmp")]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 200 kB; skipped where none can be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no right to mount a tmpfs here")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_full_disk_has_a_line_and_an_exit_code_of_its_own(tmp_path, small_disk):
    write_datastore(tmp_path / "data", Experiment(70000, 30, sheets=(SheetModel("V1_Exc_L4", 2000),)))
    config = write_toml(tmp_path / "spikebin.toml", tmp_path / "data")
    config.write_text(config.read_text().replace('"dataset"', f'"{small_disk}/dataset"'))
    assert spikebin("plan", cwd=tmp_path).returncode == 0
    one_line_error(spikebin("job", 0, cwd=tmp_path), "no space or quota", "make room", code=3)
    assert not list(small_disk.rglob("*.h5"))
    assert not [p for p in small_disk.rglob("*") if p.name.endswith(".tmp")]
    assert spikebin("missing", cwd=tmp_path).stdout == "0\n"


def test_no_right_to_write_is_one_line(datastores, tmp_path):
    config = write_toml(tmp_path / "spikebin.toml", datastores / "small_p5_neo012")
    (tmp_path / "blocked").write_text("a file where a directory should be")
    config.write_text(config.read_text().replace('"dataset"', '"blocked/dataset"'))
    one_line_error(spikebin("plan", cwd=tmp_path), "cannot be written", "blocked")
