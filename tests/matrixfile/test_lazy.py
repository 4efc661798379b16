"""Lazy arrays are indexed as numpy's are."""

from __future__ import annotations

import hdf5plugin  # noqa: F401  registers Blosc2 with h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from small_file import write

from spikebin.matrixfile.lazy import LazyArray, resolve
from spikebin.matrixfile.reader import open_file

INDICES = st.one_of(
    hnp.basic_indices((3, 5, 15), allow_newaxis=True, allow_ellipsis=True),
    st.tuples(
        *(
            st.one_of(
                st.integers(-n, n - 1),
                st.slices(n),
                hnp.arrays(np.intp, st.just((2,)), elements=st.integers(-n, n - 1)),
                st.lists(st.integers(-n, n - 1), max_size=4),
                hnp.arrays(bool, n),
            )
            for n in (3, 5, 15)
        )
    ),
    hnp.arrays(bool, (3, 5)),
    hnp.arrays(bool, (3, 5, 15)),
)


@given(index=INDICES)
def test_indices_mean_what_they_mean_to_numpy(index):
    whole = np.arange(3 * 5 * 15).reshape(3, 5, 15)

    class InMemory(LazyArray):
        def _block(self, selectors):
            return whole[np.ix_(*(np.asarray(selector, np.intp) for selector in selectors))]

    lazy = InMemory(whole.shape, whole.dtype)
    try:
        expected = whole[index]
    except IndexError:
        with pytest.raises(IndexError):
            lazy[index]
        return
    found = lazy[index]
    assert np.shape(found) == np.shape(expected)
    assert np.array_equal(found, expected)


@pytest.mark.parametrize(
    "index",
    [
        3,
        -4,
        np.array([2**64 - 1], np.uint64),
        (0, 5),
        (0, 0, 0, 0),
        (..., ...),
        1.5,
        "a",
        ([0, 3],),
        np.ones(4, bool),
        True,
    ],
)
def test_indices_that_numpy_refuses_are_refused(index):
    with pytest.raises(IndexError):
        resolve(index, (3, 5, 15))


@given(index=INDICES)
def test_a_file_is_indexed_as_its_array_is(tmp_path_factory, index):
    for layout in ("matrix", "events"):
        path = tmp_path_factory.getbasetemp() / f"indexed_{layout}.h5"
        if not path.exists():
            write(path, layout=layout)
        file = open_file(path)
        whole = np.asarray(file.spikes)
        try:
            expected = whole[index]
        except IndexError:
            continue
        assert np.array_equal(file.spikes[index], expected)
