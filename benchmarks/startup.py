"""How long until a job reads its first byte, and what the other commands take before they do anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.inputs import N_BINS, output_of
from benchmarks.processes import python, spikebin
from benchmarks.race import Contender, race
from benchmarks.report import Goal, Picture, Report
from spikebin import open_file
from spikebin.simulate.v1 import SheetModel

if TYPE_CHECKING:
    from benchmarks.inputs import Bench
    from benchmarks.processes import Finished

IMPORTS, SMALL_IMPORTS = 'python -c "import numba, tables"', 'python -c "import typer, rich"'
WHOLE_JOB, MISSING = "spikebin job, to its end", "spikebin missing"
FIRST_BYTE = "spikebin job, until it opens the index"
TEXT = """Whole processes, all files in the page cache, numba's cache warm. A job is stopped at the moment it opens
the index of the recording, which is the first that it reads of it, or its first segment; or it runs to its end on the
smallest recording there is, one image and four neurons, which takes in all that is loaded later."""

# Runs a command line, and ends the process when it opens a file whose name begins with a given text.
UNTIL = """
import os, sys

def listen(event, details):
    if event == "open" and os.path.basename(str(details[0])).startswith(wanted):
        os.write(1, b"opened")
        os._exit(0)

wanted = sys.argv.pop(1)
sys.addaudithook(listen)
from spikebin.cli import main
main()
"""


def run(bench: Bench) -> Report:
    report = Report("startup", TEXT)
    smallest = bench.experiment(1, SheetModel("X_ON", 4, (100.0,) * 5))
    config = bench.project(smallest)
    job = ["job", "0", "--force", "--config", str(config)]

    def done(_: Finished) -> bool:
        return open_file(output_of(config, smallest, smallest.sheets[0])).shape == (1, 4, N_BINS)

    def opened(finished: Finished) -> bool:
        return finished.stdout == "opened"

    def silent(finished: Finished) -> bool:
        return not finished.stdout

    contenders = [
        Contender("python -c pass", lambda: python("-c", "pass"), silent),
        Contender(SMALL_IMPORTS, lambda: python("-c", "import typer, rich"), silent),
        Contender('python -c "import numpy"', lambda: python("-c", "import numpy"), silent),
        Contender(IMPORTS, lambda: python("-c", "import numba, tables"), silent),
        Contender(
            "spikebin --version", lambda: spikebin("--version"), lambda ended: ended.stdout.startswith("spikebin ")
        ),
        Contender(WHOLE_JOB, lambda: spikebin(*job), done, note="one image, four neurons"),
        Contender(MISSING, lambda: spikebin("missing", "--config", str(config)), silent),
        Contender(FIRST_BYTE, lambda: python("-c", UNTIL, "datastore.recordings", *job), opened),
        Contender(
            "spikebin job, until it opens the first segment",
            lambda: python("-c", UNTIL, "Segment", *job),
            opened,
            note="with a kernel, and what numba needs for its first one",
        ),
    ]
    found = race(contenders, rounds=11, quick=bench.quick)
    report.samples["processes"] = found.samples
    report.tables.append(found.table("Processes, from start to end", unit="process", against=IMPORTS))
    report.goals.append(
        Goal(
            "a job until it reads its first byte, against importing numba and tables",
            found.ratio(FIRST_BYTE, IMPORTS),
            1.6,
            1.2,
            more_is_better=False,
        )
    )
    whole, missing = found.median(WHOLE_JOB), found.ratio(MISSING, SMALL_IMPORTS)
    report.goals.append(Goal("the smallest job, to its end", whole, 0.85, 0.7, "s", more_is_better=False))
    what = "`missing` over one file, against importing typer and rich"
    report.goals.append(Goal(what, missing, 3.0, 2.5, more_is_better=False))
    points = found.points(1000)
    report.pictures.append(Picture("points", "Start-up", "ms", points))
    return report
