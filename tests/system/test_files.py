"""Files are there complete or not at all."""

from __future__ import annotations

import subprocess
import sys

import pytest

from spikebin import SpikebinError
from spikebin.system.files import reserve, write_atomically


def test_a_file_is_written_where_the_directory_can_only_be_searched(tmp_path):
    (tmp_path / "out").mkdir()
    code = (
        "import os, sys; from pathlib import Path; from spikebin.system.files import write_atomically\n"
        "os.chdir(sys.argv[1])\n"
        "if os.getuid() == 0: os.setuid(65534)\n"
        "write_atomically(Path('a'), [b'whole'])"
    )
    (tmp_path / "out").chmod(0o333)
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "out"], capture_output=True, text=True, check=False)
    (tmp_path / "out").chmod(0o755)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "out" / "a").read_bytes() == b"whole"


def test_a_write_that_fails_leaves_nothing_and_keeps_what_was_there(tmp_path):
    write_atomically(tmp_path / "a", [b"one"])

    def blocks():
        yield b"half"
        raise OSError(28, "No space left on device")

    with pytest.raises(SpikebinError, match="make room"):
        write_atomically(tmp_path / "a", blocks())
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a", b"one")]


def test_room_is_reserved_and_what_is_there_stays(tmp_path):
    path = tmp_path / "numbers"
    with path.open("wb") as file:
        file.write(b"begin")
        file.truncate(3 << 20)
    reserve(path)
    assert path.stat().st_size == 3 << 20
    assert path.stat().st_blocks * 512 >= 3 << 20
    assert path.read_bytes()[:6] == b"begin\0"
    (tmp_path / "empty").touch()
    reserve(tmp_path / "empty")
    with pytest.raises(FileNotFoundError):
        reserve(tmp_path / "none")
