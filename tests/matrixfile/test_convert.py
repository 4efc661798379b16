"""Converting matrix files: another layout or codec, the same content, complete or not at all."""

from __future__ import annotations

import json
from itertools import product

import numpy as np
import pytest
from conftest import spikebin
from drawn import draw_cells as draw
from drawn import write_cells as write

from spikebin.errors import MatrixFileError
from spikebin.matrixfile import convert as module
from spikebin.matrixfile.convert import convert_file, convert_targets
from spikebin.matrixfile.reader import open_file
from spikebin.matrixfile.verify import verify_file

KINDS = list(product(("matrix", "events"), ("blosc2", "zlib")))
OWN = ("created", "size", "sha256", "layout", "codec", "chunks")


@pytest.mark.parametrize("values", ["bool", "count"])
@pytest.mark.parametrize(("layout", "codec"), KINDS)
def test_everything_but_the_layout_and_the_codec_stays(tmp_path, layout, codec, values):
    dense = draw((4, 60, 90), values)
    before = write(tmp_path / "a.h5", dense, layout=layout, codec=codec)
    for new_layout, new_codec in KINDS:
        header = convert_file(
            tmp_path / "a.h5", tmp_path / "b.h5", layout=new_layout, codec=new_codec, threads=2, force=True
        )
        after = open_file(tmp_path / "b.h5")
        assert verify_file(tmp_path / "b.h5") == header == after.header
        assert (header.layout, header.codec) == (new_layout, new_codec)
        assert {k: v for k, v in header.as_dict().items() if k not in OWN} == {
            k: v for k, v in before.header.as_dict().items() if k not in OWN
        }
        assert np.array_equal(np.asarray(after.spikes), dense)
        for table in ("trials", "neurons", "sources"):
            assert np.array_equal(getattr(after, table), getattr(before, table))


def test_in_place_there_and_back(tmp_path):
    path = tmp_path / "a.h5"
    first = write(path, draw((3, 40, 50), "bool"), layout="matrix", codec="blosc2").header
    convert_file(path, path, layout="events")
    assert convert_file(path, path, layout="matrix").sha256 == first.sha256
    assert [file.name for file in tmp_path.iterdir()] == ["a.h5"]


def test_a_damaged_file_is_left_as_it_was(tmp_path):
    path = tmp_path / "a.h5"
    write(path, draw((3, 40, 50), "bool"), layout="matrix", codec="blosc2")
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)
    with pytest.raises(MatrixFileError, match="sha256"):
        convert_file(path, path, layout="events")
    assert path.read_bytes() == data
    assert len(list(tmp_path.iterdir())) == 1


def test_what_cannot_be_read_back_is_not_put_in_place(tmp_path, monkeypatch):
    path = tmp_path / "a.h5"
    write(path, draw((3, 40, 50), "bool"), layout="matrix", codec="blosc2")
    data = path.read_bytes()

    class Forgetful(module.MatrixImage):
        def encode(self, events):
            events.flat[-1] -= 1
            return super().encode(events)

        def append(self, events, encoded):
            events.flat[-1] += 1
            super().append(events, encoded)

    monkeypatch.setattr(module, "MatrixImage", Forgetful)
    with pytest.raises(MatrixFileError, match="content digest"):
        convert_file(path, path, layout="events")
    assert path.read_bytes() == data
    assert len(list(tmp_path.iterdir())) == 1


def test_where_files_go(tmp_path):
    for name in ("one/X/spikes_X_1.h5", "two/X/spikes_X_1.h5"):
        (tmp_path / name).parent.mkdir(parents=True)
        write(tmp_path / name, draw((1, 2, 3), "bool"), layout="matrix", codec="zlib")
    one, two = (tmp_path / part / "X" / "spikes_X_1.h5" for part in ("one", "two"))
    assert convert_targets([tmp_path], None) == [(one, one), (two, two)]
    assert convert_targets([tmp_path], tmp_path / "out") == [
        (one, tmp_path / "out/one/X/spikes_X_1.h5"),
        (two, tmp_path / "out/two/X/spikes_X_1.h5"),
    ]
    assert convert_targets([one, one], tmp_path / "out") == [(one, tmp_path / "out/spikes_X_1.h5")]
    with pytest.raises(MatrixFileError, match="would both go to"):
        convert_targets([one, two], tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(MatrixFileError, match="no matrix file"):
        convert_targets([tmp_path / "empty"], None)


def test_the_command(tmp_path):
    dense = draw((3, 40, 50), "bool")
    write(tmp_path / "a.h5", dense, layout="matrix", codec="blosc2")
    (tmp_path / "bad.h5").write_bytes(b"no seal")
    done = spikebin("convert", "a.h5", "--layout", "events", "--out", "new", "--json", cwd=tmp_path)
    assert done.returncode == 0
    assert json.loads(done.stdout) == [{"path": "new/a.h5", "layout": "events", "codec": "blosc2", "error": ""}]
    assert np.array_equal(np.asarray(open_file(tmp_path / "new" / "a.h5").spikes), dense)
    done = spikebin("convert", "bad.h5", "a.h5", "--codec", "zlib", cwd=tmp_path)
    assert done.returncode == 1
    assert "bad.h5 is not a spikebin matrix file" in done.stderr
    assert done.stdout.startswith("a.h5: matrix, zlib, ")
    assert spikebin("convert", "a.h5", "--layout", "sparse", cwd=tmp_path).returncode == 2
