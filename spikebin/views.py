"""Views of a (trial, neuron, time) array: neurons, windows, coarser bins, trials, repeats; lazy, and they chain.

A view knows how to read a block of itself, and the events of one trial, from the view below it. What lies at the
bottom, files on disk, is dataset.py's; writing a view down is materialise.py's.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from spikebin.errors import DatasetError, OutOfRangeError, SpikebinError
from spikebin.matrixfile.lazy import LazyArray, Selector

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from numpy.typing import ArrayLike, DTypeLike, NDArray

__all__ = ["Repeats", "View", "trial_columns"]

How = Literal["count", "any"]
Rest = Literal["drop", "keep", "refuse"]
Short = Literal["pad", "cut", "drop", "refuse"]
Ragged = Literal["cut", "drop", "refuse"]


class View(LazyArray):
    """A lazy (trial, neuron, time) array of one sheet, and what can be asked of it.

    Indexing it as numpy does reads from disk and gives an array. The methods give another view and read nothing of the
    spikes. A trial that is shorter than the time axis is False (0) behind its ``trials["n_bins"]`` real bins.

    Whatever reads raises MatrixFileError where a file is damaged or was written anew since it was opened, and
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
        """Mean rate of each neuron in Hz, (neuron,): its sum over all trials over the time of their real bins."""
        total = np.zeros(self.shape[1], np.int64)
        for i in range(len(self)):
            total += self._row_sums(i)
        seconds = float(self.trials["n_bins"].sum()) * self.width / 1000
        return total / seconds if seconds else np.full(total.size, np.nan)

    def psth(self, *, each: bool = False) -> NDArray[np.float64]:
        """Rate over time in Hz, the mean over trials; never makes the dense array.

        Parameters
        ----------
        each : bool
            One row for each neuron; else their mean.

        Returns
        -------
        float64 (time,) or (neuron, time)
            Bin b is the sum over the trials that have a bin b, over their number, over the width of a bin. nan where
            no trial has it.
        """
        n_rows, n_columns = self.shape[1:]
        total = np.zeros(n_rows * n_columns if each else n_columns, np.int64)
        for i in range(len(self)):
            flat, values = self._events(i)
            np.add.at(total, flat if each else flat % n_columns, values.astype(np.int64))
        n_trials = (self.trials["n_bins"][:, None] > np.arange(n_columns)).sum(axis=0)
        with np.errstate(invalid="ignore"):
            rate: NDArray[np.float64] = total.reshape(-1, n_columns) / n_trials / self.width * 1000
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
        from spikebin.sparse import csr

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
            Rows, as numpy takes them. `spikebin.oldformat.read_index` reads lists of them from files of the old
            pipeline; where its ``neuron_ids`` are not ascending they count its own rows: give ``ids=neuron_ids[rows]``
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
        return _Selected(self, rows)

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
        return _Taken(self, positions)

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
            matrix whole can be reached into: not after another window or rebin, nor where they were cut out around
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
        window = _Window(self, start, stop, origin, across=across, short=short)
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
        return _Rebinned(self, k, how, rest)

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


class _Derived(View):
    """A view of another one; passes on whatever it does not change."""

    base: View

    def __init__(self, base: View, shape: tuple[int, int, int], step: str) -> None:
        steps = (*base.steps, step)
        super().__init__(base.name, shape, base.dtype, width=base.width, largest=base.largest, steps=steps)
        self.base = base

    @property
    def trials(self) -> NDArray[Any]:
        return self.base.trials

    @property
    def neurons(self) -> NDArray[Any]:
        return self.base.neurons

    def onsets(self, phase: str) -> NDArray[np.int64]:
        return self.base.onsets(phase)

    def phases(self) -> tuple[list[str], NDArray[np.int64]]:
        return self.base.phases()

    def stimulus(self, trial: int) -> str:
        return self.base.stimulus(trial)


