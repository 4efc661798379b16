"""What lies where in an output directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spikebin.names import directory_name

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["matrix_path"]


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
    name = directory_name(sheet)
    return output / variant / "spikes" / name / f"spikes_{name}_{part}.h5"
