"""Parts of a plan as shards hold them: one shard may hold several parts, and a part may lie in several shards.

Each is a recording again, of the presentations of that part alone. How shards are compared is in compare_shards.py.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from spikebin.errors import RecordingError
from spikebin.names import directory_name, natural_key
from spikebin.recordings.experanto import EPOCH, ExperantoRecording, recognises
from spikebin.recordings.experanto import open as open_shard

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from spikebin.recordings.mozaik.presentations import Presentation
    from spikebin.recordings.mozaik.segment import Segment
    from spikebin.recordings.protocol import SourceFile

__all__ = ["Opener", "PartOfShards", "Piece", "parts_in", "shards_in"]


class Piece(NamedTuple):
    """Some presentations of a shard: from `first` on, `n` of them; None: all."""

    shard: Path
    first: int
    n: int | None


def shards_in(path: Path, variant: str) -> dict[str, Path]:
    """The shards of a variant by their names: those in ``path/<variant>``, else those in `path`.

    Parameters
    ----------
    path : Path
    variant : str
        "" for those in `path` alone.

    Returns
    -------
    dict of str to Path
        In natural order; empty where there are none.
    """
    for folder in (path / directory_name(variant), path):
        found = [one for one in folder.iterdir() if recognises(one)] if folder.is_dir() else []
        if found:
            return {one.name: one for one in sorted(found, key=lambda one: natural_key(one.name))}
    return {}


def parts_in(shards: Mapping[str, Path]) -> dict[str, list[Piece]]:
    """Where each part lies, as the shards say themselves.

    Parameters
    ----------
    shards : mapping of str to Path
        From `shards_in`.

    Returns
    -------
    dict of str to list of Piece
        By the names of the parts, pieces in time. A shard that does not say what it holds is a part of its own, of
        its own name.
    """
    found: dict[str, list[Piece]] = {}
    for name, shard in shards.items():
        told, first = _told(shard), 0
        for part, n in told:
            found.setdefault(part, []).append(Piece(shard, first, n))
            first += n
        if not told:
            found.setdefault(name, []).append(Piece(shard, 0, None))
    return found


def _told(shard: Path) -> list[tuple[str, int]]:
    """The parts of a shard with the number of their presentations; none where it does not say."""
    try:
        parts = json.loads((shard / "meta.json").read_text("utf-8"))["spikebin"]["parts"]
        return [(str(part), int(n)) for part, n in parts]
    except (OSError, ValueError, KeyError, TypeError):
        return []


class _Opened(NamedTuple):
    """A shard, and what each of its sheets was shown."""

    shard: ExperantoRecording
    shown: dict[str, list[Presentation]]


class Opener:
    """Opens shards, and keeps the last one open: the parts of one follow each other."""

    def __init__(self) -> None:
        self._last: _Opened | None = None

    def open(self, path: Path) -> _Opened:
        """A shard, and the presentations of each of its sheets.

        Parameters
        ----------
        path : Path

        Raises
        ------
        RecordingError
            See `spikebin.recordings.experanto.open`.
        """
        if self._last is None or self._last.shard.path != path:
            self._last = None
            shard = open_shard(path)
            shown: dict[str, list[Presentation]] = {sheet: [] for sheet in shard.sheets}
            for one in shard.presentations:
                shown[one.sheet].append(one)
            self._last = _Opened(shard, shown)
        return self._last


class PartOfShards:
    """One part, as a recording that trials can be cut from; see `spikebin.recordings.mozaik.sheet.Datastore`.

    Parameters
    ----------
    pieces : sequence of Piece
        In time, at least one.
    opener : Opener

    Raises
    ------
    RecordingError
        If a shard cannot be read, has other sheets than the first, or fewer presentations than it says.
    """

    def __init__(self, pieces: Sequence[Piece], opener: Opener) -> None:
        self.path = pieces[0].shard
        opened = [opener.open(piece.shard) for piece in pieces]
        self._shards = [one.shard for one in opened]
        self.sheets = list(self._shards[0].sheets)
        self.presentations: list[Presentation] = []
        by_sheet: dict[str, list[Presentation]] = {sheet: [] for sheet in self.sheets}
        for i, (piece, (shard, by_name)) in enumerate(zip(pieces, opened, strict=True)):
            if list(shard.sheets) != self.sheets:
                raise RecordingError(f"{shard.path.name} has other sheets than {self.path.name}: write it again")
            for sheet, mine in by_sheet.items():
                shown = by_name[sheet]
                stop = len(shown) if piece.n is None else piece.first + piece.n
                if stop > len(shown):
                    raise RecordingError(
                        f"{shard.path.name} has {len(shown)} presentations, and meta.json says {stop} at least: copy"
                        " it again"
                    )
                for one in shown[piece.first : stop]:
                    when = EPOCH + timedelta(seconds=len(mine))
                    mine.append(replace(one, file=f"{i}/{one.file}", when=when))
        for mine in by_sheet.values():
            self.presentations += mine

    @property
    def parameters(self) -> Mapping[str, str]:
        """What the first shard has written down."""
        return self._shards[0].parameters

    def check(self) -> None:
        """Nothing in a shard says that it must be refused."""

    def neurons(self, sheet: str, ids: NDArray[Any]) -> NDArray[Any]:
        """See `spikebin.recordings.experanto.ExperantoRecording.neurons`."""
        return self._shards[0].neurons(sheet, ids)

    def probe(self, file: str) -> tuple[float, float]:
        """When a presentation starts and stops, in ms of the clock of its shard."""
        shard, name = self._place(file)
        return shard.probe(name)

    def read(self, file: str) -> Segment:
        """The spikes of one sheet during one presentation.

        Raises
        ------
        RecordingError
            If the spikes cannot be read, or are not in order.
        """
        shard, name = self._place(file)
        return shard.read(name)

    def sources(self, files: Iterable[str]) -> list[SourceFile]:
        """The files of the shards.

        Raises
        ------
        OSError
            If one of them is gone.
        """
        return [one for shard in self._shards for one in shard.sources(files)]

    def _place(self, file: str) -> tuple[ExperantoRecording, str]:
        i, _, name = file.partition("/")
        return self._shards[int(i)], name
