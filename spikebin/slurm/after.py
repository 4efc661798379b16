"""The task after the arrays: it writes the report once they have ended, whatever became of them.

How arrays are submitted is in submit.py.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from spikebin.slurm.logs import make_log_directories
from spikebin.slurm.notes import slurm_directory
from spikebin.slurm.programs import run_slurm
from spikebin.slurm.sbatch import long_options, normal_options, parse_job_id
from spikebin.slurm.scripts import batch_script
from spikebin.slurm.templates import find_template

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spikebin.pipeline.plan import Plan

__all__ = ["ReportTask", "report_task", "send_report"]

OF_ARRAYS = ("array", "comment", "dependency", "error", "job-name", "open-mode", "output")
"""What is said of the arrays and not of the task after them."""


@dataclass
class ReportTask:
    """One sbatch: its command line without the arrays that it waits for, its script; its id once it is submitted."""

    command: list[str]
    script: str
    job_id: str = ""

    def after(self, ids: Sequence[str]) -> list[str]:
        """The command line of the task after some arrays."""
        return [*self.command, f"--dependency=afterany:{':'.join(ids)}"]


def report_task(plan: Plan, options: Sequence[str], out: Path) -> ReportTask:
    """The task that writes the report.

    Parameters
    ----------
    plan : Plan
    options : sequence of str
        Options of sbatch beside those of the config, which they win over.
    out : Path
        The page to write.

    Returns
    -------
    ReportTask

    Raises
    ------
    SpikebinError
        If an option is not sbatch's to take.
    """
    given = normal_options(long_options(plan.config.slurm)) + normal_options(options)
    # A percent sign in a path would begin a pattern of sbatch's.
    logs = str(slurm_directory(plan.output) / "logs").replace("%", "%%")
    command = ["sbatch", "--parsable", f"--output={logs}/report_%j.log"]
    command += [word for word in given if not word.startswith(tuple(f"--{name}=" for name in OF_ARRAYS))]
    variables = {"SPIKEBIN_CONFIG": str(plan.config.path), "SPIKEBIN_REPORT": str(out.absolute())}
    program = Path(sys.executable).parent
    script = batch_script(
        find_template("report.sbatch").read_text("utf-8"),
        variables,
        program if (program / "spikebin").exists() else None,
        array=False,
    )
    return ReportTask(command, script)


def send_report(task: ReportTask, ids: Sequence[str], *, patience: float) -> None:
    """Submit the task after some arrays.

    Parameters
    ----------
    task : ReportTask
        Gets its `job_id`.
    ids : sequence of str
        Of the arrays.
    patience : float
        Seconds that sbatch may take.

    Raises
    ------
    SpikebinError
        If Slurm does not take it, or the directory of its log cannot be made.
    """
    make_log_directories(task.command)
    task.job_id = parse_job_id(run_slurm(task.after(ids), patience=patience, text=task.script))
