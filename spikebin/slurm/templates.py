"""The batch scripts that come with spikebin, to be read, edited and submitted by hand."""

from __future__ import annotations

from pathlib import Path

from spikebin.errors import SpikebinError
from spikebin.names import suggest

__all__ = ["find_template", "templates"]


def templates() -> Path:
    """The directory of the batch scripts that come with spikebin.

    Notes
    -----
    Inside the package where it was installed from a wheel, beside it in a checkout.
    """
    package = Path(__file__).parent.parent
    inside = package / "templates"
    return inside if inside.is_dir() else package.parent / "slurm"


def find_template(name: str) -> Path:
    """A batch script that comes with spikebin.

    Parameters
    ----------
    name : str
        ``export.sbatch``, say.

    Returns
    -------
    Path

    Raises
    ------
    SpikebinError
        If there is none of that name.
    """
    path = templates() / name
    if not path.is_file():
        known = sorted(file.name for file in templates().glob("*")) if templates().is_dir() else []
        raise SpikebinError(f"no template {name!r}: {suggest(name, known)}")
    return path
