"""The closed choices that a user is given: their names, once."""

from __future__ import annotations

from typing import Literal

__all__ = ["Broken", "How", "Match", "Ragged", "Rest", "Short"]

How = Literal["count", "any"]
Rest = Literal["drop", "keep", "refuse"]
Short = Literal["pad", "cut", "drop", "refuse"]
Ragged = Literal["cut", "drop", "refuse"]
Match = Literal["exact", "common"]
Broken = Literal["refuse", "leave out"]
