"""All that one page about a data set says: how far it is, its numbers, its failures, where it came from.

Gathered from states, seals and the sums of parts; `spikebin.display.report` draws it.
"""

from __future__ import annotations

import hashlib
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.dataset.dataset import Dataset
from spikebin.errors import DatasetError, SpikebinError
from spikebin.matrixfile.reader import MatrixFile
from spikebin.matrixfile.seal import SEAL_SIZE
from spikebin.matrixfile.shown import counted
from spikebin.output.paths import JOBS, matrix_path
from spikebin.stats.collect import Request, sums_of_part
from spikebin.stats.statistics import work_out
from spikebin.stats.sums import FIRST_BIN, Total, multiples
from spikebin.system.threads import in_order
from spikebin.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from spikebin.matrixfile.seal import Seal
    from spikebin.output.state import Planned, SheetState
    from spikebin.stats.statistics import Stats

__all__ = ["Cell", "Overview", "Raster", "SheetOverview", "gather"]

RASTER_ROWS = 120


@dataclass(frozen=True)
class Cell:
    """One sheet of one part: how far it has come, and why; `log` is the last one of a try that failed."""

    index: int
    variant: str
    part: str
    sheet: str
    state: str
    why: str
    failures: int
    log: str


@dataclass(frozen=True)
class Raster:
    """One trial of some neurons, evenly spaced.

    Attributes
    ----------
    part, image_id : str
    repeat : int
    phases : list of (str, float)
        Name, and onset in ms.
    start : float
        When the trial begins, in ms.
    zero : str
        What times are relative to.
    rows, bins : int64 (n_events,)
        Rows count the neurons that are shown.
    n_rows, n_neurons, n_bins : int
        Neurons shown, neurons of the sheet, bins of the trial.
    """

    part: str
    image_id: str
    repeat: int
    phases: list[tuple[str, float]]
    start: float
    zero: str
    rows: NDArray[np.int64]
    bins: NDArray[np.int64]
    n_rows: int
    n_neurons: int
    n_bins: int


@dataclass(frozen=True)
class SheetOverview:
    """One sheet of one variant.

    Attributes
    ----------
    variant, sheet : str
    n_parts : int
        That are done.
    n_counted : int
        Of these, how many `stats` is of.
    n_spikes, n_binned, n_collisions, n_outside : int
        Of the parts that are done, from their seals.
    n_unassigned : int or None
        Spikes that no trial took; None where no file says it.
    size : int
        Bytes.
    width : float
        Of a bin, ms.
    phases : list of (str, float)
        Name, and onset in ms from the first bin, where that is the same in all trials; else none.
    stats : Stats or None
    raster : Raster or None
    troubles : list of str
        What could not be read or counted, and why.
    """

    variant: str
    sheet: str
    n_parts: int
    n_counted: int
    n_spikes: int
    n_binned: int
    n_collisions: int
    n_outside: int
    n_unassigned: int | None
    size: int
    width: float
    phases: list[tuple[str, float]]
    stats: Stats | None
    raster: Raster | None
    troubles: list[str]


@dataclass(frozen=True)
class Overview:
    """A data set, to be looked at.

    Attributes
    ----------
    output : str
    made : str
        When, UTC.
    cells : list of Cell
        In the order of the plan.
    sheets : list of SheetOverview
        Those of which something is done, variant by variant.
    provenance : list of (str, str)
        What it was made from and by; a text of several lines is a file.
    """

    output: str
    made: str
    cells: list[Cell]
    sheets: list[SheetOverview]
    provenance: list[tuple[str, str]]


