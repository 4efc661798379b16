"""What `spikebin bin` doubts is told with what to do about it; and what it names after what."""

from __future__ import annotations

import numpy as np
import pytest
from here import spikebin_here


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """Ten minutes of ten neurons, and an event each 9 s."""
    place = tmp_path_factory.mktemp("session")
    rng = np.random.default_rng(0)
    for run in ("1", "2"):
        (place / "runs" / run / "output").mkdir(parents=True)
        times = np.sort(rng.uniform(0, 600, 30_000))
        np.savez(place / "runs" / run / "output" / "spikes.npz", times=times, neurons=rng.integers(0, 10, 30_000))
    lines = ["trial,stim_on,contrast", *(f"{i},{9 * i + 5},{i % 3}" for i in range(60))]
    (place / "events.csv").write_text("\n".join(lines))
    return place


def binned(place, *options):
    result = spikebin_here(
        "bin", "runs/1/output/spikes.npz", "--unit", "s", "--trials", "events.csv", *options, cwd=place
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_events_in_another_unit_than_the_spikes(session):
    told = binned(session, "--trials-unit", "ms", "--window", "-2", "5", "--width", "1")
    assert "all events lie within about 0.13 % of the recording" in told
    assert "trials hold no spike" in told
    right = binned(session, "--trials-unit", "s", "--window", "-200", "500", "--width", "10")
    assert [line.split(None, 1)[1] for line in right.splitlines() if line.startswith("  note ")] == [
        "trials of events.csv: stim_on in s"
    ]


def test_bins_too_long_to_be_marked(session):
    told = binned(session, "--trials-unit", "s", "--window", "-200", "500", "--width", "10", "--values", "bool")
    assert "% of the spikes in trials share a bin of their neuron with another" in told
    assert "--values count" in told


def test_two_columns_that_may_start_a_trial(session):
    text = (session / "events.csv").read_text().replace("contrast", "target_onset")
    (session / "two.csv").write_text(text)
    options = ("--unit", "s", "--window", "0", "1", "--width", "1", "--trials", "two.csv")
    result = spikebin_here("bin", "runs/1/output/spikes.npz", *options, cwd=session)
    assert result.returncode == 1
    assert "stim_on or target_onset? Name one with --align-to" in result.stderr


def test_an_npz_says_where_its_bins_lie(session):
    binned(session, "--trials-unit", "s", "--window", "-200", "500", "--width", "10", "--out", "a.npz", "--force")
    with np.load(session / "a.npz") as arrays:
        assert arrays["time"].tolist() == [-200 + 10 * k for k in range(70)]
        assert arrays["trial_contrast"].tolist() == [i % 3 for i in range(60)]


def test_files_of_one_name_are_named_by_what_differs(session):
    files = [f"runs/{run}/output/spikes.npz" for run in ("1", "2")]
    result = spikebin_here("bin", *files, "--unit", "s", "--width", "100", "--out", "out", "--force", cwd=session)
    assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in (session / "out").iterdir()) == ["spikes_neurons_1.h5", "spikes_neurons_2.h5"]
