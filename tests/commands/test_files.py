"""Commands for files and data sets as one Python call each."""

from __future__ import annotations

import pytest
from drawn import images, write_part

import spikebin


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
