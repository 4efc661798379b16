"""One page about a data set: HTML, figures and style in a single file that needs no network.

Draws what `spikebin.stats.overview` gathered; reads nothing itself.
"""
