"""Numbers about spikes: sums over the events of parts, kept beside the output, and the statistics that they add up to.

Reads through views; draws nothing, and prints nothing.
"""
