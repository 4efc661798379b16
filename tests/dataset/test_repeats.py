"""Repeats of one image, in whatever parts they lie."""

from __future__ import annotations

import numpy as np
import pytest
from drawn import Shown, write_part
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_view import PARTS, chains, follow

from spikebin import open_dataset
from spikebin.errors import DatasetError


@given(chain=chains, ragged=st.sampled_from(["drop", "cut"]))
@settings(max_examples=15)
def test_repeats_and_batches_of_any_chain(viewed, chain, ragged):
    sheets, slow = viewed
    view, slow = follow(sheets["X_ON"], slow, chain)
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
