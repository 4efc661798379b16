"""A lazy (trial, neuron, time) array of one sheet, and what can be asked of it.

The views that its methods give are in derived.py and repeats.py; files on disk, at the bottom,
are dataset.py's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from spikebin.errors import DatasetError, OutOfRangeError, SpikebinError
from spikebin.matrixfile.lazy import LazyArray, Selector

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from numpy.typing import ArrayLike, DTypeLike, NDArray

    from spikebin.choices import How, Ragged, Rest, Short
    from spikebin.dataset.repeats import Repeats
    from spikebin.stats.statistics import Stats

__all__ = ["View", "trial_columns"]


class View(LazyArray):
    """A lazy (trial, neuron, time) array of one sheet, and what can be asked of it.

    Indexing it as numpy does reads from disk and gives an array. The methods give another view and read nothing of the
    spikes. A trial that is shorter than the time axis is False (0) behind its ``trials["n_bins"]`` real bins.

    Whatever reads raises MatrixFileError where a file is damaged or was written again since it was opened, and
    DatasetError where a part turns out not to fit the others.

    Attributes
    ----------
    shape : tuple of int
    dtype : dtype
        bool, or the smallest unsigned integer type that holds any value that can occur.
    name : str
        Variant and sheet, ``train/X_ON``.
    width : float
        Length of a bin in ms.
    largest : int
        The largest value that a cell can hold.
    steps : tuple of str
        The views that lead here, as they were called for.
    base : View, optional
        The view that this one is a view of; None: it reads files.
    """

    base: View | None = None

    def __init__(
        self,
        name: str,
        shape: tuple[int, int, int],
        dtype: DTypeLike,
        *,
        width: float,
        largest: int,
        steps: tuple[str, ...] = (),
    ) -> None:
        super().__init__(shape, dtype, self._block)
        self.name = name
        self.width = width
        self.largest = largest
        self.steps = steps

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

    def _block(self, selectors: list[Selector]) -> NDArray[Any]:
        """The outer product of one Selector per axis; that of the trials may be in any order."""
        raise NotImplementedError

    def _events(self, trial: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """As `flat_events`, of a trial counted from the start."""
        raise NotImplementedError

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

    def batches(self, size: int, *, rest: Literal["keep", "drop"] = "keep") -> Iterator[NDArray[Any]]:
        """Arrays of `size` trials each, in order.

        Parameters
        ----------
        size : int
        rest : {"keep", "drop"}
            What becomes of the last, smaller batch.

        Yields
        ------
        ndarray (size, neuron, time)

        Raises
        ------
        DatasetError
            If `size` is below 1, when the first batch is asked for.
        """
        if size < 1:
            raise DatasetError(f"batches of {size} trials: give 1 or more")
        stop = len(self) if rest == "keep" else len(self) // size * size
        for first in range(0, stop, size):
            yield self[first : min(first + size, len(self))]

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

    def recorded(self) -> NDArray[np.float64]:
        """For how long each bin was recorded, over all trials, in ms: (time,)."""
        n_trials = np.bincount(self.trials["n_bins"], minlength=self.shape[2] + 1)[::-1].cumsum()[::-1][1:]
        _, bins, unrecorded = self.unrecorded()
        ms: NDArray[np.float64] = n_trials * self.width - np.bincount(bins, unrecorded, self.shape[2])
        ms[ms < 1e-6 * self.width] = 0
        return ms

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

    def stats(self, widths: Sequence[float] | None = None, *, sample: int = 100) -> Stats:
        """Statistics of what the view holds: counts, rates, histograms, variances, Fano factors, correlations.

        Parameters
        ----------
        widths : sequence of float, optional
            Widths of bins in ms, multiples of that of the view, worked out in one pass; default: that of the view. Bins
            of a trial that do not fill up a longer one are left out, as by ``rebin(k, how="count", rest="drop")``.
        sample : int
            Of how many neurons, evenly spaced, to work out correlations and reliability.

        Returns
        -------
        spikebin.stats.statistics.Stats
            Arrays; ``.to_pandas()`` gives them as tables.

        Raises
        ------
        DatasetError
            If a width is not a multiple of the view's, or is longer than the trials.
        """
        from spikebin.stats.statistics import stats_of

        return stats_of(self, widths, sample=sample)

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

        return csr([self._events(i) for i in range(len(self))], self.shape[1], self.shape[2], _stored(self.dtype))

    def to_xarray(self) -> Any:
        """The whole in memory as an `xarray.DataArray`, labelled; needs xarray.

        Returns
        -------
        xarray.DataArray
            (trial, neuron, time), with `neuron` by id, `time` in ms, and the columns of `trials` along `trial`; see
            `trial_columns` for their names.

        Raises
        ------
        SpikebinError
            If xarray is not installed.
        """
        try:
            import xarray
        except ImportError:
            raise SpikebinError("xarray is not installed: pip install 'spikebin[xarray]'") from None
        columns = trial_columns(self.trials, {"trial", "neuron", "time"})
        return xarray.DataArray(
            self.to_numpy(),
            dims=("trial", "neuron", "time"),
            coords={
                "neuron": self.neurons["neuron_id"],
                "time": np.arange(self.shape[2]) * self.width,
                **{name: ("trial", column) for name, column in columns.items()},
            },
            name=self.name,
            attrs={"views": " | ".join(self.steps), "width_ms": self.width},
        )

    # --- views ---

    def select(self, *, ids: ArrayLike | None = None, index: ArrayLike | slice | None = None) -> View:
        """Only some neurons, in the order given.

        Parameters
        ----------
        ids : array of int
            Ids of neurons, as in ``neurons["neuron_id"]``.
        index : array of int or bool, or slice
            Rows, as numpy takes them. `spikebin.read_index` reads lists of them from files of the old pipeline; where
            its ``neuron_ids`` are not ascending they count its own rows: give ``ids=neuron_ids[rows]``
            instead.

        Raises
        ------
        DatasetError
            Unless exactly one of them is given; if an id is not there, a neuron is asked for twice, or none is.
        OutOfRangeError
            If a row is out of bounds; it is an IndexError, too.

        Notes
        -----
        ``view.select(index=i)`` equals ``array[:, i]``.
        """
        if (ids is None) == (index is None):
            raise DatasetError("select takes either ids=... (as in .neurons) or index=... (rows): give one of them")
        if index is not None:
            rows = _taken_of(self.shape[1], index, f"neurons of {self.name}")
        else:
            rows = _rows_of_ids(self.neurons["neuron_id"], np.asarray(ids), self.name)
        if rows.ndim != 1 or len(np.unique(rows)) != len(rows):
            raise DatasetError(f"a neuron of {self.name} is selected twice: give each of them once")
        if not len(rows):
            raise DatasetError(f"no neuron of {self.name} is selected: give at least one")
        from spikebin.dataset.derived import Selected

        return Selected(self, rows)

    def take(self, trials: ArrayLike | slice) -> View:
        """Only some trials, in the order given: rows of `trials`, as numpy takes them.

        Parameters
        ----------
        trials : array of int or bool, or slice

        Returns
        -------
        View

        Raises
        ------
        DatasetError
            If there is none.
        OutOfRangeError
            If one is out of bounds; it is an IndexError, too.

        Notes
        -----
        ``view.take(i)`` equals ``array[i]`` of an array, mask or slice `i`. A window with ``across=True`` is to be
        taken first, since a trial that is left out cannot be reached into.
        """
        positions = _taken_of(len(self), trials, f"trials of {self.name}")
        if positions.ndim != 1 or not len(positions):
            raise DatasetError(f"no trial of {self.name} is taken: give a list, mask or slice that holds at least one")
        from spikebin.dataset.derived import Taken

        return Taken(self, positions)

    def window(
        self, start: int, stop: int, origin: str | None = "image", *, across: bool = False, short: Short = "refuse"
    ) -> View:
        """The bins ``onset + start`` to ``onset + stop - 1`` of each trial.

        Parameters
        ----------
        start, stop : int
            In bins of this view; `start` may be negative.
        origin : str or None
            The phase whose onset is bin 0: "image", "blank"; None: the first bin of this view.
        across : bool
            Go on into the next (or previous) trial where the window leaves its own: the one of the same part and
            repeat whose `order` is higher (lower) by one; on through as many as it takes. Only trials that lie in the
            matrix completely can be reached into: not after another window or rebin, nor where they were cut out around
            events or have lost their blanks.
        short : {"refuse", "pad", "cut", "drop"}
            What becomes of a window of which bins were never recorded. "refuse": an error names the first. "pad": they
            are False, and count as real. "cut": they are False, and `n_bins` ends before them, so that `trial(i)`, the
            old formats and training items are shorter; only at the end of a window. "drop": such trials are left out.

        Returns
        -------
        View
            (trial, neuron, stop - start)

        Raises
        ------
        DatasetError
            If the window is empty, if there is no such phase, if `across` is asked of trials that do not follow each
            other without a gap, or as `short` says.

        Notes
        -----
        The item of the old pipeline, an image and the blank after it, is ``window(0, 712, across=True, short="cut")``.
        """
        if stop <= start:
            raise DatasetError(f"window {start} to {stop} is empty: give a stop above the start")
        if short not in {"refuse", "pad", "cut", "drop"}:
            raise DatasetError(f"window short={short!r}: give 'refuse', 'pad', 'cut' or 'drop'")
        if across and not self._whole_trials:
            raise DatasetError(
                f"the trials of {' | '.join((self.name, *self.steps))} do not follow each other without a gap: take"
                " window(across=True) before any other window or rebin, of trials that have their blanks"
            )
        from spikebin.dataset.derived import Window

        window = Window(self, start, stop, origin, across=across, short=short)
        return window.settled()

    def rebin(self, k: int, *, how: How, rest: Rest) -> View:
        """Bins that are `k` times as long: bin j is the bins ``j * k`` to ``j * k + k - 1``.

        Parameters
        ----------
        k : int
        how : {"count", "any"}
            Their sum, in the smallest unsigned type that holds the largest possible; or whether any is not 0, as bool.
        rest : {"drop", "keep", "refuse"}
            What becomes of the last ``n_bins % k`` real bins of a trial: left out; kept as a bin that is shorter; or
            an error.

        Raises
        ------
        DatasetError
            If `k` is below 1 or leaves nothing, if there is no such `how` or `rest`, or as `rest` says.
        """
        if k < 1:
            raise DatasetError(f"rebin by {k}: give 1 or more")
        if how not in {"count", "any"} or rest not in {"drop", "keep", "refuse"}:
            raise DatasetError(
                f"rebin how={how!r}, rest={rest!r}: give how='count' or 'any', rest='drop', 'keep' or 'refuse'"
            )
        from spikebin.dataset.derived import Rebinned

        return Rebinned(self, k, how, rest)

    def repeats(self, *, ragged: Ragged = "refuse") -> Repeats:
        """Group the trials by image, (image, repeat, neuron, time).

        Parameters
        ----------
        ragged : {"refuse", "drop", "cut"}
            What becomes of images that were shown less often than others: an error names them; they are left out, and
            named in `Repeats.ragged`; or every image has only as many repeats as all have.

        Returns
        -------
        Repeats
            Images in the order in which they first occur. The repeats of an image are all its trials in all parts, by
            `repeat`, then as they come in this view (by part and `order`).

        Raises
        ------
        DatasetError
            If there is no such `ragged`, or as it says.
        """
        from spikebin.dataset.repeats import Repeats

        return Repeats(self, ragged)

    # --- shared by the views ---

    @property
    def _whole_trials(self) -> bool:
        """Whether each trial is all that was recorded between its neighbours."""
        return False

    def _checked(self, trial: int) -> int:
        if not -len(self) <= trial < len(self):
            raise IndexError(f"trial {trial} is out of bounds for {len(self)} trials of {self.name}")
        return trial % len(self)

    def _row_sums(self, trial: int) -> NDArray[np.int64]:
        flat, values = self._events(trial)
        sums = np.bincount(flat // self.shape[2], weights=values, minlength=self.shape[1])
        return sums.astype(np.int64)

    def __repr__(self) -> str:
        return f"<{' | '.join((self.name, *self.steps))}: {self.shape} of {self.dtype}>"


def trial_columns(trials: NDArray[Any], taken: Collection[str]) -> dict[str, NDArray[Any]]:
    """The columns of a table of trials by name; those named as something else already are called ``trial_<name>``.

    A slash would be read as a path by formats that have groups: it becomes an underscore.

    Parameters
    ----------
    trials : structured array (n_trials,)
    taken : collection of str

    Returns
    -------
    dict of str to ndarray (n_trials,)
    """
    columns: dict[str, NDArray[Any]] = {}
    for name in trials.dtype.names or ():
        free = name.replace("/", "_")
        while free in {*taken, *columns, "trial"}:
            free = f"trial_{free}"
        columns[free] = trials[name]
    return columns


def _taken_of(n: int, index: ArrayLike | slice, what: str) -> NDArray[np.intp]:
    """What numpy takes of 0, ..., n - 1."""
    array = index if isinstance(index, slice) else np.asarray(index)
    if isinstance(array, np.ndarray) and array.size == 0:
        array = array.astype(np.intp)
    try:
        taken: NDArray[np.intp] = np.arange(n)[array]
    except IndexError as error:
        raise OutOfRangeError(f"{n} {what} cannot be indexed so ({error}): give rows of them, or a mask") from None
    return taken


def _rows_of_ids(known: NDArray[np.int64], ids: NDArray[Any], name: str) -> NDArray[np.intp]:
    if ids.size and ids.dtype.kind not in "iu":
        raise DatasetError(f"ids of neurons are whole numbers, these are {ids.dtype}: a mask or rows go to index=...")
    order = np.argsort(known, kind="stable")
    places = np.minimum(np.searchsorted(known, ids, sorter=order), len(known) - 1)
    rows = order[places]
    unknown = ids[known[rows] != ids]
    if unknown.size:
        few = ", ".join(map(str, unknown[:5].tolist()))
        raise DatasetError(
            f"{unknown.size} of {ids.size} neuron ids are not in {name}: {few}{', ...' if unknown.size > 5 else ''};"
            " .neurons lists what is there, row numbers go to index=..."
        )
    return rows


def _stored(dtype: DTypeLike) -> np.dtype[Any]:
    """The type that values of cells have: bool as uint8."""
    dtype = np.dtype(dtype)
    return np.dtype(np.uint8) if dtype.kind == "b" else dtype
