"""A property that is computed once, and without a lock that a fork could leave behind."""

from __future__ import annotations

import threading

import pytest

from spikebin.cached import cached_property


class Thing:
    n_computed = 0

    @cached_property
    def value(self):
        """Doc."""
        self.n_computed += 1
        return object()


def test_it_is_computed_once_and_can_be_forgotten():
    thing = Thing()
    assert thing.value is thing.value
    assert thing.n_computed == 1
    del thing.value
    assert thing.value is thing.value
    assert thing.n_computed == 2
    assert Thing.value.__doc__ == "Doc."


def test_two_threads_may_compute_and_both_get_one_result():
    started, both = threading.Barrier(2, timeout=10), []

    class Slow:
        @cached_property
        def value(self):
            # Under one lock for all, the other thread would never come here.
            started.wait()
            return object()

    thing = Slow()
    threads = [threading.Thread(target=lambda: both.append(thing.value)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(both) == 2
    assert both[0] is both[1]


def test_an_error_is_not_kept():
    class Broken:
        @cached_property
        def value(self):
            raise ValueError("no")

    thing = Broken()
    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            _ = thing.value
