"""Which data set commands read: that of a config without what it excludes, or the one that is named."""

from __future__ import annotations

import pytest

from spikebin.cli.dataset_options import open_sheets, open_variants, output_of
from spikebin.errors import DatasetError
from spikebin.output.paths import matrix_path


def test_of_a_config_its_output_and_what_it_excludes(place, tmp_path):
    text = (place / "spikebin.toml").read_text()
    (place / "spikebin.toml").write_text(text + "exclude = [100]\n")
    output, excluded = output_of(place / "spikebin.toml", None)
    assert output == place / "dataset"
    assert excluded == {"train": ("100",)}
    assert output_of(None, tmp_path / "other") == (tmp_path / "other", {})
    sheets = open_sheets((output, excluded), "train", None, "exact", None, broken=False)
    assert sheets["X_ON"].parts == ["0"]


def test_one_variant_after_the_other_and_what_was_left_out(place, capsys):
    matrix_path(place / "dataset", "train", "0", "X_ON").unlink()
    options = (place / "dataset", None, None)
    with pytest.raises(DatasetError, match="missing or broken"):
        list(open_variants(*options, (), "exact", None, broken=False))
    ((name, sheets),) = open_variants(*options, (), "exact", None, broken=True)
    assert (name, sorted(sheets)) == ("train", ["V1_Exc_L2/3", "X_ON"])
    assert capsys.readouterr().err.startswith("left out: train/0: no file of X_ON")
    ((_, one),) = open_variants(*options, ["X_ON"], "exact", ["0"], broken=False)
    assert list(one) == ["X_ON"]
