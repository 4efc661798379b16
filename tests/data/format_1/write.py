"""Wrote the files beside it, once, with release 0.1.0 of spikebin. Kept for the record only: it is never run again.

It belongs to release 0.1.0, so its imports are those of that release and are not to be brought up to date. What the
files must hold is worked out here by hand, in plain Python, and never asked of spikebin's own reader.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from textwrap import fill

import numpy as np
from spikebin.config import load_config
from spikebin.convert import convert_file
from spikebin.events import TrialEvents, bin_trial
from spikebin.job import run_job
from spikebin.plan import load_plan, make_plan, matrix_path
from spikebin.recordings.base import NEURON_FIELDS, Phase, PhaseSpikes, SourceFile, Trial, TrialRule
from spikebin.recordings.events import whole_trial
from spikebin.seal import SEAL_SIZE, read_seal
from spikebin.squeue import Submitted, note_submitted
from spikebin.state import exclude

import spikebin
from spikebin import Binning, attempts, open_file
from spikebin.matrixfile import Identity, MatrixWriter
from spikebin.recordings.continuous import neuron_table
from spikebin.simulate import Experiment, SheetModel, presentations, write_datastore
from spikebin.slurm import batch_script, find_template

HERE = Path(__file__).parent
# A place that every machine may have: notes and scripts of an output hold absolute paths.
EXAMPLE = Path("/data/example")
HOST, PID, USER = "example-node-1", 4711, 1000
MTIME = 1_700_000_000.5

# ---- The matrix files: hand-made spikes, whose times are exact in binary.

NAN = float("nan")
NEURONS = [
    # id, x, y, z: gaps between ids, one that needs more than 32 bits, one without a place
    (3, -1.5, 0.25, 700.0),
    (4, 0.0, 0.0, 700.0),
    (8, 2.25, -0.125, 700.0),
    (9, 1e-3, 1e3, 700.0),
    (100, 0.5, 0.5, 700.0),
    (5_000_000_000, NAN, NAN, NAN),
]
TRIALS = [
    # image, repeat, order, ms of blank and of image, and a line of a table of events
    ("50000", 0, 0, 4.0, 300.0, {"contrast": 0.5, "correct": True, "block": -1, "label": "left"}),
    ("μ_7.png", 0, 1, 4.0, 60.0, {"contrast": 1.0, "correct": False, "block": 2, "label": "ünten"}),
    ("50000", 1, 2, 3.0, 100.0, {"contrast": NAN, "correct": True, "block": 3_000_000_000, "label": ""}),
    ("μ_7.png", 1, 3, 4.0, 99.0, {"contrast": 0.0, "correct": True, "block": 0, "label": "right"}),
    ("50000", 2, 4, 2.5, 7.0, {"contrast": 0.25, "correct": False, "block": 0, "label": "right"}),
    ("μ_7.png", 2, 5, 4.0, 0.0, {"contrast": 0.125, "correct": False, "block": 9, "label": "left"}),
]
ONSET = 1000.0
SPIKES = {
    # trial: (phase, row, ms after the onset of the phase); the rows 1 and 4 stay silent
    0: [
        ("blank", 0, 0.0), ("blank", 0, 0.5), ("blank", 0, 3.75), ("blank", 2, 4.0),  # collision; end bin
        ("image", 0, 0.0), ("image", 0, 299.5), ("image", 0, 300.0), ("image", 2, 17.25), ("image", 3, 50.0),
        ("image", 0, -0.5), ("image", 3, 300.5), ("blank", 3, 4.25),  # outside
    ],
    1: [("image", 2, 60.0), ("image", 2, 30.5), ("image", 2, 30.75), ("image", 2, 30.25), ("image", 5, 59.875)],
    2: [("blank", 5, 3.0), ("blank", 5, 2.5), ("image", 0, 1.0), ("image", 0, 2.0), ("image", 0, 3.0)],
    3: [
        *[("image", 5, 42.5)] * 300,  # more than a count can hold
        *[("image", 0, 10.5)] * 255, *[("image", 0, 11.5)] * 254,
        *[("image", 0, 20.0 + k) for k in range(40)],
    ],
    4: [("blank", 2, 2.5), ("image", 3, 7.0), ("image", 3, 7.5), ("image", 3, 6.875)],
}  # fmt: skip
RULE = {"image_id": "image_path", "blank": "before"}
SOURCES = [("Segment0.pickle", 1234, 1_700_000_000.25), ("Ségment1.pickle", 5_000_000_000, 1_700_000_100.0)]


def make_trials():
    trials = []
    for image, repeat, order, blank, duration, line in TRIALS:
        extra = {"window_start": ONSET, "window_stop": ONSET + duration, **line}
        phases = Phase("blank", 0.0, blank), Phase("image", ONSET, ONSET + duration)
        stimulus = f"{{'name': 'NaturalImage', 'image_path': '{image}', 'trial': {repeat}}}"
        trials.append(Trial(image, repeat, order, stimulus, phases, tuple(extra.items())))
    return trials


def write_matrix_file(path, layout, codec, values):
    binning = Binning(width=1.0, closed="left", end_bin=True, values=values)
    trials = make_trials()
    with MatrixWriter(
        Identity("V1_Exc_L2/3", "train", "50000"),
        np.array(NEURONS, NEURON_FIELDS),
        trials,
        binning=binning,
        trial_rule=RULE,
        layout=layout,
        codec=codec,
    ) as writer:
        for i, trial in enumerate(trials):
            spikes = []
            for phase in trial.phases:
                mine = [(row, phase.start + ms) for name, row, ms in SPIKES.get(i, ()) if name == phase.name]
                times, rows = np.array([time for _, time in mine]), np.array([row for row, _ in mine], np.int64)
                spikes.append(PhaseSpikes(times, rows))
            events = bin_trial(trial, spikes, binning, writer.n_columns, "the example")
            writer.append(events, writer.encode(events))
        writer.write(path, "by hand", [SourceFile(*source) for source in SOURCES])


def expect_matrix(values):
    """What the matrix files hold, without spikebin."""
    phase_bins = [[int(blank) + 1, int(image) + 1] for _, _, _, blank, image, _ in TRIALS]
    full = 255 if values == "count" else 1
    cells, n_spikes, n_outside = {}, 0, 0
    for i, spikes in SPIKES.items():
        durations = {"blank": TRIALS[i][3], "image": TRIALS[i][4]}
        for name, row, ms in spikes:
            n_spikes += 1
            if not 0 <= ms <= durations[name]:
                n_outside += 1
                continue
            cell = i, row, int(ms) + (phase_bins[i][0] if name == "image" else 0)
            cells[cell] = min(full, cells.get(cell, 0) + 1)
    n_binned = sum(cells.values())
    trials = {
        "image_id": ["U", [trial[0] for trial in TRIALS]],
        "repeat": ["i8", [trial[1] for trial in TRIALS]],
        "order": ["i8", [trial[2] for trial in TRIALS]],
        "n_bins": ["i8", [sum(bins) for bins in phase_bins]],
        "phase_bins": ["i8", phase_bins],
        "stimulus": ["U", [trial.stimulus for trial in make_trials()]],
        "window_start": ["f8", [ONSET for _ in TRIALS]],
        "window_stop": ["f8", [ONSET + trial[4] for trial in TRIALS]],
        "contrast": ["f8", [trial[5]["contrast"] for trial in TRIALS]],
        "correct": ["b1", [trial[5]["correct"] for trial in TRIALS]],
        "block": ["i8", [trial[5]["block"] for trial in TRIALS]],
        "label": ["U", [trial[5]["label"] for trial in TRIALS]],
    }
    return {
        "shape": [len(TRIALS), len(NEURONS), max(map(sum, phase_bins))],
        "dtype": "uint8" if values == "count" else "bool",
        "phases": ["blank", "image"],
        "counts": [n_spikes, n_binned, n_spikes - n_binned - n_outside, n_outside],
        "cells": [[*cell, value] for cell, value in sorted(cells.items())],
        "trials": trials,
        "neurons": expect_neurons(NEURONS),
        "sources": expect_sources(SOURCES),
    }


def expect_neurons(rows):
    columns = zip(*rows, strict=True)
    return {name: [kind, list(values)] for (name, kind), values in zip(
        [("neuron_id", "i8"), ("x", "f8"), ("y", "f8"), ("z", "f8")], columns, strict=True
    )}  # fmt: skip


def expect_sources(rows):
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    return {"name": ["U", list(columns[0])], "size": ["i8", list(columns[1])], "mtime": ["f8", list(columns[2])]}


# ---- Large trials: cut into several chunks along neurons, time or events; gaps of 4 and of 8 bytes.

LARGE = {
    # file: layout, codec, neurons, bins, and the cells that are not empty as flat indices
    "matrix_files/large_chunks_matrix.h5": (
        "matrix", "blosc2", 65537, 1025,
        [row * 1025 + bin_ for row, bins in ((0, (0, 1023, 1024)), (65535, (0, 1024)), (65536, (0, 1023, 1024)))
         for bin_ in bins],
    ),
    "matrix_files/large_chunks_events.h5": ("events", "blosc2", 1, (1 << 24) + 1, range((1 << 24) + 1)),
    "matrix_files/large_gaps_of_4.h5": ("events", "blosc2", 2, 70_000, [3, 4, 69_998, 139_998, 139_999]),
    "matrix_files/large_gaps_of_8.h5": ("events", "zlib", 2, 1 << 33, [0, (1 << 32) + 5, (1 << 33) + 7, (1 << 34) - 1]),
}  # fmt: skip


def write_large(path, layout, codec, n_neurons, n_columns, flat):
    """One trial of a whole recording, as `spikebin bin` seals it."""
    with MatrixWriter(
        Identity("neurons", "all", "session"),
        neuron_table(np.arange(n_neurons)),
        whole_trial(0.0, 0.5 * n_columns, None),
        binning=Binning(width=0.5, closed="right", end_bin=False),
        trial_rule=asdict(TrialRule(events="none")),
        layout=layout,
        codec=codec,
    ) as writer:
        events = TrialEvents(np.array(flat, np.int64), None, len(flat), 0, 0)
        writer.append(events, writer.encode(events))
        writer.write(path, "by hand", [])


# ---- An output: parts of a made-up recording in every state that a sheet of a part can have.

SHEETS = (
    SheetModel("X_ON", 4, (30.0, 60.0, 120.0, 240.0, 300.0), polarity=1.0),
    SheetModel("V1_Exc_L2/3", 6, (0.1, 20.0, 60.0, 120.0, 300.0)),
)
# Characters that jobs.csv and patterns of names must take care of.
TRAIN_ROOT, TEST_ROOT = "recordings/20240117[param]Search{trial:[0]} 100%|a", "recordings/test"
CONFIG = f"""\
output = "output"
sheets = ["X_ON", "V1_Exc_L2/3"]

