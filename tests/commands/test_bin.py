"""A recording in one Python call, from a file or from memory."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import spikebin
from spikebin.cli.bin import bin_
from spikebin.errors import RecordingError, SpikebinError


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
