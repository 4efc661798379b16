"""What an array task was submitted for, as it finds out itself, whatever its script hands on to spikebin.

`spikebin submit` puts the variable into the script; `spikebin job` and `spikebin run` ask here.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from spikebin.errors import PlanError
from spikebin.names import directory_name

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["VARIABLE", "ArrayTask", "this_task"]

VARIABLE = "SPIKEBIN_TASK"


@dataclass(frozen=True)
class ArrayTask:
    """A task of an array that `spikebin submit` has submitted.

    Parameters
    ----------
    config : str
        Path of the spikebin.toml.
    offset : int
        What is added to the array's index for the job's.
    sheets : tuple of str
        Directory names; none: all.
    array_index : int
        The task's own.
    """

    config: str
    offset: int
    sheets: tuple[str, ...]
    array_index: int = 0

    @property
    def index(self) -> int:
        """The job that the task is for."""
        return self.array_index + self.offset

    @property
    def variable(self) -> str:
        """What the variable says of it, the array's index apart, which Slurm gives."""
        return json.dumps({name: value for name, value in asdict(self).items() if name != "array_index"})

    def check_config(self, config: Path) -> None:
        """Refuse another data set than the one that was submitted.

        Parameters
        ----------
        config : Path
            That the script chose.

        Raises
        ------
        PlanError
            If it is another file.
        """
        submitted = Path(self.config)
        if config != submitted and not (submitted.exists() and config.samefile(submitted)):
            raise PlanError(
                f"this task was submitted for {submitted}, but its script runs spikebin with {config}: take --config"
                " and SPIKEBIN_CONFIG out of the script"
            )

    def choose_index(self, given: int) -> int:
        """The job to run: the offset is added where the script did not.

        Parameters
        ----------
        given : int
            By the script.

        Returns
        -------
        int

        Raises
        ------
        PlanError
            If it is neither the job nor the array's index.
        """
        if given not in {self.index, self.array_index}:
            raise PlanError(
                f"this task was submitted for job {self.index}, but its script asks for {given}: let it run"
                " `spikebin job $SLURM_ARRAY_TASK_ID`"
            )
        return self.index

    def choose_sheets(self, given: Sequence[str]) -> list[str]:
        """The sheets to export: those that the script names, else those that were submitted.

        Parameters
        ----------
        given : sequence of str
            By the script, raw or directory names; none: all.

        Returns
        -------
        list of str
            None: all.

        Raises
        ------
        PlanError
            If the script names others.
        """
        others = [sheet for sheet in given if self.sheets and directory_name(sheet) not in self.sheets]
        if others:
            raise PlanError(
                f"this task was submitted for {', '.join(self.sheets)}, but its script asks for {', '.join(others)}:"
                " take --sheet out of the script"
            )
        return list(given or self.sheets)


def this_task() -> ArrayTask | None:
    """The array task that this process is part of.

    Returns
    -------
    ArrayTask or None
        None: it is not one, or one that was submitted by hand.
    """
    index = os.environ.get("SLURM_ARRAY_TASK_ID", "")
    if VARIABLE not in os.environ or not index.isdecimal():
        return None
    try:
        told = json.loads(os.environ[VARIABLE])
        return ArrayTask(str(told["config"]), int(told["offset"]), tuple(map(str, told["sheets"])), int(index))
    except (ValueError, KeyError, TypeError):
        raise PlanError(f"{VARIABLE} is {os.environ[VARIABLE]!r}: let `spikebin submit` set it, or unset it") from None
