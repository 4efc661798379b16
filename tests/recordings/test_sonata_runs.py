"""What lies beside the spikes of a SONATA simulation: nodes of each population, and how long the simulation lasted."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest
from conftest import export_all, one_line_error
from here import spikebin_here
from sessions import IDS, TRAINS, write_sonata

from spikebin import bin_recording
from spikebin.errors import RecordingError
from spikebin.recordings import open_recording
from spikebin.recordings.settings import Reading, TrialRule

LAST = max(train.max() for train in TRAINS)
LASTS = float(np.ceil(LAST)) + 2000


def write_nodes(path, **populations):
    """A file of nodes: how many each population has, and where the first lies."""
    with h5py.File(path, "w") as file:
        for name, (n, x) in populations.items():
            group = file.create_group(f"nodes/{name}")
            group["node_type_id"] = np.full(n, 7)
            group["0/x"] = x + np.arange(float(n))
    return path


def nodes_of(tmp_path, *nodes, sheet="v1"):
    recording = open_recording(write_sonata(tmp_path, TRAINS), None, Reading(nodes=tuple(map(str, nodes))))
    neurons = recording.sheet(sheet, TrialRule()).neurons
    return len(neurons), float(neurons["x"][0])


def test_nodes_of_each_population_from_one_file_or_several(tmp_path):
    both = write_nodes(tmp_path / "both.h5", v1=(50, 1.0), lgn=(20, 2.0))
    v1, lgn = write_nodes(tmp_path / "a.h5", v1=(60, 3.0)), write_nodes(tmp_path / "b.h5", lgn=(30, 4.0))
    assert nodes_of(tmp_path, both) == (50, 1.0)
    assert nodes_of(tmp_path, both, sheet="lgn") == (20, 2.0)
    for files in ((v1, lgn), (lgn, v1), (f"v1={v1}", lgn), (both, f"v1={v1}", f"lgn={lgn}")):
        assert nodes_of(tmp_path, *files) == (60, 3.0)
        assert nodes_of(tmp_path, *files, sheet="lgn") == (30, 4.0)
    count, x = nodes_of(tmp_path, f"v1={v1}", sheet="lgn")
    assert count == (IDS < 10).sum()  # of a population of which nothing is said: those that fire
    assert np.isnan(x)


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        (["a.h5", "b.h5"], "nodes of v1 lie in a.h5 and b.h5: say which it is, v1="),
        (["v1=a.h5", "v1=b.h5"], "nodes of v1 lie in a.h5 and b.h5"),
        (["lng=a.h5"], "there is no population 'lng': did you mean 'lgn'"),
        (["v1=lgn.h5"], "lgn.h5 has no nodes of v1, only of lgn"),
        (["lgn.h5"], "lgn.h5 has no nodes of v1, only of lgn"),
        (["v1=no.h5"], "no file of nodes .*no.h5"),
        (["./v1=a.h5"], "no file of nodes .*v1=a.h5"),
        (["text.h5"], "text.h5"),
    ],
)
def test_nodes_that_cannot_be_are_one_line(tmp_path, monkeypatch, nodes, message):
    monkeypatch.chdir(tmp_path)
    for name in "ab":
        write_nodes(tmp_path / f"{name}.h5", v1=(60, 3.0))
    write_nodes(tmp_path / "lgn.h5", lgn=(30, 4.0))
    (tmp_path / "text.h5").write_text("nodes")
    with pytest.raises(RecordingError, match=message) as caught:
        nodes_of(tmp_path, *nodes)
    assert "\n" not in str(caught.value)


def test_nodes_in_one_line_in_a_call_and_in_a_config(tmp_path):
    write_sonata(tmp_path, TRAINS)
    a, b = write_nodes(tmp_path / "a.h5", v1=(60, 3.0)), write_nodes(tmp_path / "b.h5", lgn=(30, 4.0))
    command = ("bin", "spikes.h5", "-w", "10", "--ids", "v1=0-49,lgn=0-9", "--nodes", "v1=a.h5", "--nodes", "b.h5")
    result = spikebin_here(*command, "--json", cwd=tmp_path)
    assert {one["sheet"]: one["shape"][1] for one in json.loads(result.stdout)} == {"v1": 50, "lgn": 10}
    made = bin_recording(tmp_path / "spikes.h5", 10, nodes=[f"v1={a}", b])
    assert {one.sheet: one.shape[1] for one in made} == {"v1": 60, "lgn": 30}
    (tmp_path / "spikebin.toml").write_text(
        '[binning]\nwidth = 100\nend_bin = false\n[[recordings]]\nvariant = "train"\nroot = "."\nparts = "spikes.h5"\n'
        'format = "sonata"\nnodes = ["v1=a.h5", "b.h5"]\n'
    )
    assert spikebin_here("plan", cwd=tmp_path).returncode == 0
    export_all(tmp_path)
    assert spikebin_here("plan", cwd=tmp_path).returncode == 0
    bound = json.loads((tmp_path / "dataset/plan.json").read_text())["recordings"]["train: ./spikes.h5"]
    assert bound["nodes"] == ["v1=a.h5", "b.h5"]


def config(spikes="spikes.h5", folder="./output", manifest=None, **run):
    return {
        "manifest": manifest or {},
        "run": {"tstop": LASTS, "dt": 0.1} | run,
        "output": {"log_file": "log.txt", "spikes_file": spikes, "output_dir": folder},
    }


@pytest.fixture
def run_1(tmp_path):
    """A run as bmtk lays it out: its configuration, and what it wrote in output/."""
    (tmp_path / "run_1/output").mkdir(parents=True)
    write_sonata(tmp_path / "run_1/output", TRAINS)
    return tmp_path / "run_1"


MATCHING = {
    "as the guide has it": ("", config()),
    "variables": ("", config(folder="$OUT", manifest={"$BASE": ".", "$OUT": "${BASE}/output"})),
    "copied by bmtk": ("output/", config("/elsewhere/run_1/output/spikes.h5", "/elsewhere/run_1/output")),
    "beside it": ("output/", config(folder=".")),
}


@pytest.mark.parametrize("name", MATCHING)
@pytest.mark.parametrize("called", ["simulation_config.json", "config.json"])
def test_how_long_it_lasted_is_read_from_its_configuration(run_1, name, called):
    where, text = MATCHING[name]
    (run_1 / where / called).write_text(json.dumps(text))
    recording = open_recording(run_1 / "output/spikes.h5")
    assert recording.taken == f"sonata, timestamps in ms, neurons by node_ids, {LASTS:g} ms long by {called}"
    (trial,) = recording.sheet("v1", TrialRule()).trials
    assert (trial.phases[0].start, trial.phases[0].stop) == (0, LASTS)
    assert called in [file.name for file in recording.sheet("v1", TrialRule()).files]
    with pytest.raises(RecordingError, match="was recorded from 0 to .*--short"):
        recording.sheet("v1", TrialRule(window_start=0.0, window_stop=LASTS + 1))
    result = spikebin_here("bin", "output/spikes.h5", "-w", "10", "--sheet", "v1", cwd=run_1)
    assert result.stdout.splitlines()[0] == f"spikes.h5, v1: {recording.taken}"
    given = spikebin_here("bin", "output/spikes.h5", "-w", "10", "--duration", f"{LASTS - 500}", "-s", "v1", cwd=run_1)
    assert f"took the duration that is given, {LASTS - 500:g} ms, and not the {LASTS:g} ms of {called}" in given.stdout
    assert "ms long" not in given.stdout


OF_OTHERS = {
    "spikes of another name": config("others.h5"),
    "spikes in another directory": config(folder="./output_2"),
    "no run": {"network": "circuit_config.json"},
    "a list": [1],
    "variables that nothing tells": config(folder="$OUTPUT_DIR"),
    "an output that is a text": {"run": {"tstop": 5.0}, "output": "output"},
}


@pytest.mark.parametrize("name", OF_OTHERS)
def test_the_configuration_of_another_run_says_nothing(run_1, name):
    (run_1 / "simulation_config.json").write_text(json.dumps(OF_OTHERS[name]))
    recording = open_recording(run_1 / "output/spikes.h5")
    assert (recording.duration, recording.notes) == (None, [])


NOT_READ = {
    "not JSON": ("{", "it cannot be read"),
    "deep": ("[" * 100_000, "it cannot be read"),
    "not text": (b"\xff", "it cannot be read"),
    "huge": (" " * (1 << 22) + " ", "it is too large"),
    "no number": (json.dumps(config(tstop="3 s")), "its tstop is '3 s'"),
    "infinite": (json.dumps(config(tstop=float("inf"))), "its tstop is 'inf'"),
    "more than a float": (json.dumps(config(tstop=10**400)), "its tstop is '1000"),
    "true": (json.dumps(config(tstop=True)), "its tstop is 'True'"),
    "a later start": (json.dumps(config(tstart=100.0)), "it begins at 100 ms"),
    "variables of themselves": (json.dumps(config(folder="$A", manifest={"A": "$A$A"})), None),
}


@pytest.mark.parametrize("name", NOT_READ)
def test_a_configuration_that_cannot_be_used_is_told_and_changes_nothing(run_1, name):
    text, message = NOT_READ[name]
    (run_1 / "simulation_config.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    recording = open_recording(run_1 / "output/spikes.h5")
    assert recording.duration is None
    assert message is None or message in recording.notes[0]
    assert len(recording.notes) == (message is not None)
    assert recording.sheet("v1", TrialRule()).trials[0].phases[0].stop < LAST + 2


def test_spikes_beyond_what_the_configuration_says_are_refused(run_1):
    (run_1 / "simulation_config.json").write_text(json.dumps(config(tstop=LAST - 1)))
    result = spikebin_here("bin", "output/spikes.h5", "-w", "10", "--sheet", "v1", cwd=run_1)
    one_line_error(result, "simulation_config.json says 0 to", "give another --duration")
    given = spikebin_here("bin", "output/spikes.h5", "-w", "10", "--duration", f"{LASTS}", "-s", "v1", cwd=run_1)
    assert given.returncode == 0


def test_populations_in_a_csv_of_bmtk(tmp_path):
    """As bmtk writes it: blanks between columns, populations by name; the same spikes as its SONATA file."""
    api = pytest.importorskip("bmtk.utils.reports.spike_trains", reason="bmtk is not installed (pip install bmtk)")
    spikes = api.SpikeTrains()
    truth = {"v1": ([5, 5, 9], [1.5, 20.25, 30.0]), "lgn": ([5, 7], [2.5, 40.0])}
    for population, (ids, times) in truth.items():
        spikes.add_spikes(node_ids=ids, timestamps=times, population=population)
    spikes.to_csv(str(tmp_path / "spikes.csv"))
    spikes.to_sonata(str(tmp_path / "spikes.h5"))
    for name, reading in (("spikes.csv", Reading(unit="ms")), ("spikes.h5", Reading())):
        recording = open_recording(tmp_path / name, None, reading)
        assert set(recording.sheets) == set(truth)
        for population, (ids, times) in truth.items():
            sheet = recording.sheet(population, TrialRule())
            (found,) = sheet.spikes(0)
            order = np.argsort(found.times)
            assert found.times[order].tolist() == times
            assert sheet.neurons["neuron_id"][found.rows[order]].tolist() == ids
