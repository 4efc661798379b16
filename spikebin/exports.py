"""Write a data set in the layouts that other programs read, part by part, atomically, and not twice.

Which file holds what in the old pipeline's layouts is in oldformat.py. npz and mat need scipy.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.atomic import write_atomically
from spikebin.dataset import Dataset
from spikebin.errors import DatasetError
from spikebin.names import directory_name, suggest
from spikebin.oldformat import OutFile, folder_of, old_files
from spikebin.sparse import scipy_sparse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from spikebin.matrixfile import MatrixFile
    from spikebin.oldformat import Layout
    from spikebin.views import View

__all__ = ["KINDS", "Exported", "export"]

KINDS = ("npz", "npy", "mat")
NOTES = ".spikebin"


@dataclass(frozen=True)
class Exported:
    """One sheet of one part: how many files it is, and whether they were there already."""

    sheet: str
    part: str
    files: int
    skipped: bool


def export(
    kind: str,
    sheets: Mapping[str, View],
    out: Path,
    *,
    layout: Layout = "trimmed",
    step: int | None = None,
    index: Mapping[str, NDArray[Any]] | None = None,
) -> Iterator[Exported]:
    """Write a data set for other programs; what is there already is left alone.

    Parameters
    ----------
    kind : {"npz", "npy", "mat"}
        "npz": scipy's sparse matrices, see `spikebin.oldformat.old_files`. "npy":
        ``npy/<sheet>/spikes_<sheet>_<part>.npy``, the dense (trial, neuron, time) array. "mat":
        ``mat/<sheet>/spikes_<sheet>_<part>.mat``, for MATLAB: `spikes` sparse (neuron, trial * n_columns + bin),
        `n_columns`, `neuron_ids`, `image_ids`, `repeats`.
    sheets : mapping of Dataset
        A `SheetSet` as `open_dataset` gives it.
    out : Path
        Files go to ``out/<variant>_dataset``. A note in its ``.spikebin`` says, for each part, from what it was
        written; a part that has changed since, or is asked for with other neurons, is written again.
    layout, step
        Of "npz".
    index : mapping, optional
        Rows to keep of each sheet, see `spikebin.oldformat.read_index`; sheets that are not named are left out.

    Yields
    ------
    Exported
        For each sheet of each part, once it is written.

    Raises
    ------
    DatasetError
        If there is no such kind, or its layout cannot hold the data set.
    SpikebinError
        If scipy is missing, or a file cannot be written.
    """
    folder, make = _maker(kind, layout, step)
    chosen = {directory_name(name): rows for name, rows in (index or {}).items()}
    known = [directory_name(name) for name in sheets]
    for name in chosen:
        if name not in known and len(known) > 1:
            raise DatasetError(f"the index names sheet {name!r}, which is not here: {suggest(name, known)}")
    for dataset in sheets.values():
        if not isinstance(dataset, Dataset):
            raise DatasetError(
                f"{dataset!r} is a view, and files are written from whole parts: write it with `view` first"
            )
        sheet = directory_name(dataset.sheet)
        if index is not None and sheet not in chosen:
            continue
        root = out / f"{dataset.files[0].header['variant']}_dataset"
        for file, part in zip(dataset.files, dataset.parts, strict=True):
            rows = chosen.get(sheet)
            note = root / NOTES / f"{folder.replace('/', '-')}-{sheet}-{part}.json"
            origin = {"content": file.header["content_digest"], "rows": _digest(rows)}
            names = _written(note, origin, root)
            skipped = names is not None
            if names is None:
                names = []
                for made in make(file, rows):
                    write_atomically(root / made.path, _blocks(made.content()))
                    names.append(str(made.path))
                write_atomically(note, [json.dumps({**origin, "files": names}).encode()])
            yield Exported(sheet, part, len(names), skipped)
            file.forget_tables()


def _maker(
    kind: str, layout: Layout, step: int | None
) -> tuple[str, Callable[[MatrixFile, NDArray[Any] | None], Iterator[OutFile]]]:
    """The folder of a kind, and what gives its files."""
    if kind == "npz":
        scipy_sparse()
        return folder_of(layout, step), lambda file, rows: old_files(file, layout, step, rows)
    if step is not None:
        raise DatasetError(f"a step of {step} goes with npz only: for {kind} use a view with rebin")
    if kind == "npy":
        return "npy", _npy_files
    if kind == "mat":
        scipy_sparse()
        return "mat", _mat_files
    raise DatasetError(f"no kind {kind!r} of export: {suggest(kind, KINDS)}")


def _npy_files(file: MatrixFile, rows: NDArray[Any] | None) -> Iterator[OutFile]:
    yield OutFile(_path("npy", file), partial(_npy_blocks, _view(file, rows)))


def _mat_files(file: MatrixFile, rows: NDArray[Any] | None) -> Iterator[OutFile]:
    yield OutFile(_path("mat", file), partial(_mat_content, _view(file, rows)))


def _path(kind: str, file: MatrixFile) -> PurePosixPath:
    sheet = directory_name(file.header["sheet"])
    return PurePosixPath(f"{kind}/{sheet}/spikes_{sheet}_{file.header['part']}.{kind}")


def _view(file: MatrixFile, rows: NDArray[Any] | None) -> View:
    dataset = Dataset([file])
    return dataset if rows is None else dataset.select(index=rows)


def _npy_blocks(view: View) -> Iterator[bytes]:
    """A .npy file as numpy would save the whole, one trial after another."""
    header = io.BytesIO()
    facts = {"descr": np.lib.format.dtype_to_descr(view.dtype), "fortran_order": False, "shape": view.shape}
    np.lib.format.write_array_header_1_0(header, facts)
    yield header.getvalue()
    for trial in view:
        yield trial.data


def _mat_content(view: View) -> dict[str, Any]:
    trials = view.trials
    return {
        "spikes": view.to_sparse().astype(np.float64),
        "n_columns": view.shape[2],
        "neuron_ids": view.neurons["neuron_id"],
        "image_ids": trials["image_id"].astype(object),
        "repeats": trials["repeat"],
    }


def _blocks(content: Any) -> Iterable[bytes | memoryview]:
    """The bytes of a file: an array as .npy, a sparse matrix as .npz, a dict as .mat, blocks as they are."""
    buffer = io.BytesIO()
    if isinstance(content, np.ndarray):
        np.save(buffer, content, allow_pickle=False)
    elif isinstance(content, dict):
        from scipy.io import savemat

        savemat(buffer, content, do_compression=True, oned_as="column")
    elif scipy_sparse().issparse(content):
        scipy_sparse().save_npz(buffer, content)
    else:
        blocks: Iterable[bytes] = content
        return blocks
    return [buffer.getbuffer()]


def _written(note: Path, origin: dict[str, Any], root: Path) -> list[str] | None:
    """Names of a part's files, if all are there and were written from the same."""
    try:
        known = json.loads(note.read_text("utf-8"))
        names: list[str] = known.pop("files")
    except (OSError, ValueError, KeyError, AttributeError):
        return None
    return names if known == origin and all((root / name).is_file() for name in names) else None


def _digest(rows: NDArray[Any] | None) -> str | None:
    return None if rows is None else hashlib.sha256(rows.astype("<i8").tobytes()).hexdigest()
