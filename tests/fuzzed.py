"""Files of every kind that spikebin reads, their bytes changed at random, and what reads them: for test_fuzz.py.

As a program it goes on for as long as one likes: ``python tests/fuzzed.py --minutes 5``.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import struct
import sys
import tempfile
import time
import traceback
import warnings
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
from sessions import (
    make_trains,
    write_csv,
    write_gdf,
    write_nest,
    write_npy_columns,
    write_npy_pair,
    write_npy_structured,
    write_npz,
    write_npz_samples,
    write_phy,
    write_trials,
    write_tsv_bare,
)

from spikebin import open_dataset, open_file
from spikebin.errors import SpikebinError
from spikebin.matrixfile.seal import MAGIC, SEAL_SIZE, read_seal
from spikebin.matrixfile.verify import verify_file
from spikebin.output.exclusions import exclude, read_excluded
from spikebin.output.jobs import open_jobs
from spikebin.output.state import survey
from spikebin.pipeline.config import load_config
from spikebin.pipeline.job import run_job
from spikebin.pipeline.plan import draw_plan, load_plan, make_plan
from spikebin.recordings import open_recording
from spikebin.recordings.settings import Reading, TrialRule
from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import SheetModel

ODD = [
    b"", b"\0", b"\xff", b"\n", b"\r", b",", b"\t", b'"', b"'", b" ", b"-", b"#", b".", b"(", b")", b"[", b"]", b"{",
    b"}", b"=", b"0", b"9" * 400, b"9" * 5000, b"0x" + b"f" * 9000, b"1e400", b"-1e308", b"1e-400", b"nan", b"-inf",
    b"None", b"True", b"1j", b"\xef\xbb\xbf", b"\xff\xfe", b"\xe2\x80\xa8", b"{part}", b"9223372036854775808", b"..",
    b"../../x", b"\n\n", b"x = 1\n", b"f4", b"|O", b">i8", b"<c16", b"<f2", b"null", b"1" * 30, b"~", b"~nobody", b"*",
]  # fmt: skip

ONSETS = [1000.0, 5000.0, 9000.0]


def changed(data, rng):
    """The bytes with one to three of the things done to them that happen to files, or that someone would try."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at = rng.randrange(len(data) + 1)
        if rng.random() < 0.4:
            # Most of what can go wrong is in the heads.
            at = min(at, rng.randrange(200))
        n = rng.choice((1, 1, 2, 4, 8, 40, 300))
        how = rng.randrange(9)
        if how == 0 and at < len(data):
            data = data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
        elif how == 1:
            data = data[:at]
        elif how == 2:
            data = data[:at] + data[at + n :]
        elif how == 3:
            data = data[:at] + data[at : at + n] * rng.randrange(2, 5) + data[at + n :]
        elif how == 4:
            data = data[:at] + rng.randbytes(n) + data[at + n :]
        elif how == 5:
            data = data[:at] + rng.choice(ODD) + data[at:]
        elif how == 6:
            data = data[:at] + rng.choice(ODD) + data[at + n :]
        elif how == 7:
            number = rng.choice((0, 1, -1, 1 << 31, (1 << 31) - 1, 1 << 62, -(1 << 63), (1 << 63) - 1))
            kind = rng.choice(("<i", "<q", ">i", ">q"))
            with suppress(struct.error):
                packed = struct.pack(kind, number)
                data = data[:at] + packed + data[at + len(packed) :]
        else:
            words = data.split(rng.choice((b"\n", b",", b"\t", b" ", b"'", b'"')))
            if len(words) > 1:
                word, other = rng.choice(words), rng.choice(words)
                data = data.replace(word, rng.choice((other, *ODD)), 1)
    return data


class Target:
    """Files of one kind, and what reads them.

    `files` are those whose bytes are changed; `read` raises an error of spikebin or returns.
    """

    def __init__(self, directory):
        self.directory = directory
        directory.mkdir()
        self.files = self.make()
        self.whole = {path: path.read_bytes() for path in self.files}
        self.read()

    def change(self, rng):
        """Change one file; returns its name and bytes."""
        path = rng.choice(self.files)
        data = self.resealed(changed(self.whole[path], rng), rng)
        path.write_bytes(data)
        return path

    def resealed(self, data, _):
        return data

    def restore(self):
        for path, data in self.whole.items():
            path.write_bytes(data)


def by_numpy(path):
    with np.load(path) as file:
        return file["spike_times_s"] * 1000


