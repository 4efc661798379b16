"""The version of spikebin: the one place that names it, for the package, its metadata and the files that it writes."""

__version__ = "0.2.0.dev0"
