"""Views: each, and any chain of them, equals the same operation on the whole array, spelled out slowly."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import count

import numpy as np
import pytest
from drawn import LAYOUTS, Shown, images, side_by_side, write_part
from hypothesis import given, settings
from hypothesis import strategies as st

from spikebin import open_dataset
from spikebin.errors import DatasetError, SpikebinError
from spikebin.exports.materialise import materialise
from spikebin.matrixfile.verify import verify_file

IDS = (3, 4, 8, 9, 100, 101)
# Trials of unequal lengths, repeats, a part whose repeats alternate, one that lacks a presentation.
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
        return replace(self, array=array, n_bins=n_bins, onsets=onsets, lost=lost, whole=False, width=width)


@pytest.fixture(
    scope="module",
    params=[(layout, values, values == "count") for layout in LAYOUTS for values in ("bool", "count")],
    ids=lambda param: f"{param[0]}-{param[1]}{'-end bins' if param[2] else ''}",
)
def made(request, tmp_path_factory):
    """A data set, and the same as a Slow."""
    root = tmp_path_factory.mktemp("views")
    layout, values, end_bin = request.param
    options = {"layout": layout, "values": values, "ids": IDS, "end_bin": end_bin}
    arrays = [write_part(root, "X_ON", part, shown, **options) for part, shown in PARTS.items()]
    array = side_by_side(arrays)
    shown = [(part, one) for part, ones in PARTS.items() for one in ones]
    lost = np.zeros((len(array), array.shape[2]))
    if end_bin:
        for row, (_, one) in zip(lost, shown, strict=True):
            row[[one.blank, one.blank + one.length + 1]] = 1.0
    slow = Slow(
        array,
        [one.blank + one.length + 2 * end_bin for _, one in shown],
        [(part, one.repeat, one.order) for part, one in shown],
        [one.blank + end_bin for _, one in shown],
        lost,
    )
    return root, slow


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
            uneven = any(onset != int(onset) for onset in slow.onsets)
            wanted = None if uneven else slow.window(start, start + length, across, short)
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


@given(chain=chains, data=st.data())
@settings(max_examples=40)
def test_any_chain_of_views_is_the_same_on_the_whole_array(made, chain, data):
    root, slow = made
    view, slow = follow(open_dataset(root, sheet="X_ON"), slow, chain)
    wanted = slow.array
    assert view.shape == wanted.shape
    found = view.to_numpy()
    assert found.dtype == view.dtype
    assert np.array_equal(found, wanted)
    assert view.trials["n_bins"].tolist() == slow.n_bins
    assert view.neurons["neuron_id"].tolist() == slow.ids
    assert [tuple(key) for key in view.trials[["part", "repeat", "order"]].tolist()] == slow.keys
    trial = data.draw(st.integers(0, len(wanted) - 1))
    flat, values = view.flat_events(trial)
    assert np.array_equal(flat, np.flatnonzero(wanted[trial]))
    assert np.array_equal(values, wanted[trial].reshape(-1)[flat])
    index = tuple(
        data.draw(
            st.one_of(st.slices(n), st.integers(-n, n - 1), st.lists(st.integers(-n, n - 1), min_size=1, max_size=1))
        )
        for n in wanted.shape
    )
    assert np.array_equal(view[index], wanted[index])
    names, bins = view.phases()
    assert len(set(names)) == len(names)
    assert bins.sum(axis=1).tolist() == slow.n_bins


@given(chain=chains, ragged=st.sampled_from(["drop", "cut"]))
@settings(max_examples=15)
def test_repeats_and_batches_of_any_chain(made, chain, ragged):
    root, slow = made
    view, slow = follow(open_dataset(root, sheet="X_ON"), slow, chain)
    assert np.array_equal(np.concatenate(list(view.batches(3))), slow.array)
    image = {(part, one.repeat, one.order): one.image for part, ones in PARTS.items() for one in ones}
    shown = {}
    for i, key in enumerate(slow.keys):
        shown.setdefault(image[key], []).append(i)
    shown = {name: sorted(rows, key=lambda i: slow.keys[i][1]) for name, rows in shown.items()}
    numbers = sorted({len(rows) for rows in shown.values()})
    if ragged == "drop":
        shown = {name: rows for name, rows in shown.items() if len(rows) == numbers[-1]}
    repeats = view.repeats(ragged=ragged)
    assert repeats.images.tolist() == list(shown)
    n = numbers[-1] if ragged == "drop" else numbers[0]
    assert np.array_equal(repeats[...], [[slow.array[i] for i in rows[:n]] for rows in shown.values()])


@given(chain=chains)
@settings(max_examples=15)
def test_sums_and_rates_without_the_dense_array(made, chain):
    root, slow = made
    view, slow = follow(open_dataset(root, sheet="X_ON"), slow, chain)
    array, n_bins = slow.array.astype(np.int64), np.array(slow.n_bins)
    assert np.array_equal(view.counts(), array.sum(axis=2))
    real = (n_bins.sum() * view.width - slow.lost.sum()) / 1000
    if real:
        assert np.allclose(view.rates(), array.sum(axis=(0, 2)) / real)
    ms = (n_bins[:, None] > np.arange(array.shape[2])).sum(axis=0) * view.width - slow.lost.sum(axis=0)
    assert np.allclose(view.recorded(), ms)
    each = array.sum(axis=0) / np.where(ms > 1e-9, ms, np.nan) * 1000
    assert np.allclose(view.psth(each=True), each, equal_nan=True)
    assert np.allclose(view.psth(), each.mean(axis=0), equal_nan=True)
    matrix = view.to_sparse()
    assert matrix.has_sorted_indices
    assert np.array_equal(matrix.toarray(), np.concatenate(list(array), axis=1))


@given(chain=chains, layout=st.sampled_from(LAYOUTS))
@settings(max_examples=8)
def test_a_chain_written_down_reads_as_the_view(made, chain, layout, tmp_path_factory):
    root, _ = made
    out = tmp_path_factory.mktemp("written")

    def views(view):
        for name, *facts in chain:
            if name == "select":
                view = view.select(index=[row for row in facts[0] if row < view.shape[1]][: facts[1]])
            elif name == "window":
                view = view.window(facts[0], facts[0] + facts[1], across=facts[2], short="pad")
            elif name == "rebin":
                view = view.rebin(facts[0], how=facts[1], rest="keep")
        return view

    sheets = open_dataset(root)
    try:
        wanted = views(sheets["X_ON"])
    except DatasetError:
        return
    written = list(materialise(sheets, out, views, layout=layout))
    again = open_dataset(out)["X_ON"]
    rows = np.argsort(wanted.neurons["neuron_id"])
    trials = np.lexsort([wanted.trials["order"], wanted.trials["repeat"], part_order(wanted)])
    assert np.array_equal(again.to_numpy(), np.minimum(wanted.to_numpy()[trials][:, rows], 255))
    assert np.array_equal(again.trials, wanted.trials[trials])
    for name in ("neuron_id", "x", "y", "z"):
        assert np.array_equal(again.neurons[name], wanted.neurons[name][rows], equal_nan=True)
    assert again.stimulus(2) == wanted.stimulus(int(trials[2]))
    for done in written:
        assert done.header.layout == layout
        assert done.header.source.name.startswith(f"spikes_X_ON_{done.header.part}.h5 (content ")
        verify_file(done.path)
    assert all(done.skipped for done in materialise(sheets, out, views, layout=layout))


def part_order(view):
    return [list(PARTS).index(part) for part in view.trials["part"]]


def test_an_id_and_a_row_are_never_confused(made):
    root, slow = made
    view = open_dataset(root, sheet="X_ON")
    assert np.array_equal(view.select(ids=[100, 3])[...], slow.array[:, [4, 0]])
    assert np.array_equal(view.select(index=[True, False, False, False, True, False])[...], slow.array[:, [0, 4]])
    assert np.array_equal(view.select(index=slice(None, None, -2))[...], slow.array[:, ::-2])
    assert np.array_equal(view.select(index=[-1, 0]).select(ids=[3])[...], slow.array[:, [0]])
    for wrong, words in (
        ({}, "give one of them"),
        ({"ids": [3], "index": [0]}, "give one of them"),
        ({"ids": [3, 5, 7]}, "2 of 3 neuron ids are not in train/X_ON: 5, 7; .neurons lists"),
        ({"ids": [True, False]}, "whole numbers"),
        ({"index": [1, 1]}, "selected twice"),
        ({"index": [0, -6]}, "selected twice"),
        ({"index": []}, "no neuron"),
        ({"ids": []}, "whole numbers|no neuron"),
    ):
        with pytest.raises(DatasetError, match=words):
            view.select(**wrong)
    with pytest.raises(IndexError):
        view.select(index=[6])
    with pytest.raises(TypeError):
        view.select([1])


def test_windows_that_cannot_be(made):
    view = open_dataset(made[0], sheet="X_ON")
    for wrong, words in (
        (lambda: view.window(5, 5), "is empty"),
        (lambda: view.window(0, 5, "sound"), "no phase 'sound'"),
        (lambda: view.window(0, 5, short="shorten"), "give 'refuse', 'pad', 'cut' or 'drop'"),
        (lambda: view.window(0, 30), r"in 16 of 16 trials, first in image 90, repeat 0, part 9: .* or across=True"),
        (lambda: view.window(-30, 3, short="cut"), "choose short='pad' or 'drop'"),
        (lambda: view.window(0, 5).window(0, 7, across=True), "do not follow each other without a gap"),
        (lambda: view.rebin(2, how="any", rest="drop").window(0, 7), "begins inside of a bin of 2 ms"),
        (lambda: view.rebin(0, how="any", rest="drop"), "give 1 or more"),
        (lambda: view.rebin(2, how="mean", rest="drop"), "rebin how='mean': give 'count' or 'any'"),
        (lambda: view.rebin(100, how="any", rest="drop"), "leaves nothing of"),
        (lambda: view.rebin(7, how="any", rest="refuse"), "not a multiple of 7"),
        (lambda: view.take([]), "no trial of train/X_ON is taken"),
        (lambda: view.window(0, 900, short="drop"), "no trial"),
    ):
        with pytest.raises(DatasetError, match=words):
            wrong()
    with pytest.raises(TypeError):
        view.rebin(2)


def test_a_window_from_the_blank_or_from_the_first_bin(made):
    root, slow = made
    view = open_dataset(root, sheet="X_ON")
    assert np.array_equal(view.window(1, 5, "blank")[...], slow.array[:, :, 1:5])
    late = view.window(2, 9, None)
    assert np.array_equal(late[...], slow.array[:, :, 2:9])
    assert late.onsets("blank").tolist() == [-2] * 16
    assert late.phases()[0] == ["blank+2", "image"]
    onset = slow.onsets[3]
    assert np.array_equal(late.window(-1, 1, "image")[3:], slow.array[3:, :, onset - 1 : onset + 1])


def test_values_are_as_wide_as_they_must_be(made):
    view = open_dataset(made[0], sheet="X_ON")
    largest = 1 if view.dtype == bool else 255
    for k in (1, 2, 257, 258):
        coarse = view.rebin(k, how="count", rest="keep")
        assert coarse.dtype == np.min_scalar_type(k * largest)
        assert coarse.rebin(3, how="any", rest="keep").dtype == bool


def test_repeats_are_grouped_over_parts(tmp_path):
    a = write_part(tmp_path, "X_ON", "1", [Shown("a", 0, 0), Shown("b", 0, 1), Shown("b", 1, 2), Shown("a", 1, 3)])
    b = write_part(tmp_path, "X_ON", "2", [Shown("b", 2, 0), Shown("a", 2, 1)])
    view = open_dataset(tmp_path, sheet="X_ON")
    whole = np.concatenate([a, b])
    repeats = view.repeats()
    assert repeats.images.tolist() == ["a", "b"]
    assert repeats.index.tolist() == [[0, 3, 5], [1, 2, 4]]
    assert repeats.shape == (2, 3, *view.shape[1:])
    wanted = whole[repeats.index]
    assert np.array_equal(repeats[...], wanted)
    assert np.array_equal(repeats[1, ::-1, [2, 0]], wanted[1, ::-1, [2, 0]])
    assert np.array_equal(view.window(0, 4).rebin(2, how="any", rest="drop").repeats()[0, 2].shape, (6, 2))

    write_part(tmp_path, "X_ON", "3", [Shown("c"), Shown("b", 3, 1)])
    ragged = open_dataset(tmp_path, sheet="X_ON")
    with pytest.raises(DatasetError, match=r"2 of 3 images .* less often than the others, 4 times: a \(3\), c \(1\)"):
        ragged.repeats()
    assert ragged.repeats(ragged="drop").images.tolist() == ["b"]
    assert ragged.repeats(ragged="drop").ragged == {"a": 3, "c": 1}
    assert ragged.repeats(ragged="cut").index.tolist() == [[0], [1], [6]]
    with pytest.raises(DatasetError, match="give 'refuse', 'drop' or 'cut'"):
        ragged.repeats(ragged="pad")


def test_trials_that_leave_gaps_are_not_reached_into(tmp_path):
    root = tmp_path / "one"
    write_part(root, "X_ON", "1", images(0, 3))
    sheets = open_dataset(root)
    assert sheets.window(0, 17, across=True, short="cut")["X_ON"].shape == (3, 6, 17)
    for i, chain in zip(count(), (lambda view: view.window(0, 8), lambda view: view.rebin(2, how="any", rest="keep"))):
        out = tmp_path / str(i)
        list(materialise(sheets, out, chain))
        with pytest.raises(SpikebinError, match="do not follow each other without a gap"):
            open_dataset(out)["X_ON"].window(0, 4, None, across=True)
    for i, rule in enumerate(({"blank": "none"}, {"events": "shown.csv", "window_start": -2.0})):
        write_part(tmp_path / f"rule{i}", "X_ON", "1", images(0, 3), rule=rule)
        with pytest.raises(DatasetError, match="do not follow each other without a gap"):
            open_dataset(tmp_path / f"rule{i}").window(0, 17, across=True)
    out = tmp_path / "selected"
    list(materialise(sheets, out, lambda view: view.select(index=[1, 0])))
    whole = open_dataset(root)["X_ON"].window(0, 17, across=True, short="cut")
    assert np.array_equal(open_dataset(out)["X_ON"].window(0, 17, across=True, short="cut")[...], whole[:, :2])


def test_a_view_is_not_written_over_its_data_set(tmp_path):
    write_part(tmp_path, "X_ON", "1", images(0, 3))
    sheets = open_dataset(tmp_path)
    with pytest.raises(DatasetError, match="is the data set itself"):
        list(materialise(sheets, tmp_path, lambda view: view))
    with pytest.raises(DatasetError, match="is a view, and this goes part by part"):
        list(materialise(sheets.take([0]), tmp_path / "other", lambda view: view))
    assert open_dataset(tmp_path)["X_ON"].shape == (3, 6, 17)


def test_what_a_count_cannot_hold_is_counted(tmp_path):
    write_part(tmp_path, "X_ON", "1", [Shown("a", blank=300, length=300)])
    sheets = open_dataset(tmp_path)
    full = sheets["X_ON"][...].copy()
    (written,) = materialise(sheets, tmp_path / "out", lambda view: view.rebin(600, how="count", rest="drop"))
    assert written.header.n_spikes == full.sum()
    assert written.header.n_collisions == np.maximum(full.sum(axis=2) - 255, 0).sum()
    assert written.header.binning.values == "count"


def test_a_labelled_array(made):
    pytest.importorskip("xarray", reason="xarray is not installed (extra xarray)")
    view = open_dataset(made[0], sheet="X_ON").rebin(2, how="count", rest="keep")
    labelled = view.to_xarray()
    assert labelled.dims == ("trial", "neuron", "time")
    assert labelled.attrs["views"] == "rebin(2, how='count', rest='keep')"
    chosen = labelled.sel(neuron=[8, 100], time=slice(4, 8))
    assert np.array_equal(chosen, view[:, [2, 4], 2:5])
    assert np.array_equal(labelled[labelled.part == "10"], view[3:9])
    assert labelled.image_id[0] == "90"
