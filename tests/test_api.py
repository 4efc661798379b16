"""What `import spikebin` offers: every command as one documented call, every name lazily, nothing that says nothing."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from drawn import images, write_part

import spikebin
from spikebin.cli import _register, app
from spikebin.cli.bin import bin_
from spikebin.errors import RecordingError, SpikebinError

# Commands whose call has another name, and those that only show what others do.
CALLS = {"bin": "bin_recording", "view": "write_view"}
METHODS = {"stats": spikebin.View.stats}
SHOWN = {"docs", "report", "psth"}


def commands():
    _register()
    return [command.name or command.callback.__name__.rstrip("_") for command in app.registered_commands]


@pytest.mark.parametrize("command", [name for name in commands() if name not in SHOWN])
def test_every_command_is_a_documented_call(command):
    call = METHODS.get(command) or getattr(spikebin, CALLS.get(command, command))
    assert callable(call)
    text = inspect.getdoc(call)
    for section in ("Parameters", "Returns", "Raises") if inspect.signature(call).parameters else ():
        assert f"\n{section}\n---" in text or (section, command) == ("Returns", "exclude"), (command, section)
    for name in inspect.signature(call).parameters:
        assert name == "self" or name in text, (command, name)


def test_every_name_is_there_and_nothing_is_imported_before_it_is_asked_for():
    assert sorted(spikebin.__all__) == spikebin.__all__
    assert set(dir(spikebin)) >= {*spikebin.__all__, "__version__"}
    for name in spikebin.__all__:
        assert getattr(spikebin, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'open_datset'"):
        spikebin.open_datset  # noqa: B018
    code = "import sys, spikebin; assert not {'numpy', 'numba', 'tables', 'rich', 'typer'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_config_from_init_to_clean(tmp_path):
    config = spikebin.demo(tmp_path / "demo", parts=2, scale=0.002)
    config.unlink()
    root = config.parent / "recordings"
    found = spikebin.init(root / "train", variants={"test": root / "test"}, config=config)
    assert [(one.variant, one.parts) for one in found] == [("train", 2), ("test", 1)]
    plan, changes = spikebin.plan(config)
    assert (len(plan.jobs), changes.parts) == (3, 3)
    assert spikebin.missing(str(config)) == [0, 1, 2]
    outcomes = spikebin.job(0, config, sheets=["X_ON"], threads=1)
    assert [(one.sheet, one.exported) for one in outcomes] == [("X_ON", True)]
    assert spikebin.missing(config, sheet="X_ON", variant="train") == [1]
    with pytest.raises(SpikebinError, match="limit needs out"):
        spikebin.job(0, config, limit=1)
    assert spikebin.job(1, config, limit=1, sheets=["X_ON"], out=tmp_path / "try")[0].header.limit == 1
    spikebin.exclude("train/50100", "tired", config=config)
    assert spikebin.missing(config, variant="train") == [0]
    spikebin.exclude("train/50100", undo=True, config=config)
    seen = []
    outcomes = spikebin.run(config, workers=1, sheet="X_ON", on_outcome=seen.append)
    assert outcomes == seen
    assert {str(one.state) for one in seen} == {"done"}
    rows = spikebin.status(config, sheet="X_ON").as_dict()["rows"]
    assert rows
    assert spikebin.clean(config, dry_run=True) == spikebin.clean(config) == []
    assert all(not checked.error for checked in spikebin.verify(config=config))
    assert "#SBATCH" in spikebin.template("run.sbatch")


@pytest.fixture
def sheets(tmp_path):
    for part in ("10", "20"):
        write_part(tmp_path / "data", "X_ON", part, images(int(part), 3))
    return spikebin.open_dataset(tmp_path / "data")


def test_files_as_one_call_each(sheets, tmp_path):
    pytest.importorskip("scipy", reason="scipy is not installed (extra npz)")
    path = sheets["X_ON"].files[0].path
    assert spikebin.verify_file(str(path)).part == "10"
    assert spikebin.inspect(path)["n_trials"] == 3
    assert len(spikebin.verify(tmp_path / "data")) == 2
    seal = spikebin.convert_file(path, tmp_path / "events.h5", layout="events")
    assert (seal.layout, seal.content_digest) == ("events", spikebin.verify_file(path).content_digest)
    assert spikebin.convert_file(tmp_path / "events.h5", codec="zlib").codec == "zlib"
    assert [done.error for done in spikebin.convert([tmp_path / "data"], tmp_path / "all", layout="events")] == ["", ""]
    assert len(spikebin.export("npz", sheets, tmp_path / "old")) == 2
    assert all(verdict.agrees for verdict in spikebin.compare(sheets, tmp_path / "old" / "train_dataset"))
    written = spikebin.write_view(sheets, str(tmp_path / "few"), lambda view: view.select(index=[0, 2]))
    assert [done.skipped for done in written] == [False, False]
    assert spikebin.open_dataset(tmp_path / "few")["X_ON"].shape == (6, 2, 17)
    assert "nwb" in spikebin.formats()


def test_a_recording_as_one_call(tmp_path):
    np.savez(tmp_path / "s.npz", time_s=np.arange(0.5, 20), neuron=np.arange(20) % 2)
    (tmp_path / "t.csv").write_text("cue_s,angle\n5,90\n9,0\n")
    (binned,) = spikebin.bin_recording(
        str(tmp_path / "s.npz"),
        10,
        trials=tmp_path / "t.csv",
        window=(-200, 500),
        align_to="cue_s",
        out=tmp_path / "o.h5",
        values="count",
    )
    assert binned.shape == (2, 2, 70)
    view = spikebin.open_file(tmp_path / "o.h5")
    assert (view.shape, view.time[0]) == ((2, 2, 70), -200)
    assert list(view.groupby("angle")) == [0, 90]
    (facts,) = spikebin.bin_recording(tmp_path / "s.npz", 10, trials="none", threads=1)
    assert facts.out is None
    with pytest.raises(SpikebinError, match="is there already"):
        spikebin.bin_recording(tmp_path / "s.npz", 10, out=tmp_path / "o.h5")


def test_a_neo_block_as_one_call(tmp_path):
    neo = pytest.importorskip("neo", reason="neo is not installed (extra neo)")
    import quantities as pq

    block = neo.Block()
    block.segments.append(neo.Segment())
    block.segments[0].spiketrains = [neo.SpikeTrain([0.1, 0.4] * pq.s, t_stop=1 * pq.s) for _ in range(3)]
    recording = spikebin.from_neo(block, name="monday")
    (binned,) = spikebin.bin_recording(recording, 100, out=tmp_path / "m.h5")
    assert (binned.shape, binned.n_binned) == ((1, 3, 10), 6)
    assert spikebin.open_file(tmp_path / "m.h5").counts().tolist() == [[2, 2, 2]]
    with pytest.raises(RecordingError, match="monday is open already: give unit where it is opened"):
        spikebin.bin_recording(recording, 100, unit="s")


def test_bin_and_its_call_have_the_same_defaults():
    command, call = inspect.signature(bin_).parameters, inspect.signature(spikebin.bin_recording).parameters
    for name in ("ragged", "closed", "end_bin", "values", "layout", "codec", "force", "drop_missing"):
        assert command[name].default == call[name].default, name


def test_read_index_is_public(tmp_path):
    import pickle

    (tmp_path / "size.pkl").write_bytes(pickle.dumps({"X_ON": [1, 2]}))
    assert spikebin.read_index(Path(tmp_path / "size.pkl"))["X_ON"].tolist() == [1, 2]
