"""What views must be: arrays in memory, cut and added up bin by bin."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from drawn import Shown, images
from hypothesis import strategies as st

from spikebin.errors import DatasetError

IDS = (3, 4, 8, 9, 100, 101)


PARTS = {
    "9": [Shown(f"9{i}", 0, i, 4 + i, 9 + 2 * i) for i in range(3)],
    "10": images(100, 3, repeats=2),
    "11": [Shown(f"11{i // 2}", i % 2, i) for i in range(4)],
    "12": [Shown("120", 0, 0), Shown("121", 0, 1), Shown("123", 0, 3)],
}


@dataclass
class Slow:
    """What a view must be: arrays in memory, and the facts of every trial."""

    array: np.ndarray
    n_bins: list
    keys: list
    onsets: list
    lost: np.ndarray
    ids: list = field(default_factory=lambda: list(IDS))
    whole: bool = True
    width: float = 1.0
    uneven: bool = False  # Some trial, if only one that was left out since, begins inside of a wider bin.

    def neighbour(self, i, step):
        part, repeat, order = self.keys[i]
        wanted = (part, repeat, order + step)
        return self.keys.index(wanted) if wanted in self.keys else None

    def select(self, rows):
        return replace(self, array=self.array[:, rows], ids=[self.ids[row] for row in rows])

    def take(self, trials):
        return replace(
            self,
            array=self.array[trials],
            n_bins=[self.n_bins[i] for i in trials],
            keys=[self.keys[i] for i in trials],
            onsets=[self.onsets[i] for i in trials],
            lost=self.lost[trials],
        )

    def window(self, start, stop, across, short):
        """None where it is to be refused."""
        if across and not self.whole:
            return None
        out = np.zeros((*self.array.shape[:2], stop - start), self.array.dtype)
        lost = np.zeros((len(out), stop - start))
        n_bins, lacking = [stop - start] * len(out), set()
        for i in range(len(out)):
            for b in range(stop - start):
                at, bin_ = i, int(self.onsets[i]) + start + b
                while bin_ < 0 and across and self.neighbour(at, -1) is not None:
                    at = self.neighbour(at, -1)
                    bin_ += self.n_bins[at]
                while bin_ >= self.n_bins[at] and across and self.neighbour(at, 1) is not None:
                    bin_ -= self.n_bins[at]
                    at = self.neighbour(at, 1)
                if 0 <= bin_ < self.n_bins[at]:
                    out[i, :, b] = self.array[at, :, bin_]
                    lost[i, b] = self.lost[at, bin_]
                elif short == "cut" and bin_ < 0:
                    return None
                else:
                    lacking.add(i)
                    n_bins[i] = min(n_bins[i], b)
        if lacking and short == "refuse":
            return None
        n_bins = n_bins if short == "cut" else [stop - start] * len(out)
        onsets = [-start] * len(out)
        done = replace(self, array=out, n_bins=n_bins, onsets=onsets, lost=lost, whole=False)
        kept = [i for i in range(len(out)) if i not in lacking]
        if short == "drop" and lacking:
            return done.take(kept) if kept else None
        return done

    def rebin(self, k, how, rest):
        n = self.array.shape[2]
        if rest == "refuse" and any(bins % k for bins in self.n_bins):
            return None
        n_columns = n // k if rest == "drop" else -(-n // k)
        if not n_columns:
            return None
        out = np.zeros((*self.array.shape[:2], n_columns), np.int64)
        lost = np.zeros((len(out), n_columns))
        width = self.width * k
        n_bins = [bins // k if rest == "drop" else -(-bins // k) for bins in self.n_bins]
        for i, bins in enumerate(n_bins):
            for j in range(bins):
                out[i, :, j] = self.array[i, :, j * k : (j + 1) * k].sum(axis=-1)
                there = min((j + 1) * k, self.n_bins[i])
                lost[i, j] = self.lost[i, j * k : there].sum() + width - (there - j * k) * self.width
        onsets = [onset / k for onset in self.onsets]
        array = out > 0 if how == "any" else out
        uneven = self.uneven or any(onset != int(onset) for onset in onsets)
        return replace(
            self, array=array, n_bins=n_bins, onsets=onsets, lost=lost, whole=False, width=width, uneven=uneven
        )


chains = st.lists(
    st.one_of(
        st.tuples(st.just("select"), st.permutations(range(6)), st.integers(1, 6)),
        st.tuples(st.just("take"), st.permutations(range(16)), st.integers(1, 16)),
        st.tuples(
            st.just("window"),
            st.integers(-25, 20),
            st.integers(1, 45),
            st.booleans(),
            st.sampled_from(["refuse", "pad", "cut", "drop"]),
        ),
        st.tuples(
            st.just("rebin"),
            st.integers(1, 9),
            st.sampled_from(["count", "any"]),
            st.sampled_from(["drop", "keep", "refuse"]),
        ),
    ),
    max_size=3,
)


def follow(view, slow, chain):
    """Both after each step of a chain; steps that must be refused are, and are left out."""
    for name, *facts in chain:
        if name == "select":
            rows = [row for row in facts[0] if row < slow.array.shape[1]][: facts[1]]
            view, slow = view.select(index=rows), slow.select(rows)
        elif name == "take":
            trials = [i for i in facts[0] if i < len(slow.array)][: facts[1]]
            view, slow = view.take(trials), slow.take(trials)
        elif name == "window":
            start, length, across, short = facts
            wanted = None if slow.uneven else slow.window(start, start + length, across, short)
            if wanted is None:
                with pytest.raises(DatasetError):
                    view.window(start, start + length, across=across, short=short)
            else:
                view, slow = view.window(start, start + length, across=across, short=short), wanted
        else:
            k, how, rest = facts
            wanted = slow.rebin(k, how, rest)
            if wanted is None:
                with pytest.raises(DatasetError):
                    view.rebin(k, how=how, rest=rest)
            else:
                view, slow = view.rebin(k, how=how, rest=rest), wanted
    return view, slow
