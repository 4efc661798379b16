"""Every continuous format: files of real writers against a comparison of every spike with every edge."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from sessions import (
    IDS,
    ONSETS_MS,
    SPAN_MS,
    START,
    STOP,
    TRAINS,
    WIDTH,
    flat,
    make_block,
    matrix,
    reference,
    write_csv,
    write_gdf,
    write_neo,
    write_nest,
    write_npy_columns,
    write_npy_pair,
    write_npy_structured,
    write_npz,
    write_npz_samples,
    write_nwb,
    write_phy,
    write_sonata,
    write_trials,
    write_tsv_bare,
)

from spikebin.errors import RecordingError
from spikebin.recordings import FORMATS, format_of, open_recording
from spikebin.recordings.neo import from_neo
from spikebin.recordings.settings import Reading, TrialRule

WRITERS = {
    "npz": (write_npz, None, "neurons", Reading()),
    "npz in samples": (write_npz_samples, None, "neurons", Reading(unit="samples", rate=30_000.0)),
    "npy of records": (write_npy_structured, None, "neurons", Reading()),
    "npy of two columns": (write_npy_columns, None, "neurons", Reading(unit="ms")),
    "two npy": (write_npy_pair, None, "neurons", Reading(neurons="who.npy")),
    "csv": (write_csv, None, "neurons", Reading()),
    "tsv without header": (write_tsv_bare, None, "neurons", Reading(unit="s", times="0", neurons="1")),
    "phy": (write_phy, None, "units", Reading()),
    "nest": (write_nest, None, "v1-0000041", Reading()),
    "sonata": (write_sonata, None, "v1", Reading()),
    "nwb": (write_nwb, None, "units", Reading()),
    "neo": (write_neo, "neo:NeoMatlabIO", "units", Reading()),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_bins_like_the_reference(name, tmp_path, events):
    write, kind, sheet, reading = WRITERS[name]
    recording = open_recording(write(tmp_path, TRAINS), kind, reading)
    rule = TrialRule(events=str(events), window_start=START, window_stop=STOP)
    found, binned = matrix(recording, sheet, rule, tmp_path)
    expected = reference(TRAINS, ONSETS_MS + START, ONSETS_MS + STOP, WIDTH)
    np.testing.assert_array_equal(found, expected)
    assert binned.n_spikes - binned.n_outside == expected.sum() == binned.n_binned
    ids = recording.sheet(sheet, rule).neurons["neuron_id"]
    assert ids.tolist() == (list(range(IDS.size)) if name == "neo" else IDS.tolist())


@pytest.mark.parametrize("name", [name for name in WRITERS if WRITERS[name][1] is None])
def test_formats_are_told_apart(name, tmp_path):
    write = WRITERS[name][0]
    nameless = {"npy of two columns", "two npy", "tsv without header"}
    expected = "arrays" if name.startswith(("np", "csv", "tsv", "two")) else name
    assert format_of(write(tmp_path, TRAINS)) == (None if name in nameless else expected)


@pytest.mark.parametrize("name", WRITERS)
def test_what_it_was_taken_for_says_format_times_and_neurons(name, tmp_path):
    """The first line of what `spikebin bin` prints."""
    write, kind, _, reading = WRITERS[name]
    recording = open_recording(write(tmp_path, TRAINS), kind, reading)
    form, *columns = recording.taken.split(", ")
    assert form == recording.reading.format
    assert " in " in columns[0]
    assert columns[1].startswith("neurons by ")


def test_every_format_of_the_table_can_be_opened_and_tells_what_it_needs(tmp_path):
    for name, form in FORMATS.items():
        assert form.what
        assert form.sheets
        assert form.trials
        with pytest.raises(RecordingError):
            open_recording(tmp_path, name).sheet("x", TrialRule())


def test_whole_recording_is_one_trial_that_loses_no_spike(tmp_path):
    recording = open_recording(write_csv(tmp_path, TRAINS))
    found, binned = matrix(recording, "neurons", TrialRule(), tmp_path)
    assert found.shape[:2] == (1, IDS.size)
    assert found.sum() == sum(train.size for train in TRAINS) == binned.n_recorded
    assert binned.n_in_no_trial == 0


def test_windows_may_overlap(tmp_path):
    onsets = np.arange(500.0, 3000.0, 100.0)
    events = write_trials(tmp_path / "t.csv", {"time_ms": onsets.tolist()})
    rule = TrialRule(events=str(events), window_start=-200.0, window_stop=300.0)
    recording = open_recording(write_csv(tmp_path, TRAINS))
    found, binned = matrix(recording, "neurons", rule, tmp_path)
    np.testing.assert_array_equal(found, reference(TRAINS, onsets - 200, onsets + 300, WIDTH))
    times, _ = flat(TRAINS)
    assert binned.n_recorded - binned.n_in_no_trial == np.sum((times >= 300 - 1e-4) & (times <= 3200 + 1e-4))


def test_columns_of_the_events_are_kept(tmp_path, events):
    rule = TrialRule(events=str(events), window_start=START, window_stop=STOP, image_id="condition")
    (trial, second, *_) = open_recording(write_csv(tmp_path, TRAINS)).sheet("neurons", rule).trials
    assert (trial.image_id, second.image_id) == ("c0", "c1")
    assert dict(second.extra) == {
        "window_start": ONSETS_MS[1] + START,
        "window_stop": ONSETS_MS[1] + STOP,
        "onset_ms": ONSETS_MS[1],
        "condition": "c1",
    }


def test_a_repeat_column_orders_the_rows(tmp_path):
    columns = {
        "start_ms": [0.0, 100.0, 200.0, 300.0],
        "duration_ms": [50.0] * 4,
        "repeat": [1, 0, 1, 0],
        "image_id": list("abab"),
    }
    events = write_trials(tmp_path / "t.tsv", columns, "\t")
    trials = open_recording(write_csv(tmp_path, TRAINS)).sheet("neurons", TrialRule(events=str(events))).trials
    assert [(t.repeat, t.image_id, t.order) for t in trials] == [(0, "b", 1), (0, "b", 3), (1, "a", 0), (1, "a", 2)]
    assert trials[0].phases[0].stop == 150.0


def test_ids_choose_the_rows_silent_ones_included(tmp_path, events):
    rule = TrialRule(events=str(events), window_start=START, window_stop=STOP)
    recording = open_recording(write_csv(tmp_path, TRAINS), None, Reading(ids="2-3,21,50"))
    found, _ = matrix(recording, "neurons", rule, tmp_path)
    expected = reference([[], TRAINS[0], TRAINS[4], []], ONSETS_MS + START, ONSETS_MS + STOP, WIDTH)
    np.testing.assert_array_equal(found, expected)


def test_ids_that_lie_far_apart(tmp_path):
    (tmp_path / "s.csv").write_text("time_ms,neuron\n1,-9000000000\n2,5\n3,9000000000\n4,5\n")
    found, _ = matrix(open_recording(tmp_path / "s.csv"), "neurons", TrialRule(), tmp_path, width=1.0)
    assert found[0].tolist() == [[0, 1, 0, 0, 0], [0, 0, 1, 0, 1], [0, 0, 0, 1, 0]]
    chosen = open_recording(tmp_path / "s.csv", None, Reading(ids="5,9000000000,9000000001"))
    found, _ = matrix(chosen, "neurons", TrialRule(), tmp_path, width=1.0)
    assert found[0].sum(axis=1).tolist() == [2, 1, 0]


# --- NWB


@pytest.mark.parametrize(
    ("labels", "texts", "message"),
    [
        (("best",), True, "no unit has the quality best: there are good, mua"),
        (("sorter=x",), True, "its units have no column 'sorter'; there are .*quality"),
        (("spike_times=1",), True, "'spike_times' of the units holds no labels"),
        (("good",), False, "its units have no column quality, .*: name another"),
    ],
)
def test_labels_that_no_unit_has_are_one_line(tmp_path, labels, texts, message):
    with pytest.raises(RecordingError, match=message) as caught:
        open_recording(write_nwb(tmp_path, TRAINS, texts=texts), None, Reading(labels=labels))
    assert "\n" not in str(caught.value)


# --- SONATA


# --- NEST


def test_nest_gdf_and_directories(tmp_path, events):
    rounded = [np.round(train, 3) for train in TRAINS]
    rule = TrialRule(events=str(events), window_start=START, window_stop=STOP)
    expected = reference(rounded, ONSETS_MS + START, ONSETS_MS + STOP, WIDTH)
    np.testing.assert_array_equal(
        matrix(open_recording(write_gdf(tmp_path, TRAINS)), "brunel-ex-12502", rule, tmp_path)[0], expected
    )
    write_nest(tmp_path, TRAINS)
    (tmp_path / "silent-0000042-0.dat").write_text(
        "# NEST version: 3.6.0\n# RecordingBackendASCII version: 2\nsender\ttime_ms\n"
    )
    recording = open_recording(tmp_path)
    assert list(recording.sheets) == ["brunel-ex-12502", "silent-0000042", "v1-0000041"]
    expected = reference(TRAINS, ONSETS_MS + START, ONSETS_MS + STOP, WIDTH)
    np.testing.assert_array_equal(matrix(recording, "v1-0000041", rule, tmp_path)[0], expected)
    with pytest.raises(RecordingError, match=r"silent-0000042 of .* holds no spikes: list its neurons with `ids`"):
        recording.sheet("silent-0000042", rule)


def test_nest_precise_times_in_steps(tmp_path):
    head = "# NEST version: 3.6.0\n# RecordingBackendASCII version: 2\nsender\ttime_step\ttime_offset\n"
    (tmp_path / "v1-01-0.dat").write_text(head + "5\t101\t0.03\n6\t205\t0\n")
    sheet = open_recording(tmp_path / "v1-01-0.dat", None, Reading(rate=10_000.0)).sheet("v1-01", TrialRule())
    np.testing.assert_allclose(np.sort(sheet.spikes(0)[0].times), [10.07, 20.5])
    with pytest.raises(RecordingError, match="times in steps: give their number in a second with --rate"):
        open_recording(tmp_path / "v1-01-0.dat").sheet("v1-01", TrialRule())


# --- Phy


# --- neo


def test_neo_blocks_in_memory(tmp_path):
    recording = from_neo(make_block(TRAINS), neurons="unit_id")
    found, _ = matrix(recording, "units", TrialRule(), tmp_path)
    np.testing.assert_array_equal(found, reference(TRAINS, ONSETS_MS, ONSETS_MS + 500, WIDTH))
    rule = TrialRule(events="cue", window_start=-50.0, window_stop=50.0, image_id="label")
    found, _ = matrix(recording, "units", rule, tmp_path)
    np.testing.assert_array_equal(found, reference(TRAINS, ONSETS_MS + 50, ONSETS_MS + 150, WIDTH))
    sheet = recording.sheet("units", rule)
    assert sheet.trials[5].image_id == "image 1"
    assert sheet.neurons["neuron_id"].tolist() == IDS.tolist()
    whole = recording.sheet("units", TrialRule(events="none")).trials[0].phases[0]
    assert (whole.start, whole.stop) == (0, SPAN_MS)


def test_segments_of_a_neo_block_are_trials(tmp_path):
    recording = from_neo(make_block(TRAINS, segments=3), neurons="unit_id")
    found, _ = matrix(recording, "units", TrialRule(), tmp_path)
    expected = [reference([train[k::3] for train in TRAINS], [0], [SPAN_MS], WIDTH)[0] for k in range(3)]
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(RecordingError, match="its 3 segments are its trials: take `events` out"):
        recording.sheet("units", TrialRule(events="trials"))


def test_neo_never_runs_a_pickle(tmp_path):
    (tmp_path / "session.pkl").write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    for name, message in (
        ("PickleIO", "would run the code in a pickle"),
        ("NixxIO", "neo has no 'NixxIO'"),
        ("", "which neo IO"),
    ):
        with pytest.raises(RecordingError, match=message):
            open_recording(tmp_path / "session.pkl", f"neo:{name}")
    with pytest.raises(RecordingError, match=r"cannot be read by NeoMatlabIO"):
        open_recording(tmp_path / "session.pkl", "neo:NeoMatlabIO")


def test_neo_that_is_not_installed_is_one_line(tmp_path, monkeypatch):
    (tmp_path / "x.nix").touch()
    monkeypatch.setitem(sys.modules, "neo", None)
    with pytest.raises(RecordingError, match=r"neo is not installed: pip install 'spikebin\[neo\]'"):
        open_recording(tmp_path / "x.nix", "neo:NixIO")
