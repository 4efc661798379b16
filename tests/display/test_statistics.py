"""The picture of statistics: a row for each sheet, a line for each variant and subset, of what was counted."""

from __future__ import annotations

import pytest
from drawn import images, write_part
from here import spikebin_here

from spikebin import open_dataset
from spikebin.display.statistics import plot_statistics
from spikebin.errors import SpikebinError


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("statistics")
    for sheet in ("X_ON", "V1_Exc_L2/3"):
        for variant in ("train", "test"):
            write_part(root, sheet, "1", images(0, 3), variant=variant)
    return root


def test_every_sheet_variant_and_unit_is_named(root, tmp_path):
    found = [
        (subset, open_dataset(root, variant, sheet).stats([1, 3]))
        for sheet in ("X_ON", "V1_Exc_L2/3")
        for variant in ("train", "test")
        for subset in ("all", "few")
    ]
    plot_statistics(found, tmp_path / "out.svg")
    text = (tmp_path / "out.svg").read_text()
    for words in (
        ">X_ON<", ">V1_Exc_L2/3<", ">train, all<", ">test, few<", ">Firing rate (Hz)<", ">Mean firing rate (Hz)<",
        ">image onset (ms)<", ">image<", ">Spikes of a neuron in a bin<", ">3 ms bins<", ">1 ms bins<",
        ">Width of bins (ms)<", ">median, quartiles<",
    ):  # fmt: skip
        assert words in text, words
    with pytest.raises(SpikebinError, match="nothing to draw"):
        plot_statistics([], tmp_path / "out.png")


def test_the_command_draws_it(root, tmp_path):
    ran = spikebin_here("stats", "--dataset", root, "--width", "1,4", "--plot", tmp_path / "out.svg", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "out.svg" in ran.stderr
    assert ">4 ms bins<" in (tmp_path / "out.svg").read_text()
    ran = spikebin_here("stats", "--index", "1", "--plot", tmp_path / "out.pdf", cwd=tmp_path)
    assert (ran.returncode, "leave --index and --missing out" in ran.stderr) == (2, True)
