"""Units of times: what a name tells is understood or refused, never taken for another, and what is said must agree."""

from __future__ import annotations

import itertools

import h5py
import numpy as np
import pytest
from conftest import one_line_error
from here import spikebin_here
from hypothesis import given
from hypothesis import strategies as st
from sessions import make_trains, write_sonata

from spikebin.errors import RecordingError
from spikebin.recordings import open_recording
from spikebin.recordings.continuous.units import (
    NAMES,
    NOT_READ,
    choose_unit,
    find_column,
    make_clock,
    parse_ms,
    split_unit,
)
from spikebin.recordings.settings import Reading, TrialRule

MS = {"s": 1000.0, "ms": 1.0, "us": 1e-3, "ns": 1e-6, "samples": 1000 / 30_000}
SHAPES = ["{0}_{1}", "{0} ({1})", "{0} [{1}]", "{0}.{1}", "{0}-{1}", "{0} / {1}", "{0} [in {1}]", "{0} {1}"]


@pytest.fixture
def session(tmp_path):
    np.savez(tmp_path / "s.npz", time_s=np.arange(0.5, 20), neuron=np.arange(20) % 2)
    return tmp_path


def onset_of(session, name, value, **rule):
    (session / "t.csv").write_text(f'"{name}",n\n{value},1\n')
    rule = TrialRule(events=str(session / "t.csv"), align_to=name, window_start=0.0, window_stop=1000.0, **rule)
    (trial,) = open_recording(session / "s.npz").sheet("neurons", rule).trials
    return trial.phases[0].start


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("start_s", ("start", "s")),
        ("time (ms)", ("time", "ms")),
        ("Spike Time [us]", ("spike_time", "us")),
        ("onset-seconds", ("onset", "s")),
        ("onset_ns", ("onset", "ns")),
        ("onset_µs", ("onset", "us")),
        ("spike_times", ("spike_times", None)),
        ("times", ("times", None)),
        ("s", ("s", None)),
        ("time_samples", ("time", "samples")),
        ("unit_ids", ("unit_ids", None)),
        ("onset_min", ("onset", None)),
        ("startTimeMs", ("start_time", "ms")),
        ("t / ms", ("t", "ms")),
        ("time [in s]", ("time", "s")),
    ],
)
def test_names_tell_units(name, expected):
    assert split_unit(name) == expected


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("word", sorted({*NAMES, *NOT_READ, "Ms", "NS", "Min"}))
def test_a_unit_in_the_name_of_a_column_is_understood_or_refused(session, shape, word):
    name = shape.format("onset", word)
    unit = NAMES.get(word.lower())
    if unit in {"s", "ms", "us", "ns"}:
        assert onset_of(session, name, 3000) == pytest.approx(3000 * MS[unit], rel=1e-15)
    else:
        with pytest.raises(RecordingError, match="no unit|with no rate") as caught:
            onset_of(session, name, 3000)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        *("onset (furlong)", "onset_ms_rel", "ms_onset", "onset [a.u.]", "onset_milliseconds_abs", "cueMsRaw"),
        *("onset_s_raw", "cue_sec_x", "seconds_since_start", "cue_minutes_utc", "cue_frames_x", "cue_ticks_raw"),
        *("onset_0.1ms", "cue_10us", "onset_cs", "cue_bins", "cue_frame_idx", "cue_time_bin", "t_ms_2"),
        *("ms", "min", "h", "frame"),
    ],
)
def test_what_may_be_a_unit_is_asked_for(session, name):
    with pytest.raises(RecordingError, match=r"is '.*' in '.*' the unit of its times\? Give --trials-unit"):
        onset_of(session, name, 1)
    assert onset_of(session, name, 1, events_unit="ms") == 1.0


def test_a_column_without_a_unit_has_that_of_the_spikes_or_the_one_that_is_said(session):
    assert onset_of(session, "cue", 3) == 3000
    assert onset_of(session, "cue", 3, events_unit="ms") == 3
    # An unconditioned stimulus, the second of two, what is shown, the smallest.
    for name in ("us_onset", "second_cue", "sample_onset", "min_rt_onset", "s_plus"):
        assert onset_of(session, name, 3) == 3000


@pytest.mark.parametrize(
    ("name", "unit"),
    [("cue_millis", "ms"), ("cue_micros", "us"), ("cue_µsec", "us"), ("cue_μs", "us"), ("t (µs)", "us")],
)
def test_other_spellings_of_units_are_understood(session, name, unit):
    assert onset_of(session, name, 3000) == 3000 * MS[unit]


@pytest.mark.parametrize(("named", "said"), list(itertools.permutations(["s", "ms", "us", "ns", "samples"], 2)))
def test_a_unit_that_is_said_against_the_name_is_an_error(session, named, said):
    with pytest.raises(RecordingError, match=rf"'onset_{named}' says {named}, --trials-unit .* says {said}"):
        onset_of(session, f"onset_{named}", 3, events_unit=said)
    np.savez(session / "n.npz", **{f"times_{named}": np.arange(9), "neurons": np.zeros(9, int)})
    (session / "n.csv").write_text(f"time ({named}),neuron\n1,2\n")
    for path in ("n.npz", "n.csv"):
        with pytest.raises(RecordingError, match=rf"says {named}, --unit .* says {said}: take one back"):
            open_recording(session / path, None, Reading(unit=said, rate=30_000.0)).sheet("neurons", TrialRule())
    assert choose_unit(f"x_{named}", {"s": "Seconds"}.get(named, named), None, "x", "--unit") == named


