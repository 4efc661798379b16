"""How recordings become shards: what the responses are, at which rate, with which frames, and what is trained on."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spikebin.choices import ShardResponses, checked
from spikebin.errors import SpikebinError

if TYPE_CHECKING:
    from pathlib import Path

    from spikebin.recordings.mozaik.stimulus import Stimulus

__all__ = ["ShardSettings", "condition_hash"]


@dataclass(frozen=True)
class ShardSettings:
    """How recordings become shards.

    Parameters
    ----------
    responses : {"spikes", "sequence"}
        Exact times in seconds, neuron after neuron; or counts in bins of equal width.
    width : float
        ms of a bin of "sequence"; for "spikes" the window in which a reader counts.
    rate : float or None
        Hz, at which a reader samples; None: a sample every `width`.
    frames : Path or None
        Where the frames of images and movies lie, as .npy files named like them; None: they are left out.
    tier : str
        Of every image and video: train, validation, test; or shares of them, ``train=0.8,validation=0.2``: which one a
        condition gets is drawn from its hash, so that all its repeats, in all parts, are in the same tier.

    Raises
    ------
    SpikebinError
        If one of them cannot be.
    """

    responses: ShardResponses = "spikes"
    width: float = 1.0
    rate: float | None = None
    frames: Path | None = None
    tier: str = "train"

    def __post_init__(self) -> None:
        checked(self.responses, ShardResponses, "responses of a shard")
        if not (math.isfinite(self.width) and self.width > 0):
            raise SpikebinError(f"a bin of {self.width:g} ms: give a width above 0, --width 1")
        if self.rate is not None and not (math.isfinite(self.rate) and self.rate > 0):
            raise SpikebinError(f"a rate of {self.rate:g} Hz: give a rate above 0, --rate 1000")
        if self.responses == "sequence" and not math.isclose(self.sampling_rate * self.width, 1000.0, rel_tol=1e-9):
            raise SpikebinError(
                f"a sequence at {self.sampling_rate:g} Hz has bins of {1000.0 / self.sampling_rate:g} ms, not of"
                f" {self.width:g} ms: give --rate or --width alone"
            )
        if self.frames is not None and not self.frames.is_dir():
            raise SpikebinError(f"no directory {self.frames}: give the one with the frames as .npy files")
        _shares(self.tier)

    @property
    def sampling_rate(self) -> float:
        """Hz at which a reader samples."""
        return 1000.0 / self.width if self.rate is None else self.rate

    @property
    def tiers(self) -> tuple[str, ...]:
        """All tiers that there may be."""
        return tuple(name for name, _ in _shares(self.tier))

    def tier_of(self, condition: str) -> str:
        """The tier of an image or a video.

        Parameters
        ----------
        condition : str
            Its `condition_hash`.

        Returns
        -------
        str
        """
        drawn, total = int(condition[:13], 16) / 16.0**13, 0.0
        shares = _shares(self.tier)
        for name, share in shares:
            total += share
            if drawn < total:
                return name
        return shares[-1][0]

    @property
    def facts(self) -> dict[str, Any]:
        """All of it in JSON's types."""
        frames = None if self.frames is None else str(self.frames.resolve())
        return {
            "responses": self.responses,
            "width": self.width,
            "rate": self.sampling_rate,
            "frames": frames,
            "tier": self.tier,
        }


def condition_hash(stimulus: Stimulus) -> str:
    """What is the same for all repeats of an image or a video, and for nothing else.

    Parameters
    ----------
    stimulus : Stimulus

    Returns
    -------
    str
        20 hexadecimal digits of the sha256 of its parameters, but for `trial`.
    """
    known = {name: value for name, value in stimulus.parameters.items() if name != "trial"}
    return hashlib.sha256(json.dumps(known, sort_keys=True, default=str).encode()).hexdigest()[:20]


def _shares(rule: str) -> list[tuple[str, float]]:
    """Tiers with their shares, which add up to 1."""
    if "=" not in rule:
        return [(rule.strip(), 1.0)]
    shares = []
    for one in rule.split(","):
        name, _, text = one.partition("=")
        try:
            share = float(text)
        except ValueError:
            share = math.nan
        if not (name.strip() and 0 <= share <= 1):
            raise SpikebinError(f"tier {one!r}: give a name and a share of 0 to 1, train=0.8,validation=0.2")
        shares.append((name.strip(), share))
    if not math.isclose(sum(share for _, share in shares), 1.0, abs_tol=1e-6):
        raise SpikebinError(f"the shares of {rule!r} do not add up to 1: train=0.8,validation=0.2 do")
    return shares
