"""What spikebin needs of other packages beyond what they document.

Each use has a test in tests/system/test_compat.py, and its package an upper bound in pyproject.toml: the newest version
with which the tests have passed. Raise a bound when they pass with a newer one. Only what is used of PyTorch, an extra
without a bound, is elsewhere (dataset/tensors.py, dataset/worker_memory.py): where it is gone, its documented ways do.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any, Literal, NoReturn, get_args, get_origin

from spikebin.errors import SpikebinError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "NO_COUNTING",
    "cache_kernel",
    "convert_without_pydantic",
    "frame_metadata",
    "free_compiler_lock_in_children",
    "hdf5_id",
    "hdf5_library",
    "load_numba_without_blas",
    "no_pickles",
]

NO_COUNTING = {"_nrt": False}
"""Options of `numba.njit` for functions that make and keep no array: numba need not count who holds one."""


def cache_kernel(compiled: Any, function: Callable[..., Any], directory: Path) -> None:
    """Let numba keep what it compiles of a function in a directory that any number of processes share.

    Parameters
    ----------
    compiled : numba dispatcher
        Of the function; a dispatcher has no documented way to be given a cache.
    function : callable
    directory : Path
        The user's own functions stay cached where they were. If nothing can be written there, nothing is cached.
    """
    import numba

    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(directory)
    try:
        with suppress(RuntimeError):
            compiled._cache = _shared_cache()(function)
    finally:
        numba.config.CACHE_DIR = before


@cache
def _shared_cache() -> type[Any]:
    """The class of such a cache."""
    from numba.core.caching import FunctionCache

    class SharedCache(FunctionCache):  # type: ignore[misc]
        """numba's cache of one function, in which nothing that is damaged, mixed up, old or full can stop the work.

        Notes
        -----
        numba writes an index first and then the file that it names, by number: processes that start at once on an
        empty cache can give one number to two signatures, and a quota can cut a file off. And numba believes what it
        compiled until the function's own file changes; but in a kernel there is code of other modules, and here one
        counts that lies beside the function's.
        """

        def __init__(self, function: Callable[..., Any]) -> None:
            super().__init__(function)
            self._cache_file._source_stamp = _source_of(Path(function.__code__.co_filename).parent)

        def load_overload(self, sig: Any, target_context: Any) -> Any:
            """What was compiled for a signature; None if it is not there or cannot be used."""
            try:
                found = super().load_overload(sig, target_context)
            except Exception:  # noqa: BLE001  unpickling what is cut off can raise anything
                return None
            return found if found is None or found.signature.args == getattr(sig, "args", sig) else None

        def save_overload(self, sig: Any, data: Any) -> None:
            """Keep what was compiled, if that is possible."""
            with suppress(OSError):
                try:
                    super().save_overload(sig, data)
                except OSError:
                    return
                except Exception:  # noqa: BLE001  an index that is cut off: begin a new one
                    self.flush()
                    super().save_overload(sig, data)

    return SharedCache


@cache
def _source_of(directory: Path) -> str:
    """Hash of every module of a directory."""
    digest = hashlib.sha256()
    for path in sorted(directory.glob("*.py")):
        digest.update(f"{path.name}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def free_compiler_lock_in_children() -> None:
    """Let no child be forked while another thread compiles: it would wait for ever for numba's lock."""
    from numba.core.compiler_lock import global_compiler_lock as lock

    os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)


def load_numba_without_blas() -> None:
    """Import what numba needs for its first kernel, save half of scipy, where that is installed.

    numba looks for BLAS there (numba/np/arraymath.py), which takes a tenth of a second; no kernel of ours asks for it.
    """
    blas = "scipy.linalg.cython_blas"
    if blas in sys.modules:
        return
    sys.modules[blas] = None  # type: ignore[assignment]
    try:
        import numba.np.arraymath  # noqa: F401
    finally:
        del sys.modules[blas]


class _RawAttributes:
    """Takes the place of `pickle` where PyTables reads attributes: they stay the bytes that they are."""

    @staticmethod
    def loads(data: bytes, **_: Any) -> bytes:
        return data


class _NoObjects:
    """Takes the place of `pickle` where PyTables reads arrays of objects."""

    @staticmethod
    def loads(data: bytes) -> NoReturn:  # noqa: ARG004
        raise UnpicklingError("it holds pickles, which spikebin never runs")


