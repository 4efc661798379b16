"""What is compiled ahead: every way to write and read a file; where it is kept is said."""

from __future__ import annotations

from typing import get_args

from spikebin.choices import Codec, Layout, Values
from spikebin.kernels.jit import cache_directory
from spikebin.pipeline.warm import STEPS, warm


def test_every_layout_codec_and_kind_of_values_is_a_step_of_its_own():
    assert len(set(STEPS)) == len(STEPS) == len(get_args(Layout)) * len(get_args(Codec)) * len(get_args(Values))


def test_it_says_where_kernels_are_kept_and_tells_of_each_step():
    steps: list[None] = []
    assert warm(on_step=lambda: steps.append(None)) == cache_directory()
    assert len(steps) == len(STEPS)
