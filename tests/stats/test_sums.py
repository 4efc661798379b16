"""Sums of parts, which add up to those of all."""

from __future__ import annotations

import numpy as np
import pytest

from spikebin import open_dataset
from spikebin.errors import DatasetError
from spikebin.stats.sums import Total, add_up


@pytest.mark.parametrize("rows", [None, [4, 1, 2]])
def test_sums_of_parts_add_up_to_those_of_the_whole(root, rows):
    whole = open_dataset(root, sheet="X_ON")
    subsets = {"some": None if rows is None else np.array(rows)}
    wanted = add_up(whole, [1, 3, 5], subsets=subsets, sample=3)["some"]
    parts = whole.trials["part"]
    taken = [whole.take(parts == part) for part in whole.parts]
    total = Total()
    for one in taken:
        total.add(add_up(one, [1, 3, 5], subsets=subsets, sample=3)["some"])
    found = total.sums()
    for name, value in vars(wanted).items():
        assert np.array_equal(getattr(found, name), value), name
    only = found.only([1, 5])
    assert only.steps.tolist() == [1, 5]
    assert np.array_equal(only.totals[1], wanted.totals[2])
    assert np.array_equal(only.neuron_ids, wanted.neuron_ids)


def test_what_does_not_add_up(root):
    whole = open_dataset(root, sheet="X_ON")
    total = Total()
    with pytest.raises(DatasetError, match="no sums to add up"):
        total.sums()
    total.add(add_up(whole, [1])["all"])
    words = "part 9 of train/X_ON does not add up with part 9, which has other neuron_ids"
    with pytest.raises(DatasetError, match=words):
        total.add(add_up(whole.select(index=[0, 1, 2, 3, 5, 4]), [1])["all"])
    with pytest.raises(DatasetError, match="which has other steps"):
        total.add(add_up(whole, [1, 2])["all"])


def test_subsets_are_read_in_one_pass(root):
    whole = open_dataset(root, sheet="X_ON")
    subsets = {"a": np.array([5, 0]), "b": None, "c": np.array([2])}
    found = add_up(whole, [1, 4], subsets=subsets)
    for name, rows in subsets.items():
        view = whole if rows is None else whole.select(index=np.sort(rows))
        wanted = add_up(view, [1, 4])["all"]
        for field, value in vars(wanted).items():
            assert np.array_equal(getattr(found[name], field), value), (name, field)


def test_widths_that_cannot_be(root):
    view = open_dataset(root, sheet="X_ON").rebin(2, how="count", rest="drop")
    for widths, words in (
        ([3.0], "3 ms is not a multiple of the 2 ms of a bin"),
        ([0.0], "0 ms is not a multiple"),
        ([np.nan], "nan ms is not a multiple"),
        ([4.0, 4.0], "4 ms is given twice"),
        ([], "no width is given"),
        ([1000.0], "1000 ms are longer than the trials"),
    ):
        with pytest.raises(DatasetError, match=words):
            view.stats(widths)
    with pytest.raises(DatasetError, match="in bins of 3 ms: there are those in 2, 4 ms"):
        view.stats([2.0, 4.0])[3.0]