[binning]
width = 1.0
closed = "left"
end_bin = true
values = "bool"

[trial]
stimulus = "NaturalImage"
blank = "before"

[[recordings]]
variant = "train"
root = "{TRAIN_ROOT}"
parts = "NewDataset_Images_from_{{part}}_to_*"
exclude = [13]

[[recordings]]
variant = "test"
root = "{TEST_ROOT}"
parts = "NewDataset_Images_from_{{part}}_to_*"
sheets = ["X_ON"]
"""
GONE = 14
"""A part whose recording was there when the plan was made, and is no more."""


def experiment(part, **changes):
    return Experiment(
        first_image=part, n_images=2, sheets=SHEETS, image_ms=60.0, blank_ms=8.0, blank_jitter_ms=2.0, unrecorded=0.4,
        trains="per segment", **changes,
    )  # fmt: skip


EXPERIMENTS = {
    **{("train", part): experiment(part) for part in (9, 10, 11, 12, 13, GONE, 15, 16)},
    ("test", 1): experiment(1, n_repeats=2, shuffle_images=True),
}


def datastore(variant, part):
    root = EXAMPLE / (TRAIN_ROOT if variant == "train" else TEST_ROOT)
    return root / EXPERIMENTS[variant, part].part


def write_example():
    shutil.rmtree(EXAMPLE, ignore_errors=True)
    for (variant, part), shown in EXPERIMENTS.items():
        for path in write_datastore(datastore(variant, part).parent, shown).iterdir():
            os.utime(path, (MTIME, MTIME))
    # A recording that cannot be read: all its sheets fail.
    for path in datastore("train", 15).glob("Segment*.pickle"):
        path.write_bytes(path.read_bytes()[:100])
    (EXAMPLE / "spikebin.toml").write_text(CONFIG)
    plan, _ = make_plan(load_config(EXAMPLE / "spikebin.toml"))
    jobs = {job.name: job for job in plan.jobs}

    # What a note says of its process must say nothing of the machine that this was written on.
    attempts.this_host = lambda: HOST
    attempts.os = type("os", (), {"getpid": lambda: PID, "getuid": lambda: USER, "environ": os.environ})
    os.environ["SLURM_JOB_ID"] = "4301"
    os.environ["SPIKEBIN_LOG"] = str(EXAMPLE / "output/slurm/logs/4300_6.log")

    def run(name, *sheets, **options):
        return list(run_job(load_plan(plan.config), jobs[name], sheets=sheets or None, **options))

    def tries(name, sheet):
        return attempts.attempts_path(plan.config.output, jobs[name].variant, jobs[name].part, sheet)

    for name in ("train/9", "train/10", "train/11"):
        assert [outcome.exported for outcome in run(name)] == [True, True]
    assert [outcome.exported for outcome in run("test/1", "X_ON")] == [True]
    converted = matrix_path(plan.config.output, "train", "10", "V1_Exc_L2/3")
    convert_file(converted, converted, layout="events", codec="zlib")

    # Broken: one is cut off; of the other, the last byte is another, which only a look at every byte finds.
    cut = matrix_path(plan.config.output, "train", "11", "X_ON")
    cut.write_bytes(cut.read_bytes()[: SEAL_SIZE + 100])
    changed = matrix_path(plan.config.output, "train", "11", "V1_Exc_L2/3")
    changed.write_bytes(changed.read_bytes()[:-1] + b"\x01")

    # Failed: twice, then once more by a signal; a try of the other sheet still ran when its node was last heard of.
    for _ in range(2):
        run("train/15", "X_ON")
    attempts.note_start(tries("train/15", "X_ON"))
    attempts.note_ended(tries("train/15", "X_ON"), "ended by SIGTERM: scancel, a time limit, preemption or Ctrl-C")
    os.environ["SLURM_JOB_ID"] = "4302"
    attempts.note_start(tries("train/15", "V1_Exc_L2/3"))
    # Missing: it holds only the first trial; and no file at all.
    list(run_job(plan, jobs["train/16"], sheets=["X_ON"], limit=1, out=EXAMPLE / "peek"))
    limited = matrix_path(plan.config.output, "train", "16", "X_ON")
    shutil.move(EXAMPLE / "peek/train" / limited.name, limited)

    os.environ["SLURM_JOB_ID"] = "4303"
    attempts.note_start(tries("train/12", "X_ON"))
    attempts.note_failure(tries("train/12", "X_ON"), "a reason that says nothing any more")
    exclude(plan, jobs["train/12"], 'the disk was full, "they" said, for ü days')
    shutil.rmtree(datastore("train", GONE))

    variables = {"SPIKEBIN_CONFIG": str(plan.config.path), "SPIKEBIN_OFFSET": "0", "SPIKEBIN_SHEETS": ""}
    template = find_template("export.sbatch").read_text()
    note_submitted(
        plan.config.output, Submitted("4300", "0-3,6", 0, (), USER, "2024-01-24T09:39:21+00:00"),
        batch_script(template, variables),
    )  # fmt: skip
    variables |= {"SPIKEBIN_OFFSET": "1000", "SPIKEBIN_SHEETS": "X_ON V1_Exc_L23"}
    note_submitted(
        plan.config.output,
        Submitted("4310", "7", 1000, ("X_ON", "V1_Exc_L23"), USER, "2024-01-24T10:00:00+00:00"),
        batch_script(template, variables),
    )
    shutil.copytree(plan.config.output, HERE / "example/output")
    shutil.copy(plan.config.path, HERE / "example")
    return plan


def expect_export(variant, part, sheet, limit=None):
    """What an exported file holds, from the simulation alone: a spike of step s lies s / 10 ms behind the onset."""
    shown = EXPERIMENTS[variant, part]
    population = next(mine for mine in shown.populations if mine.model.name == sheet)
    ids = population.ids[population.recorded]
    rows = dict(zip(ids.tolist(), range(len(ids)), strict=True))
    segments = sorted((one for one in presentations(shown) if one.sheet == sheet), key=lambda one: one.order)
    pairs = sorted(zip(segments[::2], segments[1::2], strict=True), key=lambda pair: (pair[1].repeat, pair[1].order))
    cells, n_spikes, phase_bins = set(), 0, []
    for i, pair in enumerate(pairs[:limit]):
        assert (pair[0].null, pair[1].null) == (True, False)
        first_bin = 0
        phase_bins.append([])
        for one in pair:
            who = np.repeat(one.ids, one.counts).tolist()
            cells |= {(i, rows[who[k]], first_bin + step // 10) for k, step in enumerate(one.steps.tolist())}
            n_spikes += len(who)
            phase_bins[i].append(one.duration_steps // 10 + 1)
            first_bin += phase_bins[i][-1]
    images = [image for _, image in pairs[:limit]]
    # The index first, then each blank and its image; a file with --limit was made from all of them, too.
    files = ["datastore.recordings.pickle", *(f"Segment{one.segment}.pickle" for pair in pairs for one in pair)]
    x, y, z = population.positions[:, population.recorded].tolist()
    return {
        "shape": [len(images), len(ids), max(map(sum, phase_bins))],
        "dtype": "bool",
        "phases": ["blank", "image"],
        "counts": [n_spikes, len(cells), n_spikes - len(cells), 0],
        "cells": [[*cell, 1] for cell in sorted(cells)],
        "trials": {
            "image_id": ["U", [image.image_id for image in images]],
            "repeat": ["i8", [image.repeat for image in images]],
            # Blanks are not counted.
            "order": ["i8", [image.order // 2 for image in images]],
            "n_bins": ["i8", [sum(bins) for bins in phase_bins]],
            "phase_bins": ["i8", phase_bins],
            "stimulus": ["U", [image.stimulus for image in images]],
        },
        "neurons": expect_neurons(zip(ids.tolist(), x, y, z, strict=True)),
        "sources": expect_sources([(name, (datastore(variant, part) / name).stat().st_size, MTIME) for name in files]),
    }


# What each sheet of each part of the output is: state, state by a look at every byte, failures, running try of Slurm.
STATES = {
    ("train/9", "X_ON"): ("done", "done", 0, ""),
    ("train/9", "V1_Exc_L2/3"): ("done", "done", 0, ""),
    ("train/10", "X_ON"): ("done", "done", 0, ""),
    ("train/10", "V1_Exc_L2/3"): ("done", "done", 0, ""),
    ("train/11", "X_ON"): ("broken", "broken", 0, ""),
    ("train/11", "V1_Exc_L2/3"): ("done", "broken", 0, ""),
    ("train/12", "X_ON"): ("excluded", "excluded", 0, ""),
    ("train/12", "V1_Exc_L2/3"): ("excluded", "excluded", 0, ""),
    ("train/13", "X_ON"): ("excluded", "excluded", 0, ""),
    ("train/13", "V1_Exc_L2/3"): ("excluded", "excluded", 0, ""),
    ("train/14", "X_ON"): ("no source", "no source", 0, ""),
    ("train/14", "V1_Exc_L2/3"): ("no source", "no source", 0, ""),
    ("train/15", "X_ON"): ("failed", "failed", 3, ""),
    ("train/15", "V1_Exc_L2/3"): ("missing", "missing", 0, "4302"),
    ("train/16", "X_ON"): ("missing", "missing", 0, ""),
    ("train/16", "V1_Exc_L2/3"): ("missing", "missing", 0, ""),
    ("test/1", "X_ON"): ("done", "done", 0, ""),
    ("test/1", "V1_Exc_L2/3"): ("no source", "no source", 0, ""),
}
EXPORTED = [
    ("train", 9, "X_ON", None),
    ("train", 9, "V1_Exc_L2/3", None),
    ("train", 10, "X_ON", None),
    ("train", 10, "V1_Exc_L2/3", None),
    ("train", 16, "X_ON", 1),
    ("test", 1, "X_ON", None),
]


def digest(content):
    """The content digest by the words of README, "What a matrix file holds"."""
    total = hashlib.sha256(np.array(content["neurons"]["neuron_id"][1], "<i8").tobytes())
    n_columns = content["shape"][2]
    columns = [content["trials"][name][1] for name in ("image_id", "repeat", "n_bins")]
    for i, (image, repeat, n_bins) in enumerate(zip(*columns, strict=True)):
        mine = [(row * n_columns + bin_, value) for trial, row, bin_, value in content["cells"] if trial == i]
        total.update(image.encode() + b"\0" + np.array([repeat, n_bins, *(flat for flat, _ in mine)], "<i8").tobytes())
        if content["dtype"] == "uint8":
            total.update(bytes(value for _, value in mine))
    return total.hexdigest()


def pretty(value, indent=0):
    """JSON with what belongs together on one line."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + indent <= 118 or not isinstance(value, dict | list):
        return line
    pad = " " * (indent + 1)
    if isinstance(value, dict):
        items = [f"{pad}{json.dumps(key, ensure_ascii=False)}: {pretty(one, indent + 1)}" for key, one in value.items()]
        return "{\n" + ",\n".join(items) + "\n" + " " * indent + "}"
    lines = [json.dumps(one, ensure_ascii=False) for one in value]
    if max(map(len, lines)) < 40 and not any('"' in line for line in lines):
        text = fill(" ".join(line.replace(" ", "") + "," for line in lines), 119, break_long_words=False,
                    initial_indent=pad, subsequent_indent=pad)  # fmt: skip
        return "[\n" + text.removesuffix(",") + "\n" + " " * indent + "]"
    return "[\n" + ",\n".join(pad + pretty(one, indent + 1) for one in value) + "\n" + " " * indent + "]"


