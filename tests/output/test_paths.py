"""Where things lie in an output: found again as they were named, whatever else lies there."""

from __future__ import annotations

from spikebin.output.paths import (
    OWN_NAMES,
    image_ids_path,
    matrix_path,
    neuron_ids_path,
    part_files,
    sheets_there,
    variants_there,
)


def test_what_is_named_is_found(tmp_path):
    for variant, sheet, part in (("train", "V1_Inh_L2/3", "10"), ("train", "V1_Inh_L2/3", "9"), ("test", "X_ON", "a")):
        path = matrix_path(tmp_path, variant, part, sheet)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    for name in OWN_NAMES:
        (tmp_path / name).touch()
    (tmp_path / "train" / "spikes" / "X_OFF").mkdir()
    (tmp_path / "train" / "spikes" / "V1_Inh_L23" / "notes.txt").touch()
    assert variants_there(tmp_path) == ["test", "train"]
    assert sheets_there(tmp_path, "train") == ["V1_Inh_L23"]
    found = part_files(tmp_path, "train", "V1_Inh_L2/3")
    assert list(found) == ["9", "10"]
    assert found["9"] == matrix_path(tmp_path, "train", "9", "V1_Inh_L23")


def test_of_a_directory_that_is_not_there_nothing_is_found(tmp_path):
    assert variants_there(tmp_path / "none") == []
    assert sheets_there(tmp_path, "train") == []
    assert part_files(tmp_path, "train", "X_ON") == {}


def test_ids_lie_where_the_models_downstream_look(tmp_path):
    place = tmp_path, "train", "50000", "V1_Exc_L2/3"
    for path, folder in ((image_ids_path, "image_ids"), (neuron_ids_path, "neuron_ids")):
        assert path(*place) == tmp_path / "train" / folder / f"{folder}_V1_Exc_L23_50000.npy"
