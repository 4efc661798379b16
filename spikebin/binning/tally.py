"""Where spikes went: binned, lost to a bin that was full, or outside."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Tally"]


@dataclass(frozen=True)
class Tally:
    """Where the spikes went: ``n_spikes = n_binned + n_collisions + n_outside``. Tallies add up with ``+``."""

    n_spikes: int = 0
    n_binned: int = 0
    n_collisions: int = 0
    n_outside: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.n_spikes + other.n_spikes,
            self.n_binned + other.n_binned,
            self.n_collisions + other.n_collisions,
            self.n_outside + other.n_outside,
        )

    @property
    def n_inside(self) -> int:
        """Spikes inside the trials: binned, or lost to a bin that was full."""
        return self.n_binned + self.n_collisions

    @property
    def adds_up(self) -> bool:
        """Whether every spike is counted once."""
        return self.n_spikes == self.n_inside + self.n_outside
