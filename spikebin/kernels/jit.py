"""numba's njit, with a cache that any number of processes on any kinds of nodes can share, and that never fails.

Where the cache lies and how it is kept, and the three kinds of kernels; what is compiled is in the modules beside it.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
from llvmlite import binding, ir
from numba.extending import intrinsic

from spikebin.system.compat import NO_COUNTING, cache_kernel, free_compiler_lock_in_children

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["cache_directory", "entry", "inlined", "inner", "load_word", "njit", "store_word", "trailing_zeros"]

free_compiler_lock_in_children()


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
            cache_kernel(compiled, function, directory)
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


entry = njit(nogil=True, cache=True, **NO_COUNTING)
"""Decorates a kernel that is called from Python. It makes and keeps no array, so numba need not count who holds one:
for kernels as small as these the counting, atomic as it is, takes longer than the work."""

inner = njit(nogil=True, **NO_COUNTING)
"""Decorates what only kernels call. It is compiled into them; kept in the cache by itself it could not be inlined."""

inlined = njit(nogil=True, **NO_COUNTING, forceinline=True)
"""The same, for what is as short as a name for a few bits."""


if numba.config.DISABLE_JIT:

    def load_word(array: Any, i: int) -> Any:
        """The eight bytes from item `i` of a flat array on, as an int64, whatever their alignment."""
        return np.frombuffer(array[i : i + 8].tobytes()[:8], "<i8")[0]

    def trailing_zeros(word: Any) -> Any:
        """How many of the lowest bits of a uint64 are 0; it is not 0 itself."""
        return np.int64((int(word) & -int(word)).bit_length() - 1)

    def store_word(array: Any, i: int, word: Any) -> None:
        """Write an int64 to the eight bytes from item `i` of a flat array of bytes on, the lowest byte first."""
        array[i : i + 8] = np.frombuffer(np.int64(word).tobytes(), np.uint8)

else:

    @intrinsic  # type: ignore[untyped-decorator]
    def load_word(_context: Any, array: Any, _i: Any) -> Any:
        """The eight bytes from item `i` of a flat array on, as an int64, whatever their alignment.

        numba itself loads bytes one by one, and asks of each index whether it counts from the end.
        """
        if not isinstance(array, numba.types.Array) or array.layout != "C":
            return None

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            made = context.make_array(signature.args[0])(context, builder, arguments[0])
            place = builder.bitcast(builder.gep(made.data, [arguments[1]]), ir.IntType(64).as_pointer())
            word = builder.load(place)
            word.align = 1
            return word

        return numba.types.int64(array, numba.types.int64), generate

    @intrinsic  # type: ignore[untyped-decorator]
    def trailing_zeros(_context: Any, word: Any) -> Any:
        """How many of the lowest bits of a uint64 are 0; it is not 0 itself. One instruction, which numba has not."""
        if word != numba.types.uint64:
            return None

        def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

        return numba.types.int64(word), generate

    @intrinsic  # type: ignore[untyped-decorator]
    def store_word(_context: Any, array: Any, _i: Any, _word: Any) -> Any:
        """Write an int64 to the eight bytes from item `i` of a flat array of bytes on, the lowest byte first."""
        if not isinstance(array, numba.types.Array) or array.layout != "C":
            return None

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            made = context.make_array(signature.args[0])(context, builder, arguments[0])
            place = builder.bitcast(builder.gep(made.data, [arguments[1]]), ir.IntType(64).as_pointer())
            builder.store(arguments[2], place).align = 1
            return context.get_dummy_value()

        return numba.types.void(array, numba.types.int64, numba.types.int64), generate
