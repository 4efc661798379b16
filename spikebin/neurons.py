"""What is told of each neuron, by those who read recordings and those who write matrices: the columns of /neurons."""

from __future__ import annotations

__all__ = ["NEURON_FIELDS"]

# By ascending id; nan where a place is unknown.
NEURON_FIELDS = [("neuron_id", "<i8"), ("x", "<f8"), ("y", "<f8"), ("z", "<f8")]
