"""How the files in this directory were written, by NEST 3.10 from PyPI: two runs of one network, with two recorders.

truth_*.npz holds the spikes of a run as one recorder in memory has them. Run in this directory.
"""

import nest
import numpy as np


def simulate(run):
    nest.ResetKernel()
    nest.SetKernelStatus(
        {"local_num_threads": 2, "resolution": 0.1, "data_path": ".", "data_prefix": f"run{run}_", "rng_seed": run}
    )
    nest.SetKernelStatus({"overwrite_files": True})
    exc = nest.Create("iaf_psc_alpha", 4, {"I_e": [550.0 + 50 * run, 700.0, 0.0, 650.0]})
    inh = nest.Create("iaf_psc_alpha", 2, {"I_e": [620.0, 580.0 + 40 * run]})
    memory = nest.Create("spike_recorder")
    for label, neurons in (("exc", exc), ("inh", inh)):
        recorder = nest.Create("spike_recorder", {"record_to": "ascii", "label": label})
        nest.Connect(neurons, recorder)
        nest.Connect(neurons, memory)
    nest.Simulate(80.0)
    np.savez(f"truth_run{run}.npz", **memory.events)


simulate(1)
simulate(2)
