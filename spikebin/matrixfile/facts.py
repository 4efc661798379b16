"""What a seal may say: each of its facts, checked one by one before anything relies on it.

Plain values as JSON holds them; needs neither HDF5 nor numpy.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, get_args

from spikebin.choices import Codec, Layout
from spikebin.names import directory_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["FORMAT_VERSION", "KEYS", "SEAL_SIZE", "SINCE_2", "misfit"]

FORMAT_VERSION = 2
SEAL_SIZE = 4096
LARGEST = 1 << 63
SINCE_2 = ("reading", "views", "chunks", "n_unassigned")
"""What seals of format_version 1 do not hold."""


def _is_text(value: Any) -> bool:
    return type(value) is str


def _is_name(value: Any) -> bool:
    """Whether it can be, or be part of, the name of a file; exports are named after what a seal says."""
    return type(value) is str and "/" not in value and "\0" not in value and value.strip(". ") != ""


def _is_object(value: Any) -> bool:
    return type(value) is dict


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < LARGEST


def _is_finite(value: Any) -> bool:
    return type(value) in {int, float} and abs(value) < LARGEST


def _is_shape(value: Any) -> bool:
    return type(value) is list and len(value) == 3 and all(map(_is_count, value)) and 0 < math.prod(value) < LARGEST


def _is_binning(value: Any) -> bool:
    return (
        _is_object(value)
        and value.keys() == {"width", "closed", "end_bin", "values"}
        and _is_finite(value["width"])
        # Bins below 4e-8 cannot be told apart anywhere, see `spikebin.binning.rules`.
        and value["width"] > 1e-8
        and value["closed"] in ("left", "right")
        and type(value["end_bin"]) is bool
        and value["values"] in ("bool", "count")
    )


def _are_phases(value: Any) -> bool:
    return type(value) is list and all(
        _is_object(phase)
        and phase.keys() == {"name", "first_bin", "bins", "duration"}
        and _is_text(phase["name"])
        and _is_count(phase["first_bin"])
        and _is_count(phase["bins"])
        and _is_finite(phase["duration"])
        for phase in value
    )


def _is_source(value: Any) -> bool:
    return (
        _is_object(value)
        and value.keys() == {"name", "files", "size", "mtime"}
        and _is_text(value["name"])
        and _is_count(value["files"])
        and _is_count(value["size"])
        and _is_finite(value["mtime"])
    )


def _is_chunk_table(value: Any) -> bool:
    return (
        _is_object(value)
        and value.keys() == {"offset", "n_chunks", "crc32", "rest_crc32"}
        and all(map(_is_count, value.values()))
        and value["offset"] >= SEAL_SIZE
    )


# What a seal must hold. All that reads a seal relies on it, so nothing else asks again.
KEYS: dict[str, Callable[[Any], bool]] = {
    "format_version": lambda value: type(value) is int and 1 <= value <= FORMAT_VERSION,
    "spikebin_version": _is_text,
    "created": _is_text,
    "size": _is_count,
    "sha256": _is_text,
    "sheet": lambda value: type(value) is str and _is_name(directory_name(value)),
    "variant": _is_name,
    "part": _is_name,
    "shape": _is_shape,
    "layout": get_args(Layout).__contains__,
    "codec": get_args(Codec).__contains__,
    "binning": _is_binning,
    "trial": _is_object,
    "phases": _are_phases,
    "n_spikes": _is_count,
    "n_binned": _is_count,
    "n_collisions": _is_count,
    "n_outside": _is_count,
    "content_digest": _is_text,
    "source": _is_source,
    "reading": _is_object,
    "views": lambda value: type(value) is list and all(map(_is_text, value)),
    "chunks": _is_chunk_table,
    # Only where it is known.
    "n_unassigned": lambda value: value is None or _is_count(value),
    # Only where trials were left out.
    "limit": lambda value: value is None or _is_count(value),
}


def misfit(facts: Mapping[str, Any]) -> str | None:
    """The first key whose value no seal has.

    Parameters
    ----------
    facts : mapping

    Returns
    -------
    str or None
    """
    skipped = SINCE_2 if facts.get("format_version") == 1 else ()
    for key, fits in KEYS.items():
        if not fits(facts.get(key)) and key not in skipped:
            return key
    return None
