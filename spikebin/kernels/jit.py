"""numba's njit, with a cache that any number of processes on any kinds of nodes can share, and that never fails.

Where the cache lies and how it is kept, and the three kinds of kernels; what is compiled is in the modules beside it.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numba
from llvmlite import binding
from numba.core.caching import FunctionCache
from numba.core.compiler_lock import global_compiler_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["cache_directory", "entry", "inlined", "inner", "njit"]

# A child that is forked while another thread compiles would wait for ever for numba's lock.
os.register_at_fork(
    before=global_compiler_lock.acquire,
    after_in_parent=global_compiler_lock.release,
    after_in_child=global_compiler_lock.release,
)


def njit(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """`numba.njit`, whose ``cache=True`` means the cache of `cache_directory`.

    Parameters
    ----------
    **options
        Of `numba.njit`, by name.

    Returns
    -------
    callable
        Decorates a function.

    Notes
    -----
    A NUMBA_CACHE_DIR that the user has set is kept to. Where nothing can be written, nothing is cached.
    """
    cached = options.pop("cache", False)

    def decorate(function: Callable[..., Any]) -> Any:
        compiled = numba.njit(**options)(function)
        directory = cache_directory()
        if cached and directory and not numba.config.DISABLE_JIT:
            with _numba_caching_in(directory), suppress(RuntimeError):
                compiled._cache = _SharedCache(function)
        return compiled

    return decorate


@cache
def cache_directory() -> Path | None:
    """Where compiled kernels are kept: below the user's cache, or the node's temporary directory. None: nowhere.

    Notes
    -----
    Each kind of CPU, by name and features, and each version of numba has a directory of its own: the names of
    numba's files do not tell them apart, and two nodes of different kinds would replace each other's.
    """
    if numba.config.CACHE_DIR:
        return Path(numba.config.CACHE_DIR)
    try:
        features = binding.get_host_cpu_features().flatten()
    except RuntimeError:
        features = "unknown"
    text = f"{features} {numba.config.CPU_NAME} {numba.config.CPU_FEATURES}"
    kind = re.sub(r"\W", "", binding.get_host_cpu_name()) + "-" + hashlib.sha256(text.encode()).hexdigest()[:8]
    name = f"numba-{numba.__version__}-{kind}"
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    with suppress(OSError, RuntimeError):
        directory = Path(home).expanduser() / "spikebin" / name
        directory.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=directory).close()
        return directory
    with suppress(OSError):
        # What lies here is code that we shall run: nobody else may have put it there.
        parent = Path(tempfile.gettempdir()) / f"spikebin-{os.getuid()}"
        parent.mkdir(mode=0o700, exist_ok=True)
        facts = parent.lstat()
        if parent.is_dir() and not parent.is_symlink() and facts.st_uid == os.getuid() and not facts.st_mode & 0o022:
            directory = parent / name
            directory.mkdir(exist_ok=True)
            return directory
    return None


class _SharedCache(FunctionCache):  # type: ignore[misc]
    """numba's cache of one function, in which nothing that is damaged, mixed up, old or full can stop the work.

    Notes
    -----
    numba writes an index first and then the file that it names, by number: processes that start at once on an empty
    cache can give one number to two signatures, and a quota can cut a file off. And numba believes what it compiled
    until the function's own file changes; but in a kernel there is code of other modules, and here one counts that lies
    beside the function's.
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
        return found if found is None or found.signature.args == _arguments(sig) else None

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


@cache
def _source_of(directory: Path) -> str:
    """Hash of every module of a directory."""
    digest = hashlib.sha256()
    for path in sorted(directory.glob("*.py")):
        digest.update(f"{path.name}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _arguments(sig: Any) -> Any:
    return getattr(sig, "args", sig)


@contextmanager
def _numba_caching_in(directory: Path) -> Iterator[None]:
    """Let numba cache in a directory what is decorated meanwhile; the user's own functions stay where they were."""
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(directory)
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before


entry = njit(nogil=True, cache=True, _nrt=False)
"""Decorates a kernel that is called from Python. It makes and keeps no array, so numba need not count who holds one:
for kernels as small as these the counting, atomic as it is, takes longer than the work."""

inner = njit(nogil=True, _nrt=False)
"""Decorates what only kernels call. It is compiled into them; kept in the cache by itself it could not be inlined."""

inlined = njit(nogil=True, _nrt=False, forceinline=True)
"""The same, for what is as short as a name for a few bits."""
