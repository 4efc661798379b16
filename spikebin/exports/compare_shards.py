"""Hold shards of Experanto against a data set, which says how they are binned, or against other shards.

experanto/parts.py finds the shards that hold a part. Two data sets are compared in compare_contents.py.
"""

from __future__ import annotations

import filecmp
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from spikebin.binning.rules import edge_tolerance
from spikebin.errors import DatasetError, SpikebinError
from spikebin.exports.compare import Verdict
from spikebin.exports.compare_contents import held
from spikebin.exports.experanto.parts import Opener, PartOfShards, parts_in, shards_in
from spikebin.matrixfile.write_sheet import Settings, write_sheet
from spikebin.names import directory_name, find_sheet, in_natural_order
from spikebin.recordings.mozaik.sheet import MozaikSheet
from spikebin.recordings.settings import TrialRule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spikebin.dataset.sheet_set import SheetSet
    from spikebin.exports.experanto.parts import Piece
    from spikebin.matrixfile.reader import MatrixFile
    from spikebin.recordings.mozaik.presentations import Presentation

__all__ = ["compare_shards", "compare_two_shards", "variants_of_shards"]

SEQUENCE = ("responses/meta.yml", "responses/data.npy", "screen/timestamps.npy", "screen/combined_meta.json")
"""Files of a shard of counts that say what was counted, and when what was shown."""


def compare_shards(sheets: SheetSet, path: Path) -> Iterator[Verdict]:
    """Hold a data set against shards: each part is binned as the data set was, and must give the same content.

    Parameters
    ----------
    sheets : SheetSet
        As `open_dataset` gives it.
    path : Path
        With shards that hold the parts of the data set: those that spikebin wrote say which, another one is called
        like its part.

    Yields
    ------
    Verdict
        One for each sheet of each part.

    Raises
    ------
    MatrixFileError
        If a file of the data set is damaged.
    """
    opener = Opener()
    places: dict[str, dict[str, list[Piece]]] = {}
    for name, parts in sheets.parts().items():
        for part in parts:
            seal = part.file.header
            if seal.variant not in places:
                places[seal.variant] = parts_in(shards_in(path, seal.variant))
            label = f"{seal.variant}/{directory_name(name)}/{part.name}"
            pieces = places[seal.variant].get(part.name)
            if pieces is None:
                yield Verdict(label, agrees=False, remarks=("no shard holds this part",))
                continue
            with tempfile.TemporaryDirectory() as work:
                made = Path(work) / part.file.path.name
                try:
                    _bin_part(PartOfShards(pieces, opener), part.file, made)
                except SpikebinError as error:
                    yield Verdict(label, agrees=False, remarks=(str(error),))
                else:
                    yield held(label, part.file.path, made, "the data set", "the shard")
            part.file.forget_tables()


def compare_two_shards(
    new: Path, old: Path, *, variant: str | None = None, sheet: str | None = None
) -> Iterator[Verdict]:
    """Hold shards against shards: every presentation, and every spike in it.

    Parameters
    ----------
    new, old : Path
        Directories of shards, or with one for each variant. Their shards may be cut otherwise, by part and by trial,
        where all of them say which parts they hold.
    variant, sheet : str, optional
        Only these.

    Yields
    ------
    Verdict
        One for each part, by its name, that either has; shards of counts in bins are compared shard by shard.

    Raises
    ------
    DatasetError
        If neither has such a variant.
    """
    names = list(dict.fromkeys([*variants_of_shards(new), *variants_of_shards(old)]))
    # One of them may be the directory of one variant itself.
    names = [name for name in names if name] or names
    chosen = names if variant is None else [name for name in names if name in ("", directory_name(variant))]
    if not chosen:
        raise DatasetError(f"neither {new} nor {old} has shards{f' of {variant}' if variant else ''}: check the paths")
    for name in chosen:
        mine, theirs = shards_in(new, name), shards_in(old, name)
        if any((one / SEQUENCE[1]).exists() for one in [*mine.values(), *theirs.values()]):
            yield from _compare_sequences(name, mine, theirs)
            continue
        a, b = parts_in(mine), parts_in(theirs)
        openers = Opener(), Opener()
        for part in in_natural_order({*a, *b}):
            label = f"{name}/{part}" if name else part
            if part not in a or part not in b:
                yield _one_sided(label, new=part in a)
                continue
            try:
                found = [PartOfShards(one[part], opener) for one, opener in zip((a, b), openers, strict=True)]
                remark = _difference(found[0], found[1], sheet)
            except SpikebinError as error:
                remark = str(error)
            yield Verdict(label, agrees=not remark, remarks=(remark,) if remark else ())


def variants_of_shards(path: Path) -> list[str]:
    """Directories with shards in a directory, by name; "" where it has shards itself; none where there are no shards.

    Parameters
    ----------
    path : Path
    """
    if not path.is_dir():
        return []
    if shards_in(path, ""):
        return [""]
    return sorted(one.name for one in path.iterdir() if one.is_dir() and shards_in(one, ""))