def by_hand(column, factor=1.0, delimiter=None):
    """Times in the column of a text, as Python reads each line by itself."""

    def times(path):
        lines = [line.strip() for line in path.read_text("utf-8-sig").split("\n")]
        rows = [line.split(delimiter) for line in lines if line and not line.startswith("#")]
        if not rows[0][column][0].isdigit():
            rows = rows[1:]
        return np.array([float(row[column]) * factor for row in rows])

    return times


def recording(write, obvious=None, **reading):
    """A target: a recording as a function of tests/sessions.py writes it, and its trials from a table.

    `obvious` reads all times in ms; where it can, and all is read, as many spikes lie in each trial.
    """

    class Of(Target):
        def make(self):
            self.path = write(self.directory, make_trains(n=12))
            self.table = write_trials(
                self.directory / "trials.csv", {"onset_ms": ONSETS, "image": ["a", "b", "c"], "contrast": [1, 0.5, 0]}
            )
            return [path for path in sorted(self.directory.rglob("*")) if path.is_file()]

        def read(self):
            rule = TrialRule(events=str(self.table), window_start=0.0, window_stop=500.0, events_unit="ms")
            opened = open_recording(self.path, None, Reading(**reading))
            for name in opened.sheets:
                sheet = opened.sheet(name, rule)
                found = [sheet.spikes(i)[0].times.size for i in range(len(sheet.trials))]
            if obvious is None or self.table.read_bytes() != self.whole[self.table]:
                return
            try:
                times = obvious(self.path)
            except Exception:  # noqa: BLE001
                return
            if np.isfinite(times).all():
                right = [np.sum((times >= onset - 1e-6) & (times < onset + 499.999999)) for onset in ONSETS]
                assert found == right, (found, right)

    return Of


class Store(Target):
    """A mozaik datastore."""

    def make(self):
        self.path = write_datastore(self.directory, Experiment(0, 2, sheets=(SheetModel("X_ON", 3),)))
        return sorted(self.path.iterdir())

    def read(self):
        opened = open_recording(self.path)
        for name in opened.sheets:
            sheet = opened.sheet(name, TrialRule())
            for i in range(len(sheet.trials)):
                sheet.spikes(i)


class Output(Target):
    """A config, and all that lies in its output beside the matrix files: some done, one failed, one excluded."""

    config = """output = "dataset"
sheets = ["X_ON", "V1_Exc_L2/3"]
layout = "matrix"

[binning]
width = 1.0
closed = "left"
end_bin = true
values = "bool"

[trial]
image_id = "image_path"
blank = "before"

[[recordings]]
variant = "train"
root = "data"
parts = "NewDataset_Images_from_{part}_to_*"
exclude = [200]

[slurm]
time = "01:00:00"
mem = "2G"
"""

    def make(self):
        sheets = (SheetModel("X_ON", 3), SheetModel("V1_Exc_L2/3", 2))
        for first in (0, 100, 200, 300):
            write_datastore(self.directory / "data", Experiment(first, 1, sheets=sheets))
        (self.directory / "spikebin.toml").write_text(self.config)
        plan, _ = make_plan(load_config(self.directory / "spikebin.toml"))
        list(run_job(plan, plan.jobs[0]))
        next(iter((self.directory / "data").glob("*from_100_*/Segment0.pickle"))).write_bytes(b"")
        list(run_job(plan, plan.jobs[1]))
        exclude(plan.output, plan.jobs[3], "noisy")
        matrix = min(plan.output.rglob("*.h5"))
        matrix.write_bytes(matrix.read_bytes()[:-1] + b"\xff")
        with suppress(SpikebinError):
            open_dataset(plan.output, sheet=matrix.parent.name).to_numpy()
        own = [path for path in sorted(plan.output.rglob("*")) if path.is_file() and path.suffix != ".h5"]
        return [self.directory / "spikebin.toml", *own]

    def read(self):
        config = load_config(self.directory / "spikebin.toml")
        with suppress(SpikebinError):
            draw_plan(config, open_jobs(config.output) or ())
        plan = load_plan(config)
        read_excluded(plan.output)
        for found in survey(plan):
            assert found.job.sheets
        open_dataset(plan.output, broken="leave out")


