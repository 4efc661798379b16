"""The trials of a view grouped by image: a lazy (image, repeat, neuron, time) array."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.errors import DatasetError
from spikebin.matrixfile.lazy import LazyArray, Selector
from spikebin.matrixfile.shown import counted, html_table, one_line, size_of, text_of_shape
from spikebin.names import suggest

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    by : sequence of str
        See `View.repeats`.

    Attributes
    ----------
    view : View
    images : array of text (n_images,)
        Their ids.
    groups : structured array (n_images,)
        What they were grouped by: a field for each column of `by`.
    index : int64 (n_images, n_repeats)
        Which trial of the view each is.
    ragged : dict
        Image -> how often it was shown, of those that were shown less often than others.
    """

    def __init__(self, view: View, ragged: Ragged, by: Sequence[str] = ("image_id",)) -> None:
        trials = view.trials
        names = trials.dtype.names or ()
        for name in by:
            if name not in names:
                raise DatasetError(f"{view.name} has no column {name!r} to group its trials by: {suggest(name, names)}")
        if not by:
            raise DatasetError(f"no column to group the trials of {view.name} by: {suggest('', names)}")
        keys = trials[list(by)].tolist()
        shown: dict[Any, list[int]] = {}
        for i, key in enumerate(keys):
            shown.setdefault(key, []).append(i)
        if "image_id" not in by:
            self._refuse_mixed(view, by, shown)
        most = max(map(len, shown.values()))
        images = trials["image_id"].tolist()
        self.ragged = {images[rows[0]]: len(rows) for rows in shown.values() if len(rows) < most}
        if self.ragged and ragged == "refuse":
            named = ", ".join(f"{image} ({n})" for image, n in list(self.ragged.items())[:5])
            raise DatasetError(
                f"{len(self.ragged)} of {len(shown)} images of {view.name} were shown less often than the others,"
                f" {most} times: {named}{', ...' if len(self.ragged) > 5 else ''}: choose ragged='drop' or 'cut'"
            )
        if ragged == "drop":
            shown = {key: rows for key, rows in shown.items() if len(rows) == most}
        n_repeats = min(map(len, shown.values()))
        by_repeat = [sorted(rows, key=lambda i: int(trials["repeat"][i]))[:n_repeats] for rows in shown.values()]
        self.view = view
        self.index = np.array(by_repeat, np.int64)
        self.images = trials["image_id"][self.index[:, 0]]
        self.groups = trials[list(by)][self.index[:, 0]]
        super().__init__((*self.index.shape, *view.shape[1:]), view.dtype)

    @staticmethod
    def _refuse_mixed(view: View, by: Sequence[str], shown: dict[Any, list[int]]) -> None:
        """Trials of different images are no repeats of each other, whatever column they share."""
        trials = view.trials
        for rows in shown.values():
            images = dict.fromkeys(trials["image_id"][rows].tolist())
            if len(images) > 1:
                one, other = list(images)[:2]
                group = ", ".join(f"{name} = {trials[name][rows[0]]}" for name in by)
                raise DatasetError(
                    f"trials of {view.name} with {group} show {len(images)} images, such as {one!r} and {other!r}:"
                    " group by image_id, too, or take() those of one kind first"
                )

    def _block(self, selectors: list[Selector]) -> NDArray[Any]:
        images, repeats, rows, columns = selectors
        trials = self.index[np.ix_(np.asarray(images, np.intp), np.asarray(repeats, np.intp))]
        block = self.view._block([trials.reshape(-1), rows, columns])
        return block.reshape(*trials.shape, *block.shape[1:])

    def _facts(self) -> dict[str, str]:
        """What people want to know of it; nothing of it is read."""
        images, repeats = counted(len(self), "image"), counted(self.shape[1], "repeat")
        cells = text_of_shape(self.shape[1:], self.view.width).partition(" x ")[2]
        return {
            "shape": f"{images} x {repeats} x {cells}",
            "values": str(self.dtype),
            "as an array": f"{size_of(math.prod(self.shape) * self.dtype.itemsize)} dense",
        }

    def __repr__(self) -> str:
        return one_line("Repeats", " | ".join((self.view.name, *self.view.steps)), self._facts())

    def _repr_html_(self) -> str:
        facts = {"sheet": self.view.name, "views": " | ".join(self.view.steps), **self._facts()}
        return html_table("Repeats", facts)