def gather(
    plan: Planned,
    look: Callable[[], Sequence[SheetState]],
    *,
    config: Path | None = None,
    count: bool = True,
    threads: int = 1,
    on_part: Callable[[], object] = lambda: None,
) -> Overview:
    """Gather what there is to say of a data set. What cannot be read is said, too, and stops nothing.

    Parameters
    ----------
    plan : Planned
    look : callable
        Gives the states of the sheets of parts to look at, as they are now.
    config : Path, optional
        The spikebin.toml.
    count : bool
        Add up the parts that have not been yet; else they are left out.
    threads : int
        Parts at once.
    on_part : callable
        Called for each part that is done, once its sums are there.

    Returns
    -------
    Overview
    """
    states = look()

    def gathered() -> list[SheetOverview]:
        done: dict[tuple[str, str], list[SheetState]] = {}
        for found in states:
            if found.header is not None:
                done.setdefault((found.job.variant, found.sheet), []).append(found)
        return [
            _sheet(plan.output, variant, sheet, mine, count=count, threads=threads, on_part=on_part)
            for (variant, sheet), mine in done.items()
        ]

    sheets = gathered()
    if any(one.troubles for one in sheets):
        # A file that could not be read has been noted as broken by now.
        before, states = states, look()
        if [found.state for found in before] != [found.state for found in states]:
            sheets = gathered()
    made = datetime.now(UTC).isoformat(timespec="seconds")
    cells = [
        Cell(
            found.job.index,
            found.job.variant,
            found.job.part,
            found.sheet,
            str(found.state),
            found.reason,
            found.attempts.failures,
            found.attempts.log,
        )
        for found in states
    ]
    return Overview(str(plan.output), made, cells, sheets, _provenance(plan, states, config))


def _sheet(
    output: Path,
    variant: str,
    sheet: str,
    states: Sequence[SheetState],
    *,
    count: bool,
    threads: int,
    on_part: Callable[[], object],
) -> SheetOverview:
    headers = [found.header for found in states if found.header is not None]
    troubles: list[str] = []
    files = []
    for found in states:
        try:
            files.append(MatrixFile(matrix_path(output, variant, found.job.part, sheet)))
        except SpikebinError as error:
            troubles.append(str(error))
    stats, n_counted, raster = None, 0, None
    try:
        dataset = _readable(files, troubles)
        stats, n_counted = _stats(dataset, output, troubles, count=count, threads=threads, on_part=on_part)
        raster = _raster(dataset.files[0])
    except SpikebinError as error:
        troubles.append(str(error))
    unassigned = [header.n_unassigned for header in headers if header.n_unassigned is not None]
    width = headers[0].binning.width
    return SheetOverview(
        variant=variant,
        sheet=sheet,
        n_parts=len(headers),
        n_counted=n_counted,
        n_spikes=sum(header.n_spikes for header in headers),
        n_binned=sum(header.n_binned for header in headers),
        n_collisions=sum(header.n_collisions for header in headers),
        n_outside=sum(header.n_outside for header in headers),
        n_unassigned=sum(unassigned) if unassigned else None,
        size=sum(header.size + SEAL_SIZE for header in headers),
        width=width,
        phases=_phases(headers, stats),
        stats=stats,
        raster=raster,
        troubles=troubles,
    )


def _phases(headers: Sequence[Seal], stats: Stats | None) -> list[tuple[str, float]]:
    """The phases of all trials, where all trials begin alike: as many bins before the event, and in all."""
    phases, width = headers[0].phases, headers[0].binning.width
    if stats is None or stats.zero == FIRST_BIN or any(header.phases != phases for header in headers):
        return []
    if np.unique(stats.trials["n_bins"]).size > 1:
        return []
    return [(phase.name, phase.first_bin * width) for phase in phases if phase.bins]


def _readable(files: list[MatrixFile], troubles: list[str]) -> Dataset:
    """The files as a data set, from the first on whose neurons can be read: they are those of all."""
    for i, file in enumerate(files):
        try:
            dataset = Dataset(files[i:])
            dataset.neurons  # noqa: B018
        except SpikebinError as error:
            if file is files[-1]:
                raise
            troubles.append(str(error))
        else:
            return dataset
    raise DatasetError("no file of it can be opened: `spikebin status` shows what is there")


