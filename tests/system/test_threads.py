"""Items in order by several threads, and work arrays that go from one user to the next."""

from __future__ import annotations

import numpy as np
import pytest

from spikebin.system.threads import Scratch, in_order


def test_a_work_array_goes_from_one_user_to_the_next():
    scratch = Scratch(np.zeros)
    with scratch.borrow(4) as first:
        first[:] = 7
    with scratch.borrow(3) as second:
        assert second is first
        assert second.tolist() == [7, 7, 7, 7]


def test_users_at_once_have_arrays_of_their_own():
    scratch = Scratch(np.zeros)
    with scratch.borrow(2) as one, scratch.borrow(2) as other:
        assert one is not other


def test_one_that_is_too_small_is_made_anew():
    scratch = Scratch(np.zeros)
    with scratch.borrow(2):
        pass
    with scratch.borrow(5) as larger:
        assert larger.size == 5


def test_one_whose_user_failed_is_not_used_again():
    scratch = Scratch(np.zeros)
    with pytest.raises(RuntimeError, match="half done"), scratch.borrow(2) as first:
        raise RuntimeError("half done")
    with scratch.borrow(2) as second:
        assert second is not first


@pytest.mark.parametrize("threads", [1, 3])
def test_results_come_in_order_and_few_are_ahead(threads):
    begun = []

    def work(i):
        begun.append(i)
        return i * i

    for i, found in enumerate(in_order(work, 20, threads)):
        assert found == i * i
        assert max(begun) <= i + threads + 1
    assert sorted(begun) == list(range(20))
    assert list(in_order(work, 0, threads)) == []


def test_an_error_comes_in_the_place_of_its_result_and_ends_the_work():
    begun = []

    def work(i):
        begun.append(i)
        if i == 3:
            raise ValueError("three")
        return i

    found = []
    with pytest.raises(ValueError, match="three"):
        found.extend(in_order(work, 1000, 2))
    assert len(begun) < 20
