"""Random kills, cut files, full disks and crowds, for as long as one likes: ``python -m tests.soak --minutes 10``.

After each of them what an undisturbed run made is held against what is there: no file is complete by its seal and not
the right one, and what is missing or broken is found and made again. Stops at the first violation, with the seed that
leads to it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from spikebin.errors import MatrixFileError
from spikebin.matrixfile.verify import verify_file
from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import SheetModel

SHEETS = (SheetModel("X_ON", 40), SheetModel("V1_Exc_L2/3", 60))
CONFIG = """output = "dataset"
[[recordings]]
variant = "train"
root = "data"
parts = "NewDataset_Images_from_{part}_to_*"
"""
PARTS = (0, 100, 200)
NO_SPACE, FAULT = 3, 70
# What Slurm says of a submit: nothing is queued, and what was taken lies in a directory by its id.
STAND_INS = {
    "sbatch": 'id=$(($(ls {sent} | wc -l) + 1)); cat >{sent}/$id; echo $id',
    "squeue": "exit 0",
    "scontrol": 'test "$2" = config || {{ echo "error: Invalid job id specified" >&2; exit 1; }}\n'
    'echo "ClusterName = soak"; echo "MaxArraySize = 1001"',
}  # fmt: skip


class Violation(Exception):  # noqa: N818 - what the soak is looking for
    """A promise that was not kept."""


def spikebin(directory, *arguments, environment=(), **options):
    return subprocess.Popen(
        [sys.executable, "-m", "spikebin", *map(str, arguments)],
        cwd=directory,
        env={**os.environ, "COLUMNS": "120", **dict(environment)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    )


def finished(process, timeout=600):
    """What a command printed; a command may fail, but never by a fault of its own, and never without end."""
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise Violation(f"{process.args[3:]} did not end within {timeout} s") from None
    # Until spikebin is imported, Ctrl-C is Python's own.
    interrupted = process.returncode in {130, -signal.SIGINT} and err.rstrip().endswith("KeyboardInterrupt")
    if process.returncode == FAULT or ("Traceback" in err and not interrupted):
        raise Violation(f"{process.args[3:]} ended with {process.returncode}: {err}")
    return process.returncode, out, err


def run(directory, *arguments, code=0, **options):
    returncode, out, err = finished(spikebin(directory, *arguments, **options))
    if code is not None and returncode != code:
        raise Violation(f"{arguments} ended with {returncode}, not {code}: {err}")
    return out


def no_room(directory):
    """Builds no_room.c; None where there is no C compiler."""
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        return None
    library, source = directory / "no_room.so", Path(__file__).with_name("no_room.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    return library


def slurm(directory):
    """Programs in Slurm's place, which no full disk and no kill of who calls them reaches; where their scripts go."""
    programs, sent = directory / "programs", directory / "sent"
    for made in (programs, sent):
        made.mkdir()
    for name, text in STAND_INS.items():
        program = programs / name
        again = 'if test -n "$LD_PRELOAD"; then unset LD_PRELOAD; exec "$0" "$@"; fi'
        program.write_text(f"#!/bin/sh\n{again}\n{text.format(sent=sent)}\n")
        program.chmod(0o755)
    return programs, sent


def untimed(page):
    """A report without the moment at which it was written."""
    return re.sub("<time .*?</time>", "", page)


def digests(directory):
    """Content of every file that is complete by its seal, by its name."""
    found = {}
    for path in sorted(directory.rglob("spikes_*.h5")):
        try:
            found[path.relative_to(directory).as_posix()] = verify_file(path).content_digest
        except MatrixFileError:
            continue
    return found


