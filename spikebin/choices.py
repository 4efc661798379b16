"""The closed choices that a user is given: their names, once."""

from __future__ import annotations

from typing import Literal

__all__ = [
    "Broken",
    "Check",
    "Codec",
    "How",
    "Layout",
    "Match",
    "Ragged",
    "RaggedTrials",
    "Rest",
    "Short",
    "StatsFormat",
    "Values",
]

How = Literal["count", "any"]
Rest = Literal["drop", "keep", "refuse"]
Short = Literal["pad", "cut", "drop", "refuse"]
Ragged = Literal["cut", "drop", "refuse"]
RaggedTrials = Literal["refuse", "pad"]
Match = Literal["exact", "common"]
Layout = Literal["matrix", "events"]
Values = Literal["bool", "count"]
Codec = Literal["blosc2", "zlib"]
Check = Literal["first", "always", "never"]
Broken = Literal["refuse", "leave out"]
StatsFormat = Literal["csv", "json", "parquet", "npz"]
