"""What lies where in an output directory, and what of it is there. Every name in it is made here.

Reads directories, opens no file.
"""

from __future__ import annotations

import os
from pathlib import Path

from spikebin.names import directory_name, in_natural_order

__all__ = [
    "EXCLUDED",
    "FAILURES",
    "JOBS",
    "OWN_NAMES",
    "PLAN",
    "SLURM",
    "STATS",
    "image_ids_path",
    "matrix_name",
    "matrix_path",
    "neuron_ids_path",
    "part_files",
    "part_names",
    "sheets_there",
    "spikes_directory",
    "variants_there",
]

JOBS, PLAN, EXCLUDED, FAILURES, SLURM, STATS = "jobs.csv", "plan.json", "excluded.csv", "failures", "slurm", "stats"
OWN_NAMES = frozenset({JOBS, PLAN, EXCLUDED, FAILURES, SLURM, STATS})
"""What no variant can be called."""


def matrix_name(sheet: str, part: str) -> str:
    """Name of the matrix file of a sheet, given by its raw or its directory name, of a part."""
    return f"spikes_{directory_name(sheet)}_{part}.h5"


def spikes_directory(output: Path, variant: str, sheet: str) -> Path:
    """Where the matrix files of a sheet lie, given by its raw or its directory name."""
    return output / variant / "spikes" / directory_name(sheet)


def matrix_path(output: Path, variant: str, part: str, sheet: str) -> Path:
    """Where the matrix file of a sheet of a part lies.

    Parameters
    ----------
    output : Path
    variant, part : str
    sheet : str
        Its raw or its directory name.

    Returns
    -------
    Path
    """
    return spikes_directory(output, variant, sheet) / matrix_name(sheet, part)


def image_ids_path(output: Path, variant: str, part: str, sheet: str) -> Path:
    """Where the .npy file of the image ids of a sheet of a part lies; parameters as for `matrix_path`."""
    return output / variant / "image_ids" / f"image_ids_{directory_name(sheet)}_{part}.npy"


def neuron_ids_path(output: Path, variant: str, part: str, sheet: str) -> Path:
    """Where the .npy file of the neuron ids of a sheet of a part lies; parameters as for `matrix_path`."""
    return output / variant / "neuron_ids" / f"neuron_ids_{directory_name(sheet)}_{part}.npy"


def variants_there(output: Path) -> list[str]:
    """Variants that have matrix files, sorted; empty where there is no such directory."""
    return [name for name in _listed(output) if (output / name / "spikes").is_dir()]


def sheets_there(output: Path, variant: str) -> list[str]:
    """Directory names of the sheets of a variant that have matrix files, sorted."""
    spikes = output / variant / "spikes"
    return [name for name in _listed(spikes) if _has_files(spikes / name)]


def part_files(output: Path, variant: str, sheet: str) -> dict[str, Path]:
    """The matrix files of a sheet by part; none is opened.

    Parameters
    ----------
    output : Path
    variant : str
    sheet : str
        Its raw or its directory name.

    Returns
    -------
    dict of str to Path
        In natural order of the parts; empty where there is no such directory.
    """
    names = part_names(output, variant, sheet)
    return {part: Path(names[part]) for part in in_natural_order(names)}


def part_names(output: Path, variant: str, sheet: str) -> dict[str, str]:
    """As `part_files`, in no order, and files by name: of 10^5 of them, to make paths takes as long as to open them.

    Parameters
    ----------
    output : Path
    variant, sheet : str

    Returns
    -------
    dict of str to str
    """
    directory = spikes_directory(output, variant, sheet)
    first, last = matrix_name(sheet, "\0").split("\0")
    names = [name for name in _names(directory) if name.startswith(first) and name.endswith(last)]
    return {name.removeprefix(first).removesuffix(last): f"{directory}/{name}" for name in names}


def _has_files(directory: Path) -> bool:
    try:
        with os.scandir(directory) as entries:
            return any(entry.name.endswith(".h5") for entry in entries)
    except OSError:
        return False


def _listed(directory: Path) -> list[str]:
    return sorted(_names(directory))


def _names(directory: Path) -> list[str]:
    try:
        return os.listdir(directory)  # noqa: PTH208
    except OSError:
        return []
