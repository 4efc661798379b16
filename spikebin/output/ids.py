"""The .npy files of image and neuron ids beside the matrix files, which the models downstream read."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.output.paths import image_ids_path, neuron_ids_path
from spikebin.system.files import write_atomically
from spikebin.system.leftovers import remove_stale

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from spikebin.matrixfile.seal import Identity

__all__ = ["image_ids", "write_ids"]


def image_ids(trials: Iterable[tuple[int, str]]) -> NDArray[np.str_]:
    """Ids as presented.

    Parameters
    ----------
    trials : iterable of (int, str)
        Repeat and image id of each, at least one.

    Returns
    -------
    str (n_images,) or (n_repeats, n_images)
        The latter where repeats differ; repeats of fewer images are filled up with "".
    """
    repeats: dict[int, list[str]] = {}
    for repeat, image in trials:
        repeats.setdefault(repeat, []).append(image)
    first, *others = repeats.values()
    if all(other == first for other in others):
        return np.array(first)
    longest = max(map(len, repeats.values()))
    return np.array([ids + [""] * (longest - len(ids)) for ids in repeats.values()])


def _write_npy(path: Path, array: NDArray[Any], check: Callable[[Path], object] | None = None) -> None:
    """Write an array to a .npy file that is there complete or not at all.

    Parameters
    ----------
    path : Path
    array : ndarray
    check : callable, optional
        See `spikebin.system.files.write_atomically`.

    Raises
    ------
    DiskFullError
        If no space or quota is left.
    SpikebinError
        If the file cannot be written.
    """
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    remove_stale(path.parent, path.name)
    write_atomically(path, [buffer.getbuffer()], check=check)


def write_ids(output: Path, identity: Identity, trials: Iterable[tuple[int, str]], neuron_ids: NDArray[Any]) -> None:
    """Put the two .npy files of a sheet of a part in place, which the models downstream read.

    Parameters
    ----------
    output : Path
    identity : Identity
    trials : iterable of (int, str)
        Repeat and image id of each, as they are stored.
    neuron_ids : int (n_neurons,)
        Ascending.

    Raises
    ------
    SpikebinError
        If they cannot be written; those that were there stay.
    """
    variant, part, sheet = identity.variant, identity.part, identity.sheet

    def write_neurons(_: Path) -> None:
        _write_npy(neuron_ids_path(output, variant, part, sheet), neuron_ids.astype(np.int64))

    _write_npy(image_ids_path(output, variant, part, sheet), image_ids(trials), check=write_neurons)
