"""Every continuous format: files of real writers against a comparison of every spike with every edge."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import spikebin
from sessions import (
    IDS,
    ONSETS_MS,
    SPAN_MS,
    flat,
    make_block,
    make_trains,
    reference,
    write_csv,
    write_gdf,
    write_neo,
    write_nest,
    write_nodes,
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

from spikebin.binning.rules import Binning
from spikebin.errors import RecordingError
from spikebin.matrixfile.write_sheet import Settings
from spikebin.pipeline.one_step import bin_sheet
from spikebin.recordings import FORMATS, format_of, open_recording
from spikebin.recordings.neo import from_neo
from spikebin.recordings.phy import read_params
from spikebin.recordings.settings import Reading, TrialRule

TRAINS = make_trains()
START, STOP, WIDTH = -100.0, 300.0, 10.0

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


def matrix(recording, sheet, rule, tmp_path, **binning):
    binning = Binning(**{"width": WIDTH, "end_bin": False, "values": "count", **binning})
    target = tmp_path / "matrix.npy"
    target.unlink(missing_ok=True)
    binned = bin_sheet(
        recording.sheet(sheet, rule), sheet, "part", Settings(binning, threads=2, trial=rule.settings), target
    )
    return np.load(target), binned


@pytest.fixture
def events(tmp_path):
    columns = {"onset_ms": ONSETS_MS.tolist(), "condition": [f"c{k % 3}" for k in range(ONSETS_MS.size)]}
    return write_trials(tmp_path / "events.csv", columns)


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


@pytest.mark.parametrize("order", ["C", "F"])
def test_columns_of_a_npy_in_either_order(tmp_path, order):
    np.save(tmp_path / "s.npy", np.array([[1.5, 7], [2.5, 3], [4.0, 7]], order=order))
    sheet = open_recording(tmp_path / "s.npy", None, Reading(unit="ms")).sheet("neurons", TrialRule())
    (spikes,) = sheet.spikes(0)
    assert spikes.times.tolist() == [1.5, 2.5, 4.0]
    assert spikes.rows.tolist() == [1, 0, 1]


def test_negative_times_are_times(tmp_path):
    (tmp_path / "s.csv").write_text("time_ms,neuron\n-20.5,1\n-0.5,1\n3,2\n")
    found, _ = matrix(open_recording(tmp_path / "s.csv"), "neurons", TrialRule(), tmp_path)
    assert found.shape == (1, 2, 3)
    assert found[0, 0].tolist() == [1, 0, 1]
    assert found[0, 1].tolist() == [0, 0, 1]


# --- NWB


def test_nwb_has_its_own_trials_intervals_and_places(tmp_path):
    recording = open_recording(write_nwb(tmp_path, TRAINS))
    found, _ = matrix(recording, "units", TrialRule(image_id="image"), tmp_path)
    np.testing.assert_array_equal(found, reference(TRAINS, ONSETS_MS, ONSETS_MS + 500, WIDTH))
    sheet = recording.sheet("units", TrialRule(image_id="image"))
    assert [trial.image_id for trial in sheet.trials[:2]] == ["Käse0", "Käse1"]
    assert dict(sheet.trials[1].extra)["contrast"] == 0.5
    np.testing.assert_array_equal(sheet.neurons["x"], IDS % 3 + 0.5)
    np.testing.assert_array_equal(sheet.neurons["y"], 10 * (IDS % 3 + 0.5))
    assert np.isnan(sheet.neurons["z"]).all()

    aligned, _ = matrix(recording, "units", TrialRule(align_to="cue", window_start=-50.0, window_stop=50.0), tmp_path)
    np.testing.assert_array_equal(aligned, reference(TRAINS, ONSETS_MS + 50, ONSETS_MS + 150, WIDTH))

    spans = [trial.phases[0] for trial in recording.sheet("units", TrialRule(events="laser")).trials]
    assert [(span.start, round(span.stop, 6)) for span in spans] == [(0, 100), (2000, 2150), (4000, 4200)]
    assert len(recording.sheet("units", TrialRule(events="none")).trials) == 1
    with pytest.raises(RecordingError, match=r"no intervals 'lasers': there are laser, trials"):
        recording.sheet("units", TrialRule(events="lasers"))


def test_nwb_without_texts_needs_no_h5py(tmp_path, monkeypatch):
    plain = open_recording(write_nwb(tmp_path, TRAINS, texts=False, electrodes=False))
    monkeypatch.setitem(sys.modules, "h5py", None)
    assert len(plain.sheet("units", TrialRule()).trials) == ONSETS_MS.size
    assert np.isnan(plain.sheet("units", TrialRule()).neurons["x"]).all()


def test_nwb_with_texts_says_that_it_needs_h5py(tmp_path, monkeypatch):
    recording = open_recording(write_nwb(tmp_path, TRAINS))
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(RecordingError, match=r"texts \(image\), which need h5py: pip install"):
        recording.sheet("units", TrialRule())


@pytest.mark.parametrize(
    ("labels", "odd"),
    [(("good",), [1]), (("good", "mua"), [0, 1]), (("quality=mua", "noise"), [0]), (("is_odd=True",), [1])],
)
def test_units_of_an_nwb_file_by_their_label(tmp_path, labels, odd):
    path = write_nwb(tmp_path, TRAINS)
    sheet = open_recording(path, None, Reading(labels=labels)).sheet("units", TrialRule())
    chosen = [i for i in IDS.tolist() if i % 2 in odd]
    assert sheet.neurons["neuron_id"].tolist() == chosen
    everything = open_recording(path).sheet("units", TrialRule())
    rows = np.flatnonzero(np.isin(IDS, chosen))
    (found,), (whole,) = sheet.spikes(3), everything.spikes(3)
    kept = np.isin(whole.rows, rows)
    np.testing.assert_array_equal(np.sort(found.times), np.sort(whole.times[kept]))
    assert np.bincount(found.rows, minlength=rows.size).tolist() == np.bincount(whole.rows, minlength=6)[rows].tolist()


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


def test_trials_in_which_a_unit_was_not_observed_are_counted(tmp_path):
    """Trials begin at ONSETS_MS and last 500 ms; one reaches into a gap, those after the end lie in none."""
    first, last = ONSETS_MS[5] / 1000, ONSETS_MS[10] / 1000
    observed = [[0.0, first + 0.25], [first + 0.3, last + 0.5]]
    path = write_nwb(tmp_path, TRAINS, observed=observed)
    late = int(np.sum(ONSETS_MS[10] < ONSETS_MS))
    assert open_recording(path).sheet("units", TrialRule()).n_unobserved == IDS.size * (1 + late)
    assert open_recording(path, None, Reading(ids="3,7")).sheet("units", TrialRule()).n_unobserved == 2 * (1 + late)
    assert open_recording(path, None, Reading(labels=("good",))).sheet("units", TrialRule()).n_unobserved == sum(
        1 + late for i in IDS if i % 2
    )
    result = spikebin("bin", path, "--width", "10")
    assert f"unobserved  {IDS.size * (1 + late)} of {IDS.size * 20} pairs of trial and neuron" in result.stdout
    plain = spikebin("bin", write_nwb(tmp_path, TRAINS), "--width", "10")
    assert "unobserved" not in plain.stdout


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda units: units["spike_times_index"].__setitem__(0, 200), r"spike_times_index does not fit"),
        (lambda units: units["spike_times_index"].__setitem__(5, 255), r"spike_times_index does not fit"),
        (lambda units: units["id"].__setitem__(0, 7), r"two units have one id"),
        (
            lambda units: units["spike_times"].__setitem__(3, np.nan),
            r"a spike time of neuron 3 of units of session.nwb is nan",
        ),
        (lambda units: units.__delitem__("spike_times"), r"no /units with spike_times"),
        (lambda units: units.__delitem__("id"), r"session.nwb:/units has no id"),
    ],
)
def test_damaged_nwb_is_one_line(tmp_path, change, message):
    import h5py

    path = write_nwb(tmp_path, make_trains(n=30))
    with h5py.File(path, "r+") as file:
        change(file["units"])
    with pytest.raises(RecordingError, match=message) as caught:
        open_recording(path).sheet("units", TrialRule(events="none"))
    assert "\n" not in str(caught.value)


# --- SONATA


@pytest.mark.parametrize("enum", [True, False])
@pytest.mark.parametrize("by_time", [True, False])
def test_sonata_populations_are_sheets(tmp_path, events, enum, by_time):
    import libsonata

    path = write_sonata(tmp_path, TRAINS, enum=enum, by_time=by_time)
    recording = open_recording(path)
    assert list(recording.sheets) == ["lgn", "v1"]
    rule = TrialRule(events=str(events), window_start=START, window_stop=STOP)
    found, _ = matrix(recording, "lgn", rule, tmp_path)
    np.testing.assert_array_equal(found, reference(TRAINS[:3], ONSETS_MS + START, ONSETS_MS + STOP, WIDTH))
    if enum:
        # libsonata, the format's own reader, sees the same spikes.
        other = np.array(libsonata.SpikeReader(str(path))["v1"].get())
        times, ids = next(recording.population("v1").source.chunks())
        order, theirs = np.lexsort((ids, times)), np.lexsort((other[:, 0], other[:, 1]))
        np.testing.assert_array_equal(times[order], other[theirs, 1])
        np.testing.assert_array_equal(ids[order], other[theirs, 0])


def test_sonata_as_bmtk_writes_it():
    """Two files of bmtk 1.2.0, of the same spikes; compressed, so that libsonata cannot read them."""
    data = Path(__file__).parent.parent / "data" / "sonata"
    sheets = [open_recording(data / f"bmtk_{order}.h5").sheet("v1", TrialRule()) for order in ("by_id", "by_time")]
    spikes = [sheet.spikes(0)[0] for sheet in sheets]
    assert sheets[0].n_recorded == 100
    for one, other in zip(*[(s.times[np.lexsort((s.times, s.rows))], np.sort(s.rows)) for s in spikes], strict=True):
        np.testing.assert_array_equal(one, other)


def test_sonata_units_flat_layout_and_nodes(tmp_path, events):
    rule = TrialRule(events=str(events), window_start=START, window_stop=STOP)
    expected = reference(TRAINS, ONSETS_MS + START, ONSETS_MS + STOP, WIDTH)
    found, _ = matrix(open_recording(write_sonata(tmp_path, TRAINS, units="s")), "v1", rule, tmp_path)
    np.testing.assert_array_equal(found, expected)
    old = open_recording(write_sonata(tmp_path, TRAINS, flat_layout=True))
    assert list(old.sheets) == ["default"]
    np.testing.assert_array_equal(matrix(old, "default", rule, tmp_path)[0], expected)

    placed = open_recording(write_sonata(tmp_path, TRAINS), None, Reading(nodes=str(write_nodes(tmp_path))))
    found, _ = matrix(placed, "v1", rule, tmp_path)
    assert found.shape[1] == 50
    np.testing.assert_array_equal(found[:, IDS], expected)
    assert found.sum() == expected.sum()
    neurons = placed.sheet("v1", rule).neurons
    assert (neurons["x"][3], neurons["z"][3]) == (460.0, 46.0)
    assert np.isnan(neurons["y"]).all()
    few = open_recording(write_sonata(tmp_path, TRAINS), None, Reading(nodes=str(write_nodes(tmp_path, n=20))))
    with pytest.raises(RecordingError, match="spikes of neuron 20, which it does not list"):
        few.sheet("v1", rule)


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


def test_phy_labels_and_places(tmp_path):
    folder = write_phy(tmp_path, TRAINS)

    def ids(**reading):
        return (
            open_recording(folder, None, Reading(**reading)).sheet("units", TrialRule()).neurons["neuron_id"].tolist()
        )

    assert ids() == IDS.tolist()
    # What a person said of cluster 3 comes before what Kilosort said.
    assert ids(labels=("good",)) == IDS[1:].tolist()
    assert ids(labels=("mua",)) == [3]
    assert ids(labels=("mua", "noise")) == [3, 99]
    with pytest.raises(RecordingError, match="no cluster is labelled 'best': known are good, mua, noise, unsorted"):
        ids(labels=("best",))
    neurons = open_recording(folder).sheet("units", TrialRule()).neurons
    assert list(zip(neurons["x"], neurons["y"], strict=True))[:5] == [(0, 20), (32, 20), (0, 40), (32, 40), (0, 20)]


def test_phy_params_are_read_and_never_run(tmp_path):
    folder = write_phy(tmp_path, TRAINS)
    params = folder / "params.py"
    params.write_text("import os\nopen('/nonexistent/x').read()\nsample_rate = 25_000.0\nrate = os.getpid()\n")
    assert read_params(params) == {"sample_rate": 25_000.0}
    for text, message in (
        ("sample_rate = 30000.0 * 2\n", "no number called sample_rate"),
        ("sample_rate = (", "cannot be read"),
        ("(" * 100_000, "cannot be read"),
        ("sample_rate = -1\n", "with the rate -1"),
        ("sample_rate = True\n", "no number called sample_rate"),
    ):
        params.write_text(text)
        with pytest.raises(RecordingError, match=message):
            open_recording(folder).sheet("units", TrialRule())
    params.unlink()
    with pytest.raises(RecordingError, match=r"no params.py: give the rate"):
        open_recording(folder)
    assert open_recording(folder, None, Reading(rate=30_000.0)).sheet("units", TrialRule()).n_recorded == 1500


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
        ("PickleIO", "runs whatever a pickle says"),
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
