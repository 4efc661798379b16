"""The trials of a view grouped by image: a lazy (image, repeat, neuron, time) array."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.errors import DatasetError
from spikebin.matrixfile.lazy import LazyArray, Selector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spikebin.choices import Ragged
    from spikebin.dataset.view import View

__all__ = ["Repeats"]


class Repeats(LazyArray):
    """The trials of a view grouped by image: a lazy (image, repeat, neuron, time) array; see `View.repeats`.

    Parameters
    ----------
    view : View
    ragged : {"refuse", "drop", "cut"}
        See `View.repeats`.

    Attributes
    ----------
    view : View
    images : array of text (n_images,)
    index : int64 (n_images, n_repeats)
        Which trial of the view each is.
    ragged : dict
        Image -> how often it was shown, of those that were shown less often than others.
    """

    def __init__(self, view: View, ragged: Ragged) -> None:
        trials = view.trials
        shown: dict[str, list[int]] = {}
        for i, image in enumerate(trials["image_id"].tolist()):
            shown.setdefault(image, []).append(i)
        most = max(map(len, shown.values()))
        self.ragged = {image: len(rows) for image, rows in shown.items() if len(rows) < most}
        if self.ragged and ragged == "refuse":
            named = ", ".join(f"{image} ({n})" for image, n in list(self.ragged.items())[:5])
            raise DatasetError(
                f"{len(self.ragged)} of {len(shown)} images of {view.name} were shown less often than the others,"
                f" {most} times: {named}{', ...' if len(self.ragged) > 5 else ''}: choose ragged='drop' or 'cut'"
            )
        if ragged == "drop":
            shown = {image: rows for image, rows in shown.items() if len(rows) == most}
        n_repeats = min(map(len, shown.values()))
        by_repeat = [sorted(rows, key=lambda i: int(trials["repeat"][i]))[:n_repeats] for rows in shown.values()]
        self.view = view
        self.images = np.array(list(shown))
        self.index = np.array(by_repeat, np.int64)
        super().__init__((*self.index.shape, *view.shape[1:]), view.dtype)

    def _block(self, selectors: list[Selector]) -> NDArray[Any]:
        images, repeats, rows, columns = selectors
        trials = self.index[np.ix_(np.asarray(images, np.intp), np.asarray(repeats, np.intp))]
        block = self.view._block([trials.reshape(-1), rows, columns])
        return block.reshape(*trials.shape, *block.shape[1:])
