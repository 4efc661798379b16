"""Whether matrix files that lie side by side, and so make one data set, are cut and binned alike.

Reads seals only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spikebin.errors import MatrixFileError
from spikebin.matrixfile.seal import read_seal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from spikebin.binning.rules import Binning

__all__ = ["refuse_unlike"]

TIME = ("window(", "rebin(")
"""Views that change the time axis; which neurons and trials are taken may differ from sheet to sheet."""


def refuse_unlike(files: Iterable[Path], binning: Binning, views: Sequence[str] = ()) -> None:
    """Refuse to put a file beside others that were made otherwise.

    Parameters
    ----------
    files : iterable of Path
        Those that are there; what is not a complete matrix file is passed over.
    binning : Binning
        Of the new one.
    views : sequence of str
        The chain of views that makes the new one.

    Raises
    ------
    MatrixFileError
        If one of them has other bins, or was cut by other windows.
    """
    mine = [view for view in views if view.startswith(TIME)]
    for path in files:
        try:
            seal = read_seal(path)
        except MatrixFileError:
            continue
        theirs = [view for view in seal.views if view.startswith(TIME)]
        if (seal.binning, theirs) != (binning, mine):
            made = " | ".join([_bins(seal.binning), *theirs])
            now = " | ".join([_bins(binning), *mine])
            raise MatrixFileError(
                f"{path.parent} holds files of another kind: {path.name} is made of {made}, this would be of {now};"
                " give another directory, or replace what is there with --force"
            )


def _bins(binning: Binning) -> str:
    end = " with end bin" if binning.end_bin else ""
    return f"{binning.width:g} ms bins closed {binning.closed}{end} ({binning.values})"
