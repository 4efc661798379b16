"""The notes of what was submitted: ``slurm/ID.json`` and the script beside it, for each array, in the output."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from spikebin.errors import SpikebinError
from spikebin.output.paths import SLURM
from spikebin.slurm.array_spec import parse_array_spec
from spikebin.system.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Submitted", "data_set_id", "note_again", "note_submitted", "slurm_directory", "submitted"]


@dataclass(frozen=True)
class Submitted:
    """An array that `spikebin submit` has submitted: its id, what its indices mean, and who did it when.

    Parameters
    ----------
    job_id, array : str
        Its id and its indices, as sbatch takes them.
    offset : int
        What is added to an index for the job's.
    sheets : tuple of str
        Directory names; none: all.
    user : int
    time : str
        UTC.
    log : str
        Where the logs of its tasks go, with the fields of sbatch's that stand for their ids.
    cluster : str
        Its name.
    wanted : tuple of str
        Directory names of the sheets that were to be exported; none: not known.
    ended : str
        The indices that have ended and were looked at, as sbatch takes them.
    """

    job_id: str
    array: str
    offset: int
    sheets: tuple[str, ...]
    user: int
    time: str
    log: str = ""
    cluster: str = ""
    wanted: tuple[str, ...] = ()
    ended: str = ""

    @property
    def open_indices(self) -> frozenset[int]:
        """The array's indices that have not ended, as far as was looked."""
        return _indices(self.array) - _indices(self.ended)


def slurm_directory(output: Path) -> Path:
    """Where notes and logs of what was submitted are kept."""
    return output / SLURM


def data_set_id(output: Path) -> str:
    """12 hexadecimal digits that tell a data set from others in the queue.

    Parameters
    ----------
    output : Path

    Returns
    -------
    str
        Of its absolute path, links resolved.
    """
    return hashlib.sha256(str(output.resolve()).encode()).hexdigest()[:12]


def note_submitted(output: Path, note: Submitted, script: str) -> None:
    """Keep the id of an array and the script that was submitted.

    Parameters
    ----------
    output : Path
    note : Submitted
    script : str

    Raises
    ------
    SpikebinError
        If they cannot be written.
    """
    write_atomically(slurm_directory(output) / f"{note.job_id}.sbatch", [script.encode()])
    note_again(output, note)


def note_again(output: Path, note: Submitted) -> None:
    """Replace the note of an array.

    Parameters
    ----------
    output : Path
    note : Submitted

    Raises
    ------
    SpikebinError
        If it cannot be written.
    """
    text = json.dumps(asdict(note), indent=2) + "\n"
    write_atomically(slurm_directory(output) / f"{note.job_id}.json", [text.encode()])


def submitted(output: Path) -> dict[str, Submitted]:
    """The arrays that were submitted, by id; notes that cannot be read are left out.

    Parameters
    ----------
    output : Path

    Returns
    -------
    dict of str to Submitted
    """
    notes = {}
    for path in slurm_directory(output).glob("*.json"):
        with suppress(OSError, ValueError, TypeError, KeyError, SpikebinError):
            entry = json.loads(path.read_text("utf-8"))
            lists = {key: tuple(entry.get(key, ())) for key in ("sheets", "wanted")}
            note = Submitted(**{**entry, **lists})
            texts = (note.job_id, note.array, note.time, note.log, note.cluster, note.ended, *note.sheets, *note.wanted)
            if type(note.user) is type(note.offset) is int and all(isinstance(text, str) for text in texts):
                _ = note.open_indices
                notes[path.stem] = note
    return notes


def _indices(spec: str) -> frozenset[int]:
    return frozenset(i for span in parse_array_spec(spec) for i in span) if spec else frozenset()
