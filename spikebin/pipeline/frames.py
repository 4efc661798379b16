"""`bin_trials` as it is public: arrays in memory, or pandas DataFrames of spikes and of trials, by their columns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from spikebin.binning.arguments import as_flag, as_number, matrix_to_fill
from spikebin.binning.bin_trials import bin_trials as bin_arrays
from spikebin.binning.rules import Binning
from spikebin.binning.tally import Tally
from spikebin.binning.trial import fill_trial, phase_bins
from spikebin.errors import BinningError, RecordingError
from spikebin.matrixfile.writer import matrix_shape
from spikebin.recordings import open_recording
from spikebin.recordings.frame import FRAME, FrameRecording, give_trials, is_frame
from spikebin.recordings.settings import Reading, TrialRule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, DTypeLike, NDArray

    from spikebin.choices import Closed
    from spikebin.recordings.protocol import Recording

__all__ = ["as_recording", "bin_trials"]


@overload
def bin_trials(
    times: ArrayLike | Sequence[ArrayLike],
    neurons: ArrayLike | None = ...,
    *,
    onsets: ArrayLike,
    start: float,
    stop: float,
    width: float,
    n_neurons: int | None = ...,
    closed: Closed = ...,
    end_bin: bool = ...,
    dtype: DTypeLike = ...,
    out: NDArray[Any] | None = ...,
    return_tally: Literal[False] = ...,
) -> NDArray[Any]: ...
@overload
def bin_trials(
    times: ArrayLike | Sequence[ArrayLike],
    neurons: ArrayLike | None = ...,
    *,
    onsets: ArrayLike,
    start: float,
    stop: float,
    width: float,
    n_neurons: int | None = ...,
    closed: Closed = ...,
    end_bin: bool = ...,
    dtype: DTypeLike = ...,
    out: NDArray[Any] | None = ...,
    return_tally: Literal[True],
) -> tuple[NDArray[Any], Tally]: ...
@overload
def bin_trials(
    frame: Any,
    /,
    neurons: str | None = ...,
    *,
    times: str | None = ...,
    trials: Any,
    start: float | None = ...,
    stop: float | None = ...,
    width: float,
    align_to: str | None = ...,
    until: str | None = ...,
    trials_unit: str | None = ...,
    drop_missing: bool = ...,
    unit: str | None = ...,
    rate: float | None = ...,
    ids: str | None = ...,
    trial: str | None = ...,
    closed: Closed = ...,
    end_bin: bool = ...,
    dtype: DTypeLike = ...,
    out: NDArray[Any] | None = ...,
    return_tally: Literal[False] = ...,
) -> NDArray[Any]: ...
@overload
def bin_trials(
    frame: Any,
    /,
    neurons: str | None = ...,
    *,
    times: str | None = ...,
    trials: Any,
    start: float | None = ...,
    stop: float | None = ...,
    width: float,
    align_to: str | None = ...,
    until: str | None = ...,
    trials_unit: str | None = ...,
    drop_missing: bool = ...,
    unit: str | None = ...,
    rate: float | None = ...,
    ids: str | None = ...,
    trial: str | None = ...,
    closed: Closed = ...,
    end_bin: bool = ...,
    dtype: DTypeLike = ...,
    out: NDArray[Any] | None = ...,
    return_tally: Literal[True],
) -> tuple[NDArray[Any], Tally]: ...
def bin_trials(
    spikes: Any = None,
    /,
    neurons: Any = None,
    *,
    times: Any = None,
    onsets: Any = None,
    trials: Any = None,
    start: float | None = None,
    stop: float | None = None,
    width: float,
    n_neurons: int | None = None,
    align_to: str | None = None,
    until: str | None = None,
    trials_unit: str | None = None,
    drop_missing: bool = False,
    unit: str | None = None,
    rate: float | None = None,
    ids: str | None = None,
    trial: str | None = None,
    closed: Closed = "left",
    end_bin: bool = False,
    dtype: DTypeLike = bool,
    out: NDArray[Any] | None = None,
    return_tally: bool = False,
) -> NDArray[Any] | tuple[NDArray[Any], Tally]:
    """Cut a continuous recording into trials, and bin them into a dense (trial, neuron, time) array.

    ``bin_trials(times, neurons, onsets=...)`` takes arrays, ``bin_trials(frame, trials=frame)`` DataFrames of pandas:
    one with a row for each spike, one with a row for each trial. Their columns are found by name, by the rules of
    tables in files; what is not certain is asked for, see docs/reading-tables.md.

    Parameters
    ----------
    times : sequence of array_like of float, or array_like of float, (n_spikes,)
        An array for each neuron; or, with `neurons`, one of all spikes. In any order, fastest where they ascend.
        Of a DataFrame, which comes first: name of the column of spike times.
    neurons : array_like of int, (n_spikes,), optional
        Row of each spike, from 0 to ``n_neurons - 1``. Of a DataFrame: name of the column of neurons.
    onsets : array_like of float, (n_trials,)
        Of arrays: what the trials are aligned to, in any order, on the clock of `times`.
    trials : pandas.DataFrame
        Of a DataFrame: its trials.
    start, stop : float
        The window around each onset. Windows may overlap. Of DataFrames it is in ms, and may be left out: trials last
        from their start to their stop then.
    width : float
        Length of a bin; in ms for DataFrames. Of arrays, all times are in one unit; or all are Quantities, as for
        `bin_spikes`.
    n_neurons : int, optional
        Of arrays: to be given with `neurons`.
    align_to, until, trials_unit, drop_missing, unit, rate, ids, trial
        Of DataFrames: as for `bin_recording`.
    closed, end_bin, dtype, out, return_tally
        As for `bin_spikes`.

    Returns
    -------
    matrix : ndarray (n_trials, n_neurons, n_bins)
        Trials in the order of `onsets`, or of the rows of `trials`; by a column `repeat` first, where there is one. The
        neurons of a DataFrame ascend, those with names in natural order.
    tally : Tally
        Of the spikes in windows, once for each window that they lie in. Those at an end of a window that no bin holds
        are outside. Only with `return_tally`.

    Raises
    ------
    BinningError
        If arrays disagree, a time or an onset is NaN or infinite, a neuron is out of range, the dtype neither marks nor
        counts, some times carry a unit and others none, the width is too small to tell bins apart at an onset, or the
        matrix does not fit into memory.
    RecordingError
        If a DataFrame does not tell which columns are times, neurons and onsets, or in which unit; a time is missing;
        its neurons are of several populations; or trials differ in length.

    Examples
    --------
    >>> bin_trials([[0.2, 5.1], [6.5]], onsets=[0, 5], start=0, stop=2, width=1)[1].astype(int)
    array([[1, 0],
           [0, 1]])
    >>> bin_trials(spikes, trials=trials, align_to="cue_s", start=-200, stop=500, width=10)  # doctest: +SKIP
    """
    if is_frame(spikes):
        _refuse(f"a {FRAME} has its own", onsets=onsets, n_neurons=n_neurons)
        if not is_frame(trials):
            raise BinningError(f"trials is {type(trials).__name__}: give a {FRAME} with a row for each trial")
        reading = Reading(unit=unit, rate=rate, times=times, neurons=neurons, ids=ids, trial=trial)
        rule = TrialRule(
            events_unit=trials_unit,
            align_to=align_to,
            until=until,
            window_start=_ms(start, "start"),
            window_stop=_ms(stop, "stop"),
            drop_missing=drop_missing,
        )
        if (start is None) != (stop is None):
            raise BinningError("start and stop are the two ends of a window: give both, or none")
        binning = Binning(as_number(width, "width"), closed, end_bin)
        matrix, tally = _bin_frames(spikes, trials, reading, rule, binning, dtype, out)
        return (matrix, tally) if return_tally else matrix
    _refuse(
        f"without a {FRAME} of spikes there is no use for it",
        trials=trials, align_to=align_to, until=until, trials_unit=trials_unit,
        drop_missing=as_flag(drop_missing, "drop_missing") or None,
        unit=unit, rate=rate, ids=ids, trial=trial,
    )  # fmt: skip
    if spikes is not None and times is not None:
        raise BinningError("times is given twice: give it once")
    window: Any = {"onsets": onsets, "start": start, "stop": stop}
    for name, value in window.items():
        if value is None:
            raise BinningError(f"{name} is missing: give it")
    call: Any = bin_arrays
    found: NDArray[Any] | tuple[NDArray[Any], Tally] = call(
        times if spikes is None else spikes, neurons, **window, width=width, n_neurons=n_neurons, closed=closed,
        end_bin=end_bin, dtype=dtype, out=out, return_tally=return_tally,
    )  # fmt: skip
    return found


def as_recording(
    recording: Any, trials: Any, reading: Reading, *, kind: str | None = None, trials_unit: str | None = None
) -> Path | Recording:
    """What `bin_recording` is given, as a path or a recording.

    Parameters
    ----------
    recording : Path, str, Recording or pandas.DataFrame
    trials : pandas.DataFrame or object
        Its trials, where they are in memory; anything else is left to who cuts them.
    reading : Reading
    kind : str, optional
        The format of a path.
    trials_unit : str, optional
        Of the times of the trials.

    Returns
    -------
    Path or Recording

    Raises
    ------
    RecordingError
        If something is said of a recording that is open already, or as `open_recording`.
    """
    given: Path | Recording
    if isinstance(recording, str | Path):
        given = Path(recording)
    elif is_frame(recording):
        if kind is not None:
            raise RecordingError(f"a {FRAME} is not a file of format {kind!r}: take `format` out")
        given = FrameRecording(recording, reading)
    else:
        already: Recording = recording
        given = already
        if kind is not None or reading != Reading():
            said = ", ".join(reading.settings) or "format"
            raise RecordingError(f"{already.path.name} is open already: give {said} where it is opened")
    if is_frame(trials):
        given = open_recording(given, kind, reading) if isinstance(given, Path) else given
        give_trials(given, trials, trials_unit)
    return given


def _bin_frames(
    spikes: Any,
    trials: Any,
    reading: Reading,
    rule: TrialRule,
    binning: Binning,
    dtype: DTypeLike,
    out: NDArray[Any] | None,
) -> tuple[NDArray[Any], Tally]:
    recording = FrameRecording(spikes, reading)
    give_trials(recording, trials, rule.events_unit)
    if len(recording.sheets) > 1:
        raise RecordingError(f"{FRAME} has the populations {', '.join(recording.sheets)}: give the rows of one of them")
    sheet = recording.sheet(recording.sheets[0], rule)
    n_bins = {sum(phase_bins(trial.phases, binning)) for trial in sheet.trials}
    if len(n_bins) > 1:
        raise RecordingError(
            f"{sheet.where}: trials have {min(n_bins)} to {max(n_bins)} bins: cut equal ones with start and stop"
        )
    shape = matrix_shape(sheet.where, len(sheet.neurons), sheet.trials, binning)
    matrix = matrix_to_fill(out, shape, dtype)
    if out is not None:
        matrix[...] = 0
    tallies = (
        fill_trial(trial, sheet.spikes(i), binning, matrix[i], sheet.where) for i, trial in enumerate(sheet.trials)
    )
    return matrix, sum(tallies, Tally())


def _refuse(why: str, **given: Any) -> None:
    for name, value in given.items():
        if value is not None:
            raise BinningError(f"{name} is given, but {why}: leave it out")


def _ms(value: float | None, name: str) -> float | None:
    return None if value is None else as_number(value, name)
