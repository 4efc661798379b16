"""What a process of ours sets for itself, and the work arrays that its threads hand on."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from spikebin.system.threads import Scratch

SETTLED = """
import sys
from spikebin.system.process import settle_in
settle_in()
import numpy as np
from spikebin import bin_spikes
assert bin_spikes([0.5], [0], n_neurons=1, start=0, stop=1, width=1).tolist() == [[[True]]]
print("scipy.linalg" in sys.modules, "scipy.linalg.cython_blas" in sys.modules)
try:
    import scipy
except ImportError:
    pass
else:
    import scipy.linalg.cython_blas
"""


def test_no_kernel_asks_for_blas_and_others_still_find_it():
    ended = subprocess.run([sys.executable, "-c", SETTLED], capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.stderr) == ("False False\n", "")


def test_a_work_array_goes_from_one_user_to_the_next():
    scratch = Scratch(np.zeros)
    with scratch.borrow(4) as first:
        first[:] = 7
    with scratch.borrow(3) as second:
        assert second is first
        assert second.tolist() == [7, 7, 7, 7]


def test_users_at_once_have_arrays_of_their_own():
    scratch = Scratch(np.zeros)
    with scratch.borrow(2) as one, scratch.borrow(2) as other:
        assert one is not other


def test_one_that_is_too_small_is_made_anew():
    scratch = Scratch(np.zeros)
    with scratch.borrow(2):
        pass
    with scratch.borrow(5) as larger:
        assert larger.size == 5


def test_one_whose_user_failed_is_not_used_again():
    scratch = Scratch(np.zeros)
    with pytest.raises(RuntimeError, match="half done"), scratch.borrow(2) as first:
        raise RuntimeError("half done")
    with scratch.borrow(2) as second:
        assert second is not first