class _Selected(_Derived):
    def __init__(self, base: View, rows: NDArray[np.intp]) -> None:
        super().__init__(base, (len(base), len(rows), base.shape[2]), f"select({len(rows)} rows {_mark(rows)})")
        self._rows = rows
        self._place = np.full(base.shape[1], -1)
        self._place[rows] = np.arange(len(rows))

    @property
    def neurons(self) -> NDArray[Any]:
        return self.base.neurons[self._rows]

    @property
    def _whole_trials(self) -> bool:
        return self.base._whole_trials

    def _block(self, selectors: list[Selector]) -> NDArray[Any]:
        trials, rows, columns = selectors
        needed, inverse = np.unique(self._rows[np.asarray(rows, np.intp)], return_inverse=True)
        block = self.base._block([trials, needed, columns])
        return block if np.array_equal(inverse, np.arange(len(needed))) else block[:, inverse]

    def _events(self, trial: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
        flat, values = self.base._events(trial)
        rows = self._place[flat // self.shape[2]]
        kept = rows >= 0
        return _sorted(rows[kept] * self.shape[2] + flat[kept] % self.shape[2], values[kept])


class _Taken(_Derived):
    def __init__(self, base: View, positions: NDArray[np.intp]) -> None:
        super().__init__(
            base, (len(positions), base.shape[1], base.shape[2]), f"take({len(positions)} trials {_mark(positions)})"
        )
        self._positions = positions

    @cached_property
    def trials(self) -> NDArray[Any]:
        return self.base.trials[self._positions]

    def onsets(self, phase: str) -> NDArray[np.int64]:
        return self.base.onsets(phase)[self._positions]

    def phases(self) -> tuple[list[str], NDArray[np.int64]]:
        names, bins = self.base.phases()
        return names, bins[self._positions]

    def stimulus(self, trial: int) -> str:
        return self.base.stimulus(int(self._positions[trial]))

    @property
    def _whole_trials(self) -> bool:
        return self.base._whole_trials

    def _block(self, selectors: list[Selector]) -> NDArray[Any]:
        return self.base._block([self._positions[np.asarray(selectors[0], np.intp)], *selectors[1:]])

    def _events(self, trial: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
        return self.base._events(int(self._positions[trial]))


class _Window(_Derived):
    """Each window is a run of bins that begins in bin `_begin` of trial `_at` and goes on through `_next`."""

    def __init__(self, base: View, start: int, stop: int, origin: str | None, *, across: bool, short: Short) -> None:
        onset = f", {origin!r}" if origin != "image" else ""
        step = f"window({start}, {stop}{onset}{', across=True' if across else ''}, short={short!r})"
        super().__init__(base, (len(base), base.shape[1], stop - start), step)
        n_bins = base.trials["n_bins"]
        self._first = start + (base.onsets(origin) if origin is not None else np.zeros(len(base), np.int64))
        alone = np.full(len(base), -1)
        previous, following = _neighbours(base.trials) if across else (alone, alone)
        self._next: NDArray[np.int64] = following

        self._at, self._begin = np.arange(len(base)), self._first.copy()
        while (back := (self._begin < 0) & (previous[self._at] >= 0)).any():
            self._at[back] = previous[self._at[back]]
            self._begin[back] += n_bins[self._at[back]]
        last, end = np.arange(len(base)), self._first + self.shape[2]
        while (on := (end > n_bins[last]) & (self._next[last] >= 0)).any():
            end[on] -= n_bins[last[on]]
            last[on] = self._next[last[on]]

        self._lacks_before = np.clip(-self._begin, 0, self.shape[2])
        self._lacks_after = np.clip(end - n_bins[last], 0, self.shape[2])
        self._short, self._across = short, across
        # What two windows in a row share of a trial is read once.
        self._kept: tuple[int, tuple[NDArray[np.int64], NDArray[Any]]] | None = None

    def settled(self) -> View:
        """The view, once windows that were not recorded whole are dealt with."""
        lacking = np.flatnonzero(self._lacks_before if self._short == "cut" else self._lacks_before + self._lacks_after)
        if self._short == "drop" and len(lacking):
            return self.take(np.setdiff1d(np.arange(len(self)), lacking))
        if self._short in {"refuse", "cut"} and len(lacking):
            trial = self.base.trials[lacking[0]]
            ways = "short='pad' or 'drop'" if self._short == "cut" else "short='pad', 'cut' or 'drop'"
            ways += "" if self._across else ", or across=True to go on into the next trial"
            raise DatasetError(
                f"{self.steps[-1]} of {self.name} reaches past what was recorded in {len(lacking)} of {len(self)}"
                f" trials, first in image {trial['image_id']}, repeat {trial['repeat']}, part {trial['part']}:"
                f" choose {ways}"
            )
        return self

    @cached_property
    def trials(self) -> NDArray[Any]:
        trials = self.base.trials.copy()
        trials["n_bins"] = self.shape[2] - (self._lacks_after if self._short == "cut" else 0)
        return trials

    def onsets(self, phase: str) -> NDArray[np.int64]:
        return self.base.onsets(phase) - self._first

    def phases(self) -> tuple[list[str], NDArray[np.int64]]:
        """Its own phases, as far as they lie inside, with "before" and "after" for what is not of its own trial.

        A phase whose onset lies outside is called by where it begins: "image+100".
        """
        names, bins = self.base.phases()
        stops = bins.cumsum(axis=1)
        edges = np.column_stack([np.zeros(len(self), np.int64), stops]) - self._first[:, None]
        n_bins = self.trials["n_bins"]
        inside = np.clip(edges, 0, n_bins[:, None])
        lengths = np.diff(np.column_stack([np.zeros(len(self), np.int64), inside, n_bins]), axis=1)
        called = ["before", *names, "after"]
        for i, name in enumerate(names):
            cut = inside[:, i] - edges[:, i]
            if lengths[:, i + 1].any() and cut.any():
                called[i + 1] = f"{name}+{cut[0] if (cut == cut[0]).all() else ''}"
        used = np.flatnonzero(lengths.any(axis=0))
        # A window of a window may have two stretches before it, or after it, in a row.
        firsts = [j for j, i in enumerate(used) if j == 0 or called[i] != called[used[j - 1]]]
        return [called[used[j]] for j in firsts], np.add.reduceat(lengths[:, used], np.array(firsts, np.intp), axis=1)

    def _pieces(self, trial: int) -> Iterator[tuple[int, int, int, int]]:
        """(trial, first bin, number of bins, place in the window) of each stretch that a window consists of."""
        n_bins = self.base.trials["n_bins"]
        at, begin = int(self._at[trial]), int(self._begin[trial])
        place = max(0, -begin)
        begin = max(0, begin)
        while at >= 0 and place < self.shape[2]:
            length = min(self.shape[2] - place, int(n_bins[at]) - begin)
            if length > 0:
                yield at, begin, length, place
                place += length
            begin = max(0, begin - int(n_bins[at]))
            at = int(self._next[at])

    def _block(self, selectors: list[Selector]) -> NDArray[Any]:
        trials, rows, columns = selectors
        out = np.zeros((len(trials), len(rows), len(columns)), self.dtype)
        if not len(columns):
            return out
        wanted = np.asarray(columns, np.intp)
        pieces = []
        for i, trial in enumerate(trials):
            for at, begin, length, place in self._pieces(int(trial)):
                inside = (wanted >= place) & (wanted < place + length)
                if inside.any():
                    pieces.append((at, i, inside, wanted[inside] - place + begin))
        # What two windows share of a trial is read once.
        pieces.sort(key=lambda piece: piece[0])
        for at, shared in groupby(pieces, key=lambda piece: piece[0]):
            group = list(shared)
            first = min(int(bins.min()) for *_, bins in group)
            stop = max(int(bins.max()) for *_, bins in group) + 1
            block = self.base._block([range(at, at + 1), rows, range(first, stop)])[0]
            for _, i, inside, bins in group:
                out[i][:, _as_slice(np.flatnonzero(inside))] = block[:, _as_slice(bins - first)]
        return out

    def _events(self, trial: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
        found = []
        for at, begin, length, place in self._pieces(trial):
            flat, values = self._base_events(at)
            rows, bins = np.divmod(flat, self.base.shape[2])
            kept = (bins >= begin) & (bins < begin + length)
            found.append((rows[kept] * self.shape[2] + bins[kept] - begin + place, values[kept]))
        if not found:
            return np.empty(0, np.int64), np.empty(0, _stored(self.dtype))
        return _sorted(np.concatenate([flat for flat, _ in found]), np.concatenate([values for _, values in found]))

    def _base_events(self, trial: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
        kept = self._kept
        if kept is None or kept[0] != trial:
            kept = self._kept = (trial, self.base._events(trial))
        return kept[1]


class _Rebinned(_Derived):
    def __init__(self, base: View, k: int, how: How, rest: Rest) -> None:
        n_columns = base.shape[2] // k if rest == "drop" else -(-base.shape[2] // k)
        if not n_columns:
            raise DatasetError(
                f"rebin by {k} leaves nothing of {base.shape[2]} bins: choose a smaller step, or rest='keep'"
            )
        super().__init__(base, (base.shape[0], base.shape[1], n_columns), f"rebin({k}, how={how!r}, rest={rest!r})")
        self.width *= k
        self.largest = 1 if how == "any" else k * base.largest
        self.dtype = np.dtype(bool) if how == "any" else np.min_scalar_type(self.largest)
        self._k, self._how = k, how
        n_bins = base.trials["n_bins"]
        if rest == "refuse" and (n_bins % k).any():
            uneven = base.trials[np.flatnonzero(n_bins % k)[0]]
            raise DatasetError(
                f"{uneven['n_bins']} bins of image {uneven['image_id']}, part {uneven['part']}, are no multiple of {k}:"
                " choose rest='drop' or 'keep'"
            )
        self._n_bins = n_bins // k if rest == "drop" else -(-n_bins // k)

    @cached_property
    def trials(self) -> NDArray[Any]:
        trials = self.base.trials.copy()
        trials["n_bins"] = self._n_bins
        return trials

    def onsets(self, phase: str) -> NDArray[np.int64]:
        onsets = self.base.onsets(phase)
        if (onsets % self._k).any():
            raise DatasetError(
                f"{phase!r} of {self.name} begins inside of a bin of {self.width:g} ms (at bin {onsets[0]} of"
                f" {self.base.width:g} ms): call window before rebin"
            )
        return onsets // self._k

    def phases(self) -> tuple[list[str], NDArray[np.int64]]:
        names, bins = self.base.phases()
        starts = bins.cumsum(axis=1) - bins
        if (starts % self._k).any():
            return ["trial"], self._n_bins[:, None]
        edges = np.column_stack([np.minimum(starts // self._k, self._n_bins[:, None]), self._n_bins])
        return names, np.diff(edges, axis=1)

    def _block(self, selectors: list[Selector]) -> NDArray[Any]:
        trials, rows, columns = selectors
        out = np.zeros((len(trials), len(rows), len(columns)), self.dtype)
        wanted, inverse = np.unique(np.asarray(columns, np.intp), return_inverse=True)
        fine = (wanted[:, None] * self._k + np.arange(self._k)).reshape(-1)
        fine = fine[fine < self.base.shape[2]]
        if not len(fine):
            return out
        bins: Selector = range(fine[0], fine[-1] + 1) if fine[-1] - fine[0] == len(fine) - 1 else fine
        # One trial at a time: the finer array of many would be k times as large as what is asked for.
        for i, trial in enumerate(trials):
            block = self.base._block([range(trial, trial + 1), rows, bins])[0]
            coarse = self._coarse(block)
            coarse[:, wanted >= self._n_bins[trial]] = 0
            out[i] = coarse[:, inverse]
        return out

    def _coarse(self, block: NDArray[Any]) -> NDArray[Any]:
        starts = np.arange(0, block.shape[1], self._k)
        if self._how == "any":
            return np.logical_or.reduceat(block, starts, axis=1)
        return np.add.reduceat(block, starts, axis=1, dtype=self.dtype)

    def _events(self, trial: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
        flat, values = self.base._events(trial)
        rows, bins = np.divmod(flat, self.base.shape[2])
        kept = bins // self._k < self._n_bins[trial]
        coarse = rows[kept] * self.shape[2] + bins[kept] // self._k
        if not len(coarse):
            return coarse, np.empty(0, _stored(self.dtype))
        starts = np.flatnonzero(np.diff(coarse, prepend=-1))
        if self._how == "any":
            return coarse[starts], np.ones(len(starts), np.uint8)
        return coarse[starts], np.add.reduceat(values[kept], starts, dtype=_stored(self.dtype))


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
        if ragged not in {"refuse", "drop", "cut"}:
            raise DatasetError(f"repeats ragged={ragged!r}: give 'refuse', 'drop' or 'cut'")
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
        super().__init__((*self.index.shape, *view.shape[1:]), view.dtype, self._block)

    def _block(self, selectors: list[Selector]) -> NDArray[Any]:
        images, repeats, rows, columns = selectors
        trials = self.index[np.ix_(np.asarray(images, np.intp), np.asarray(repeats, np.intp))]
        block = self.view._block([trials.reshape(-1), rows, columns])
        return block.reshape(*trials.shape, *block.shape[1:])


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


def _neighbours(trials: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of each trial the one before and after it in time, in the same part and repeat; -1 where there is none."""
    order = np.lexsort([trials["order"], trials["repeat"], trials["part"]])
    here, there = order[:-1], order[1:]
    adjacent = (
        (trials["part"][here] == trials["part"][there])
        & (trials["repeat"][here] == trials["repeat"][there])
        & (trials["order"][here] + 1 == trials["order"][there])
    )
    previous, following = np.full(len(trials), -1), np.full(len(trials), -1)
    following[here[adjacent]] = there[adjacent]
    previous[there[adjacent]] = here[adjacent]
    return previous, following


def _mark(positions: NDArray[np.intp]) -> str:
    """A few letters that tell one choice of rows from another."""
    return hashlib.sha256(positions.astype("<i8").tobytes()).hexdigest()[:8]


def _sorted(flat: NDArray[np.int64], values: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[Any]]:
    if (flat[1:] > flat[:-1]).all():
        return flat, values
    order = np.argsort(flat)
    return flat[order], values[order]


def _stored(dtype: DTypeLike) -> np.dtype[Any]:
    """The type that values of cells have: bool as uint8."""
    dtype = np.dtype(dtype)
    return np.dtype(np.uint8) if dtype.kind == "b" else dtype


def _as_slice(positions: Sequence[int] | NDArray[np.intp]) -> slice | NDArray[np.intp]:
    """A run of positions as a slice, which copies faster."""
    array = np.asarray(positions)
    if len(array) and array[-1] - array[0] == len(array) - 1 and (np.diff(array) == 1).all():
        return slice(int(array[0]), int(array[-1]) + 1)
    return array