def without_nan(value):
    """JSON has no nan: null stands for it."""
    if isinstance(value, dict):
        return {key: without_nan(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(one) for one in value]
    return None if value != value else value  # noqa: PLR0124


def main():
    if spikebin.__version__ != "0.1.0" or (HERE / "expected.json").exists():
        sys.exit("these files were written by spikebin 0.1.0, and are never written again")
    contents = {"bool": expect_matrix("bool"), "count": expect_matrix("count")}
    files = {}
    for layout in ("matrix", "events"):
        for codec in ("blosc2", "zlib"):
            for values in ("bool", "count"):
                path = HERE / "matrix_files" / f"{layout}_{codec}_{values}.h5"
                write_matrix_file(path, layout, codec, values)
                files[path.relative_to(HERE).as_posix()] = values
    for name, facts in LARGE.items():
        write_large(HERE / name, *facts)

    plan = write_example()
    for variant, part, sheet, limit in EXPORTED:
        name = f"{variant}/{part}/{sheet}"
        contents[name] = expect_export(variant, part, sheet, limit)
        files[(Path("example") / matrix_path(Path("output"), variant, str(part), sheet)).as_posix()] = name
    seals = {name: read_seal(HERE / name) for name in files}
    for name, content in files.items():
        seal = seals[name]
        assert seal["content_digest"] == digest(contents[content]), name
        assert [seal[key] for key in ("n_spikes", "n_binned", "n_collisions", "n_outside")] == contents[content][
            "counts"
        ], name
        assert seal["shape"] == contents[content]["shape"], name
    output = HERE / "example/output"
    expected = {
        "files": {name: {"content": content, "seal": seals[name]} for name, content in files.items()},
        "large": {
            name: {"flat": "all" if isinstance(flat, range) else flat, "seal": read_seal(HERE / name)}
            for name, (*_, flat) in LARGE.items()
        },
        "contents": contents,
        "output": {
            # The recordings themselves are not kept: where they lie is enough to tell the state of a sheet.
            "recordings": [
                datastore(*key).relative_to(EXAMPLE).as_posix() for key in EXPERIMENTS if key != ("train", GONE)
            ],
            "jobs": [
                [job.index, job.variant, job.part, [[source.path, list(source.sheets)] for source in job.sources]]
                for job in plan.jobs
            ],
            "plan": {"plan_version": 1, "binning": asdict(plan.config.binning), "trial": plan.config.trial.settings},
            "states": [[name, sheet, *facts] for (name, sheet), facts in STATES.items()],
            "excluded": {"train/12": 'the disk was full, "they" said, for ü days'},
            "failed": [
                "train/15", "X_ON", "ended by SIGTERM: scancel, a time limit, preemption or Ctrl-C",
                "/data/example/output/slurm/logs/4300_6.log",
            ],
            "submitted": [
                ["4300", "0-3,6", 0, [], USER, "2024-01-24T09:39:21+00:00"],
                ["4310", "7", 1000, ["X_ON", "V1_Exc_L23"], USER, "2024-01-24T10:00:00+00:00"],
            ],
            "npy": {
                path.relative_to(output).as_posix(): [np.load(path).dtype.str[1], np.load(path).tolist()]
                for path in sorted(output.rglob("*.npy"))
            },
        },
    }  # fmt: skip
    (HERE / "expected.json").write_text(pretty(without_nan(expected)) + "\n", "utf-8")
    for name in files:
        assert open_file(HERE / name).shape == tuple(seals[name]["shape"])


if __name__ == "__main__":
    main()
