"""Fixtures that several test modules use: real datastores, exported ones, and a way to run the command line."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from forked import commands
from hypothesis import settings

# What a user has set for work of their own must reach no test: SPIKEBIN_CONFIG names their data set, and tests exclude
# parts. It goes before anything of spikebin or numba is imported, and so from every process that a test starts.
USERS_OWN = re.compile(r"SPIKEBIN_(?!NEED_|MAY_|RECORD)|SLURM_|SBATCH_|SQUEUE_|NUMBA_CACHE_DIR$|XDG_CACHE_HOME$")
for _name in filter(USERS_OWN.match, list(os.environ)):
    del os.environ[_name]
# A shell that runs the tests in the background has them ignore Ctrl-C, and so every process that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

from spikebin.pipeline.config import Config, Recordings  # noqa: E402

DATA = Path(__file__).parent / "data"
PARTS = "NewDataset_Images_from_{part}_to_*"
JIT = os.environ.get("NUMBA_DISABLE_JIT", "0") in {"", "0"}

# All runs of the tests draw the same examples, so that one that fails has a cause in what has changed; others are drawn
# with --hypothesis-profile random.
settings.register_profile("random", deadline=None, max_examples=60 if JIT else 20)
settings.register_profile("spikebin", settings.get_profile("random"), derandomize=True)
settings.load_profile("spikebin")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config):
    """One more than there are CPUs: who tests with Slurm, waits."""
    return len(os.sched_getaffinity(0)) + 1


# With pytest-xdist, tests of one file run in one worker, and so do those of files that share what takes long to make.
TOGETHER = {
    "tests/slurm/test_real.py": "Slurm",
    "tests/slurm/test_real_failures.py": "Slurm",
    "tests/slurm/test_real_numbers.py": "Slurm",
    "tests/slurm/test_real_templates.py": "Slurm",
    "tests/cli/test_dataset.py": "exported",
    "tests/cli/test_export.py": "exported",
    "tests/commands/test_planned.py": "exported",
    "tests/exports/test_compare.py": "exported",
    "tests/exports/test_dense_files.py": "exported",
    "tests/exports/test_export.py": "exported",
}
# What takes longest begins first: while one waits for Slurm, two others work.
FIRST = [
    *TOGETHER,
    "tests/test_benchmarks.py",
    "tests/pipeline/test_job.py",
    "tests/cli/test_surroundings.py",
    "tests/recordings/mozaik/test_stores.py",
    "tests/kernels/test_jit.py",
    "tests/test_readme.py",
    "tests/test_notebooks.py",
]
# Files that take a second or more, to start processes or to import what they test with: all in them is slow.
# Without the jit only that is slow which is marked so where it stands.
SLOW = {
    "tests/cli/test_cli.py",
    "tests/cli/test_completion.py",
    "tests/cli/test_demo.py",
    "tests/cli/test_progress.py",
    "tests/cli/test_streams.py",
    "tests/cli/test_surroundings.py",
    "tests/commands/test_planned.py",
    "tests/dataset/test_dataset.py",
    "tests/dataset/test_training.py",
    "tests/dataset/test_view.py",
    "tests/display/report/test_page.py",
    "tests/display/test_plots.py",
    "tests/display/test_recorded.py",
    "tests/display/test_statistics.py",
    "tests/exports/test_compare.py",
    "tests/exports/test_compare_contents.py",
    "tests/exports/test_experanto.py",
    "tests/exports/test_export.py",
    "tests/exports/test_nwb_file.py",
    "tests/exports/test_zarr_store.py",
    "tests/kernels/test_adding.py",
    "tests/kernels/test_jit.py",
    "tests/kernels/test_planes.py",
    "tests/kernels/test_spellings.py",
    "tests/kernels/test_survey.py",
    "tests/kernels/test_trains.py",
    "tests/kernels/test_values.py",
    "tests/matrixfile/layouts/test_base.py",
    "tests/matrixfile/test_checksums.py",
    "tests/matrixfile/test_convert.py",
    "tests/matrixfile/test_reader.py",
    "tests/output/test_jobs.py",
    "tests/pickles/test_hostile.py",
    "tests/pipeline/test_formats_plan.py",
    "tests/pipeline/test_job.py",
    "tests/pipeline/test_mozaik_stores.py",
    "tests/pipeline/test_plan.py",
    "tests/pipeline/test_run.py",
    "tests/pipeline/test_shards.py",
    "tests/pipeline/test_summary.py",
    "tests/recordings/continuous/test_hdf5_checks.py",
    "tests/recordings/mozaik/test_interpreter.py",
    "tests/recordings/mozaik/test_sequences.py",
    "tests/recordings/mozaik/test_stores.py",
    "tests/recordings/test_event_tables.py",
    "tests/recordings/test_frame.py",
    "tests/recordings/test_hdf5_arrays.py",
    "tests/recordings/test_hostile_hdf5.py",
    "tests/recordings/test_hostile_npy.py",
    "tests/recordings/test_hostile_text.py",
    "tests/recordings/test_matlab.py",
    "tests/recordings/test_nest_runs.py",
    "tests/recordings/test_nwb.py",
    "tests/recordings/test_nwb_told.py",
    "tests/recordings/test_odd_machines.py",
    "tests/recordings/test_oldnpz.py",
    "tests/recordings/test_peers.py",
    "tests/recordings/test_sonata.py",
    "tests/recordings/test_sonata_runs.py",
    "tests/recordings/test_texts_stay_texts.py",
    "tests/simulate/test_mozaik_pickles.py",
    "tests/slurm/test_real.py",
    "tests/slurm/test_real_failures.py",
    "tests/slurm/test_real_numbers.py",
    "tests/slurm/test_real_templates.py",
    "tests/stats/test_collect.py",
    "tests/stats/test_old_pipeline.py",
    "tests/stats/test_statistics.py",
    "tests/system/test_compat.py",
    "tests/system/test_fork.py",
    "tests/system/test_process.py",
    "tests/system/test_signals.py",
    "tests/system/test_survival.py",
    "tests/test_benchmarks.py",
    "tests/test_fuzzed.py",
    "tests/test_isolation.py",
    "tests/test_no_room.py",
}


def file_of(item):
    return item.nodeid.partition("::")[0]


def pytest_ignore_collect(collection_path, config):
    """What the inner loop leaves out is not imported, either."""
    if config.option.markexpr == "not slow" and collection_path.is_relative_to(config.rootpath):
        return str(collection_path.relative_to(config.rootpath)) in SLOW or None
    return None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    from xdist.scheduler.loadscope import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            file = nodeid.partition("::")[0]
            return TOGETHER.get(file, file)

    config.option.loadscopereorder = False
    return ByFile(config, log)


def pytest_collection_modifyitems(items):
    order = {file: i for i, file in enumerate(FIRST)}
    items.sort(key=lambda item: order.get(file_of(item), len(order)))
    if JIT:
        for item in items:
            if file_of(item) in SLOW:
                item.add_marker(pytest.mark.slow)
    else:
        skip = pytest.mark.skip(reason="takes minutes without the jit")
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(skip)


@pytest.fixture(scope="session", autouse=True)
def _commands_end():
    yield
    commands.end()


@pytest.fixture(scope="session")
def datastores(tmp_path_factory):
    """Directory with every real datastore, and `oracle`, what the old script made of them."""
    root = tmp_path_factory.mktemp("datastores")
    for archive in sorted(DATA.glob("*.tar.xz")):
        with tarfile.open(archive) as tar:
            tar.extractall(root, filter="data")
    for directory in DATA.iterdir():
        if directory.is_dir():
            (root / directory.name).symlink_to(directory)
    return root


@pytest.fixture(scope="session")
def stores_2026(tmp_path_factory):
    """Directory with the stores of 2026 and truth_*.npz, every spike of each."""
    root = tmp_path_factory.mktemp("mozaik_2026")
    with tarfile.open(DATA / "mozaik_2026" / "stores.tar.xz") as tar:
        tar.extractall(root, filter="data")
    return root / "mozaik_2026"


def make_config(output, root, variant="train", **changes):
    """A config for the recordings below one root."""
    entry = Recordings(variant, Path(root), PARTS, sheets=changes.pop("entry_sheets", None))
    path = Path(output).parent / "spikebin.toml"
    return Config(path=path, output=Path(output), recordings=(entry,), **changes)


def write_toml(path, root, extra="", recordings_extra="", variant="train", parts=PARTS):
    """A spikebin.toml for the recordings below one root."""
    path.write_text(
        f'output = "dataset"\n{extra}\n[[recordings]]\nvariant = "{variant}"\nroot = "{root}"\n'
        f'parts = "{parts}"\n{recordings_extra}\n'
    )
    return path


# What a command looks up when it needs it; all else in an environment may change how Python and its packages start.
LOOKED_UP = re.compile(r"(SPIKEBIN|SLURM|SBATCH|SQUEUE)_|COLUMNS$")


def spikebin(*arguments, cwd=None, env=None, timeout=120, **options):
    """Run the command line in a process of its own: forked, or new where what is asked for may change how it starts."""
    environment = {**os.environ, "COLUMNS": "200", **(env or {})}
    if all(map(LOOKED_UP.match, env or ())) and not options:
        return commands.run([*map(str, arguments)], cwd, environment, timeout)
    return subprocess.run(
        [sys.executable, "-m", "spikebin", *map(str, arguments)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        **options,
    )


def export_all(directory):
    """What `spikebin run` would do, in forked processes instead of workers that import all for themselves."""
    n_jobs = len((directory / "dataset" / "jobs.csv").read_text().splitlines()) - 1
    for index in range(n_jobs):
        result = spikebin("job", index, cwd=directory)
        assert result.returncode == 0, result.stderr


def one_line_error(result, *words, code=1):
    """Assert that a command failed with one line on stderr that holds all the words, and no traceback."""
    assert result.returncode == code, (result.returncode, result.stdout, result.stderr)
    lines = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, result.stderr
    assert "Traceback" not in result.stderr
    for word in words:
        assert str(word) in lines[0], (word, lines[0])
    return lines[0]


LAYOUTS = [("raw", None), ("trimmed", None), ("trimmed", 20)]


@pytest.fixture(scope="session")
def exported(datastores, tmp_path_factory):
    """The data sets of the real train and test datastores, and the old files written from them."""
    from spikebin import open_dataset
    from spikebin.exports.export import export
    from spikebin.pipeline.job import run_job
    from spikebin.pipeline.plan import make_plan

    root = tmp_path_factory.mktemp("exported")
    for variant in ("train", "test"):
        plan, _ = make_plan(make_config(root / "dataset" / variant, datastores / variant, variant))
        for job in plan.jobs:
            assert all(outcome.exported for outcome in run_job(plan, job))
        for layout, step in LAYOUTS:
            list(export("npz", open_dataset(root / "dataset" / variant), root / "old", layout=layout, step=step))
    return root
