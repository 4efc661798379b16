"""What a process of ours sets for itself, and the work arrays that its threads hand on."""

from __future__ import annotations

import subprocess
import sys

SETTLED = """
import sys
from spikebin.system.process import settle_in
settle_in()
import numba
import numpy as np
from spikebin import bin_spikes
assert numba.njit(lambda a: a.sum())(np.ones(3)) == 3
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