class MatrixFile(Target):
    """A sealed file: nothing is read but what was written, whatever a seal says whose own checksum is right."""

    def make(self):
        write_datastore(self.directory / "data", Experiment(0, 2, sheets=(SheetModel("X_ON", 5),)))
        (self.directory / "spikebin.toml").write_text(
            '[[recordings]]\nvariant = "train"\nroot = "data"\nparts = "NewDataset_Images_from_{part}_to_*"\n'
        )
        plan, _ = make_plan(load_config(self.directory / "spikebin.toml"))
        list(run_job(plan, plan.jobs[0]))
        (self.path,) = plan.output.rglob("*.h5")
        self.right = open_file(self.path).to_numpy()
        return [self.path]

    def resealed(self, data, rng):
        if rng.random() < 0.4:
            return data
        # The text of the seal alone is changed, and a right checksum put behind it.
        whole = self.whole[self.path]
        text, _, _ = whole[:SEAL_SIZE].rpartition(b', "seal_crc32": ')
        head = text.index(b"\n") + 1
        body = changed(text[head:], rng) if rng.random() < 0.5 else self.other_fact(text[head:], rng)
        text = MAGIC + b"2\n" + body
        text += b', "seal_crc32": %d}\n' % zlib.crc32(text)
        return text.ljust(SEAL_SIZE, b"\n")[: max(SEAL_SIZE, len(text))] + whole[SEAL_SIZE:]

    def other_fact(self, body, rng):
        facts = json.loads(body + b"}")
        key = rng.choice(list(facts))
        odd = [
            0,
            1,
            -1,
            2**31,
            2**63 - 1,
            10**400,
            1.5,
            None,
            True,
            "",
            "..",
            "a/b",
            [],
            [1, 2, 3],
            {},
            {"a": 1},
            "x" * 99,
        ]
        value = rng.choice([*odd, facts[rng.choice(list(facts))], facts[key], facts[key]])
        facts[key] = value = json.loads(json.dumps(value))
        if isinstance(value, list | dict) and value:
            value[rng.choice(list(value) if isinstance(value, dict) else range(len(value)))] = rng.choice(odd)
        return json.dumps(facts)[:-1].encode()

    def read(self):
        seal = read_seal(self.path)
        if self.path.read_bytes()[:SEAL_SIZE] == self.whole[self.path][:SEAL_SIZE]:
            assert np.array_equal(open_file(self.path).to_numpy(), self.right)
        else:
            opened = open_file(self.path)
            if np.prod(opened.shape, dtype=float) < 1e7:
                opened.to_numpy()
            repr(opened)
            assert opened.trials.size + opened.neurons.size
        verify_file(self.path)
        assert seal.as_dict()


TARGETS = {
    "csv": recording(write_csv, by_hand(2, delimiter=",")),
    "tsv": recording(write_tsv_bare, by_hand(0, 1000.0, delimiter="\t"), times="0", neurons="1", unit="s"),
    "npz": recording(write_npz, by_numpy),
    "npz samples": recording(write_npz_samples, rate=30_000.0),
    "npy structured": recording(write_npy_structured),
    "npy columns": recording(write_npy_columns, unit="ms"),
    "npy pair": recording(write_npy_pair, neurons="who.npy"),
    "phy": recording(write_phy),
    "nest": recording(write_nest),
    "gdf": recording(write_gdf, by_hand(1)),
    "mozaik": Store,
    "output": Output,
    "matrix file": MatrixFile,
}


def fault(target, rng):
    """What is wrong with how a changed file is read: "" if it is read, or refused in one line."""
    path = target.change(rng)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            target.read()
    except SpikebinError as error:
        line = str(error)
        if "\n" in line or "\r" in line or not line.isprintable() or len(line) > 2000:
            return f"{path}: not one plain line: {line!r}"
    except Exception:  # noqa: BLE001
        return f"{path}: {traceback.format_exc()}"
    target.restore()
    return ""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=list(TARGETS))
    parser.add_argument("--faults", type=int, default=1)
    options = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="spikebin-fuzz-"))
    targets = {name: TARGETS[name](directory / name) for name in options.only}
    end = time.monotonic() + 60 * options.minutes
    seed, found = options.seed, {}
    n = dict.fromkeys(targets, 0)
    while time.monotonic() < end and len(found) < options.faults:
        for name, target in targets.items():
            started = time.monotonic()
            text = fault(target, random.Random(seed))
            if time.monotonic() - started > 5:
                text = text or f"takes {time.monotonic() - started:.1f} s"
            n[name] += 1
            if text:
                key = name, "".join(text.splitlines()[-4:])
                if key not in found:
                    found[key] = f"{name} with seed {seed}: {text}"
                    print(found[key], flush=True)
                target.restore()
        seed += 1
    shutil.rmtree(directory)
    print(f"{sum(n.values())} changed files, {len(found)} faults: {n}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
