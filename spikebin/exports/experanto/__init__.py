"""Shards of Experanto: folders that its readers open, with spikes in `responses` and what was presented in `screen`.

What a shard holds is shown by `spikebin docs experanto`. pipeline/shards.py chooses the recordings.
"""
