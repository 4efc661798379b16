"""The content digest: what two files share that hold the same."""

from __future__ import annotations

import hdf5plugin  # noqa: F401  registers Blosc2 with h5py
from small_file import write

from spikebin.matrixfile.seal import read_seal


def test_the_content_digest_knows_content_alone(tmp_path):
    digests = {}
    for layout in ("matrix", "events"):
        for codec in ("blosc2", "zlib"):
            for values in ("bool", "count"):
                write(tmp_path / "a.h5", layout=layout, codec=codec, values=values)
                digests.setdefault(values, set()).add(read_seal(tmp_path / "a.h5").content_digest)
    assert [len(found) for found in digests.values()] == [1, 1]
    write(tmp_path / "b.h5", seed=1)
    assert read_seal(tmp_path / "b.h5").content_digest not in digests["bool"]
