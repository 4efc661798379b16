"""Matrix files into another layout or codec: the same content under another seal. Knows nothing of recordings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from spikebin.binning.trial import TrialEvents
from spikebin.choices import Codec, Layout, checked
from spikebin.errors import DiskFullError, MatrixFileError, SpikebinError
from spikebin.matrixfile.image import MatrixImage
from spikebin.matrixfile.reader import open_file
from spikebin.matrixfile.schema import parameter_table
from spikebin.matrixfile.seal import FORMAT_VERSION
from spikebin.matrixfile.verify import matrix_files, verify_file
from spikebin.matrixfile.writer import seal_image
from spikebin.system.process import at_once

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from spikebin.matrixfile.seal import Seal

__all__ = ["Converted", "convert_file", "convert_files", "convert_targets"]


@dataclass(frozen=True)
class Converted:
    """What became of one file: its bytes before, and the seal of the new one or why there is none."""

    path: Path
    target: Path
    size: int
    header: Seal | None
    error: str = ""


def convert_files(
    targets: Iterable[tuple[Path, Path]],
    *,
    layout: Layout | None = None,
    codec: Codec | None = None,
    threads: int = 1,
    force: bool = False,
) -> Iterator[Converted]:
    """`convert_file` one by one; one that fails does not stop the others, unless the disk is full.

    Parameters
    ----------
    targets : iterable of (Path, Path)
        Each file, and where it goes.
    layout, codec, threads, force
        As for `convert_file`.

    Yields
    ------
    Converted
        For each of them.

    Raises
    ------
    DiskFullError
    """
    for path, target in targets:
        size = path.stat().st_size if path.exists() else 0
        try:
            header = convert_file(path, target, layout=layout, codec=codec, threads=threads, force=force)
        except DiskFullError:
            raise
        except SpikebinError as error:
            yield Converted(path, target, size, None, str(error))
        else:
            yield Converted(path, target, size, header)


def convert_file(
    path: Path,
    target: Path,
    *,
    layout: Layout | None = None,
    codec: Codec | None = None,
    threads: int = 1,
    force: bool = False,
) -> Seal:
    """Write a matrix file again in another layout or codec.

    Parameters
    ----------
    path : Path
        Every byte of it is verified first.
    target : Path
        Where to; may be `path` itself. It is there complete, with the content digest of `path`, or left as it was.
    layout : {"matrix", "events"}, optional
        That of the file by default.
    codec : {"blosc2", "zlib"}, optional
        That of the file by default.
    threads : int
        How many compress at once.
    force : bool
        Replace a target that is there and is not `path` itself.

    Returns
    -------
    Seal
        Of the new file, or of the file that is there where it needs no change.

    Raises
    ------
    MatrixFileError
        If the file is not complete, or what was written is not.
    DiskFullError
    SpikebinError
        If the target cannot be written.
    """
    threads = at_once(threads)
    seal = verify_file(path)
    layout = seal.layout if layout is None else checked(layout, Layout, "convert layout", MatrixFileError)
    codec = seal.codec if codec is None else checked(codec, Codec, "convert codec", MatrixFileError)
    if target.exists() and target.samefile(path):
        if (layout, codec, FORMAT_VERSION) == (seal.layout, seal.codec, seal.format_version):
            return seal
    elif target.exists() and not force:
        raise MatrixFileError(f"{target} is there already: give another --out, or replace it with --force")
    file = open_file(path)
    counting = file.binning.values == "count"
    image = MatrixImage(
        file.shape, file.binning.values, layout, codec, file.stored_table("neurons"), file.stored_table("trials")
    )
    try:
        for i in range(file.shape[0]):
            flat, values = file.flat_events(i)
            events = TrialEvents(flat, values if counting else None)
            image.append(events, image.encode(events))
        data, digest, chunks = image.finish(file.stored_table("source"), threads, parameter_table(file.parameters))
    finally:
        image.close()
    if digest != seal.content_digest:
        raise MatrixFileError(f"{path} was changed while it was converted: nothing is written, start again")
    return seal_image(
        target,
        replace(
            seal, layout=layout, codec=codec, chunks=chunks, reading=seal.reading or {}, format_version=FORMAT_VERSION
        ),
        data,
        check=verify_file,
    )


def convert_targets(paths: Iterable[Path], out: Path | None) -> list[tuple[Path, Path]]:
    """Which files are converted, and where to: the files given and those below the directories given.

    Parameters
    ----------
    paths : iterable of Path
    out : Path or None
        Files go into it by name, those of a directory as they lie in the directory; None: in place.

    Returns
    -------
    list of (Path, Path)
        Each file, and where it goes.

    Raises
    ------
    MatrixFileError
        If a directory holds no matrix file, or two files would go to one place.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        for file in matrix_files([path]):
            target = file if out is None else out / (file.relative_to(path) if file != path else file.name)
            if found.setdefault(target, file) != file:
                raise MatrixFileError(f"{found[target]} and {file} would both go to {target}: convert them apart")
    return [(file, target) for target, file in found.items()]
