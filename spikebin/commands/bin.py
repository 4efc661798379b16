"""The command for recordings without a plan: bin."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikebin.calls import typed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spikebin.choices import Closed, Codec, Layout, RaggedTrials, Short, Values
    from spikebin.pipeline.one_step import Binned
    from spikebin.recordings.protocol import Recording

    DataFrame = Any
    """Of pandas, which need not be there."""

__all__ = ["bin_recording"]


@typed
def bin_recording(
    recording: Path | str | Recording | DataFrame,
    width: float,
    *,
    out: Path | str | None = None,
    format: str | None = None,  # noqa: A002
    sheets: str | Sequence[str] = (),
    trials: Path | str | DataFrame | None = None,
    window: tuple[float, float] | None = None,
    align_to: str | None = None,
    until: str | None = None,
    trials_unit: str | None = None,
    image_id: str | None = None,
    drop_missing: bool = False,
    short: Short = "refuse",
    relative_to: str | None = None,
    ragged: RaggedTrials = "refuse",
    unit: str | None = None,
    rate: float | None = None,
    times: str | None = None,
    neurons: str | None = None,
    ids: str | None = None,
    labels: str | Sequence[str] | None = None,
    nodes: Path | str | Sequence[Path | str] | None = None,
    follow_links: bool = False,
    population: str | None = None,
    trial: str | None = None,
    duration: float | None = None,
    bin_width: float | None = None,
    phases: str | Sequence[str] | None = None,
    closed: Closed = "left",
    end_bin: bool = False,
    values: Values = "count",
    layout: Layout = "matrix",
    codec: Codec = "blosc2",
    threads: int | None = None,
    force: bool = False,
) -> list[Binned]:
    """Bin every sheet of one recording in one call: ``spikebin bin FILE --width MS``.

    Parameters
    ----------
    recording : Path, str, Recording or pandas.DataFrame
        A file or directory of any format that `spikebin.formats` lists, what `spikebin.from_neo` makes of a Block, or
        a DataFrame with a row for each spike.
    width : float
        Length of a bin in ms.
    out : Path or str, optional
        ``.h5`` (a sealed matrix file), ``.npz`` or ``.npy`` for one sheet, or a directory for several. None: nothing is
        written, and the answer tells what would be.
    format : str, optional
        Default: recognised from what is there; ``neo:IO`` names a neo IO.
    sheets : sequence of str
        Raw or directory names; none: all.
    trials : Path, str or pandas.DataFrame, optional
        Events: a CSV or TSV file with a header, the name of a table in the recording, or a DataFrame with a row for
        each trial. Default: its own trials, or one of the complete recording where it has none.
    window : (float, float), optional
        ms around each event; default: the complete trial.
    align_to, until : str, optional
        Column of the events that windows are relative to; that a trial lasts to, without a window.
    trials_unit : str, optional
        Of the events: s, ms, us or samples.
    image_id : str, optional
        Column that names what was shown in each trial.
    drop_missing : bool
        Leave out trials without a time.
    short : {"refuse", "pad", "cut", "drop"}
        What becomes of trials that reach past what was recorded, where the recording tells that.
    relative_to : str, optional
        Column that the times of the other events are relative to.
    ragged : {"refuse", "pad"}
        What becomes of trials of different lengths.
    unit, rate, times, neurons, ids, labels, nodes, follow_links, population, trial, duration, bin_width, phases
        What the recording does not say about itself, see `spikebin.recordings.settings.Reading`.
    closed, end_bin, values
        See `spikebin.Binning`.
    layout, codec
        Of a matrix file, see `spikebin.open_file`.
    threads : int, optional
        Trials in work at once; default: the CPUs granted.
    force : bool
        Replace what is there.

    Returns
    -------
    list of Binned
        For each sheet: its shape, where its spikes went, and what was written.

    Raises
    ------
    RecordingError
        If the recording cannot be read, or there are no trials to be cut.
    BinningError
        If bins of this width cannot be told apart.
    SpikebinError
        If the output cannot be written, or is there.

    Examples
    --------
    >>> spikebin.bin_recording("session.nwb", 10, trials="trials", out="monday.h5")  # doctest: +SKIP
    >>> spikebin.open_file("monday.h5").psth()  # doctest: +SKIP
    """
    from spikebin.binning.rules import Binning
    from spikebin.matrixfile.write_sheet import Settings
    from spikebin.pipeline.frames import as_recording
    from spikebin.pipeline.one_step import bin_recordings
    from spikebin.recordings.frame import FRAME, is_frame
    from spikebin.recordings.settings import Reading, TrialRule
    from spikebin.system.process import at_once

    reading = Reading(
        unit=unit,
        rate=rate,
        times=times,
        neurons=neurons,
        ids=ids,
        labels=_texts(labels),
        nodes=tuple(map(str, [nodes] if isinstance(nodes, str | Path) else nodes or ())) or None,
        follow_links=follow_links,
        population=population,
        trial=trial,
        duration=duration,
        bin_width=bin_width,
        phases=_texts(phases),
    )
    opened = as_recording(recording, trials, reading, kind=format, trials_unit=trials_unit)
    rule = TrialRule(
        image_id=image_id,
        events=FRAME if is_frame(trials) else None if trials is None else str(trials),
        events_unit=trials_unit,
        align_to=align_to,
        until=until,
        window_start=None if window is None else float(window[0]),
        window_stop=None if window is None else float(window[1]),
        drop_missing=drop_missing,
        short=short,
        relative_to=relative_to,
    )
    settings = Settings(Binning(width, closed, end_bin, values), layout, codec, at_once(threads))
    return list(
        bin_recordings(
            [opened],
            settings,
            rule,
            kind=format,
            reading=reading,
            sheets=[sheets] if isinstance(sheets, str) else sheets,
            out=None if out is None else Path(out),
            ragged=ragged,
            force=force,
        )
    )


def _texts(given: Sequence[str] | str | None) -> tuple[str, ...] | None:
    return None if given is None else tuple([given] if isinstance(given, str) else given)
