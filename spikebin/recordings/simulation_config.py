"""The configuration of a SONATA simulation, beside what it wrote: how long the simulation lasted.

It lies beside the spikes, where bmtk copies it to, or one directory above. It counts only where it says that it wrote
this very file.
https://github.com/AllenInstitute/sonata/blob/master/docs/SONATA_DEVELOPER_GUIDE.md
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["StatedEnd", "stated_end"]

# As the guide calls it, and as bmtk does.
NAMES = ("simulation_config.json", "config.simulation.json", "config.json")
SPIKES = "spikes.h5"
LARGEST = 1 << 22
VARIABLE = re.compile(r"\$\{?(\w+)\}?")
MOST_VARIABLES = 16


@dataclass(frozen=True)
class StatedEnd:
    """When a simulation ended, by its configuration.

    Parameters
    ----------
    path : Path
        Of the configuration.
    ms : float or None
        From 0 on; None: it cannot be used.
    why : str
        Why not.
    """

    path: Path
    ms: float | None
    why: str = ""

    def notes(self, given: float | None) -> list[str]:
        """What people should know of it.

        Parameters
        ----------
        given : float or None
            The ms that the user says.

        Returns
        -------
        list of str
        """
        if self.ms is None:
            return [] if given is not None else [f"{self.path.name} does not tell how long it lasted: {self.why}"]
        if given in {None, self.ms}:
            return []
        return [f"took the duration that is given, {given:g} ms, and not the {self.ms:g} ms of {self.path.name}"]


def stated_end(spikes: Path) -> StatedEnd | None:
    """When the simulation ended that wrote a file of spikes.

    Parameters
    ----------
    spikes : Path

    Returns
    -------
    StatedEnd or None
        None where no configuration says that it wrote this file.
    """
    here = spikes.absolute().parent
    for path in (directory / name for directory in (here, here.parent) for name in NAMES):
        try:
            if not path.is_file():
                continue
            if path.stat().st_size > LARGEST:
                return StatedEnd(path, None, "it is too large")
            config = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            return StatedEnd(path, None, f"it cannot be read ({' '.join(str(error).split())[:80]})")
        run = config.get("run") if isinstance(config, dict) else None
        # Another file of the same name holds other settings: a list of populations, the circuit.
        if isinstance(run, dict) and "tstop" in run and _wrote(config, path.parent, spikes):
            return _end(path, run)
    return None


def _end(path: Path, run: dict[str, Any]) -> StatedEnd:
    start, stop = run.get("tstart", 0.0), run["tstop"]
    if not (_is_time(start) and _is_time(stop) and start >= 0 and stop > start):
        return StatedEnd(path, None, f"its tstop is {str(stop)[:40]!r}, its tstart {str(start)[:40]!r}")
    if start:
        return StatedEnd(path, None, f"it begins at {start:g} ms, not at 0")
    return StatedEnd(path, float(stop))


def _wrote(config: dict[str, Any], directory: Path, spikes: Path) -> bool:
    """Whether a configuration in a directory says that its spikes go to a file of this name and directory."""
    output, manifest = config.get("output", {}), config.get("manifest", {})
    if not isinstance(output, dict) or not isinstance(manifest, dict):
        return False
    known = {str(name).strip("${}"): value for name, value in manifest.items() if isinstance(value, str)}
    name, folder = (_resolved(output.get(key, default), known) for key, default in _DEFAULTS)
    mine = spikes.absolute()
    if _last(name) != mine.name:
        return False
    # A run may have been moved with all that it wrote: of a path, the last directory counts.
    below = _last(folder)
    return mine.parent == directory if below in {"", "."} else below == mine.parent.name


_DEFAULTS = (("spikes_file", SPIKES), ("output_dir", "."))


def _resolved(text: object, manifest: dict[str, str]) -> str:
    """A path with the variables of the manifest put in."""
    path = text if isinstance(text, str) else ""
    for _ in range(MOST_VARIABLES):
        found = VARIABLE.search(path)
        if found is None or found[1] not in manifest or len(path) > LARGEST:
            break
        path = path.replace(found[0], manifest[found[1]], 1)
    return path


def _last(path: str) -> str:
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2]


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
