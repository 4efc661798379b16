"""What every layout of a matrix file can do, and which is which: chunks from events, blocks or events from chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from spikebin.choices import Codec, Layout, checked
from spikebin.errors import MatrixFileError
from spikebin.matrixfile.layouts.dense import MatrixLayout
from spikebin.matrixfile.layouts.gaps import EventsLayout

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from spikebin.binning.trial import TrialEvents
    from spikebin.matrixfile.layouts.cells import Cells, Into, Use
    from spikebin.matrixfile.layouts.chunks import FileBytes
    from spikebin.matrixfile.lazy import Selector

__all__ = ["TrialLayout", "make_layout"]


class TrialLayout(Protocol):
    """How the trials of one matrix file are laid out.

    A writer calls `create`, then `encode` and `append` for each trial, `finish`, `places`; a reader calls `attach`,
    `places`, then any of the rest. What is not as spikebin writes it is a
    `spikebin.matrixfile.layouts.chunks.DamagedChunkError`.
    """

    @property
    def chunks_text(self) -> str:
        """How a trial is cut into chunks, for people."""
        ...

    @property
    def n_chunks(self) -> int:
        """Chunks of a trial, once they are written or attached to."""
        ...

    def create(self, file: Any) -> None:
        """Make the arrays of a file (tables.File) that is open for writing, where they can be made yet."""
        ...

    def encode(self, events: TrialEvents) -> Any:
        """Pack one trial, as `append` takes it; threads may encode at once."""
        ...

    def append(self, file: Any, trial: int, encoded: Any) -> None:
        """Take one trial as `encode` made it; they come in order."""
        ...

    def finish(self, file: Any, threads: int) -> None:
        """Write what is not written yet, with so many threads; there is one trial at least."""
        ...

    def attach(self, file: Any) -> None:
        """Learn from a file (tables.File) what reading needs."""
        ...

    def places(self, file: Any, data: FileBytes) -> NDArray[np.int64]:
        """Where the chunks of each trial lie, int64 (n_trials, n_chunks, 2): its offset in the file, and its bytes."""
        ...

    def block(
        self, chunks: Callable[[int, int], bytes], trials: Selector, rows: Selector, columns: Selector
    ) -> NDArray[Any]:
        """The outer product of trials, rows and columns; `chunks` gives the bytes of a trial's i-th chunk."""
        ...

    def events(self, chunks: Callable[[int, int], bytes], trial: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Where one trial is not empty, ``row * n_columns + bin``, ascending, and what these cells hold."""
        ...

    def cells(self, chunks: Callable[[int, int], bytes], trial: int) -> Cells:
        """Where one trial is not empty, neurons in the order of the file."""
        ...

    def add(self, chunks: Callable[[int, int], bytes], trial: int, uses: Sequence[Use], into: Into) -> list[int]:
        """Add the events of one trial to an array; the items in which some cell cannot hold what it should."""
        ...


def make_layout(name: str, shape: tuple[int, int, int], dtype: np.dtype[Any], codec: str) -> TrialLayout:
    """The layout of a name, for a matrix of this shape.

    Parameters
    ----------
    name : {"matrix", "events"}
    shape : tuple of int
        Trials, neurons, bins.
    dtype : dtype
        bool, or uint8 for counts.
    codec : {"blosc2", "zlib"}

    Returns
    -------
    TrialLayout

    Raises
    ------
    MatrixFileError
        If there is no such layout or codec.
    """
    checked(name, Layout, "matrix file layout", MatrixFileError)
    checked(codec, Codec, "matrix file codec", MatrixFileError)
    layouts: dict[str, type[MatrixLayout | EventsLayout]] = {"matrix": MatrixLayout, "events": EventsLayout}
    return layouts[name](shape, dtype, codec)
