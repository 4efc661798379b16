"""The cache of compiled kernels, and what else array tasks share: nothing there may stop them, whatever they find."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import spikebin, write_toml

from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import SheetModel

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

types = ["i4", "f4"]
shift = int(sys.argv[1]) % len(types)
for name in types[shift:] + types[:shift]:
    values = np.arange(10).astype(name)
    assert twice(values) == 90, (name, twice(values))
print(sum(twice.stats.cache_hits.values()), sum(twice.stats.cache_misses.values()))
"""


# Forks processes that run a file, all of one line at once: what numba and all kernels take to start is paid for once.
SERVER = """
import json, os, runpy, sys, tempfile, traceback
import numba
import here
from spikebin.kernels import jit
from spikebin.pipeline import job, plan, warm

assert numba.njit(lambda x: x + 1)(1.0) == 2.0

def child(arguments, environment, out):
    for stream in (1, 2):
        os.dup2(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None
    jit.cache_directory.cache_clear()
    sys.argv = arguments
    sys.path.insert(0, os.path.dirname(arguments[0]))
    sys.stdout = open(1, "w", closefd=False)
    runpy.run_path(arguments[0], run_name="__main__")
    sys.stdout.flush()

for line in sys.stdin:
    children = []
    for asked in json.loads(line):
        children.append(os.fork())
        if not children[-1]:
            code = 1
            try:
                child(*asked)
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
    print([os.waitpid(pid, 0)[1] for pid in children], flush=True)
"""


@pytest.fixture(scope="module")
def server():
    """Run a file, with arguments, in so many processes at once, each with its file of output; what they printed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([ROOT, f"{ROOT}/tests"])}
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:

        def run(*asked):
            outs = [Path(out) for _, _, out in asked]
            for out in outs:
                out.unlink(missing_ok=True)
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()
            codes = json.loads(process.stdout.readline())
            told = [out.read_text() for out in outs]
            assert not any(codes), told
            return told

        yield run
        process.stdin.close()


@pytest.fixture
def kernels(server, tmp_path):
    """Run a file of kernels in so many processes at once: cache hits and misses of the last."""
    path = tmp_path / "kernels.py"
    path.write_text(KERNELS)
    out = tmp_path / "out"

    def run(n=1, **environment):
        everything = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), **environment}
        told = server(*(([str(path), str(number)], everything, f"{out}{number}") for number in range(n)))
        return tuple(map(int, told[-1].split()))

    return run


def cache_files(tmp_path):
    return [path for path in (tmp_path / "cache" / "spikebin").rglob("*.nb[ic]") if path.is_file()]


def test_four_processes_on_a_cold_cache(kernels, tmp_path):
    kernels(4)
    assert cache_files(tmp_path)
    # Whatever the four made of it, what is loaded is right, and two more runs complete it.
    kernels()
    assert kernels() == (2, 0)
    # The installation is not written to.
    assert not list(tmp_path.glob("__pycache__/*.nb?"))


def test_damaged_files_are_replaced(kernels, tmp_path):
    assert kernels() == (0, 2)
    for i, path in enumerate(sorted(cache_files(tmp_path))):
        path.write_bytes(path.read_bytes()[: 40 * (i % 3)])
    assert kernels() == (0, 2)
    kernels()
    assert kernels() == (2, 0)


def test_files_that_changed_places_are_not_believed(kernels, tmp_path):
    kernels()
    code = sorted(
        path for path in cache_files(tmp_path) if path.name.startswith("kernels.twice") and path.suffix == ".nbc"
    )
    contents = [path.read_bytes() for path in code]
    for path, content in zip(code, contents[1:] + contents[:1], strict=True):
        path.write_bytes(content)
    assert kernels() == (0, 2)


def test_a_kernel_is_compiled_again_when_a_module_beside_it_changes(kernels, tmp_path):
    # numba itself looks at the file of the kernel alone, but what it calls is compiled into it.
    helper = tmp_path / "helper.py"
    helper.write_text("from spikebin.kernels.jit import inner\n\n@inner\ndef two():\n    return 2\n")
    path = tmp_path / "kernels.py"
    path.write_text(path.read_text().replace("total(values) * 2", "total(values) * two()"))
    path.write_text("from helper import two\n" + path.read_text())
    assert kernels() == (0, 2)
    assert kernels() == (2, 0)
    helper.write_text(helper.read_text().replace("return 2", "return 1 + 1"))
    assert kernels() == (0, 2)


def test_no_place_for_a_cache(kernels, tmp_path):
    (tmp_path / "file").touch()
    nowhere = str(tmp_path / "file" / "below")
    assert kernels(XDG_CACHE_HOME=nowhere, TMPDIR=str(tmp_path)) == (0, 2)
    [fallback] = tmp_path.glob("spikebin-*")
    assert kernels(XDG_CACHE_HOME=nowhere, TMPDIR=str(tmp_path)) == (2, 0)
    # What anyone may write to could hold anyone's code.
    fallback.chmod(0o777)
    assert kernels(XDG_CACHE_HOME=nowhere, TMPDIR=str(tmp_path)) == (0, 2)


def test_no_home_at_all(kernels, tmp_path):
    (tmp_path / "file").touch()
    assert kernels(XDG_CACHE_HOME="", HOME=str(tmp_path / "file" / "home"), TMPDIR=str(tmp_path)) == (0, 2)


# What one process has compiled or loaded of each kernel, before and after exports of all kinds of recordings.
WARMED = r"""
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
import spikebin.kernels
from here import spikebin_here
from spikebin.pipeline.warm import warm

def compiled():
    modules = [import_module(f"spikebin.kernels.{module.name}") for module in iter_modules(spikebin.kernels.__path__)]
    return {
        f"{module.__name__}.{name}": set(found.signatures)
        for module in modules for name, found in vars(module).items() if hasattr(found, "signatures")
    }

assert not any(compiled().values())
print(warm())
before = compiled()
assert any(before.values())
place = Path(sys.argv[1])
for layout in ("matrix", "events"):
    config = place / f"{layout}.toml"
    config.write_text((place / "spikebin.toml").read_text().replace("output", f'layout = "{layout}"\noutput', 1))
    for command in (("plan",), ("job", "0", "--force")):
        result = spikebin_here(*command, "--config", config.name, cwd=place)
        assert result.returncode == 0, result.stderr
assert compiled() == before, [name for name, found in compiled().items() if found != before[name]]
"""


@pytest.fixture
def place(tmp_path):
    write_datastore(tmp_path / "data", Experiment(0, 1, sheets=(SheetModel("V1_Exc_L4", 200),)))
    write_toml(tmp_path / "spikebin.toml", tmp_path / "data")
    return tmp_path


def test_warm_has_all_that_exports_call(server, place):
    (place / "warmed.py").write_text(WARMED)
    (told,) = server(([str(place / "warmed.py"), str(place)], dict(os.environ), str(place / "out")))
    warmed = spikebin("warm")
    assert warmed.stdout == told
    assert list(Path(warmed.stdout.strip()).rglob("*.nbc"))


def test_the_cache_file_of_pytables_is_left_alone(place):
    # PyTables raises on an empty one, which is what a task finds while another is writing it.
    file = place / ".pytables-cpuinfo.json"
    file.touch()
    environment = {
        "HOME": str(place),
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache"),
    }
    assert spikebin("plan", cwd=place).returncode == 0
    made = spikebin("job", "0", cwd=place, env=environment)
    assert made.returncode == 0, made.stderr
    assert file.read_bytes() == b""
    file.unlink()
    assert spikebin("job", "0", "--force", cwd=place, env=environment).returncode == 0
    assert not file.exists()
