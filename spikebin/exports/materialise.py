"""Write a chain of views as a data set of its own, through the same writer as an export.

A view plays the part of a recording: its bins become spike times in their middle, its stretches become phases. What a
recording is, recordings/protocol.py says; what becomes of it, pipeline/job.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.binning.rules import Binning
from spikebin.binning.trial import Phase, PhaseSpikes, Trial
from spikebin.choices import Codec, Layout, checked
from spikebin.dataset.dataset import Dataset
from spikebin.errors import DatasetError, MatrixFileError
from spikebin.matrixfile.neighbours import refuse_unlike
from spikebin.matrixfile.seal import Identity, read_seal
from spikebin.matrixfile.write_sheet import Settings, write_sheet
from spikebin.names import find_sheet
from spikebin.output.ids import write_ids
from spikebin.output.paths import matrix_path, part_files, sheets_there
from spikebin.recordings.protocol import SourceFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from spikebin.choices import How, Rest, Short
    from spikebin.dataset.dataset import Part
    from spikebin.dataset.sheet_set import SheetSet
    from spikebin.dataset.view import View
    from spikebin.matrixfile.reader import MatrixFile
    from spikebin.matrixfile.seal import Identity, Seal

__all__ = ["Chain", "Written", "materialise", "parse_window"]


@dataclass(frozen=True)
class Written:
    """One matrix file of a materialised view; `header` is its seal. `skipped`: it was there already."""

    path: Path
    header: Seal
    skipped: bool

    def __str__(self) -> str:
        shape = " x ".join(map(str, self.header.shape))
        return f"{self.path}: {'there already' if self.skipped else shape}"


@dataclass(frozen=True)
class Chain:
    """Views as the command line asks for them: neurons, then a window, then coarser bins; each may be left out.

    Parameters
    ----------
    index : mapping, optional
        Rows to keep of each sheet; sheets that are not named are left out.
    ids : array, optional
        Ids to keep, of a single sheet.
    window : (int, int), optional
    origin, across, short
        Of the window, see `View.window`.
    rebin : int, optional
    how, rest
        Of rebin, see `View.rebin`.
    """

    index: Mapping[str, NDArray[np.int64]] | None = None
    ids: NDArray[Any] | None = None
    window: tuple[int, int] | None = None
    origin: str = "image"
    across: bool = False
    short: Short = "refuse"
    rebin: int | None = None
    how: How | None = None
    rest: Rest | None = None

    def __post_init__(self) -> None:
        """Refuse what would go without effect.

        Raises
        ------
        DatasetError
            If an option of a window or of rebin is given without it.
        """
        if self.window is None and (self.across or self.short != "refuse" or self.origin != "image"):
            raise DatasetError("origin, across and short need a window: give window, too")
        if self.rebin is None and (self.how is not None or self.rest is not None):
            raise DatasetError("how and rest need rebin: give rebin, too")

    def sheets(self, sheets: SheetSet) -> SheetSet:
        """The sheets that the index names, or all; no neuron or bin is left out yet.

        Parameters
        ----------
        sheets : SheetSet

        Returns
        -------
        SheetSet

        Raises
        ------
        DatasetError
            If the index names a sheet that is not here, or ids are given for several sheets.
        """
        if self.ids is not None and len(sheets) != 1:
            raise DatasetError(f"ids of one sheet, and {len(sheets)} sheets: say which with --sheet")
        return sheets if self.index is None else sheets.only(self.index)

    def __call__(self, view: View) -> View:
        """Take the views of one sheet.

        Parameters
        ----------
        view : View

        Returns
        -------
        View

        Raises
        ------
        DatasetError
            If a rebin lacks how or rest, or as the views say.
        IndexError
            If a row of the index is out of bounds.
        """
        if self.index is not None:
            rows = {find_sheet(name, [view.sheet]): rows for name, rows in self.index.items()}
            view = view.select(index=rows[view.sheet])
        if self.ids is not None:
            view = view.select(ids=self.ids)
        if self.window is not None:
            view = view.window(*self.window, self.origin, across=self.across, short=self.short)
        if self.rebin is not None:
            if self.how is None or self.rest is None:
                raise DatasetError(f"rebin by {self.rebin}: say how (count or any) and what becomes of the rest")
            view = view.rebin(self.rebin, how=self.how, rest=self.rest)
        return view


def parse_window(text: str) -> tuple[int, int]:
    """``"0:712"`` -> (0, 712).

    Parameters
    ----------
    text : str

    Returns
    -------
    start, stop : int
        In bins.

    Raises
    ------
    DatasetError
        If it is not two whole numbers.
    """
    found = re.fullmatch(r"(-?\d+):(-?\d+)", text)
    if found is None:
        raise DatasetError(f"window {text!r}: give two bins, as in 0:712")
    return int(found[1]), int(found[2])


def materialise(
    sheets: SheetSet,
    out: Path,
    chain: Callable[[View], View],
    *,
    layout: Layout | None = None,
    codec: Codec | None = None,
    force: bool = False,
) -> Iterator[Written]:
    """Take a chain of views of each part of each sheet, and write it as a data set.

    Parameters
    ----------
    sheets : SheetSet
        As `open_dataset` gives it.
    out : Path
        Of the new data set; not that of the old one.
    chain : callable
        ``lambda sheet: sheet.window(0, 712, across=True, short="cut")``. It is called with one part at a time, so
        memory does not grow with the data set.
    layout, codec : str, optional
        As in spikebin.toml; default: as they are.
    force : bool
        Replace files that were made otherwise.

    Yields
    ------
    Written
        For each file. Its seal says in ``source`` from which file, of which content, and by which views it was made; a
        file that is there and says the same is left alone.

    Raises
    ------
    DatasetError
        If `out` is where the data set lies, or holds files that were made otherwise, there is no such layout or
        codec, or as the views say.
    MatrixFileError
        If a file of the data set is damaged.
    SpikebinError
        If a file cannot be written.

    Notes
    -----
    Neurons are written by ascending id, whatever their order in the view, and trials by repeat and order. Values
    other than bool are written as uint8 counts: what is above 255 is cut to it, and counted as collisions. `n_spikes`
    and so on count what the view holds.
    """
    if layout is not None:
        checked(layout, Layout, "view layout")
    if codec is not None:
        checked(codec, Codec, "view codec")
    for parts in sheets.parts().values():
        for part in parts:
            yield _write_part(part, out, chain, layout, codec, force=force)
            part.file.forget_tables()


def _write_part(
    part: Part, out: Path, chain: Callable[[View], View], layout: Layout | None, codec: Codec | None, *, force: bool
) -> Written:
    file, header = part.file, part.file.header
    target = matrix_path(out, header.variant, header.part, header.sheet)
    if target.exists() and target.samefile(file.path):
        raise DatasetError(f"{out} is the data set itself: write the view to another directory")
    recording = _ViewRecording(_of_part(part, chain), file)
    layout, codec = layout or header.layout, codec or header.codec
    sealed = _sealed(target)
    if sealed is not None and (sealed.source.name, sealed.layout, sealed.codec) == (recording.name, layout, codec):
        return Written(target, sealed, skipped=True)
    views = (*header.views, *recording.steps)
    if not force:
        if sealed is not None:
            raise DatasetError(
                f"{target} was made otherwise ({sealed.source.name}, {sealed.layout}, {sealed.codec}): give"
                " another directory, or replace it with --force"
            )
        there = (
            path
            for sheet in sheets_there(out, header.variant)
            for path in part_files(out, header.variant, sheet).values()
        )
        refuse_unlike(there, recording.binning, views)
    settings = Settings(
        recording.binning,
        layout,
        codec,
        trial=header.trial,
        reading=header.reading or {},
        views=views,
    )
    check = partial(_write_ids, out, header.identity, recording)
    return Written(target, write_sheet(recording, header.identity, settings, target, check=check), skipped=False)


def _of_part(part: Part, chain: Callable[[View], View]) -> View:
    """A chain of views of one part, of the neurons that all parts have and the trials that all sheets have."""
    view: View = Dataset([part.file])
    view = chain(view if part.neurons is None else view.select(index=part.neurons))
    if part.trials is None:
        return view
    # After the chain, since a window may reach into a trial that is left out; `order` tells a part's trials apart.
    return view.take(np.isin(view.trials["order"], part.file.trials["order"][part.trials]))


class _ViewRecording:
    """A view as `spikebin.recordings.protocol.SheetRecording` wants it."""

    n_recorded = n_in_trials = covered = None
    n_unobserved = 0
    notes = ()

    def __init__(self, view: View, file: MatrixFile) -> None:
        order = np.lexsort([view.trials["order"], view.trials["repeat"]])
        rows = np.argsort(view.neurons["neuron_id"], kind="stable")
        self._view = view.take(order).select(index=rows)
        self.steps = view.steps
        self.n_recorded = self.n_in_trials = None
        steps = " | ".join(view.steps) or "copy"
        self.name = f"{file.path.name} (content {file.header.content_digest[:16]}) | {steps}"
        self.where = f"{view.name} of part {file.header.part}"
        self.parameters = file.parameters
        self._phases = file.header.phases
        source = file.path.stat()
        self.files: Sequence[SourceFile] = [SourceFile(file.path.name, source.st_size, source.st_mtime)]
        # A bin is what it is, whatever its trial's duration was in ms: end_bin is in the bins already.
        self.binning = Binning(
            width=view.width,
            closed=file.binning.closed,
            end_bin=False,
            values="bool" if view.dtype == bool else "count",
        )
        names, self._bins = self._view.phases()
        if not len(view):
            raise DatasetError(f"{' | '.join(view.steps)} leaves no trial of part {file.header.part}")
        self._names = names
        self.trials: Sequence[Trial] = [self._trial(i) for i in range(len(self._view))]

    @property
    def neurons(self) -> NDArray[Any]:
        return self._view.neurons

    def spikes(self, trial: int) -> tuple[PhaseSpikes, ...]:
        flat, values = self._view.flat_events(trial)
        rows, bins = np.divmod(np.repeat(flat, values), self._view.shape[2])
        edges = np.concatenate([[0], self._bins[trial].cumsum()])
        found = []
        for first, stop in pairwise(edges.tolist()):
            inside = (bins >= first) & (bins < stop)
            found.append(PhaseSpikes((bins[inside] - first + 0.5) * self._view.width, rows[inside]))
        return tuple(found)

    def _trial(self, i: int) -> Trial:
        facts = self._view.trials[i]
        phases = tuple(
            Phase(name, 0.0, int(n_bins) * self._view.width)
            for name, n_bins in zip(self._names, self._bins[i], strict=True)
        )
        stimulus = self._view.stimulus(i)
        # Phases of a view are cut again: how long those of the recording were does not give their length.
        lengths = [f"{phase.name}_ms" for phase in self._phases]
        known = ("part", "image_id", "repeat", "order", "n_bins", *lengths)
        extra = tuple((name, facts[name].item()) for name in facts.dtype.names if name not in known)
        return Trial(str(facts["image_id"]), int(facts["repeat"]), int(facts["order"]), stimulus, phases, extra)


def _sealed(path: Path) -> Seal | None:
    try:
        return read_seal(path)
    except MatrixFileError:
        return None


def _write_ids(output: Path, identity: Identity, recording: _ViewRecording, _: Path) -> None:
    trials = ((trial.repeat, trial.image_id) for trial in recording.trials)
    write_ids(output, identity, trials, recording.neurons["neuron_id"])
