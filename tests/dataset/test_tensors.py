"""Tensors as memory: in one piece, seen as unsigned integers, handed over once."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from spikebin.dataset.tensors import cells_of, import_torch, pack, unsigned, zeros
from spikebin.errors import DatasetError, SpikebinError


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def test_tensors_of_zeros_lie_in_one_piece_and_are_packed_as_one(torch):
    made, cells = zeros({"a": (2, 3), "b": (5,)}, torch.float32)
    assert {name: tuple(one.shape) for name, one in made.items()} == {"a": (2, 3), "b": (5,)}
    assert not any(one.any() for one in made.values())
    made["a"][1, 2], made["b"][0] = 7, 8
    packed = pack(list(made.values()))
    assert packed is not None
    one, other = packed.tensors()
    assert (one[1, 2], other[0]) == (7, 8)
    assert one.data_ptr() == made["a"].data_ptr()
    for name, tensor in made.items():
        assert np.array_equal(cells[name], unsigned(tensor).reshape(-1)), name
    assert pack([torch.zeros(2), torch.zeros(2)]) is None


def test_cells_of_every_type_hold_what_torch_holds(torch):
    for dtype in (torch.float32, torch.float16, torch.bfloat16, torch.uint8, torch.int64, torch.bool):
        kind = cells_of(dtype, 1 if dtype == torch.bool else 100)
        wanted = torch.arange(len(kind.codes)).to(dtype)
        assert np.array_equal(kind.codes, unsigned(wanted.contiguous()))
    for dtype, largest in ((torch.complex64, 1), (torch.int8, 200)):
        with pytest.raises(DatasetError, match="torch"):
            cells_of(dtype, largest)


def test_without_torch_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(SpikebinError, match=r"pip install 'spikebin\[torch\]'"):
        import_torch()
