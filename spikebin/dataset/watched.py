"""A view that says whenever a trial of it is read, so that whoever waits can be told how far that has come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spikebin.dataset.derived import Derived

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from spikebin.dataset.view import View
    from spikebin.matrixfile.lazy import Selector

__all__ = ["Watched"]


class Watched(Derived):
    """The same view, that calls a function for each trial whose events are read.

    Parameters
    ----------
    base : View
    on_trial : callable
    """

    def __init__(self, base: View, on_trial: Callable[[], None]) -> None:
        super().__init__(base, (len(base), base.shape[1], base.shape[2]), "")
        self.steps = base.steps
        self._on_trial = on_trial

    @property
    def _whole_trials(self) -> bool:
        return self.base._whole_trials

    @property
    def _skipped(self) -> NDArray[np.int64]:
        return self.base._skipped

    def _block(self, selectors: list[Selector]) -> NDArray[Any]:
        return self.base._block(selectors)

    def _events(self, trial: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
        found = self.base._events(trial)
        self._on_trial()
        return found
