"""Views: each, and any chain of them, equals the same operation on the whole array, spelled out slowly."""

from __future__ import annotations

import numpy as np
import pytest
from drawn import LAYOUTS
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_view import PARTS, chains, follow

from spikebin import open_dataset
from spikebin.errors import DatasetError
from spikebin.exports.materialise import materialise
from spikebin.matrixfile.verify import verify_file

# Trials of unequal lengths, repeats, a part whose repeats alternate, one that lacks a presentation.


@given(chain=chains, data=st.data())
@settings(max_examples=40)
def test_any_chain_of_views_is_the_same_on_the_whole_array(viewed, chain, data):
    sheets, slow = viewed
    view, slow = follow(sheets["X_ON"], slow, chain)
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


@given(chain=chains)
@settings(max_examples=15)
def test_sums_and_rates_without_the_dense_array(viewed, chain):
    sheets, slow = viewed
    view, slow = follow(sheets["X_ON"], slow, chain)
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
@settings(max_examples=4)
def test_a_chain_written_down_reads_as_the_view(viewed, chain, layout, tmp_path_factory):
    sheets, _ = viewed
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


def test_an_id_and_a_row_are_never_confused(viewed):
    sheets, slow = viewed
    view = sheets["X_ON"]
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
