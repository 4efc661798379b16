"""Modules that few tests use and that take long to import: imported where a test uses one first.

Every worker of pytest-xdist imports all test modules, whichever it runs.
"""

from __future__ import annotations

import pytest


class Later:
    """Stands for a module; a test that uses it is skipped where it is not installed."""

    def __init__(self, name):
        self._name = name

    def __getattr__(self, attribute):
        # pytest asks all that a test module holds whether it is a test or a fixture.
        if attribute.startswith("_"):
            raise AttributeError(attribute)
        return getattr(pytest.importorskip(self._name), attribute)