def _stats(
    dataset: Dataset,
    output: Path,
    troubles: list[str],
    *,
    count: bool,
    threads: int,
    on_part: Callable[[], object],
) -> tuple[Stats | None, int]:
    """Of the parts that can be counted, and how many these are."""
    request = Request()

    def work(number: int) -> tuple[dict[str, Any], str]:
        try:
            return sums_of_part(dataset, number, request, output, count=count)[1], ""
        except SpikebinError as error:
            return {}, str(error)

    total, n_counted = Total(), 0
    for sums, trouble in in_order(work, len(dataset.parts), threads):
        try:
            if "all" in sums:
                total.add(sums["all"])
                n_counted += 1
        except SpikebinError as error:
            trouble = str(error)  # noqa: PLW2901
        if trouble:
            troubles.append(trouble)
        on_part()
    if not n_counted:
        return None, 0
    return work_out(total.sums(), dataset.neurons, multiples(dataset.width, None)), n_counted


def _raster(file: MatrixFile) -> Raster:
    view = Dataset([file]).take([0])
    facts = view.trials[0]
    names, lengths = view.phases()
    start = float(view.time[0])
    onsets = start + (lengths[0].cumsum() - lengths[0]) * view.width
    n_neurons = view.shape[1]
    shown = np.unique(np.linspace(0, n_neurons - 1, min(RASTER_ROWS, n_neurons)).round().astype(np.int64))
    rows, bins = view.events(0)
    place = np.full(n_neurons, -1)
    place[shown] = np.arange(len(shown))
    kept = place[rows] >= 0
    return Raster(
        part=file.header.part,
        image_id=str(facts["image_id"]),
        repeat=int(facts["repeat"]),
        phases=[(name, float(onset)) for name, onset, length in zip(names, onsets, lengths[0], strict=True) if length],
        start=start,
        zero=view.time_zero,
        rows=place[rows[kept]],
        bins=bins[kept],
        n_rows=len(shown),
        n_neurons=n_neurons,
        n_bins=int(facts["n_bins"]),
    )


def _provenance(plan: Planned, states: Sequence[SheetState], config: Path | None) -> list[tuple[str, str]]:
    headers = [found.header for found in states if found.header is not None]
    facts = [("page", f"by spikebin {__version__}, Python {platform.python_version()}, numpy {version('numpy')}")]
    facts.append(("output", str(plan.output)))
    facts.append(("plan", f"{counted(len(plan.jobs), 'job')}, sha256 of {JOBS}: {_digest_of_file(plan.output / JOBS)}"))
    if headers:
        versions = sorted({header.spikebin_version for header in headers})
        created = sorted(header.created for header in headers)
        layouts = sorted({f"{header.layout}, {header.codec}" for header in headers})
        facts.append(
            ("files", f"{len(headers)} by spikebin {', '.join(versions)}, layout and codec {'; '.join(layouts)}")
        )
        facts.append(("written", f"{created[0]} to {created[-1]}"))
        facts.append(("binning", _settings(vars(headers[0].binning))))
        facts.append(("trials", _settings(dict(headers[0].trial)) or "as the recordings have them"))
        facts.append(("content", f"sha256 over all content digests: {_content(states)}"))
    roots = dict.fromkeys(
        str(plan.resolve(source.path).parent) for job in plan.jobs for source in job.sources if source.path
    )
    facts += [("recordings in", root) for root in roots]
    if config is not None:
        try:
            facts.append((str(config), config.read_text("utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            facts.append((str(config), f"cannot be read: {error}"))
    return facts


def _settings(settings: dict[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in settings.items())


def _digest_of_file(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _content(states: Sequence[SheetState]) -> str:
    """One digest of all content: of a line "VARIANT/PART SHEET DIGEST" for each file, sorted."""
    lines = sorted(
        f"{found.job.name} {found.sheet} {found.header.content_digest}\n"
        for found in states
        if found.header is not None
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()
