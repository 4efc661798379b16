"""Reads recordings in children with little memory: each is read, or refused in one line, in bounded time.

As a program it is a server, small and with all imports done, whose children read the recordings of each line of its
input; it answers with what became of each, as JSON.
"""

from __future__ import annotations

import atexit
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path

MEMORY = 3 << 30
SECONDS = 30


@dataclass(frozen=True)
class Outcome:
    """What became of one recording: what was read of its sheets, or the error."""

    code: int
    text: str
    seconds: float
    megabytes: float

    def assert_refused(self, *words):
        """One line of an error of ours that holds some words, at no great expense."""
        assert self.code == 1, self
        assert "\n" not in self.text
        for word in words:
            assert word in self.text, self
        assert self.megabytes < 700, self


@cache
def server():
    """One for all tests of this process."""
    started = subprocess.Popen(
        [sys.executable, __file__],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    atexit.register(started.communicate)
    return started


def outcomes(paths, **reading):
    """What becomes of recordings, by name."""
    asked = {"paths": [*map(str, paths)], "reading": reading, "environment": {**os.environ}}
    server().stdin.write(json.dumps(asked) + "\n")
    server().stdin.flush()
    answer = server().stdout.readline()
    # What anything prints, warnings too, comes before the answer, which is then no JSON.
    assert answer.startswith("{"), answer + server().communicate()[0]
    return {name: Outcome(*found) for name, found in json.loads(answer).items()}


def main():
    warnings.simplefilter("error")
    # Once before the children, so that none of them imports or compiles.
    import tables  # noqa: F401

    from spikebin.recordings import nwb, sonata  # noqa: F401

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import h5py  # noqa: F401
    for line in sys.stdin:
        asked = json.loads(line)
        found = {path.name: outcome(path, asked) for path in map(Path, asked["paths"])}
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()


def outcome(path, asked):
    """What became of one recording, in the order of `Outcome`."""
    start = time.monotonic()
    with tempfile.TemporaryFile() as answer:
        child = os.fork()
        if not child:
            os.environ.update(asked["environment"])
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
            code, text = read(path, asked["reading"])
            os.pwrite(answer.fileno(), text.encode(), 0)
            os._exit(code)
        _, status, used = os.wait4(child, 0)
        text = os.pread(answer.fileno(), 1 << 20, 0).decode()
    return os.waitstatus_to_exitcode(status), text, time.monotonic() - start, used.ru_maxrss / 1024


def read(path, settings):
    from spikebin.errors import SpikebinError
    from spikebin.recordings import open_recording
    from spikebin.recordings.settings import Reading, TrialRule

    try:
        rule = TrialRule(**settings.pop("rule", {}))
        recording = open_recording(path, None, Reading(**settings))
        sizes = {}
        for name in recording.sheets:
            sheet = recording.sheet(name, rule)
            sizes[name] = [len(sheet.neurons), *(int(sheet.spikes(i)[0].times.size) for i in range(len(sheet.trials)))]
    except SpikebinError as error:
        return 1, str(error)
    except BaseException as error:  # noqa: BLE001
        return 70, repr(error)
    return 0, json.dumps(sizes)


if __name__ == "__main__":
    main()