def test_the_unit_of_a_sonata_file_is_that_of_its_attribute(tmp_path):
    path = write_sonata(tmp_path, make_trains(n=20), units="s")
    (tmp_path / "t.csv").write_text("cue\n1\n")
    rule = TrialRule(events=str(tmp_path / "t.csv"), align_to="cue", window_start=0.0, window_stop=10.0)
    recording = open_recording(path, None, Reading(unit="s"))
    assert recording.taken == "sonata, timestamps in s, neurons by node_ids"
    assert recording.sheet("v1", rule).trials[0].phases[0].start == 1000.0
    with pytest.raises(RecordingError, match="the timestamps of v1 are in s, `unit` says ms: take it out"):
        open_recording(path, None, Reading(unit="ms")).sheet("v1", rule)


def test_the_command_line_says_it_in_one_line(session):
    command = ["bin", "s.npz", "-w", "10"]
    one_line_error(spikebin_here(*command, "--unit", "ms", cwd=session), "'time_s' says s", "says ms")
    one_line_error(
        spikebin_here(*command, "--unit", "h", cwd=session), "no unit 'h': give one of s, ms, us, ns, samples"
    )
    (session / "t.csv").write_text("onset_min\n1\n")
    one_line_error(
        spikebin_here(*command, "-t", "t.csv", "--window", "0", "1", cwd=session),
        "no unit 'min', which 'onset_min' names",
    )


@pytest.mark.parametrize("unit", MS)
def test_every_unit_of_spikes(session, unit):
    np.savez(session / "u.npz", **{f"times_{unit}": np.array([0, 3, 7]), "neurons": np.zeros(3, int)})
    recording = open_recording(session / "u.npz", None, Reading(rate=30_000.0 if unit == "samples" else None))
    ((times, _),) = recording.population("neurons").source.chunks()
    np.testing.assert_allclose(times, np.array([0, 3, 7]) * MS[unit], rtol=1e-15)


def test_columns_are_found_by_the_order_of_the_candidates():
    assert find_column(["time_s", "Start Time (ms)"], ("start_time", "time")) == "Start Time (ms)"
    assert find_column(["a"], ("start", "time")) is None


def test_two_columns_of_one_name_are_asked_for(session):
    (session / "t.csv").write_text("onset_s,onset_samples\n1,30000\n")
    rule = TrialRule(events=str(session / "t.csv"), window_start=0.0, window_stop=1.0)
    with pytest.raises(RecordingError, match="is it 'onset_s' and 'onset_samples'\\? Name one with --align-to"):
        open_recording(session / "s.npz").sheet("neurons", rule)
    np.savez(session / "two.npz", times_s=np.arange(3), times_ms=np.arange(3), neurons=np.arange(3))
    with pytest.raises(RecordingError, match="which are the times, 'times_s' and 'times_ms'\\? Name one with --times"):
        open_recording(session / "two.npz")
    assert open_recording(session / "two.npz", None, Reading(times="times_s")).population("neurons")


@given(st.floats(-1e9, 1e9))
def test_times_of_options_survive_their_units(ms):
    assert parse_ms(repr(ms)) == ms
    assert parse_ms(f"{ms!r}ms") == ms
    assert parse_ms(f"{ms / 1000!r} s") == pytest.approx(ms, rel=1e-15, abs=1e-300)
    assert parse_ms(f"{ms * 1e6!r}ns") == pytest.approx(ms, rel=1e-15, abs=1e-300)


@pytest.mark.parametrize("text", ["", "ms", "1 h", "1 samples", "inf", "1e999", "--1", "1 2", "1_0", "٣"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError, match=r"\w"):
        parse_ms(text)


@given(st.lists(st.integers(0, 2**50), min_size=1, max_size=20), st.sampled_from([30_000.0, 24_414.0625, 1000.0]))
def test_samples_are_exact_to_the_last_bit(samples, rate):
    times = make_clock("samples", rate, "x").to_ms(np.array(samples, np.uint64))
    for time, sample in zip(times.tolist(), samples, strict=True):
        assert time == pytest.approx(sample * 1000 / rate, rel=4e-16)


def test_a_rate_that_a_folder_of_phy_contradicts_is_said(tmp_path):
    np.save(tmp_path / "spike_times.npy", np.array([30_000, 60_000]))
    np.save(tmp_path / "spike_clusters.npy", np.array([1, 2]))
    (tmp_path / "params.py").write_text("\ufeffsample_rate = 30000.\n", "utf-8")
    for rate, notes in (
        (None, []),
        (30_000.0, []),
        (20_000.0, ["the folder says 30000 samples a second, --rate 20000"]),
    ):
        recording = open_recording(tmp_path, None, Reading(rate=rate))
        assert [text.removesuffix(" is taken") for text in recording.notes] == notes


def test_spike_times_of_nwb_that_say_another_unit_are_refused(tmp_path):
    with h5py.File(tmp_path / "a.nwb", "w") as file:
        file["units/spike_times"] = [0.5, 1.5]
        file["units/spike_times_index"] = np.array([2], "u4")
        file["units/id"] = [0]
        file["units/spike_times"].attrs["unit"] = "seconds"
    assert open_recording(tmp_path / "a.nwb").taken == "nwb, units/spike_times in s, neurons by units/id"
    with h5py.File(tmp_path / "a.nwb", "r+") as file:
        file["units/spike_times"].attrs["unit"] = "ms"
    with pytest.raises(RecordingError, match="say that they are in ms, in NWB all are in seconds"):
        open_recording(tmp_path / "a.nwb")
