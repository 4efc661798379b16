"""Pickles of mozaik read without mozaik: each object as its class and its state."""

from __future__ import annotations

import pickle

import numpy as np
import pytest


class Stub:
    """Whatever a pickle names; keeps what it was made of."""

    def __init__(self, *args):
        self.args = args

    def __setstate__(self, state):
        self.state = state

    def __setitem__(self, key, value):
        self.item = (key, value)


def plain(obj, above=()):
    """What an object was pickled with, as nested tuples, a reference to its holder as how far up that is."""
    if id(obj) in above:
        return f"up {above[::-1].index(id(obj))}"
    above = (*above, id(obj))
    if isinstance(obj, type):
        return obj.__name__
    if isinstance(obj, Stub):
        return type(obj).__name__, *(plain(part, above) for part in vars(obj).values())
    if isinstance(obj, dict):
        return tuple((key, plain(value, above)) for key, value in obj.items())
    if isinstance(obj, list | tuple):
        return tuple(plain(item, above) for item in obj)
    return (obj.shape, obj.dtype, obj.tobytes()) if isinstance(obj, np.ndarray) else obj


def neo_load(path):
    pytest.importorskip("neo")
    with path.open("rb") as file:
        return pickle.load(file)
