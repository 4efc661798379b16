"""Every jitted function of spikebin: loops over arrays that the caller made and checked.

No file, no error message and no allocation lives here. jit.py compiles and caches; binning.py marks and counts spikes,
pickles.py walks over opcodes.
"""
