"""Commands for matrix files and data sets: verify, inspect, convert, export, compare, view, formats."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikebin.calls import typed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import ArrayLike

    from spikebin.choices import Codec, ExportKind, Layout, OldLayout
    from spikebin.dataset.sheet_set import SheetSet
    from spikebin.dataset.view import View
    from spikebin.exports.compare import Verdict
    from spikebin.exports.export import Exported
    from spikebin.exports.materialise import Written
    from spikebin.matrixfile.convert import Converted
    from spikebin.matrixfile.seal import Seal
    from spikebin.matrixfile.verify import Checked
    from spikebin.recordings import Format

__all__ = [
    "compare",
    "convert",
    "convert_file",
    "export",
    "formats",
    "inspect",
    "verify",
    "verify_file",
    "write_view",
]


@typed
def verify_file(path: Path | str) -> Seal:
    """Check every byte and every count of a matrix file.

    Parameters
    ----------
    path : Path or str

    Returns
    -------
    Seal
        What it says of itself.

    Raises
    ------
    MatrixFileError
        If a byte has changed since the file was sealed, or what it holds is not what its seal says.
    """
    from spikebin.matrixfile.verify import verify_file as verified

    return verified(Path(path))


@typed
def verify(
    paths: Path | str | Iterable[Path | str] | None = None, *, config: Path | str | None = None
) -> list[Checked]:
    """Check every byte and every count of matrix files: ``spikebin verify``.

    Parameters
    ----------
    paths : Path, str or iterable of them, optional
        Files, or directories of files; None: the output of the config.
    config : Path or str, optional

    Returns
    -------
    list of Checked
        For each file; its ``error`` is "" where it is complete.

    Raises
    ------
    MatrixFileError
        If a directory holds none.
    """
    from spikebin.matrixfile.verify import check_files, matrix_files

    if paths is None:
        from spikebin.pipeline.config import load_config

        paths = load_config(None if config is None else Path(config)).output
    return list(check_files(matrix_files(_paths(paths))))


@typed
def inspect(path: Path | str) -> dict[str, Any]:
    """What is in a matrix file: its seal, with rates and repeats worked out: ``spikebin inspect``.

    Parameters
    ----------
    path : Path or str

    Returns
    -------
    dict
        As ``--json`` prints it.

    Raises
    ------
    MatrixFileError
        If the file is damaged.
    """
    from spikebin.matrixfile.reader import open_file
    from spikebin.matrixfile.verify import describe

    return describe(open_file(path))


@typed
def convert_file(
    path: Path | str,
    target: Path | str | None = None,
    *,
    layout: Layout | None = None,
    codec: Codec | None = None,
    threads: int = 1,
) -> Seal:
    """Write a matrix file again in another layout or codec: the same content, verified before and after.

    Parameters
    ----------
    path : Path or str
    target : Path or str, optional
        Where to; None: in place.
    layout : {"matrix", "events"}, optional
    codec : {"blosc2", "zlib"}, optional
        As the file has them by default.
    threads : int
        How many compress at once.

    Returns
    -------
    Seal
        Of the new file.

    Raises
    ------
    MatrixFileError
        If the file is damaged; nothing is written.
    SpikebinError
        If the target cannot be written.
    """
    from spikebin.matrixfile.convert import convert_file as converted

    return converted(Path(path), Path(path if target is None else target), layout=layout, codec=codec, threads=threads)


@typed
def convert(
    paths: Path | str | Iterable[Path | str],
    out: Path | str | None = None,
    *,
    layout: Layout | None = None,
    codec: Codec | None = None,
    threads: int = 1,
) -> list[Converted]:
    """`convert_file` of files and directories of files; one that fails stops no other: ``spikebin convert``.

    Parameters
    ----------
    paths : Path, str or iterable of them
    out : Path or str, optional
        A directory to write to; None: in place.
    layout, codec, threads
        As for `convert_file`.

    Returns
    -------
    list of Converted
        For each file: its new seal, or why there is none.

    Raises
    ------
    MatrixFileError
        If a directory holds no matrix file, or two files would go to one place.
    DiskFullError
    """
    from spikebin.matrixfile.convert import convert_files, convert_targets

    targets = convert_targets(_paths(paths), None if out is None else Path(out))
    return list(convert_files(targets, layout=layout, codec=codec, threads=threads))


@typed
def export(
    kind: ExportKind,
    sheets: SheetSet,
    out: Path | str,
    *,
    layout: OldLayout = "trimmed",
    step: int | None = None,
    index: Mapping[str, ArrayLike] | None = None,
    force: bool = False,
) -> list[Exported]:
    """Write a data set for other programs, see `spikebin.exports.export.export`: ``spikebin export``.

    Parameters
    ----------
    kind : {"npz", "npy", "mat", "zarr"}
    sheets : SheetSet
        As `open_dataset` gives it; "zarr" takes views of it, too.
    out : Path or str
        Files go to ``out/<variant>_dataset``.
    layout : {"raw", "trimmed"}
        Of "npz".
    step : int, optional
        Of "npz", "trimmed": sums over so many bins.
    index : mapping, optional
        Rows to keep of each sheet, see `spikebin.read_index`.
    force : bool
        Replace what was made from something else.

    Returns
    -------
    list of Exported
        For each sheet of each part.

    Raises
    ------
    DatasetError
        If there is no such kind, or its layout cannot hold the data set.
    SpikebinError
        If a package is missing, or a file cannot be written.
    """
    from spikebin.exports.export import export as exported

    return list(exported(kind, sheets, Path(out), layout=layout, step=step, index=index, force=force))


@typed
def compare(sheets: SheetSet, old: Path | str, *, all_sheets: bool = True) -> list[Verdict]:
    """Whether a data set of the old pipeline agrees with this one, file by file: ``spikebin compare``.

    Parameters
    ----------
    sheets : SheetSet
        As `open_dataset` gives it.
    old : Path or str
        The old ``<variant>_dataset``.
    all_sheets : bool
        Whether another sheet of the old data set is one too many.

    Returns
    -------
    list of Verdict
        For each file that either side has.

    Raises
    ------
    DatasetError
        If there is no old data set, or the old layouts cannot hold the new one.
    """
    from spikebin.exports.compare import compare as compared

    return list(compared(sheets, Path(old), all_sheets=all_sheets))


@typed
def write_view(
    sheets: SheetSet,
    out: Path | str,
    chain: Callable[[View], View],
    *,
    layout: Layout | None = None,
    codec: Codec | None = None,
    force: bool = False,
) -> list[Written]:
    """Write a chain of views as a data set of its own: ``spikebin view``.

    Parameters
    ----------
    sheets : SheetSet
        As `open_dataset` gives it.
    out : Path or str
        Of the new data set; not that of the old one.
    chain : callable
        ``lambda sheet: sheet.window(0, 712, across=True, short="cut")``, called with one part at a time.
    layout : {"matrix", "events"}, optional
    codec : {"blosc2", "zlib"}, optional
        As they are, by default.
    force : bool
        Replace what was made from something else.

    Returns
    -------
    list of Written
        For each file; what was there already and says the same is left alone.

    Raises
    ------
    DatasetError
        If `out` is where the data set lies, or as the views say.
    SpikebinError
        If a file cannot be written.
    """
    from spikebin.exports.materialise import materialise

    return list(materialise(sheets, Path(out), chain, layout=layout, codec=codec, force=force))


@typed
def formats() -> dict[str, Format]:
    """The raw formats that can be read, by name, and what each needs: ``spikebin formats``."""
    from spikebin.recordings import FORMATS

    return dict(FORMATS)


def _paths(paths: Path | str | Iterable[Path | str]) -> list[Path]:
    return [Path(path) for path in ([paths] if isinstance(paths, Path | str) else paths)]
