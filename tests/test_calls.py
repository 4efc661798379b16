"""Arguments are held against annotations: what is right passes as it is, what is wrong says what to give."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  read where annotations are

import numpy as np
import pytest

import spikebin
from spikebin.calls import for_python, is_flag, typed
from spikebin.errors import SpikebinError


@typed
def call(
    path: Path | str,
    n: int | None = None,
    *,
    names: list[str] | tuple[str, ...] = (),
    window: tuple[float, float] | None = None,
    force: bool = False,
    layout: Layout = "matrix",  # noqa: F821  as a choice is annotated
    anything: object = None,
):
    """Doc."""
    return path, n, names, window, force, layout, anything


@pytest.mark.parametrize(
    "right",
    [
        {"n": 3}, {"n": np.int8(3)}, {"n": None}, {"names": ["a"]}, {"names": []}, {"window": (0, 1.5)},
        {"window": np.array([0.0, 1.0])}, {"force": True}, {"force": np.True_}, {"layout": "events"}, {"anything": {}},
    ],
)  # fmt: skip
def test_what_is_right_passes_as_it_is(right):
    found = dict(zip(("path", "n", "names", "window", "force", "layout", "anything"), call("a", **right), strict=True))
    for name, value in right.items():
        assert found[name] is value
    assert call.__doc__ == "Doc."


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"path": 3}, "call path=3: give a path"),
        ({"n": "3"}, "call n='3': give a whole number or None"),
        ({"n": 2.5}, "call n=2.5: give a whole number or None"),
        ({"window": (1,)}, r"call window=\(1,\): give two numbers or None"),
        ({"force": "yes"}, "call force='yes': give True or False"),
        ({"layout": 3}, "call layout=3: give 'matrix' or 'events'"),
        ({"path": "a\0b"}, "call path="),
    ],
)
def test_what_is_wrong_says_what_to_give(wrong, words):
    with pytest.raises(SpikebinError, match=words) as caught:
        call(**{"path": "a"} | wrong)
    assert "\n" not in str(caught.value)


def test_flags():
    assert [value for value in (True, False, np.False_, 0, 1, 2, "yes", None) if is_flag(value)] == [1, 0, 0, 0, 1]


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ("replace it with --force", "replace it with force=True"),
        ("give it with --unit (`unit` in [[recordings]])", "give it with unit= (`unit` in [[recordings]])"),
        ("give --unit s, ms or us", "give unit=s, ms or us"),
        ("choose one with --sheet, or another --out", "choose one with sheets=, or another --out"),
        ("take --unit out", "take unit= out"),
        ("Give --align-to COLUMN", "Give align_to=COLUMN"),
        ("run `spikebin init --variant test=ROOT`", "run `spikebin init --variant test=ROOT`"),
    ],
)
def test_errors_name_arguments(message, wanted):
    annotations = {"force": "bool", "unit": "str | None", "sheets": "Sequence[str]", "align_to": "str | None"}
    assert for_python(message, annotations) == wanted


def test_a_call_says_what_its_arguments_are_called(tmp_path):
    np.savez(tmp_path / "s.npz", times=np.arange(5.0), neurons=np.arange(5))
    with pytest.raises(SpikebinError, match="give unit=s, ms, us or samples"):
        spikebin.bin_recording(tmp_path / "s.npz", 10)
    spikebin.bin_recording(tmp_path / "s.npz", 10, unit="s", out=tmp_path / "o.h5")
    with pytest.raises(SpikebinError, match="another out=, or replace it with force=True"):
        spikebin.bin_recording(tmp_path / "s.npz", 10, unit="s", out=tmp_path / "o.h5")
