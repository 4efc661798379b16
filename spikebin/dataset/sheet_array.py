"""A lazy (trial, neuron, time) array of one sheet: what can be read of it.

Its subclasses say how a block of it is read; the methods that give other views are in view.py.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.calls import typed
from spikebin.choices import Axes, BatchRest, FrameKind, checked
from spikebin.dataset.arguments import row_number, taken_of, whole_number
from spikebin.dataset.time_axis import exact, times
from spikebin.errors import DatasetError
from spikebin.matrixfile.lazy import LazyArray
from spikebin.matrixfile.shown import html_table, one_line, size_of, text_of_shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, DTypeLike, NDArray

__all__ = ["SheetArray", "stored_type"]


class SheetArray(LazyArray):
    """A lazy (trial, neuron, time) array of one sheet, and what can be asked of it.

    Indexing it as numpy does reads from disk and gives an array. A trial that is shorter than the time axis is False
    (0) after its ``trials["n_bins"]`` real bins.

    Whatever reads raises MatrixFileError where a file is damaged or was written again since it was opened, and
    DatasetError where a part turns out not to fit the others.

    Attributes
    ----------
    shape : tuple of int
    dtype : dtype
        bool, or the smallest unsigned integer type that holds any value that can occur.
    name : str
        Variant and sheet, ``train/X_ON``.
    exact_width : Fraction
        Length of a bin in ms; `width` is it as a float.
    largest : int
        The largest value that a cell can hold.
    steps : tuple of str
        The views that lead here, as they were called for.
    """

    def __init__(
        self,
        name: str,
        shape: tuple[int, int, int],
        dtype: DTypeLike,
        *,
        width: float | Fraction,
        largest: int,
        steps: tuple[str, ...] = (),
    ) -> None:
        super().__init__(shape, dtype)
        self.name = name
        self.exact_width = exact(width) if isinstance(width, float) else width
        self.largest = largest
        self.steps = steps
        # Where its rows go in arrays, see gather.py.
        self._row_cells: dict[int, NDArray[Any]] = {}

    @property
    def width(self) -> float:
        """Length of a bin in ms."""
        return float(self.exact_width)

    @property
    def time(self) -> NDArray[np.float64]:
        """When each bin begins, in ms, (n_columns,): relative to the event that the trials were cut out around.

        The event is the onset of the image or, in continuous recordings, what the windows were aligned to. Where it
        does not lie in the same bin in all trials, times count from the first bin; `time_zero` says which it is.
        """
        return times(self._zero()[0], self.exact_width, self.shape[2])

    @property
    def time_zero(self) -> str:
        """What `time` is relative to: ``"event"``, ``"onset of image"``, ``"first bin"``."""
        return self._zero()[1]

    @property
    def sheet(self) -> str:
        """Raw name of the sheet."""
        return self.name.split("/", 1)[1]

    @property
    def trials(self) -> NDArray[Any]:
        """Structured array (n_trials,): part, image_id, repeat, order (of presentation in its part), n_bins."""
        raise NotImplementedError

    @property
    def neurons(self) -> NDArray[Any]:
        """Structured array (n_neurons,): neuron_id, x, y, z (nan where unknown)."""
        raise NotImplementedError

    def onsets(self, phase: str) -> NDArray[np.int64]:
        """Bin in which a phase of each trial begins; it may lie outside of a window.

        Parameters
        ----------
        phase : str
            As the recording calls it.

        Returns
        -------
        int64 (n_trials,)

        Raises
        ------
        DatasetError
            If there is no such phase, or if it does not begin with a bin of this view.
        """
        raise NotImplementedError

    def phases(self) -> tuple[list[str], NDArray[np.int64]]:
        """Names of the stretches that the trials consist of, and how many bins each has.

        Returns
        -------
        names : list of str
            In their order in time.
        bins : int64 (n_trials, n_phases)
        """
        raise NotImplementedError

    def unrecorded(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Bins that reach past the end of a phase, and by how much; all others were recorded for their whole width.

        Returns
        -------
        trials, bins : int64 (n,)
            Sorted by trial; a bin may occur more than once, its times add up.
        ms : float64 (n,)
            Time of the bin in which nothing was recorded; the width for an end bin that holds only the spikes at
            exactly the end of its phase.
        """
        raise NotImplementedError

    def stimulus(self, trial: int) -> str:
        """The stimulus of a trial, as the recording writes it.

        Parameters
        ----------
        trial : int
            Negative counts from the end.

        Raises
        ------
        IndexError
            If there is no such trial.
        """
        raise NotImplementedError

    def _events(self, trial: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """As `flat_events`, of a trial counted from the start."""
        raise NotImplementedError

    def _main_phase(self) -> str:
        """The phase that windows and times are relative to: the image, or the only one that there is."""
        raise NotImplementedError

    def _phase_ms(self, phase: str) -> tuple[Fraction, str]:
        """When a phase begins, in ms, and relative to what."""
        raise NotImplementedError

    def _zero(self) -> tuple[Fraction, str]:
        """When the first bin begins, in ms, and relative to what."""
        phase = self._main_phase()
        try:
            onsets = self.onsets(phase)
        except DatasetError:
            return Fraction(0), "first bin"
        if (onsets != onsets[0]).any():
            return Fraction(0), "first bin"
        ms, zero = self._phase_ms(phase)
        return ms - int(onsets[0]) * self.exact_width, zero

    # --- reading ---

    def to_numpy(self) -> NDArray[Any]:
        """The whole as one array in memory, (trial, neuron, time)."""
        whole: NDArray[Any] = self[...]
        return whole

    def trial(self, trial: int) -> NDArray[Any]:
        """One trial without what it lacks.

        Parameters
        ----------
        trial : int
            Negative counts from the end.

        Returns
        -------
        ndarray (neuron, n_bins of that trial)

        Raises
        ------
        IndexError
            If there is no such trial.
        """
        trial = self._checked(trial)
        array: NDArray[Any] = self[trial, :, : int(self.trials["n_bins"][trial])]
        return array

    def read(
        self,
        trials: ArrayLike | slice = slice(None),
        *,
        dtype: DTypeLike | None = None,
        axes: Axes = "neuron time",
        out: NDArray[Any] | None = None,
    ) -> NDArray[Any]:
        """Some trials as an array of any type, in either order of axes, from their events straight into it.

        Parameters
        ----------
        trials : int, array of int or bool, or slice
            Default: all.
        dtype : dtype, optional
            bool (whether there is a spike), an integer or a float; default: that of the view, or of `out`.
        axes : {"neuron time", "time neuron"}
        out : ndarray, optional
            C-contiguous array of the right shape to fill; it is zeroed first.

        Returns
        -------
        ndarray (n_trials, neuron, time) or (n_trials, time, neuron)
            `out`, if it was given.

        Raises
        ------
        DatasetError
            If the type cannot hold `largest`, or one of the numbers that are there exactly; or if `out` does not fit.
        OutOfRangeError
            If there is no such trial.
        """
        from spikebin.dataset.reading import read_trials

        positions = taken_of(len(self), trials, f"trials of {self.name}")
        return read_trials(self, positions, dtype=dtype, axes=axes, out=out)

    def batches(
        self,
        size: int,
        *,
        rest: BatchRest = "keep",
        dtype: DTypeLike | None = None,
        axes: Axes = "neuron time",
        out: NDArray[Any] | None = None,
    ) -> Iterator[NDArray[Any]]:
        """Arrays of `size` trials each, in order.

        Parameters
        ----------
        size : int
        rest : {"keep", "drop"}
            What becomes of the last, smaller batch.
        dtype, axes
            As for `read`.
        out : ndarray, optional
            As for `read`, of `size` trials: each batch is put into it, a smaller one into its first part.

        Yields
        ------
        ndarray (size, neuron, time) or (size, time, neuron)
            With `out`, that array, or a part of it: what it held before is gone.

        Raises
        ------
        DatasetError
            If `size` is below 1, there is no such `rest`, or as `read`.
        """
        from spikebin.dataset.reading import read_batches

        size = whole_number(size, "batches of", least=1, unit="trials")
        stop = len(self) if checked(rest, BatchRest, "batches rest") == "keep" else len(self) // size * size
        return read_batches(self, size, stop, dtype=dtype, axes=axes, out=out)

    def events(self, trial: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where one trial is not empty.

        Parameters
        ----------
        trial : int
            Negative counts from the end.

        Returns
        -------
        neurons, bins : int64 (n_events,)
            Rows and bins, sorted by neuron, then bin.

        Raises
        ------
        IndexError
            If there is no such trial.
        """
        flat, _ = self.flat_events(trial)
        return flat // self.shape[2], flat % self.shape[2]

    def flat_events(self, trial: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """As `events`, as flat indices with the value of each cell.

        Parameters
        ----------
        trial : int
            Negative counts from the end.

        Returns
        -------
        flat : int64 (n_events,)
            ``neuron * n_columns + bin``, ascending.
        values : unsigned integer (n_events,)

        Raises
        ------
        IndexError
            If there is no such trial.
        """
        return self._events(self._checked(trial))

    def counts(self) -> NDArray[np.int64]:
        """Sum over the bins of each trial, (trial, neuron). Of booleans: bins with a spike, not spikes."""
        out = np.zeros(self.shape[:2], np.int64)
        for i in range(len(self)):
            out[i] = self._row_sums(i)
        return out

    def rates(self) -> NDArray[np.float64]:
        """Mean rate of each neuron in Hz, (neuron,): its sum over all trials over the time recorded in them."""
        total = np.zeros(self.shape[1], np.int64)
        for i in range(len(self)):
            total += self._row_sums(i)
        seconds = (float(self.trials["n_bins"].sum()) * self.width - float(self.unrecorded()[2].sum())) / 1000
        return total / seconds if seconds else np.full(total.size, np.nan)

    def coverage(self) -> NDArray[np.int64]:
        """How many trials have each bin, (time,)."""
        n_trials: NDArray[np.int64] = np.bincount(self.trials["n_bins"], minlength=self.shape[2] + 1)
        return n_trials[::-1].cumsum()[::-1][1:]

    def recorded(self) -> NDArray[np.float64]:
        """For how long each bin was recorded, over all trials, in ms: (time,)."""
        n_trials = np.bincount(self.trials["n_bins"], minlength=self.shape[2] + 1)[::-1].cumsum()[::-1][1:]
        _, bins, unrecorded = self.unrecorded()
        ms: NDArray[np.float64] = n_trials * self.width - np.bincount(bins, unrecorded, self.shape[2])
        ms[ms < 1e-6 * self.width] = 0
        return ms

    @typed
    def psth(self, *, each: bool = False) -> NDArray[np.float64]:
        """Rate over time in Hz, the mean over trials; never makes the dense array.

        Parameters
        ----------
        each : bool
            One row for each neuron; else their mean.

        Returns
        -------
        float64 (time,) or (neuron, time)
            Bin b is the sum over the trials that have a bin b, over the time for which it was recorded in them. nan
            where that is none: no trial has the bin, or it is an end bin, which holds only spikes at exactly the end
            of a phase and takes no time.
        """
        n_rows, n_columns = self.shape[1:]
        total = np.zeros(n_rows * n_columns if each else n_columns, np.int64)
        for i in range(len(self)):
            flat, values = self._events(i)
            np.add.at(total, flat if each else flat % n_columns, values.astype(np.int64))
        recorded = self.recorded()
        with np.errstate(invalid="ignore"):
            rate = total.reshape(-1, n_columns) / np.where(recorded > 0, recorded, np.nan) * 1000
        return rate if each else rate[0] / n_rows

    def to_sparse(self) -> Any:
        """All trials side by side as a scipy CSR matrix, (neuron, trial * n_columns + bin); needs scipy.

        Returns
        -------
        scipy.sparse.csr_matrix
            Of the view's values, bool as uint8.

        Raises
        ------
        SpikebinError
            If scipy is not installed.
        """
        from spikebin.dataset.sparse import csr

        return csr([self._events(i) for i in range(len(self))], self.shape[1], self.shape[2], stored_type(self.dtype))

    def to_pandas(self, what: FrameKind = "events") -> Any:
        """A table as a pandas data frame; needs pandas.

        Parameters
        ----------
        what : {"events", "trials", "neurons"}
            "events": a row for each cell that is not empty, with `trial`, `neuron_id`, `bin`, `time` (ms, of the start
            of the bin, see `time`) and, where cells can hold more than 1, `count`. "trials": the columns of `trials`
            that hold one value of each trial, by row. "neurons": the columns of `neurons`, by row.

        Returns
        -------
        pandas.DataFrame

        Raises
        ------
        DatasetError
            If there is no such table.
        SpikebinError
            If pandas is not installed.

        Examples
        --------
        >>> view.to_pandas().join(view.to_pandas("trials"), on="trial")  # doctest: +SKIP
        """
        from spikebin.dataset.labelled import to_pandas

        return to_pandas(self, checked(what, FrameKind, "to_pandas what"))

    def to_xarray(self) -> Any:
        """The whole in memory as an `xarray.DataArray`, labelled; needs xarray.

        Returns
        -------
        xarray.DataArray
            (trial, neuron, time), with `neuron` by id, `time` in ms, and the columns of `trials` along `trial`; see
            `spikebin.dataset.labelled.trial_columns` for their names.

        Raises
        ------
        SpikebinError
            If xarray is not installed.
        """
        from spikebin.dataset.labelled import to_xarray

        return to_xarray(self)

    # --- shared by the views ---

    @property
    def _whole_trials(self) -> bool:
        """Whether each trial is all that was recorded between its neighbours."""
        return False

    @property
    def _skipped(self) -> NDArray[np.int64]:
        """How many presentations that are in no trial lie between each trial and the one before it; -1: not known."""
        return np.full(len(self), -1)

    def _checked(self, trial: int) -> int:
        return row_number(trial, len(self), f"trials of {self.name}")

    def _row_sums(self, trial: int) -> NDArray[np.int64]:
        flat, values = self._events(trial)
        sums = np.bincount(flat // self.shape[2], weights=values, minlength=self.shape[1])
        return sums.astype(np.int64)

    def _facts(self) -> dict[str, str]:
        """What people want to know of it; nothing of it is read."""
        n_bytes = math.prod(self.shape) * self.dtype.itemsize
        return {
            "shape": text_of_shape(self.shape, self.width),
            "values": f"{self.dtype}, up to {self.largest:,}" if self.largest > 1 else str(self.dtype),
            "as an array": f"{size_of(n_bytes)} dense",
        }

    def __repr__(self) -> str:
        return one_line(type(self).__name__, " | ".join((self.name, *self.steps)), self._facts())

    def _repr_html_(self) -> str:
        facts = {"sheet": self.name, "views": " | ".join(self.steps), **self._facts()}
        return html_table(type(self).__name__, facts)


def stored_type(dtype: DTypeLike) -> np.dtype[Any]:
    """The type that values of cells have: bool as uint8."""
    dtype = np.dtype(dtype)
    return np.dtype(np.uint8) if dtype.kind == "b" else dtype
