"""Which layout a matrix file has, and what every layout can do: chunks from events, blocks or events from chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spikebin.errors import MatrixFileError
from spikebin.matrixfile.layouts.dense import MatrixLayout
from spikebin.matrixfile.layouts.gaps import EventsLayout
from spikebin.names import suggest

if TYPE_CHECKING:
    import numpy as np


__all__ = ["make_layout"]


def make_layout(
    name: str, shape: tuple[int, int, int], dtype: np.dtype[Any], codec: str
) -> MatrixLayout | EventsLayout:
    """The layout of a name, for a matrix of this shape.

    Parameters
    ----------
    name : {"matrix", "events"}
    shape, dtype, codec
        See `MatrixLayout`.

    Returns
    -------
    MatrixLayout or EventsLayout

    Raises
    ------
    MatrixFileError
        If there is none of that name.
    """
    layouts: dict[str, type[MatrixLayout | EventsLayout]] = {"matrix": MatrixLayout, "events": EventsLayout}
    if name not in layouts:
        raise MatrixFileError(f"no layout {name!r}: {suggest(name, layouts)}")
    return layouts[name](shape, dtype, codec)
