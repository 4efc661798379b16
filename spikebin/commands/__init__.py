"""Every command as one Python call that does its work and returns what it did; the command line prints the same.

`spikebin` has them by their names: ``spikebin.missing()`` is ``spikebin missing``. Only calls that join several
packages are here: `bin` is `spikebin.bin_recording`, `stats` is ``view.stats()``, `warm` is in spikebin/pipeline.
"""