class Soak:
    """One data set, and all that is done to it."""

    def __init__(self, directory, rng):
        self.directory, self.rng = directory, rng
        self.no_room = no_room(directory)
        self.programs, self.sent = slurm(directory)
        for first in PARTS:
            write_datastore(directory / "data", Experiment(first, 3, sheets=SHEETS))
        (directory / "spikebin.toml").write_text(CONFIG)
        run(directory, "plan")
        run(directory, "run")
        self.output = directory / "dataset"
        self.right = digests(self.output)
        if len(self.right) != len(PARTS) * len(SHEETS):
            raise Violation("an undisturbed run does not make all files")

    def check(self):
        """Nothing that is there is wrong, and what is not there is found and made."""
        for name, digest in digests(self.output).items():
            if digest != self.right.get(name):
                raise Violation(f"{name} is complete and not the right one")
        missing = run(self.directory, "missing", "--deep").strip()
        if missing:
            run(self.directory, "run", "--index", missing)
        if run(self.directory, "missing", "--deep").strip():
            raise Violation(f"{missing} was made again and is still missing")
        run(self.directory, "verify")
        if digests(self.output) != self.right:
            raise Violation("what was made again is not what was there before")
        run(self.directory, "clean")
        left = [path.name for path in self.directory.rglob(".*.tmp")]
        if left:
            raise Violation(f"stale temporary files stay: {left}")

    def lose_something(self):
        for path in self.rng.sample(sorted(self.output.rglob("spikes_*.h5")), self.rng.randint(1, 4)):
            path.unlink()

    def kill_a_run(self):
        self.lose_something()
        command = self.rng.choice([("run", "--workers", "2"), ("run", "--force"), ("job", "1", "--force")])
        process = spikebin(self.directory, *command)
        time.sleep(self.rng.uniform(0, 4))
        os.killpg(process.pid, self.rng.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT]))
        finished(process)

    def that_writes(self):
        """A command that writes something else than the files of the data set, and where."""
        out = self.directory / "out"
        store = next((self.directory / "data").iterdir())
        return self.rng.choice(
            [
                ("view", "--window", "0:100", "--out", out / "view", "--force"),
                ("export", "npy", out / "npy", "--force"),
                ("export", "zarr", out / "zarr", "--force"),
                ("bin", store, "--width", "2", "--sheet", "X_ON", "--out", out / "bin" / "spikes_X_ON.h5", "--force"),
                ("convert", "--layout", self.rng.choice(["events", "matrix"]), "--codec", "zlib", "dataset"),
                ("plan",),
                ("stats",),
                ("exclude", "train/0", "--undo"),
            ]
        )

    def ends_well(self, command):
        """What was stopped is done when it is asked for again, and what lies there by then is complete."""
        run(self.directory, *command)
        for path in (self.directory / "out").rglob("spikes_*.h5"):
            verify_file(path)

    def kill_what_writes(self):
        command = self.that_writes()
        process = spikebin(self.directory, *command)
        time.sleep(self.rng.uniform(0, 3))
        os.killpg(process.pid, signal.SIGKILL)
        finished(process)
        self.ends_well(command)

    def killed(self, *command, most, environment=()):
        """Kill a command before one of its first writes; where there is no C compiler, at some time."""
        calls = self.rng.randrange(most)
        at = self.rng.uniform(0, 2)
        environment = dict(environment)
        if self.no_room is not None:
            environment |= {"LD_PRELOAD": str(self.no_room), "NO_ROOM_AFTER": str(calls), "NO_ROOM_KILLS": "1"}
        process = spikebin(self.directory, *command, environment=environment)
        if self.no_room is None:
            time.sleep(at)
            os.killpg(process.pid, signal.SIGKILL)
        code, _, err = finished(process)
        if code not in {0, -signal.SIGKILL}:
            raise Violation(f"{command} was to be killed before call {calls}, and ended with {code}: {err}")

    def old_or_new(self, path, command, most, plain=str):
        """Kill what writes one file: the old file, the new one, or none is there, and then the new one is made."""
        path.unlink(missing_ok=True)
        run(self.directory, *command)
        new = plain(path.read_text())
        old = self.rng.choice([None, "of mine\n"])
        path.unlink()
        if old is not None:
            path.write_text(old)
        shutil.rmtree(self.output / "stats", ignore_errors=True)
        self.killed(*command, most=most)
        found = plain(path.read_text()) if path.exists() else None
        if found not in {old, new}:
            raise Violation(f"{command} was killed, and {path} is neither what it was nor what it should become")
        run(self.directory, *command)
        if plain(path.read_text()) != new:
            raise Violation(f"{command} was killed, and writes another {path} from then on")

    def kill_an_init(self):
        self.old_or_new(self.directory / "made.toml", ("init", "data", "--config", "made.toml", "--force"), 3)

    def kill_a_report(self):
        command = ("report", "report.html", "--workers", "1")
        self.old_or_new(self.directory / "report.html", command, self.rng.choice([3, 20]), untimed)

    def kill_a_submit(self):
        """The note of an array, and its script as Slurm has it, are complete or not there."""
        environment = {"PATH": f"{self.programs}{os.pathsep}{os.environ['PATH']}"}
        self.killed("submit", most=6, environment=environment)
        self.check_notes()
        run(self.directory, "submit", environment=environment)
        if not self.check_notes():
            raise Violation("a submit after one that was killed leaves no note")
        shutil.rmtree(self.output / "slurm")

    def check_notes(self):
        notes = self.output / "slurm"
        for script in notes.glob("*.sbatch"):
            if script.read_text() != (self.sent / script.stem).read_text():
                raise Violation(f"{script} is not what was submitted")
        found = sorted(notes.glob("*.json"))
        for note in found:
            if json.loads(note.read_text())["job_id"] != note.stem or not note.with_suffix(".sbatch").exists():
                raise Violation(f"{note} is of another array, or its script is not there")
        return found

    def cut_a_file(self):
        path = self.rng.choice([path for path in sorted(self.output.rglob("*")) if path.is_file()])
        data = path.read_bytes()
        path.write_bytes(data[: self.rng.randint(0, max(0, len(data) - 1))])
        for command in ("status", "missing", "verify", "plan"):
            run(self.directory, command, code=None)
        if path.suffix != ".h5":
            path.write_bytes(data)

    def flip_a_byte(self):
        path = self.rng.choice(sorted(self.output.rglob("spikes_*.h5")))
        data = bytearray(path.read_bytes())
        data[self.rng.randrange(len(data))] ^= 1 << self.rng.randrange(8)
        path.write_bytes(data)
        run(self.directory, "verify", code=1)

    def limit_the_size_of_files(self):
        self.lose_something()
        size = self.rng.randint(1, 60_000)

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

        code, _, err = finished(spikebin(self.directory, "run", preexec_fn=limit))
        if code not in {0, 1, NO_SPACE}:
            raise Violation(f"no room for {size} bytes, and run ended with {code}: {err}")

    def fill_the_disk(self):
        """From some write on, each fails; of the first thirty, which a job has, or of more."""
        if self.no_room is None:
            return
        jobs = [("job", "0", "--force"), ("job", "0"), ("run", "--workers", "1")]
        command = self.rng.choice([*jobs, self.that_writes()])
        if command in jobs:
            self.lose_something()
        calls = self.rng.randrange(self.rng.choice([12, 30, 200]))
        environment = {"LD_PRELOAD": str(self.no_room), "NO_ROOM_AFTER": str(calls)}
        code, _, err = finished(spikebin(self.directory, *command, environment=environment))
        if code not in {0, 1, NO_SPACE} or (code and err.count("\n") > 10):
            raise Violation(f"no room after {calls} calls, and {command} ended with {code}: {err}")
        if command not in jobs:
            self.ends_well(command)

    def crowd(self):
        self.lose_something()
        crowd = [
            spikebin(self.directory, "job", self.rng.randrange(len(PARTS)), *self.rng.choice([(), ("--force",)]))
            for _ in range(self.rng.randint(2, 4))
        ]
        for process in crowd:
            finished(process)

    def turn_the_clock(self):
        for path in self.rng.sample(sorted(self.output.rglob("*")), 5):
            at = time.time() + self.rng.choice([-1, 1]) * self.rng.uniform(0, 1e8)
            os.utime(path, (at, at))
        run(self.directory, "status")

    def go_on(self):
        trials = [
            self.kill_a_run, self.kill_what_writes, self.kill_an_init, self.kill_a_report, self.kill_a_submit,
            self.cut_a_file, self.flip_a_byte, self.fill_the_disk, self.limit_the_size_of_files, self.crowd,
            self.turn_the_clock,
        ]  # fmt: skip
        trial = self.rng.choice(trials)
        trial()
        self.check()
        return trial.__name__


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    end = time.monotonic() + options.minutes * 60
    done = Counter()
    directory = Path(tempfile.mkdtemp(prefix="spikebin-soak-"))
    try:
        soak = Soak(directory, random.Random(seed))
        while time.monotonic() < end:
            done[soak.go_on()] += 1
    except Violation as violation:
        print(f"violation with --seed {seed} after {dict(done)}, in {directory}: {violation}", file=sys.stderr)
        return 1
    shutil.rmtree(directory)
    print(f"{sum(done.values())} disturbances, no violation (seed {seed}): {dict(done)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
