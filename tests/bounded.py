"""Reads recordings in children with little memory: each is read, or refused in one line, in bounded time.

As a program it reads the recordings that it is given as arguments, and prints what became of each as JSON.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass
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


def outcomes(paths, **reading):
    """What becomes of recordings, by name."""
    result = subprocess.run(
        [sys.executable, __file__, json.dumps(reading), *map(str, paths)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True, text=True, timeout=SECONDS * 10, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert not result.stderr, result.stderr
    return {name: Outcome(*found) for name, found in json.loads(result.stdout).items()}


def main(reading, *paths):
    warnings.simplefilter("error")
    # Once before the children, so that none of them imports or compiles.
    import tables  # noqa: F401

    from spikebin.recordings import nwb, sonata  # noqa: F401

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import h5py  # noqa: F401
    found = {}
    for path in map(Path, paths):
        start = time.monotonic()
        with tempfile.TemporaryFile() as answer:
            child = os.fork()
            if not child:
                resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
                resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
                code, text = read(path, json.loads(reading))
                os.pwrite(answer.fileno(), text.encode(), 0)
                os._exit(code)
            _, status, used = os.wait4(child, 0)
            text = os.pread(answer.fileno(), 1 << 20, 0).decode()
        code = os.waitstatus_to_exitcode(status)
        found[path.name] = [code, text, time.monotonic() - start, used.ru_maxrss / 1024]
    sys.stdout.write(json.dumps(found))


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
    main(*sys.argv[1:])
