"""How the files in this directory were written, by NEST 3.10 from PyPI: every recorder, in ms and in steps.

truth_*.npz holds the spikes of both spike recorders as one in memory has them. Run in this directory.
"""

import nest
import numpy as np


def simulate(prefix, *, steps):
    nest.ResetKernel()
    nest.SetKernelStatus(
        {"local_num_threads": 2, "resolution": 0.1, "data_path": ".", "data_prefix": prefix, "rng_seed": 7}
    )
    nest.SetKernelStatus({"overwrite_files": True})
    ascii_file = {"record_to": "ascii", "time_in_steps": steps}
    exc = nest.Create("iaf_psc_alpha", 4, {"I_e": 600.0})
    precise = nest.Create("iaf_psc_exp_ps", 2, {"I_e": [500.0, 517.0]})
    silent = nest.Create("iaf_psc_alpha", 2)
    to_exc = nest.Create("spike_recorder", {**ascii_file, "label": "exc"})
    to_precise = nest.Create("spike_recorder", {**ascii_file, "label": "precise"})
    to_silent = nest.Create("spike_recorder", {**ascii_file, "label": "silent"})
    multimeter = nest.Create("multimeter", {**ascii_file, "label": "mm", "record_from": ["V_m"], "interval": 1.0})
    voltmeter = nest.Create("voltmeter", {**ascii_file, "label": "vm"})
    weights = nest.Create("weight_recorder", {**ascii_file, "label": "weights"})
    nest.CopyModel("static_synapse", "recorded", {"weight_recorder": weights})
    nest.Connect(exc, precise, syn_spec={"synapse_model": "recorded", "weight": 5.0, "delay": 1.0})
    nest.Connect(exc, to_exc)
    nest.Connect(precise, to_precise)
    nest.Connect(silent, to_silent)
    nest.Connect(multimeter, exc)
    nest.Connect(voltmeter, precise)
    memory = nest.Create("spike_recorder")
    nest.Connect(exc, memory)
    nest.Connect(precise, memory)
    nest.Simulate(100.0)
    np.savez(f"truth_{prefix}.npz", **memory.events)


simulate("ms_", steps=False)
simulate("steps_", steps=True)
