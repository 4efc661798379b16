"""Templates and environments of the users' on a real Slurm: the right jobs are run, and what is queued is seen."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from conftest import one_line_error, spikebin
from documented import README, sh_lines
from local_slurm import (
    MARKS,
    SHEETS,
    ask,
    exit_code,
    files,
    make_data_set,
    missing,
    status,
    stop_in_the_middle,
    submit,
    temporary_files,
    wait_for_end,
    wait_until,
)

from spikebin.output.paths import matrix_path
from spikebin.slurm.templates import templates

pytestmark = MARKS

# As short as one can be; the last one sets the config of another data set, of which it knows nothing.
PLAIN = '#!/bin/{shell}\n#SBATCH --time=5\n{command} spikebin job "$SLURM_ARRAY_TASK_ID"\n'


def write_template(directory, text):
    path = directory / "mine.sbatch"
    path.write_text(text)
    return path


def test_templates_that_hand_on_nothing(tmp_path, recordings):
    """Neither offset nor sheets nor config, in a plan longer than Slurm's arrays, submitted from elsewhere."""
    directory = make_data_set(tmp_path / "set", recordings[0], 5)
    # Two are left: 2 of the first array, and 4 of the second.
    assert spikebin("run", "--workers", 1, "--index", "0-1,3", cwd=directory).returncode == 0
    before = set(files(directory))

    def submitted(shell, command, *choice):
        template = write_template(tmp_path, PLAIN.format(shell=shell, command=command))
        arguments = ["--template", template, "--config", directory / "spikebin.toml", "--", f"--chdir={tmp_path}"]
        return submit(tmp_path, "--missing", *choice, *arguments)["ids"]

    ids = submitted("sh", "", "--sheet", "V1_Inh_L2/3")
    assert len(ids) == 2
    wait_for_end(*ids)
    assert missing(directory, "--sheet", "V1_Inh_L23") == ""
    assert {path.name for path in set(files(directory)) - before} == {f"spikes_V1_Inh_L23_{n}.h5" for n in (200, 400)}
    wait_for_end(*submitted("bash", "exec"))
    assert missing(directory) == ""
    assert spikebin("verify", cwd=directory).returncode == 0


def test_a_template_that_runs_other_jobs(tmp_path, recordings):
    data_set = make_data_set(tmp_path / "mine", recordings[0], 3)
    other = make_data_set(tmp_path / "other", recordings[0], 3)
    config = other / "spikebin.toml"
    command = f"""case $SLURM_ARRAY_TASK_ID in
        0) exec spikebin job 1 ;;
        1) exec spikebin job 1 --config {config} ;;
        2) SPIKEBIN_CONFIG={config} exec spikebin job 2 ;;
    esac"""
    template = write_template(tmp_path, f"#!/bin/bash\n{command}\n")
    [job_id] = submit(data_set, "--template", template)["ids"]
    wait_for_end(job_id)
    for index, words in enumerate(["submitted for job 0, but its script asks for 1", str(config), str(config)]):
        assert exit_code(f"{job_id}_{index}") == "1:0"
        log = (data_set / "dataset" / "slurm" / "logs" / f"{job_id}_{index}.log").read_text()
        assert log.startswith("error: this task was submitted for")
        assert words in log
    assert files(data_set) == files(other) == {}


def test_a_template_of_another_shell_is_refused(data_set, tmp_path):
    template = write_template(tmp_path, "#!/bin/tcsh -f\nexec spikebin job $SLURM_ARRAY_TASK_ID\n")
    before = ask("squeue", "-h", "-o", "%i")
    for arguments in ([], ["--dry-run"]):
        one_line_error(spikebin("submit", "--template", template, *arguments, cwd=data_set), "tcsh", "export")
    assert ask("squeue", "-h", "-o", "%i") == before


def test_a_template_without_exec_is_given_time_to_clean_up(long_data_set, tmp_path):
    template = write_template(tmp_path, PLAIN.format(shell="bash", command=""))
    [job_id] = submit(long_data_set, "--template", template)["ids"]
    stop_in_the_middle(long_data_set, 0)
    ask("scancel", job_id)
    wait_for_end(job_id)
    assert temporary_files(long_data_set) == []
    _, troubles = status(long_data_set)
    assert any("ended by SIGTERM" in trouble["reason"] for trouble in troubles)


# Directives of a template, options of sbatch, and where the log of a task is then.
LOGS = [
    (["--output=mylogs/%A_%a.out"], [], "mylogs/{}_0.out"),
    (["--chdir=elsewhere/deep", "-o rel/%x/%a.out", "--job-name=me"], [], "elsewhere/deep/rel/me/0.out"),
    (["--error=errors/%A_%a.err"], [], "errors/{}_0.err"),
    ([], ["--chdir={}/there", "--output=rel/%A_%a.out"], "there/rel/{}_0.out"),
]


