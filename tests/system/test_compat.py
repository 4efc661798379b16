"""What spikebin takes from other packages beyond their documentation is as it was: one test for each."""

from __future__ import annotations

import ctypes
import pickle
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Literal

import blosc2
import numpy as np
import pytest
import tables
import typer
from typer.testing import CliRunner

from spikebin.cli.groups import App
from spikebin.system.compat import frame_metadata, hdf5_id, hdf5_library, no_pickles


def run(code, cwd):
    return subprocess.run([sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, check=True).stdout


@pytest.mark.slow
def test_numba_keeps_a_kernel_where_it_is_told(tmp_path, monkeypatch):
    (tmp_path / "kernel.py").write_text(
        "from pathlib import Path\n"
        "import numba\n"
        "from spikebin.system.compat import cache_kernel\n"
        "def twice(x):\n    return 2 * x\n"
        "compiled = numba.njit(twice)\n"
        "cache_kernel(compiled, twice, Path('kept').absolute())\n"
        "assert compiled(3) == 6\n"
        "print(sum(compiled.stats.cache_hits.values()))\n"
        "assert numba.config.CACHE_DIR == ''\n"
    )
    monkeypatch.chdir(tmp_path)

    def hits():
        return sum(runpy.run_path("kernel.py", run_name="kernel")["compiled"].stats.cache_hits.values())

    assert hits() == 0
    assert list((tmp_path / "kept").rglob("*.nbc"))
    assert hits() == 1
    assert run("import kernel", tmp_path) == "1\n", "another process finds it"
    for path in (tmp_path / "kept").rglob("*.nbi"):
        path.write_bytes(path.read_bytes()[:9])
    assert hits() == 0, "an index that is cut off is written again"
    assert hits() == 1


class Trap:
    """A pickle that would be noticed."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def test_pytables_runs_no_pickle(tmp_path):
    path, mark = tmp_path / "a.h5", tmp_path / "mark"
    with tables.open_file(path, "w") as file:
        file.root._v_attrs.trap = Trap(mark)
        file.create_vlarray("/", "objects", tables.ObjectAtom()).append([1])
    with no_pickles(), tables.open_file(path) as file:
        assert bytes(file.root._v_attrs.trap) == pickle.dumps(Trap(mark), 0)
        with pytest.raises(pickle.UnpicklingError, match="never runs"):
            file.root.objects[0]
    assert not mark.exists()
    with tables.open_file(path) as file:
        _ = file.root._v_attrs.trap
    assert mark.exists(), "PyTables by itself"


def test_blosc2_hands_out_the_bytes_of_a_metalayer():
    array = blosc2.asarray(np.zeros((2, 3), "u1"))
    frame = array.schunk
    found = frame_metadata(frame, "b2nd")
    assert found[2:3] == b"\x02", "2 dimensions"
    with pytest.raises(KeyError):
        frame_metadata(frame, "none")


def test_libhdf5_is_that_of_pytables_and_knows_its_files(tmp_path):
    library, version = hdf5_library(), [ctypes.c_uint() for _ in range(3)]
    library.H5get_libversion(*map(ctypes.byref, version))
    assert ".".join(str(one.value) for one in version) == tables.hdf5_version.partition("-")[0]
    library.H5Fget_name.restype = ctypes.c_ssize_t
    library.H5Fget_name.argtypes = [ctypes.c_int64, ctypes.c_char_p, ctypes.c_size_t]
    with tables.open_file(tmp_path / "a.h5", "w") as file:
        name = ctypes.create_string_buffer(4096)
        assert library.H5Fget_name(hdf5_id(file), name, 4096) == len(str(tmp_path / "a.h5"))
        assert name.value.decode() == str(tmp_path / "a.h5")


def converted(*arguments):
    """What a command is given; or what Typer says."""
    app, given = App(), []

    @app.command()
    def take(
        n: Annotated[int, typer.Argument(min=1)],
        name: str = "none",
        kind: Literal["a", "b"] = "a",
        path: Path | None = None,
        several: Annotated[list[str] | None, typer.Option()] = None,
        share: float = 0.5,
        there: Annotated[Path | None, typer.Option(exists=True)] = None,
    ) -> None:
        given.append((n, name, kind, path, several, share, there))

    result = CliRunner().invoke(app, list(arguments))
    return given[0] if given else result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["3"],
        ["0"],
        ["-3"],
        ["007"],
        ["1_0"],
        ["two"],
        ["9" * 30],
        ["3", "--name", "", "--kind", "b", "--path", "a b"],
        ["3", "--kind", "B"],
        ["3", "--kind", "c"],
        ["3", "--several", "x", "--several", "y"],
        ["3", "--share", "1e-3"],
        ["3", "--share", "half"],
        ["3", "--there", "nowhere"],
        [],
    ],
)
def test_typer_converts_plain_values_as_it_does_with_pydantic(arguments, monkeypatch):
    quick = converted(*arguments)
    monkeypatch.setattr("spikebin.cli.groups.convert_without_pydantic", lambda _: None)
    assert quick == converted(*arguments)


def test_plain_values_need_no_pydantic(tmp_path):
    code = "import sys; from spikebin.cli import main\ntry: main()\nfinally: print('pydantic' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code, "missing", "--config", "none.toml", "--sheet", "X_ON", "--max-failures", "3"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert result.stdout == "False\n", result.stderr
