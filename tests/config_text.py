"""A spikebin.toml in which every key is set."""

from __future__ import annotations

WHOLE = """
output = "out"
sheets = ["X_ON", "V1_Exc_L2/3"]
layout = "events"
codec = "zlib"

[binning]
width = 2
closed = "right"
end_bin = false
values = "count"

[trial]
stimulus = "NaturalImage"
image_id = "movie_name"
blank = "none"

[[recordings]]
variant = "train"
root = "/data/a[b]{c:[0],d:1}"
parts = "x_{repeat}_{part}_*"
sheets = ["X_ON"]
exclude = [300000, "7-b"]

[slurm]
time = "01:00:00"
cpus-per-task = 2
exclusive = true
"""
