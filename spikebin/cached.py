"""A property that is computed once, without a lock.

functools' own holds one lock for all objects of a class until Python 3.12: a child that is forked while another thread
computes would never get it, and threads wait for one another. Here two threads may both compute; one result is kept.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

__all__ = ["cached_property"]

if TYPE_CHECKING:
    cached_property = functools.cached_property
else:

    class cached_property(functools.cached_property):  # noqa: N801
        """See `functools.cached_property`."""

        def __get__(self, instance: Any, owner: type | None = None) -> Any:
            """What was computed, else compute it."""
            if instance is None:
                return self
            try:
                return instance.__dict__[self.attrname]
            except KeyError:
                return instance.__dict__.setdefault(self.attrname, self.func(instance))
