"""Views of a view: some neurons, some trials, a window, coarser bins; lazy, and they chain.

A view knows how to read a block of itself, and the events of one trial, from the view below it.
"""

from __future__ import annotations

import hashlib
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.cached import cached_property
from spikebin.calls import typed
from spikebin.dataset.sheet_array import stored_type
from spikebin.dataset.time_axis import WHOLE
from spikebin.dataset.view import View
from spikebin.errors import DatasetError
from spikebin.matrixfile.lazy import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from fractions import Fraction

    from numpy.typing import NDArray

    from spikebin.choices import How, Rest, Short
    from spikebin.matrixfile.lazy import Selector


# Of the widest type that a cell can have.
LARGEST = int(np.iinfo(np.uint64).max)


class Derived(View):
    """A view of another one; passes on whatever it does not change."""

    base: View

    def __init__(self, base: View, shape: tuple[int, int, int], step: str) -> None:
        steps = (*base.steps, step)
        super().__init__(base.name, shape, base.dtype, width=base.exact_width, largest=base.largest, steps=steps)
        self.base = base

    def __getitem__(self, index: Any) -> Any:
        selectors, inside = resolve(index, self.shape)
        whole = [range(n) for n in self.shape[1:]]
        # Complete trials come from their events; of a few neurons or bins only some blocks of a file need be read.
        if all(isinstance(one, range) and one == all_ for one, all_ in zip(selectors[1:], whole, strict=True)):
            return self.read(np.asarray(selectors[0], np.intp))[inside]
        return self._block(selectors)[inside]

    @property
    def trials(self) -> NDArray[Any]:
        return self.base.trials

    @property
    def neurons(self) -> NDArray[Any]:
        return self.base.neurons

    @typed
    def onsets(self, phase: str) -> NDArray[np.int64]:
        return self.base.onsets(phase)

    def phases(self) -> tuple[list[str], NDArray[np.int64]]:
        return self.base.phases()

    def unrecorded(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        return self.base.unrecorded()

    def stimulus(self, trial: int) -> str:
        return self.base.stimulus(trial)

    def _main_phase(self) -> str:
        return self.base._main_phase()

    def _phase_ms(self, phase: str) -> tuple[Fraction, str]:
        return self.base._phase_ms(phase)


class Selected(Derived):
    """Some neurons of a view, see `View.select`."""

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

    @property
    def _skipped(self) -> NDArray[np.int64]:
        return self.base._skipped

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


class Taken(Derived):
    """Some trials of a view, see `View.take`."""

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

    def unrecorded(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        trials, bins, ms = self.base.unrecorded()
        place, entry = _entries_of(trials, self._positions)
        return place, bins[entry], ms[entry]

    def stimulus(self, trial: int) -> str:
        return self.base.stimulus(int(self._positions[self._checked(trial)]))

    @property
    def _whole_trials(self) -> bool:
        return self.base._whole_trials

    @property
    def _skipped(self) -> NDArray[np.int64]:
        return self.base._skipped[self._positions]

    def _block(self, selectors: list[Selector]) -> NDArray[Any]:
        return self.base._block([self._positions[np.asarray(selectors[0], np.intp)], *selectors[1:]])

    def _events(self, trial: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
        return self.base._events(int(self._positions[trial]))


class Window(Derived):
    """Some bins of each trial of a view, see `View.window`."""

    """Each window is a run of bins that begins in bin `_begin` of trial `_at` and goes on through `_next`."""

    def __init__(self, base: View, start: int, stop: int, origin: str | None, *, across: bool, short: Short) -> None:
        onset = f", {origin!r}" if origin != "image" else ""
        step = f"window({start}, {stop}{onset}{', across=True' if across else ''}, short={short!r})"
        super().__init__(base, (len(base), base.shape[1], stop - start), step)
        n_bins = base.trials["n_bins"]
        self._first = start + (base.onsets(origin) if origin is not None else np.zeros(len(base), np.int64))
        alone = np.full(len(base), -1)
        previous, following = _neighbours(base.trials, base._skipped) if across else (alone, alone)
        self._next: NDArray[np.int64] = following

        self._at, self._begin = np.arange(len(base)), self._first.copy()
        self._lacking = lacking = _lacking(base, origin)
        while (back := (self._begin < 0) & (previous[self._at] >= 0)).any():
            self._at[back] = previous[self._at[back]]
            self._begin[back] += n_bins[self._at[back]]
        last, end = np.arange(len(base)), self._first + self.shape[2]
        while (on := (end > n_bins[last]) & (self._next[last] >= 0)).any():
            end[on] -= n_bins[last[on]]
            last[on] = self._next[last[on]]

        self._lacks_before = np.clip(-self._begin, 0, self.shape[2])
        self._lacks_after = np.clip(end - n_bins[last], 0, self.shape[2])
        # Nothing of a trial is read that lacks the phase: all of its window is taken as not recorded.
        self._at[lacking], self._lacks_before[lacking], self._lacks_after[lacking] = -1, self.shape[2], 0
        self._short, self._across = short, across
        self._origin, self._start = origin, start
        # What two windows in a row share of a trial is read once.
        self._kept: tuple[int, tuple[NDArray[np.int64], NDArray[Any]]] | None = None

    def settled(self) -> View:
        """The view, once windows that were not recorded completely are dealt with."""
        lacking = np.flatnonzero(self._lacks_before if self._short == "cut" else self._lacks_before + self._lacks_after)
        if self._short == "drop" and len(lacking):
            return self.take(np.setdiff1d(np.arange(len(self)), lacking))
        if self._short in {"refuse", "cut"} and len(lacking):
            past = "reaches past what was recorded"
            if self._lacking.any():
                past, lacking = "begins with a phase that is not there", np.flatnonzero(self._lacking)
            trial = self.base.trials[lacking[0]]
            ways = "short='pad' or 'drop'" if self._short == "cut" else "short='pad', 'cut' or 'drop'"
            ways += "" if self._across else ", or across=True to go on into the next trial"
            if self._across and self.base._skipped.any():
                ways += "; presentations that are in no trial lie between some"
            raise DatasetError(
                f"{self.steps[-1]} of {self.name} {past} in {len(lacking)} of {len(self)} trials, first in image"
                f" {trial['image_id']}, repeat {trial['repeat']}, part {trial['part']}: choose {ways}"
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

    def unrecorded(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        pieces = [(i, *piece) for i in range(len(self)) for piece in self._pieces(i)]
        window, at, begin, length, place = np.array(pieces, np.int64).reshape(-1, 5).T
        trials, bins, ms = self.base.unrecorded()
        piece, entry = _entries_of(trials, at)
        inside = (bins[entry] >= begin[piece]) & (bins[entry] < begin[piece] + length[piece])
        piece, entry = piece[inside], entry[inside]
        return window[piece], bins[entry] - begin[piece] + place[piece], ms[entry]

    def _zero(self) -> tuple[Fraction, str]:
        found = self.base._zero() if self._origin is None else super()._zero()
        if self._origin is not None:
            if self._origin != self._main_phase() and found[1] != "first bin":
                return found
            found = self._phase_ms(self._origin)
        return found[0] + self._start * self.exact_width, found[1]

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
            return np.empty(0, np.int64), np.empty(0, stored_type(self.dtype))
        return _sorted(np.concatenate([flat for flat, _ in found]), np.concatenate([values for _, values in found]))

    def _base_events(self, trial: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
        kept = self._kept
        if kept is None or kept[0] != trial:
            kept = self._kept = (trial, self.base._events(trial))
        return kept[1]


class Aligned(Window):
    """All bins of all trials, the onset of a phase in the same column of each; see `View.aligned`."""

    @classmethod
    def of(cls, base: View, origin: str) -> Aligned:
        onsets, having = base.onsets(origin), np.flatnonzero(~_lacking(base, origin))
        if not len(having):
            raise DatasetError(f"no trial of {base.name} has the phase {origin!r}: align at another")
        if len(having) < len(base):
            base, onsets = base.take(having), onsets[having]
        return cls(base, origin, -int(onsets.max()), int((base.trials["n_bins"] - onsets).max()))

    def __init__(self, base: View, origin: str, start: int, stop: int) -> None:
        super().__init__(base, start, stop, origin, across=False, short="cut")
        self.steps = (*base.steps, f"aligned({origin!r})")

    def coverage(self) -> NDArray[np.int64]:
        before = np.bincount(self._lacks_before, minlength=self.shape[2] + 1)[::-1].cumsum()[::-1][1:]
        lacking: NDArray[np.int64] = super().coverage() - before
        return lacking

    def unrecorded(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        found, lacks = super().unrecorded(), self._lacks_before
        trials = np.repeat(np.arange(len(self)), lacks)
        bins = np.arange(len(trials)) - np.repeat(lacks.cumsum() - lacks, lacks)
        before = trials, bins, np.full(len(trials), self.width)
        order = np.argsort(np.concatenate([before[0], found[0]]), kind="stable")
        trials, bins, ms = (np.concatenate(pair)[order] for pair in zip(before, found, strict=True))
        return trials, bins, ms


class Rebinned(Derived):
    """Coarser bins of a view, see `View.rebin`."""

    def __init__(self, base: View, k: int, how: How, rest: Rest) -> None:
        n_columns = base.shape[2] // k if rest == "drop" else -(-base.shape[2] // k)
        if not n_columns:
            raise DatasetError(
                f"rebin by {k} leaves nothing of {base.shape[2]} bins: choose a smaller step, or rest='keep'"
            )
        super().__init__(base, (base.shape[0], base.shape[1], n_columns), f"rebin({k}, how={how!r}, rest={rest!r})")
        self.exact_width *= k
        # No sum of a trial's bins is larger, however many a bin is said to hold.
        self.largest = 1 if how == "any" else min(k, max(base.shape[2], LARGEST // base.largest)) * base.largest
        self.dtype = np.dtype(bool) if how == "any" else np.min_scalar_type(self.largest)
        # Beyond the length of any axis, one k is as good as another.
        self._k, self._how = min(k, 2**62), how
        n_bins = base.trials["n_bins"]
        if rest == "refuse" and (n_bins % k).any():
            uneven = base.trials[np.flatnonzero(n_bins % k)[0]]
            raise DatasetError(
                f"{uneven['n_bins']} bins of image {uneven['image_id']}, part {uneven['part']}, are not a multiple"
                f" of {k}: choose rest='drop' or 'keep'"
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
            return [WHOLE], self._n_bins[:, None]
        edges = np.column_stack([np.minimum(starts // self._k, self._n_bins[:, None]), self._n_bins])
        return names, np.diff(edges, axis=1)

    def unrecorded(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        trials, bins, ms = self.base.unrecorded()
        kept = bins // self._k < self._n_bins[trials]
        # With rest="keep", the last bin lacks what would fill it up.
        lacking = self._n_bins * self._k - self.base.trials["n_bins"]
        filled_up = np.flatnonzero(lacking > 0)
        trials = np.concatenate([trials[kept], filled_up])
        bins = np.concatenate([bins[kept] // self._k, self._n_bins[filled_up] - 1])
        ms = np.concatenate([ms[kept], lacking[filled_up] * self.base.width])
        order = np.argsort(trials, kind="stable")
        return trials[order], bins[order], ms[order]

    def _zero(self) -> tuple[Fraction, str]:
        return self.base._zero()

    def _block(self, selectors: list[Selector]) -> NDArray[Any]:
        trials, rows, columns = selectors
        out = np.zeros((len(trials), len(rows), len(columns)), self.dtype)
        wanted, inverse = np.unique(np.asarray(columns, np.intp), return_inverse=True)
        fine = (wanted[:, None] * self._k + np.arange(min(self._k, self.base.shape[2]))).reshape(-1)
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
            return coarse, np.empty(0, stored_type(self.dtype))
        starts = np.flatnonzero(np.diff(coarse, prepend=-1))
        if self._how == "any":
            return coarse[starts], np.ones(len(starts), np.uint8)
        return coarse[starts], np.add.reduceat(values[kept], starts, dtype=stored_type(self.dtype))


def _lacking(view: View, phase: str | None) -> NDArray[np.bool_]:
    """Which trials lack a phase that others have."""
    names, bins = view.phases() if phase is not None else ([], np.empty(0))
    lacking: NDArray[np.bool_] = bins[:, names.index(phase)] == 0 if phase in names else np.zeros(len(view), bool)
    return lacking


def _neighbours(trials: NDArray[Any], skipped: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of each trial the one right before and after it, in the same part and repeat; -1 where there is none."""
    order = np.lexsort([trials["order"], trials["repeat"], trials["part"]])
    here, there = order[:-1], order[1:]
    adjacent = (
        (trials["part"][here] == trials["part"][there])
        & (trials["repeat"][here] == trials["repeat"][there])
        & (trials["order"][here] + 1 == trials["order"][there])
        & (skipped[there] == 0)
    )
    previous, following = np.full(len(trials), -1), np.full(len(trials), -1)
    following[here[adjacent]] = there[adjacent]
    previous[there[adjacent]] = here[adjacent]
    return previous, following


def _entries_of(trials: NDArray[np.int64], wanted: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where a sorted list of trials has those that are wanted: which of the wanted, and the entry of the list."""
    first = np.searchsorted(trials, wanted)
    n = np.searchsorted(trials, wanted, "right") - first
    place = np.repeat(np.arange(len(wanted)), n)
    entry = np.arange(len(place)) - np.repeat(n.cumsum() - n, n) + np.repeat(first, n)
    return place, entry


def _mark(positions: NDArray[np.intp]) -> str:
    """A few letters that tell one choice of rows from another."""
    return hashlib.sha256(positions.astype("<i8").tobytes()).hexdigest()[:8]


def _sorted(flat: NDArray[np.int64], values: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[Any]]:
    if (flat[1:] > flat[:-1]).all():
        return flat, values
    order = np.argsort(flat)
    return flat[order], values[order]


def _as_slice(positions: Sequence[int] | NDArray[np.intp]) -> slice | NDArray[np.intp]:
    """A run of positions as a slice, which copies faster."""
    array = np.asarray(positions)
    if len(array) and array[-1] - array[0] == len(array) - 1 and (np.diff(array) == 1).all():
        return slice(int(array[0]), int(array[-1]) + 1)
    return array
