"""A lock of an output: it ends with its holder."""

from __future__ import annotations

import os

import pytest

from spikebin import SpikebinError
from spikebin.system.lock import _lock, locked


def test_a_lock_ends_with_its_holder_and_is_never_waited_for_without_end(tmp_path):
    with (
        locked(tmp_path),
        pytest.raises(SpikebinError, match="another spikebin is at work in .*try again"),
        locked(tmp_path, patience=0),
    ):
        pass
    with locked(tmp_path, patience=0):
        pass
    pid = os.fork()
    if pid == 0:
        with locked(tmp_path):
            os._exit(0)
    os.waitpid(pid, 0)
    with locked(tmp_path, patience=0):
        pass
    handle = os.open(tmp_path, os.O_PATH)
    assert _lock(handle), "what cannot be locked is gone on with"
    os.close(handle)
