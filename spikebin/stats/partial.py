"""The sums of one part of a sheet on disk, beside the output: complete or not there, and of what the part holds now.

What is added up is in sums.py; collect.py knows which parts there are.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.names import directory_name
from spikebin.output.paths import STATS
from spikebin.stats.sums import ARRAYS, FACTS, Sums
from spikebin.system.files import write_atomically
from spikebin.system.leftovers import remove_stale

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from spikebin.matrixfile.seal import Seal

__all__ = ["content_of", "kept_steps", "key_of", "load_sums", "partial_path", "save_sums"]

VERSION = 1
"""Of what is added up, and how it is kept; other versions are added up again."""
KEPT = tuple(name for name in ARRAYS if name not in {"neuron_ids", "neuron_counts", "intervals"})
"""As they are, but for the size of their numbers; the others are packed, or known from elsewhere."""
INTERVALS = ("interval_numbers", "interval_sums", "interval_squares")
DAMAGE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


def key_of(views: str, ids: NDArray[np.int64] | None, sample: int) -> str:
    """A few letters for what is added up: sums of other items, neurons or samples lie in other files.

    Parameters
    ----------
    views : str
        How items are cut, as text.
    ids : int64 (n,), optional
        The neurons; None: all.
    sample : int

    Returns
    -------
    str
        12 hexadecimal digits.
    """
    neurons = "all" if ids is None else _digest(ids)
    return hashlib.sha256(json.dumps([VERSION, views, neurons, sample]).encode()).hexdigest()[:12]


def partial_path(output: Path, variant: str, sheet: str, part: str, key: str) -> Path:
    """Where the sums of one sheet of a part lie.

    Parameters
    ----------
    output : Path
    variant, part : str
    sheet : str
        Raw or directory name.
    key : str
        From `key_of`.

    Returns
    -------
    Path
    """
    name = directory_name(sheet)
    return output / STATS / variant / name / f"stats_{name}_{part}_{key}.npz"


def content_of(header: Seal) -> str:
    """What a matrix file holds, as a digest that another layout, codec or day does not change.

    Parameters
    ----------
    header : Seal

    Returns
    -------
    str
    """
    facts = header.as_dict()
    kept = [facts[key] for key in ("content_digest", "shape", "binning", "trial", "phases")]
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def save_sums(path: Path, sums: Sums, content: str) -> None:
    """Write the sums of one part.

    Parameters
    ----------
    path : Path
        From `partial_path`.
    sums : Sums
    content : str
        From `content_of`, of the file that was read.

    Raises
    ------
    DiskFullError
        If no space or quota is left.
    SpikebinError
        If the file cannot be written.
    """
    facts = {
        "version": VERSION,
        "content": content,
        **{name: getattr(sums, name) for name in FACTS},
        "neurons": _digest(sums.neuron_ids),
    }
    arrays: dict[str, Any] = {name: _small(getattr(sums, name)) for name in KEPT}
    # What a neuron loses at a longer width is next to nothing; three kinds of numbers take three kinds of room.
    arrays |= {"neuron_losses": _small(sums.neuron_counts[0] - sums.neuron_counts[1:])}
    arrays |= {"neuron_counts": _small(sums.neuron_counts[0])}
    arrays |= {name: _small(row) for name, row in zip(INTERVALS, sums.intervals, strict=True)}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, facts=np.array(json.dumps(facts)), **arrays)
    remove_stale(path.parent, path.name)
    write_atomically(path, [buffer.getbuffer()])


def load_sums(path: Path, content: str, neuron_ids: NDArray[np.int64]) -> Sums | None:
    """Read the sums of one part, if they are those of what it holds now.

    Parameters
    ----------
    path : Path
        From `partial_path`.
    content : str
        From `content_of`, of the file as it is now.
    neuron_ids : int64 (n_neurons,)
        Of the neurons that they are to be of.

    Returns
    -------
    Sums or None
        At all widths that were added up; None if the file is not there, is damaged, or of another version, content or
        neurons.
    """
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            facts = _facts(file, content)
            if facts is None or facts["neurons"] != _digest(neuron_ids):
                return None
            arrays: dict[str, Any] = {name: _large(file[name]) for name in KEPT}
            counts = _large(file["neuron_counts"])
            arrays["neuron_counts"] = np.concatenate([counts[np.newaxis], counts - _large(file["neuron_losses"])])
            arrays["intervals"] = np.array([_large(file[name]) for name in INTERVALS])
            return Sums(neuron_ids=neuron_ids, **{name: facts[name] for name in FACTS}, **arrays)
    except DAMAGE:
        return None


def kept_steps(path: Path, content: str) -> set[int]:
    """At which widths, in bins, the sums of one part are kept; as `load_sums`, but next to nothing is read.

    Parameters
    ----------
    path : Path
        From `partial_path`.
    content : str
        From `content_of`, of the file as it is now.

    Returns
    -------
    set of int
        Empty where `load_sums` gives None, or would but for damage after the first bytes.
    """
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            return set() if _facts(file, content) is None else {*file["steps"].tolist()}
    except DAMAGE:
        return set()


def _facts(file: Any, content: str) -> dict[str, Any] | None:
    """What is said of the sums; None if they are of another version or content."""
    facts: dict[str, Any] = json.loads(str(file["facts"]))
    return facts if (facts["version"], facts["content"]) == (VERSION, content) else None


def _digest(ids: NDArray[np.int64]) -> str:
    return hashlib.sha256(ids.astype("<i8").tobytes()).hexdigest()


def _small(array: NDArray[Any]) -> NDArray[Any]:
    """In as few bytes as hold its whole numbers, none of which is negative."""
    if array.dtype.kind != "i":
        return array
    return array.astype(np.min_scalar_type(array.max(initial=0)))


def _large(array: NDArray[Any]) -> NDArray[Any]:
    return array.astype(np.int64) if array.dtype.kind == "u" else array
