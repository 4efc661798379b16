"""The table of meanings: whatever it says, the kernel knows, and both readers have one name for each global."""

from __future__ import annotations

from spikebin.kernels import values
from spikebin.kernels.spellings import LONGEST
from spikebin.pickles.meanings import ALIASES, GLOBALS, WORDS


def test_the_kernel_knows_every_meaning_and_word():
    for name in (*GLOBALS.values(), *WORDS.values()):
        assert isinstance(getattr(values, name), int)
    assert len(set(WORDS.values())) == len(WORDS)
    # A longer text would never be recognised.
    assert max(len(text.encode()) for text in WORDS) <= LONGEST


def test_aliases_lead_to_modules_that_are_known():
    modules = {name.rpartition(".")[0] for name in GLOBALS}
    assert set(ALIASES.values()) <= modules
    assert not modules & set(ALIASES)


def test_no_global_runs_anything():
    """Of functions, only those that make arrays, numbers, units and bytes are there."""
    assert not {name.rpartition(".")[2] for name in GLOBALS} & {"eval", "exec", "getattr", "system", "__import__"}
    assert {name for name in GLOBALS if name.startswith("builtins.")} == {"builtins.bytes", "builtins.dict"}
