"""Processes forked from a server that has imported all: as in forked.py, but several at once, and none waits.

A worker of `spikebin run` is a new process; where its start is not what is tested, it is one of these.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from multiprocessing import forkserver
from pathlib import Path
from unittest import mock

FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(
    ["spikebin.cli.work", "spikebin.pipeline.run", "spikebin.pipeline.job", "spikebin.recordings.mozaik.datastore"]
)


def forked_workers():
    """While this lasts, workers of `run` in this process are forked from the server."""
    # Started with the first worker, it and all that it forks would hold signals back, as `run` does then.
    forkserver.ensure_running()
    return mock.patch.object(multiprocessing, "get_context", return_value=FORKED)


def _type(words, cwd, err):
    os.chdir(cwd)
    os.dup2(os.open(err, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
    sys.argv = ["spikebin", *map(str, words)]
    from spikebin.cli import main

    main()


def typed(*words, cwd, err=os.devnull):
    """Start a command in a directory; its process."""
    process = FORKED.Process(target=_type, args=(words, Path(cwd), err))
    process.start()
    return process
