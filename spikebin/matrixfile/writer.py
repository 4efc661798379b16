"""Writes one matrix file: trial by trial into an image in memory, then sealed and put in place in one go.

Knows nothing of raw recordings, plans or configs. What is in the image is in image.py, what makes a file complete in
seal.py.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from spikebin.binning.tally import Tally
from spikebin.binning.trial import TrialEvents, phase_bins
from spikebin.errors import MatrixFileError
from spikebin.matrixfile.image import MatrixImage
from spikebin.matrixfile.schema import neuron_table, parameter_table, source_table, trial_table
from spikebin.matrixfile.seal import FORMAT_VERSION, Identity, Seal, SealedPhase, SealedSource, pack_seal
from spikebin.system.files import write_atomically
from spikebin.system.leftovers import remove_stale
from spikebin.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from spikebin.binning.rules import Binning
    from spikebin.binning.trial import Trial
    from spikebin.matrixfile.write_sheet import Settings
    from spikebin.recordings.protocol import SourceFile

__all__ = ["MatrixWriter", "matrix_shape", "seal_image"]

MOST_CELLS, MOST_BINS = 1 << 35, 1 << 31
"""Of one trial: neurons times bins, and bins."""


class MatrixWriter:
    """Builds one matrix file in memory and puts it in place, sealed, in one go.

    Parameters
    ----------
    identity : Identity
    neurons : structured array (n_neurons,)
        NEURON_FIELDS, by ascending neuron_id, and further columns of numbers, bools or texts.
    trials : sequence of Trial
        The rows of the matrix.
    settings : Settings

    Raises
    ------
    MatrixFileError
        If there is nothing to write.
    BinningError
        If bins of this width cannot be told apart.
    """

    def __init__(
        self,
        identity: Identity,
        neurons: NDArray[Any],
        trials: Sequence[Trial],
        settings: Settings,
    ) -> None:
        self.identity = identity
        self.trials = trials
        self.settings = settings
        where = f"{identity.sheet} of part {identity.part}"
        self.shape = matrix_shape(where, len(neurons), trials, settings.binning)
        self._bins = [phase_bins(trial.phases, settings.binning) for trial in trials]
        self._tally = Tally()
        self._image = MatrixImage(
            self.shape,
            settings.binning.values,
            settings.layout,
            settings.codec,
            neuron_table(neurons),
            trial_table(trials, self._bins),
        )

    @property
    def n_columns(self) -> int:
        """Length of the time axis."""
        return self.shape[2]

    def encode(self, events: TrialEvents) -> Any:
        """Compress one trial; threads may encode at once.

        Parameters
        ----------
        events : TrialEvents

        Returns
        -------
        object
            For `append`.
        """
        return self._image.encode(events)

    def append(self, events: TrialEvents, encoded: Any) -> None:
        """Add the next trial, as `encode` made it.

        Parameters
        ----------
        events : TrialEvents
        encoded : object
        """
        self._image.append(events, encoded)
        self._tally += events.tally

    def write(
        self,
        path: Path,
        source: str,
        files: Sequence[SourceFile],
        *,
        limit: int | None = None,
        n_unassigned: int | None = None,
        parameters: Mapping[str, str] | None = None,
        check: Callable[[Path], object] | None = None,
    ) -> Seal:
        """Seal the file and put it in place.

        Parameters
        ----------
        path : Path
        source : str
            Name of the recording.
        files : sequence of SourceFile
            What was read.
        limit : int, optional
            Only so many trials of the recording were asked for; sealed, so that the file does not count as complete.
        n_unassigned : int, optional
            Spikes of the recording that no trial took, where that is known.
        parameters : mapping of str to str, optional
            What the recording has written down of how it was made, by name.
        check : callable, optional
            See `spikebin.system.files.write_atomically`.

        Returns
        -------
        Seal

        Raises
        ------
        MatrixFileError
            If not all trials were appended, or the seal cannot hold what it is to say.
        DiskFullError
            If no space or quota is left.
        SpikebinError
            If the file cannot be written; nothing is left behind.
        """
        image, digest, chunks = self._image.finish(
            source_table(files), self.settings.threads, parameter_table(parameters or {})
        )
        seal = Seal(
            **asdict(self.identity),
            shape=self.shape,
            layout=self.settings.layout,
            codec=self.settings.codec,
            binning=self.settings.binning,
            trial=self.settings.trial,
            phases=self._phases(),
            **asdict(self._tally),
            content_digest=digest,
            source=SealedSource(
                name=source,
                files=len(files),
                size=sum(file.size for file in files),
                mtime=max((file.mtime for file in files), default=0.0),
            ),
            reading=self.settings.reading,
            n_unassigned=n_unassigned if limit is None else None,
            views=self.settings.views,
            chunks=chunks,
            limit=limit,
        )
        return seal_image(path, seal, image, check=check)

    def close(self) -> None:
        """Forget what was built so far."""
        self._image.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _phases(self) -> tuple[SealedPhase, ...]:
        longest = max(range(len(self.trials)), key=lambda i: sum(self._bins[i]))
        first_bin, phases = 0, []
        for phase, n_bins in zip(self.trials[longest].phases, self._bins[longest], strict=True):
            phases.append(SealedPhase(phase.name, first_bin, n_bins, phase.stop - phase.start))
            first_bin += n_bins
        return tuple(phases)


def matrix_shape(where: str, n_neurons: int, trials: Sequence[Trial], binning: Binning) -> tuple[int, int, int]:
    """Shape of the matrix of a sheet.

    Parameters
    ----------
    where : str
        The sheet and its recording, for messages.
    n_neurons : int
    trials : sequence of Trial
    binning : Binning

    Returns
    -------
    tuple of int
        (trial, neuron, time).

    Raises
    ------
    MatrixFileError
        If there is nothing in it, or one trial of it has more cells than can be worked with.
    BinningError
        If bins of this width cannot be told apart.
    """
    n_columns = max((sum(phase_bins(trial.phases, binning)) for trial in trials), default=0)
    shape = len(trials), n_neurons, n_columns
    if 0 in shape:
        raise MatrixFileError(
            f"{where} has {shape[0]} trials, {shape[1]} neurons and {shape[2]} bins: nothing to write, check the rule"
            " of its trials and the width of its bins"
        )
    if shape[1] * shape[2] > MOST_CELLS or n_columns > MOST_BINS:
        raise MatrixFileError(
            f"{where}: one trial has {shape[1]:,} neurons x {shape[2]:,} bins, {shape[1] * shape[2]:,} bytes as an"
            " array: cut shorter windows, or choose wider bins"
        )
    return shape


def seal_image(
    path: Path, seal: Seal, image: bytes | bytearray, *, check: Callable[[Path], object] | None = None
) -> Seal:
    """Put an image in place under its seal.

    Parameters
    ----------
    path : Path
    seal : Seal
        What the seal says but for the versions, the time, and the size and sha256 of the image.
    image : bytes-like
    check : callable, optional
        See `spikebin.system.files.write_atomically`.

    Returns
    -------
    Seal
        As it was written.

    Raises
    ------
    MatrixFileError
        If the seal cannot hold what it is to say.
    DiskFullError
        If no space or quota is left.
    SpikebinError
        If the file cannot be written; nothing is left behind.
    """
    seal = replace(
        seal,
        format_version=FORMAT_VERSION,
        spikebin_version=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        size=len(image),
        sha256=hashlib.sha256(image).hexdigest(),
    )
    remove_stale(path.parent, path.name)
    write_atomically(path, (pack_seal(seal), memoryview(image)), check=check)
    return seal
