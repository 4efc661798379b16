"""pynapple's own .npz of a TsGroup: times in seconds, the index of each spike's neuron, and all indices there are.

Metadata are pickles and never looked at. https://pynapple.org
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spikebin.errors import RecordingError
from spikebin.recordings.arrays import NpzColumns
from spikebin.recordings.continuous.flat_arrays import npz_array, npz_members, whole_ids
from spikebin.recordings.continuous.neuron_rows import neuron_table
from spikebin.recordings.continuous.sheet import ContinuousRecording, Population
from spikebin.recordings.continuous.units import make_clock
from spikebin.recordings.recorded_span import observed_span
from spikebin.recordings.settings import Reading

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["SHEET", "PynappleRecording", "open", "recognises"]

SHEET = "units"
KIND = "TsGroup"


def recognises(path: Path) -> bool:
    """Whether a path is an .npz that says that it is a TsGroup."""
    if path.suffix.lower() != ".npz" or not path.is_file():
        return False
    try:
        return {"t", "index", "type"} <= set(npz_members(path)) and npz_array(path, "type").tolist() == [KIND]
    except RecordingError:
        return False


def open(path: Path, reading: Reading | None = None) -> PynappleRecording:  # noqa: A001
    """Open the .npz of a TsGroup.

    Raises
    ------
    RecordingError
        If it is not one, or damaged.
    """
    return PynappleRecording(path, reading or Reading())


class PynappleRecording(ContinuousRecording):
    """The units of one TsGroup."""

    events_unit = "s"
    uses_rate = False

    def __init__(self, path: Path, reading: Reading) -> None:
        super().__init__(path, reading)
        if not recognises(path):
            raise self.error(f"it is not an .npz of a {KIND}: save one with group.save(...)")
        self._file = NpzColumns(path, Reading(times="t", neurons="index"))

    @property
    def taken(self) -> str:
        """See `spikebin.recordings.protocol.Recording`."""
        return "pynapple, t in s, neurons by index"

    @property
    def sheets(self) -> Sequence[str]:
        """One sheet, `units`."""
        return [SHEET]

    def population(self, sheet: str) -> Population:  # noqa: ARG002
        """All units of the group, silent ones included, over its time support where that is one stretch."""
        clock = make_clock("s", None, self.name)
        members = npz_members(self.path)
        listed = None
        if "keys" in members:
            ids = whole_ids(npz_array(self.path, "keys"), self.name)
            if np.unique(ids).size != ids.size:
                raise self.error("two units have one index: it is damaged, save it again")
            listed = neuron_table(ids)
        span = support = None
        if {"start", "end"} <= set(members):
            starts, ends = (clock.to_ms(npz_array(self.path, name)) for name in ("start", "end"))
            if starts.ndim == 1 and starts.shape == ends.shape:
                support = observed_span([np.column_stack([starts, ends])])
            span = support if starts.size == 1 else None
        # A last spike at the very end of the support would be outside of the only trial.
        if span is not None and npz_array(self.path, "t")[-1:].tolist() == [span[1] / 1000]:
            span = None
        precision = clock.precision(self._file.stored)
        return Population(self._file.source(clock), listed, span, observed_span=support, precision=precision)