@contextmanager
def no_pickles() -> Iterator[None]:
    """Take `pickle` from the two modules of PyTables that load any; it has no option for that.

    Raises
    ------
    SpikebinError
        If they are not as they were in the versions that are known.
    """
    from tables import atom, attributeset

    if not (hasattr(atom, "pickle") and hasattr(attributeset, "pickle")):
        raise SpikebinError("this version of PyTables reads pickles in a way of its own: install tables 3.10 or 3.11")
    pickles = atom.pickle, attributeset.pickle
    atom.pickle, attributeset.pickle = _NoObjects, _RawAttributes
    try:
        yield
    finally:
        atom.pickle, attributeset.pickle = pickles


def hdf5_library() -> Any:
    """The libhdf5 of PyTables, by ctypes; calls hold Python's lock, as those of PyTables itself do.

    PyTables' own extension module is linked to libhdf5, so whatever it is linked to can be called through it.

    Returns
    -------
    ctypes.PyDLL
        Without any signatures.
    """
    import ctypes

    from tables import hdf5extension

    return ctypes.PyDLL(hdf5extension.__file__)


def hdf5_id(file: Any) -> int:
    """The handle by which libhdf5 knows a file that PyTables has open.

    Parameters
    ----------
    file : tables.File

    Returns
    -------
    int
    """
    found: int = file._get_file_id()
    return found


def frame_metadata(frame: Any, name: str) -> bytes:
    """A metalayer of a Blosc2 frame as the bytes that are there; the documented way unpacks them, whatever they hold.

    Parameters
    ----------
    frame : blosc2.SChunk
    name : str

    Returns
    -------
    bytes

    Raises
    ------
    KeyError
        If there is none of that name.
    """
    import blosc2

    if name not in frame.meta:
        # The function below ends the process.
        raise KeyError(name)
    found: bytes = blosc2.blosc2_ext.meta__getitem__(frame, name)
    return found


def convert_without_pydantic(parameter: Any) -> None:
    """Let a parameter of Typer convert what is plain by itself.

    Typer 0.29 leaves all of it to pydantic, which takes as long to import as a quick command takes to run. What
    is not plain, or not right, is Typer's as before: so are the messages.

    Parameters
    ----------
    parameter : typer.core.TyperOption or typer.core.TyperArgument
    """
    typers = getattr(parameter, "get_runtime_param", None)
    if typers is not None and "get_runtime_param" not in vars(parameter):
        parameter.get_runtime_param = lambda: _Plain(typers)


class _Plain:
    """Takes the place of what Typer converts values with."""

    def __init__(self, typers: Callable[[], Any]) -> None:
        self._typers = typers

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value of a parameter from what stands on the command line, or its default."""
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        info = param.type_descriptor.parameter_info
        try:
            return _plain(value, param.type_descriptor.annotation, info)
        except _NotPlainError:
            return self._typers().coerce(value, param=param, ctx=ctx)


class _NotPlainError(Exception):
    """More is to be done than this module knows of, or something is wrong."""


def _plain(value: Any, annotation: Any, info: Any) -> Any:
    """What a value means, where no more is asked of it than its type and range."""
    asked = info.parser, info.clamp, info.path_type, info.exists, info.writable, info.resolve_path, info.allow_dash
    if any(asked) or not (info.file_okay and info.dir_okay):
        raise _NotPlainError
    if get_origin(annotation) is list and type(value) in (list, tuple):
        return [_plain(item, get_args(annotation)[0], info) for item in value]
    if annotation is str and type(value) is str:
        return value
    if get_origin(annotation) is Literal and value in get_args(annotation):
        return value
    if annotation is int and re.fullmatch("-?(0|[1-9][0-9]{0,15})", str(value), re.ASCII):
        low, high = (
            float(limit if limit is not None else other) for limit, other in ((info.min, "-inf"), (info.max, "inf"))
        )
        if low <= int(value) <= high:
            return int(value)
    if (
        annotation is Path
        and isinstance(value, (str, Path))
        and (os.access(value, os.R_OK) or not Path(value).exists())
    ):
        return Path(value)
    raise _NotPlainError
