"""Other packages that do a part of the same: which are there, and which take part in a quick run."""

from __future__ import annotations

from importlib.util import find_spec

__all__ = ["BenchmarkError", "absence"]

# Module -> the extra of this project that brings it.
_EXTRAS = {
    "boost_histogram": "bench",
    "elephant": "bench",
    "h5py": "test",
    "neo": "test",
    "pyarrow": "test",
    "pynapple": "bench",
    "scipy": "test",
    "torch": "torch",
}


class BenchmarkError(Exception):
    """A contender gives a wrong result, or something that was to be measured did not happen."""


def absence(*modules: str, quick: bool) -> str:
    """Why contenders that need these modules do not take part; "" if they do."""
    for module in modules:
        extra = _EXTRAS[module]
        if quick and extra != "test":
            return f"{module} is left out of quick runs"
        if find_spec(module) is None:
            return f"{module} is not installed: pip install 'spikebin[{extra}]'"
    return ""