def _bin_part(recording: PartOfShards, like: MatrixFile, target: Path) -> None:
    """Bin a sheet of a part as a matrix file says that it was."""
    seal, repeats = like.header, np.unique(like.trials["repeat"])
    sheet = find_sheet(seal.sheet, recording.sheets)
    if sheet is None:
        raise DatasetError(f"{recording.path.name} has no sheet {seal.sheet}, it has {', '.join(recording.sheets)}")
    # The repeat may be known from the name of the recording alone.
    repeat = int(repeats[0]) if repeats.size == 1 else None
    read = MozaikSheet(recording, sheet, TrialRule(**seal.trial), repeat)
    write_sheet(read, seal.identity, Settings(seal.binning, trial=seal.trial), target)


def _one_sided(label: str, *, new: bool) -> Verdict:
    return Verdict(label, agrees=False, remarks=(f"only the {'new' if new else 'old'} shards hold it",))


def _compare_sequences(name: str, mine: dict[str, Path], theirs: dict[str, Path]) -> Iterator[Verdict]:
    """Counts of other bins cannot be made of counts: the files must hold the same bytes."""
    for shard in in_natural_order({*mine, *theirs}):
        label = f"{name}/{shard}" if name else shard
        if shard not in mine or shard not in theirs:
            yield _one_sided(label, new=shard in mine)
            continue
        _, odd, lacking = filecmp.cmpfiles(mine[shard], theirs[shard], SEQUENCE, shallow=False)
        remarks = [f"{file} differs" for file in odd] + [f"{file} is not in both" for file in lacking]
        yield Verdict(label, agrees=not remarks, remarks=tuple(remarks))


def _difference(new: PartOfShards, old: PartOfShards, sheet: str | None) -> str:
    """What differs first between a part in new and in old shards; "" if nothing does."""
    if sheet is None and new.sheets != old.sheets:
        return f"sheets {', '.join(new.sheets)} in the new shards, {', '.join(old.sheets)} in the old ones"
    chosen = list(new.sheets)
    if sheet is not None:
        both = find_sheet(sheet, new.sheets), find_sheet(sheet, old.sheets)
        if both[0] is None or both[0] != both[1]:
            return f"no sheet {sheet} in {'the new' if both[0] is None else 'the old'} shards"
        chosen = [both[0]]
    for one in chosen:
        mine, theirs = ([shown for shown in side.presentations if shown.sheet == one] for side in (new, old))
        if len(mine) != len(theirs):
            return f"{len(mine)} presentations in the new shards, {len(theirs)} in the old ones"
        for i, shown in enumerate(zip(mine, theirs, strict=True)):
            remark = _difference_of(new, old, shown)
            if remark:
                return f"{one}, presentation {i}: {remark}"
    return ""


def _difference_of(new: PartOfShards, old: PartOfShards, shown: Sequence[Presentation]) -> str:
    """What differs between a presentation in new and in old shards."""
    a, b = shown
    remark = _difference_of_stimuli(a, b)
    if remark:
        return remark
    mine, theirs = new.read(a.file), old.read(b.file)
    lasting = mine.stop - mine.start, theirs.stop - theirs.start
    if abs(lasting[0] - lasting[1]) > 1e-6:
        return f"{lasting[0]:g} ms in the new shards, {lasting[1]:g} ms in the old ones"
    if not np.array_equal(mine.ids, theirs.ids):
        return f"other neurons: {np.setxor1d(mine.ids, theirs.ids).size} ids are in one only"
    odd = np.flatnonzero(mine.counts != theirs.counts)
    if odd.size:
        at = odd[0]
        return (
            f"neuron {mine.ids[at]} has {mine.counts[at]} spikes in the new shards, {theirs.counts[at]} in the old ones"
        )
    # The clock of a trial runs longer than that of a part: times are rounded otherwise.
    margin = edge_tolerance(lasting[0] or 1.0, max(abs(mine.stop), abs(theirs.stop)))
    moved = np.flatnonzero(np.abs((mine.times - mine.start) - (theirs.times - theirs.start)) > margin)
    if moved.size:
        neuron = np.repeat(mine.ids, mine.counts)[moved[0]]
        times = [one.times[moved[0]] - one.start for one in (mine, theirs)]
        return (
            f"{moved.size} spikes lie elsewhere, the first of neuron {neuron} at {times[0]:.6f} ms in the new shards,"
            f" {times[1]:.6f} ms in the old ones"
        )
    return ""


def _difference_of_stimuli(new: Presentation, old: Presentation) -> str:
    """What differs first in what was shown: its kind, or a parameter."""
    kinds = [f"blank before {one.kind}" if one.null else one.kind for one in (new, old)]
    if kinds[0] != kinds[1]:
        return f"{kinds[0]} in the new shards, {kinds[1]} in the old ones"
    mine, theirs = new.stimulus.parameters, old.stimulus.parameters
    odd = next((name for name in {**mine, **theirs} if mine.get(name) != theirs.get(name)), None)
    if odd is None:
        return ""
    return f"{odd} is {mine.get(odd)!r} in the new shards, {theirs.get(odd)!r} in the old ones"
