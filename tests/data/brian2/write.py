"""How monitor.npz was written, by Brian2 2.9 from PyPI: a SpikeMonitor, saved as its users do."""

import brian2
import numpy as np

brian2.prefs.codegen.target = "numpy"
group = brian2.NeuronGroup(5, "dv/dt = (1.2 - v) / (10 * ms) : 1", threshold="v > 1", reset="v = 0", method="exact")
group.v = "i / 5.0"
monitor = brian2.SpikeMonitor(group)
brian2.run(60 * brian2.ms)
np.savez("monitor.npz", i=monitor.i, t=monitor.t)
