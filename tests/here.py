"""The command line in this process: as `conftest.spikebin`, without the second that a new process takes to start."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import subprocess
import sys
from unittest import mock

import typer.main

from spikebin import cli

# All options of all commands are the same each time; to look at them takes longer than many a command.
typer.main.get_command = functools.cache(typer.main.get_command)


def spikebin_here(*arguments, cwd=".", env=None):
    """Run a command in a directory; what it printed, and its exit code."""
    out, err = io.StringIO(), io.StringIO()
    command = ["spikebin", *map(str, arguments)]
    with (
        contextlib.chdir(cwd),
        mock.patch.object(sys, "argv", command),
        # Where tests were started with `python -m pytest`, Click would take that for the name of the program.
        mock.patch.object(sys.modules["__main__"], "__package__", None, create=True),
        mock.patch.dict(os.environ, {"COLUMNS": "200", **(env or {})}),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            cli.main()
            code = 0
        except SystemExit as ended:
            code = ended.code or 0
    return subprocess.CompletedProcess(command, code, out.getvalue(), err.getvalue())


def export_here(directory):
    """What `spikebin run` would do, job after job."""
    n_jobs = len((directory / "dataset" / "jobs.csv").read_text().splitlines()) - 1
    for index in range(n_jobs):
        result = spikebin_here("job", index, cwd=directory)
        assert result.returncode == 0, result.stderr
