"""A lazy (trial, neuron, time) array of one sheet, with the methods that give another one.

What can be read of it is in sheet_array.py, the views that the methods give in derived.py and repeats.py; files on
disk, at the bottom, are dataset.py's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.calls import typed
from spikebin.choices import How, Ragged, Rest, Short, checked
from spikebin.dataset.arguments import groups_of, names_of, rows_of_ids, taken_of, whole_number
from spikebin.dataset.sheet_array import SheetArray
from spikebin.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from spikebin.dataset.repeats import Repeats
    from spikebin.stats.statistics import Stats

# Added to an onset, it stays within int64.
FARTHEST = 1 << 62

__all__ = ["View"]


class View(SheetArray):
    """A lazy (trial, neuron, time) array of one sheet; its methods give other views, and read nothing of the spikes.

    Attributes
    ----------
    base : View, optional
        The view that this one is a view of; None: it reads files.

    See Also
    --------
    spikebin.dataset.sheet_array.SheetArray : What can be read of it, and its other attributes.
    """

    base: View | None = None

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
        if ids is not None and index is None:
            rows = rows_of_ids(self.neurons["neuron_id"], ids, self.name)
        elif index is not None and ids is None:
            rows = taken_of(self.shape[1], index, f"neurons of {self.name}")
        else:
            raise DatasetError("select takes either ids=... (as in .neurons) or index=... (rows): give one of them")
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
        positions = taken_of(len(self), trials, f"trials of {self.name}")
        if positions.ndim != 1 or not len(positions):
            raise DatasetError(f"no trial of {self.name} is taken: give a list, mask or slice that holds at least one")
        from spikebin.dataset.derived import Taken

        return Taken(self, positions)

    @typed
    def window(
        self,
        start: int,
        stop: int,
        origin: str | None = "image",
        *,
        across: bool = False,
        short: Short = "refuse",
    ) -> View:
        """The bins ``onset + start`` to ``onset + stop - 1`` of each trial.

        Parameters
        ----------
        start, stop : int
            In bins of this view; `start` may be negative.
        origin : str or None
            The phase whose onset is bin 0: "image", which also stands for the only phase there is; "blank",
            "blank_after"; None: the first bin of this view. A trial that lacks the phase has no such window: it counts
            as not recorded.
        across : bool
            Go on into the next (or previous) trial where the window leaves its own: the one of the same part and
            repeat whose `order` is higher (lower) by one, if nothing else was presented between the two (column
            `skipped`); on through as many as it takes. Only trials that lie in the matrix completely can be reached
            into: not after another window or rebin, nor where they were cut out around events.
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
        start = whole_number(start, "window start", unit=f"bins, here of {self.width:g} ms")
        stop = whole_number(stop, "window stop", unit=f"bins, here of {self.width:g} ms")
        if stop <= start:
            raise DatasetError(f"window {start} to {stop} is empty: give a stop above the start")
        if max(-start, stop) > FARTHEST:
            raise DatasetError(f"window {start} to {stop}: give bins that a recording can have")
        checked(short, Short, "window short")
        if across and not self._whole_trials:
            raise DatasetError(
                f"the trials of {' | '.join((self.name, *self.steps))} do not follow each other without a gap: take"
                " window(across=True) before any other window or rebin, of trials that have their blanks"
            )
        if origin == "image":
            origin = self._main_phase()
        from spikebin.dataset.derived import Window

        window = Window(self, start, stop, origin, across=across, short=short)
        return window.settled()

    @typed
    def aligned(self, origin: str) -> View:
        """All bins of all trials that have a phase, its onset in the same column of each.

        Parameters
        ----------
        origin : str
            The phase: "image", "blank", "blank_after".

        Returns
        -------
        View
            As many columns as it takes; ``onsets(origin)`` is the same for each trial. What a trial does not have is
            False, and counts as not recorded: `psth` divides each bin by the time of the trials that have it, and
            `coverage` says how many those are.

        Raises
        ------
        DatasetError
            If no trial has such a phase.
        """
        from spikebin.dataset.derived import Aligned

        return Aligned.of(self, origin)

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
        k = whole_number(k, "rebin by", least=1, unit="bins")
        checked(how, How, "rebin how")
        checked(rest, Rest, "rebin rest")
        from spikebin.dataset.derived import Rebinned

        return Rebinned(self, k, how, rest)

    def repeats(self, *, ragged: Ragged = "refuse", by: str | Sequence[str] = "image_id") -> Repeats:
        """Group the trials by image, (image, repeat, neuron, time).

        Parameters
        ----------
        ragged : {"refuse", "drop", "cut"}
            What becomes of images that were shown less often than others: an error names them; they are left out, and
            named in `Repeats.ragged`; or every image has only as many repeats as all have.
        by : str or sequence of str
            Columns of `trials` that trials of one group share: ``by=["orientation"]``. Trials of different images are
            never mixed.

        Returns
        -------
        Repeats
            Images in the order in which they first occur. The repeats of an image are all its trials in all parts, by
            `repeat`, then as they come in this view (by part and `order`).

        Raises
        ------
        DatasetError
            If there is no such `ragged` or column, as `ragged` says, or if trials of different images share what they
            are grouped by.
        """
        from spikebin.dataset.repeats import Repeats

        return Repeats(self, checked(ragged, Ragged, "repeats ragged"), names_of(by, "a column"))

    def groupby(self, by: str | Sequence[str]) -> dict[Any, View]:
        """A view of the trials for each value of a column of `trials`: an orientation, an image, a part.

        Parameters
        ----------
        by : str or sequence of str
            One column, or several.

        Returns
        -------
        dict of View
            Value, or tuple of values, -> its trials in the order of this view. Values ascend, texts as people sort
            them (9 before 10); trials whose value is nan come last.

        Raises
        ------
        DatasetError
            If there is no such column.

        Examples
        --------
        >>> {angle: view.psth() for angle, view in sheet.groupby("orientation").items()}  # doctest: +SKIP
        """
        return {value: self.take(rows) for value, rows in groups_of(self.trials, by, self.name).items()}

    @typed
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

        return stats_of(self, widths, sample=whole_number(sample, "stats sample", least=1, unit="neurons"))