def test_directories_of_logs_are_made(tmp_path, recordings):
    """All of them in the queue at once."""
    logs = {}
    for i, (directives, options, log) in enumerate(LOGS):
        directory = make_data_set(tmp_path / f"set{i}", recordings[0], 1)
        lines = "".join(f"#SBATCH {line}\n" for line in directives)
        template = write_template(directory, f"#!/bin/bash\n{lines}spikebin job $SLURM_ARRAY_TASK_ID\n")
        chosen = ["--template", template] if directives else []
        [job_id] = submit(directory, *chosen, "--", *(option.format(directory) for option in options))["ids"]
        logs[job_id] = directory, log.format(job_id)
    wait_for_end(*logs)
    for directory, log in logs.values():
        assert missing(directory) == ""
        assert (directory / log).is_file()
    refused = spikebin("submit", "--", "--output=logs/%A/%a.out", cwd=directory)
    one_line_error(refused, "--output=logs/%A/%a.out", "Slurm makes none")


SETTINGS = [
    *("SQUEUE_FORMAT=%i", "SQUEUE_FORMAT2=JobID", "SQUEUE_STATES=RUNNING", "SQUEUE_PARTITION=gpu", "SQUEUE_ALL=1"),
    *("SQUEUE_QOS=long", "SQUEUE_NAMES=mine", "SQUEUE_USERS=nobody", "SQUEUE_LICENSES=x", "SQUEUE_SORT=i"),
    *("SQUEUE_ACCOUNT=lab", "SLURM_BITSTR_LEN=1", "SLURM_CLUSTERS=nowhere", "SLURM_TIME_FORMAT=relative"),
]


def test_the_environment_changes_neither_what_is_seen_nor_what_is_done(data_set):
    defaults = {"SBATCH_WAIT": "1", "SBATCH_PARTITION": "nowhere", "SBATCH_ARRAY_INX": "7", "SBATCH_EXPORT": "NONE"}
    first = spikebin("submit", "--", "--hold", cwd=data_set, env=defaults)
    assert first.returncode == 0, first.stderr
    assert f"{', '.join(sorted(defaults))} in the environment: not passed on to sbatch" in first.stderr
    settings = dict(line.split("=") for line in SETTINGS)
    for environment in (*({name: value} for name, value in settings.items()), settings):
        again = spikebin("submit", "--missing", "--dry-run", cwd=data_set, env=environment)
        assert (again.returncode, again.stdout) == (0, ""), (environment, again.stderr)
        assert "queued or running, left out: 0-1" in again.stderr
    assert spikebin("submit", "--missing", cwd=data_set, env=settings).returncode == 0
    assert len(ask("squeue", "-h", "-r", "--states=PENDING").splitlines()) == 2
    ask("scancel", "--user=root", "--state=PENDING")


@pytest.mark.parametrize("shown", [{}, {"SQUEUE_STATES": "RUNNING", "SQUEUE_FORMAT": "%i"}])
def test_status_shows_the_same_queue(data_set, shown):
    ids = submit(data_set, "--", "--hold")["ids"]
    told = spikebin("status", cwd=data_set, env=shown).stdout
    assert re.search(rf"{SHEETS[0]} .* 2 ", told)
    assert "queued" in told
    ask("scancel", *ids)


def test_the_defaults_of_sbatch_do_not_reach_the_task(one_part):
    [job_id] = submit(one_part, "--", "--export=NONE")["ids"]
    wait_for_end(job_id)
    assert missing(one_part) == ""
    assert Path(one_part / "dataset" / "slurm" / f"{job_id}.sbatch").is_file()


def test_the_lines_of_the_readme_in_order(tmp_path, recordings):
    """As they stand there, but for names of a cluster's own: where recordings lie, a place to try, a partition."""
    (tmp_path / "slurm").symlink_to(templates())
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / recordings[0].name).symlink_to(recordings[0])
    names = {"ROOT": "data", "/tmp/try": str(tmp_path / "try"), "--partition=short": "--partition=main"}
    ran = []
    for line in sh_lines(README):
        if line.startswith("sbatch"):
            matrix_path(tmp_path / "dataset", "test", "0", "V1_Inh_L2/3").unlink()
        for name, mine in names.items():
            line = line.replace(name, mine)
        done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (line, done.stderr)
        ran.append(line)
        wait_until(lambda: ask("squeue", "-h") == "")
    assert len(ran) == 9
    assert [line for line in ran if "sbatch" in line] == ran[-1:]
    assert missing(tmp_path) == ""
    assert len(files(tmp_path)) == 2 * len(SHEETS)
    assert (tmp_path / "try" / "train").is_dir()
