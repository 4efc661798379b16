"""plan.json: the settings that bind a plan, so that all files of an output are made alike.

Bound are ``[binning]``, ``[trial]``, of each variant what its entries say instead of ``[trial]``, and of each entry of
``[[recordings]]`` how its recordings are read. Which jobs there are is in plan.py.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from spikebin.errors import PlanError
from spikebin.output.paths import PLAN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spikebin.pipeline.config import Config

__all__ = ["check_binding", "settings_text"]

VERSION = 1


def settings_text(config: Config) -> str:
    """The text of plan.json for a config.

    Parameters
    ----------
    config : Config

    Returns
    -------
    str
    """
    return json.dumps({"plan_version": VERSION, **_settings(config)}, indent=2) + "\n"


def check_binding(config: Config) -> None:
    """Refuse a config that would make files unlike those of the plan.

    Parameters
    ----------
    config : Config

    Raises
    ------
    PlanError
        If plan.json is not there or not as spikebin wrote it, or a setting differs from it.
    """
    path = config.output / PLAN
    try:
        stored = json.loads(path.read_text("utf-8"))
        version, binning, trial = (stored[key] for key in ("plan_version", "binning", "trial"))
        # Plans of the first release say nothing of how recordings are read: the next `spikebin plan` binds that, too.
        reading = dict(stored.get("recordings", {}))
        variants = dict(stored.get("variants", {}))
    except (OSError, ValueError, KeyError, TypeError):
        raise PlanError(f"{path} is missing or broken: restore it, or run `spikebin plan --replace`") from None
    if version != VERSION:
        raise PlanError(f"{path} is of plan_version {version}, this spikebin knows {VERSION}: upgrade spikebin")
    now = _settings(config)
    _compare(config, "[binning]", now["binning"], binning)
    _compare(config, "[trial]", now["trial"], trial)
    for name, settings in now["recordings"].items():
        if name in reading:
            _compare(config, f"the [[recordings]] entry {name!r}", settings, reading[name])
    planned = {*variants, *(name.partition(": ")[0] for name in reading)}
    for variant in planned & {entry.variant for entry in config.recordings}:
        where = f"the [[recordings]] of variant {variant!r}"
        _compare(config, where, config.trial_of(variant).settings, variants.get(variant, trial))


def _settings(config: Config) -> dict[str, Any]:
    variants = {variant: rule.settings for variant, rule in config.variants.items()}
    return {
        "binning": asdict(config.binning),
        "trial": config.trial.settings,
        **({"variants": variants} if variants else {}),
        "recordings": {f"{entry.variant}: {entry.root}/{entry.parts}": entry.settings for entry in config.recordings},
    }


def _compare(config: Config, where: str, now: Mapping[str, Any], was: Mapping[str, Any]) -> None:
    for key in [*now, *was]:
        if was.get(key) != now.get(key):
            raise PlanError(
                f"{config.path} says {_said(key, now)} in {where}, the plan in {config.output} was made with"
                f" {_said(key, was)}: set it back, choose another output, or run `spikebin plan --replace`"
            )


def _said(key: str, settings: Mapping[str, Any]) -> str:
    return f"{key} = {settings[key]!r}" if key in settings else f"no {key}"
