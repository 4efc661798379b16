"""The content digest: a sha256 over what a matrix says, not its layout, codec, time or version."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spikebin.binning.trial import TrialEvents


__all__ = ["ContentDigest"]


class ContentDigest:
    """sha256 over what a matrix says, not its layout, codec, time or version (README, "What a matrix file holds").

    Parameters
    ----------
    neuron_ids : int (n_neurons,)
        Ascending, as the rows are.
    """

    def __init__(self, neuron_ids: NDArray[np.int64]) -> None:
        self._sha256 = hashlib.sha256(neuron_ids.astype("<i8").tobytes())

    def add(self, image_id: str, repeat: int, n_bins: int, events: TrialEvents) -> None:
        """Add the next trial.

        Parameters
        ----------
        image_id : str
        repeat : int
        n_bins : int
            Real bins of the trial.
        events : TrialEvents
        """
        self._sha256.update(image_id.encode() + b"\0")
        self._sha256.update(np.array([repeat, n_bins], "<i8").tobytes())
        self._sha256.update(events.flat.astype("<i8", copy=False).data)
        if events.counts is not None:
            self._sha256.update(events.counts.data)

    def hexdigest(self) -> str:
        """The digest of all trials added so far.

        Returns
        -------
        str
            64 hexadecimal digits.
        """
        return self._sha256.hexdigest()
