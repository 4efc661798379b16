"""The cache of compiled kernels, and what else array tasks share: nothing there may stop them, whatever they find."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import spikebin

pytestmark = pytest.mark.slow

ROOT = str(Path(__file__).parent.parent.parent)

# Several kernels, each called with several types: what numba's cache files can mix up.
KERNELS = """
import sys
import numpy as np
from spikebin.kernels.jit import njit

@njit(nogil=True, cache=True)
def total(values):
    result = values[0] - values[0]
    for value in values:
        result += value
    return result

@njit(nogil=True, cache=True)
def twice(values):
    return total(values) * 2

types = ["i4", "f4", "u8", "f8", "i8", "u2"]
shift = int(sys.argv[1]) % len(types)
for name in types[shift:] + types[:shift]:
    values = np.arange(10).astype(name)
    assert twice(values) == 90, (name, twice(values))
print(sum(twice.stats.cache_hits.values()), sum(twice.stats.cache_misses.values()))
"""


@pytest.fixture
def kernels(tmp_path):
    """Run a file of kernels in a process of its own: cache hits and misses."""
    path = tmp_path / "kernels.py"
    path.write_text(KERNELS)

    def run(number=0, **environment):
        everything = {**os.environ, "PYTHONPATH": ROOT, "XDG_CACHE_HOME": str(tmp_path / "cache"), **environment}
        everything.pop("NUMBA_CACHE_DIR", None)
        done = subprocess.run(
            [sys.executable, path, str(number)],
            env=everything,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return tuple(map(int, done.stdout.split()))

    return run


def cache_files(tmp_path):
    return [path for path in (tmp_path / "cache" / "spikebin").rglob("*.nb[ic]") if path.is_file()]


def test_twelve_processes_on_a_cold_cache(kernels, tmp_path):
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(kernels, range(12)))
    assert cache_files(tmp_path)
    # Whatever the twelve made of it, what is loaded is right, and two more runs complete it.
    kernels()
    assert kernels() == (6, 0)


def test_damaged_files_are_replaced(kernels, tmp_path):
    assert kernels() == (0, 6)
    for i, path in enumerate(sorted(cache_files(tmp_path))):
        path.write_bytes(path.read_bytes()[: 40 * (i % 3)])
    assert kernels() == (0, 6)
    kernels()
    assert kernels() == (6, 0)


def test_files_that_changed_places_are_not_believed(kernels, tmp_path):
    kernels()
    code = sorted(
        path for path in cache_files(tmp_path) if path.name.startswith("kernels.twice") and path.suffix == ".nbc"
    )
    contents = [path.read_bytes() for path in code]
    for path, content in zip(code, contents[1:] + contents[:1], strict=True):
        path.write_bytes(content)
    assert kernels() == (0, 6)


def test_a_kernel_is_compiled_again_when_a_module_beside_it_changes(kernels, tmp_path):
    # numba itself looks at the file of the kernel alone, but what it calls is compiled into it.
    helper = tmp_path / "helper.py"
    helper.write_text("from spikebin.kernels.jit import inner\n\n@inner\ndef two():\n    return 2\n")
    path = tmp_path / "kernels.py"
    path.write_text(path.read_text().replace("total(values) * 2", "total(values) * two()"))
    path.write_text("from helper import two\n" + path.read_text())
    assert kernels() == (0, 6)
    assert kernels() == (6, 0)
    helper.write_text(helper.read_text().replace("return 2", "return 1 + 1"))
    assert kernels() == (0, 6)


def test_no_place_for_a_cache(kernels, tmp_path):
    (tmp_path / "file").touch()
    nowhere = str(tmp_path / "file" / "below")
    assert kernels(XDG_CACHE_HOME=nowhere, TMPDIR=str(tmp_path)) == (0, 6)
    [fallback] = tmp_path.glob("spikebin-*")
    assert kernels(XDG_CACHE_HOME=nowhere, TMPDIR=str(tmp_path)) == (6, 0)
    # What anyone may write to could hold anyone's code.
    fallback.chmod(0o777)
    assert kernels(XDG_CACHE_HOME=nowhere, TMPDIR=str(tmp_path)) == (0, 6)


def test_no_home_at_all(kernels, tmp_path):
    (tmp_path / "file").touch()
    assert kernels(XDG_CACHE_HOME="", HOME=str(tmp_path / "file" / "home"), TMPDIR=str(tmp_path)) == (0, 6)


def test_an_installation_that_cannot_be_written_to(kernels, tmp_path):
    kernels()
    assert not list(tmp_path.glob("__pycache__/*.nb?"))


def test_warm_fills_the_cache_that_exports_use(tmp_path):
    environment = {"XDG_CACHE_HOME": str(tmp_path)}
    warmed = spikebin("warm", env=environment, timeout=300)
    assert warmed.returncode == 0, warmed.stderr
    directory = Path(warmed.stdout.strip())
    assert directory.parent == tmp_path / "spikebin"
    before = {path: path.stat().st_mtime_ns for path in directory.rglob("*.nbc")}
    assert before
    made = spikebin("demo", tmp_path / "demo", "--parts", "1", "--scale", "0.001", env=environment, timeout=300)
    assert made.returncode == 0, made.stderr
    assert {path: path.stat().st_mtime_ns for path in directory.rglob("*.nbc")} == before


def test_the_cache_file_of_pytables_is_left_alone(tmp_path):
    # PyTables raises on an empty one, which is what a task finds while another is writing it.
    file = tmp_path / ".pytables-cpuinfo.json"
    file.touch()
    environment = {
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache"),
    }
    made = spikebin("demo", tmp_path / "demo", "--parts", "1", "--scale", "0.001", env=environment)
    assert made.returncode == 0, made.stderr
    config = tmp_path / "demo" / "spikebin.toml"
    config.write_text(config.read_text().replace('layout = "matrix"', 'layout = "events"'))
    assert spikebin("job", "0", "--force", "-c", config, env=environment).returncode == 0
    assert file.read_bytes() == b""
    file.unlink()
    assert spikebin("job", "0", "--force", "-c", config, env=environment).returncode == 0
    assert not file.exists()
