"""The sums of one part on disk: what was saved is loaded, as long as it is of what the part holds now."""

from __future__ import annotations

import numpy as np
import pytest
from drawn import images, write_part

from spikebin import open_dataset
from spikebin.stats.partial import content_of, kept_steps, key_of, load_sums, partial_path, save_sums
from spikebin.stats.sums import add_up


@pytest.fixture
def view(tmp_path):
    write_part(tmp_path, "V1_Exc_L2/3", "1", images(0, 2, repeats=2), values="count")
    return open_dataset(tmp_path, sheet="V1_Exc_L2/3")


def test_what_was_saved_is_loaded(view, tmp_path):
    sums = add_up(view, [1, 4])["all"]
    path = partial_path(tmp_path, "train", "V1_Exc_L2/3", "1", key_of("as they are", None, 10))
    assert path.parent == tmp_path / "stats" / "train" / "V1_Exc_L23"
    content = content_of(view.files[0].header)
    save_sums(path, sums, content)
    found = load_sums(path, content, sums.neuron_ids)
    for name, value in vars(sums).items():
        assert np.array_equal(getattr(found, name), value), name
    assert kept_steps(path, content) == {1, 4}


def test_sums_of_other_content_or_neurons_and_damaged_ones_are_none(view, tmp_path):
    sums = add_up(view, [1])["all"]
    path = tmp_path / "sums.npz"
    save_sums(path, sums, "a")
    assert load_sums(path, "b", sums.neuron_ids) is None
    assert kept_steps(path, "b") == set()
    assert load_sums(path, "a", sums.neuron_ids + 1) is None
    path.write_bytes(path.read_bytes()[:-30])
    assert load_sums(path, "a", sums.neuron_ids) is None
    assert load_sums(tmp_path / "none.npz", "a", sums.neuron_ids) is None


def test_other_ways_of_cutting_lie_in_other_files():
    ids = np.array([1, 2])
    keys = {key_of("a", None, 10), key_of("b", None, 10), key_of("a", ids, 10), key_of("a", None, 11)}
    assert len(keys) == 4
    assert key_of("a", ids, 10) == key_of("a", ids.copy(), 10)
