"""Runs Slurm's programs: squeue, sbatch, scontrol, and says in one line what went wrong with them.

Their settings come from what spikebin gives them and from the site, never from the user's environment.
"""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

from spikebin.errors import SpikebinError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["environment", "own_defaults", "run_slurm"]

SETTING = re.compile(r"_?(SLURM|SBATCH|SQUEUE|SCONTROL|SALLOC|SRUN|SPANK)[A-Z]*_")
KEPT = {"SLURM_CONF", "SLURM_JWT"}
"""Where the cluster is, and who asks; all others change what is submitted or seen."""


def environment(variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment for Slurm's programs: without the variables that are options of theirs.

    Parameters
    ----------
    variables : mapping of str to str
        Default: this process's.

    Returns
    -------
    dict of str to str

    Notes
    -----
    sbatch(1), "Input environment variables", and squeue(1), "Environment variables": SQUEUE_STATES hides tasks that
    wait, SBATCH_WAIT keeps sbatch from returning, SBATCH_PARTITION beats what a script says. Inside a job, SLURM_* say
    what that job was given, which is not for the one that is submitted.
    """
    return {name: value for name, value in variables.items() if name in KEPT or not SETTING.match(name)}


def own_defaults(variables: Mapping[str, str] = os.environ) -> list[str]:
    """The user's defaults for sbatch, which it is not given.

    Parameters
    ----------
    variables : mapping of str to str
        Default: this process's.

    Returns
    -------
    list of str
        Names, sorted.
    """
    return sorted(name for name in variables if name.startswith("SBATCH_") or name == "SLURM_CLUSTERS")


def run_slurm(command: Sequence[str], *, patience: float, text: str | None = None) -> str:
    """Run one of Slurm's programs.

    Parameters
    ----------
    command : sequence of str
    patience : float
        Seconds to wait.
    text : str, optional
        For its standard input.

    Returns
    -------
    str
        Its standard output.

    Raises
    ------
    SpikebinError
        If it is not there, does not end in time, or fails: with its own words, in one line.
    """
    try:
        done = subprocess.run(
            command,
            input=text,
            capture_output=True,
            text=True,
            encoding="utf-8",
            # A job's name or comment may be in any encoding.
            errors="replace",
            timeout=patience,
            check=False,
            env=environment(),
        )
    except FileNotFoundError:
        raise SpikebinError(f"there is no {command[0]} here: run this where Slurm is, or use `spikebin run`") from None
    except OSError as error:
        raise SpikebinError(f"{command[0]} cannot be started ({error.strerror}): ask your site") from None
    except subprocess.TimeoutExpired:
        raise SpikebinError(f"{command[0]} gave no answer in {patience:g} s: try again when Slurm is well") from None
    if done.returncode:
        said = _said(done.stderr) or f"exit code {done.returncode}"
        hint = " (`scontrol ping` tells when it is back)" if "slurm controller" in said else ""
        raise SpikebinError(f"{command[0]} failed: {said}{hint}")
    return done.stdout


def _said(stderr: str) -> str:
    """What went wrong, in Slurm's own words: the last line that is an error, else the first."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if re.search(r"(error|fatal):", line)]
    line = errors[-1] if errors else next(iter(lines), "")
    return re.sub(r"^\w+: ((error|fatal): )?", "", line).rstrip(".")
