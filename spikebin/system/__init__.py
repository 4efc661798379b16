"""What spikebin needs of the operating system: files, locks, processes, signals, threads, HDF5's process-wide state.

Nothing here knows what a spike is, and nothing of spikebin but its errors is imported.
"""
