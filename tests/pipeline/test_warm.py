"""What is compiled ahead: every way to write and read a file; where it is kept is said."""

from __future__ import annotations

from typing import get_args

from spikebin.choices import Codec, Layout, Values
from spikebin.kernels.jit import cache_directory
from spikebin.pipeline.warm import _all_settings, warm


def test_every_layout_codec_and_kind_of_values_is_written_once():
    found = {(one.layout, one.codec, one.binning.values) for one in _all_settings()}
    assert len(found) == len(get_args(Layout)) * len(get_args(Codec)) * len(get_args(Values))


def test_it_says_where_kernels_are_kept():
    assert warm() == cache_directory()
