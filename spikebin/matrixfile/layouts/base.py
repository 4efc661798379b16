"""Which layout a matrix file has, and what every layout can do: chunks from events, blocks or events from chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spikebin.choices import Codec, Layout, checked
from spikebin.errors import MatrixFileError
from spikebin.matrixfile.layouts.dense import MatrixLayout
from spikebin.matrixfile.layouts.gaps import EventsLayout

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
        If there is no such layout or codec.
    """
    checked(name, Layout, "matrix file layout", MatrixFileError)
    checked(codec, Codec, "matrix file codec", MatrixFileError)
    return (MatrixLayout if name == "matrix" else EventsLayout)(shape, dtype, codec)
