"""Mappings as YAML that every reader understands, of either version of YAML, without a package for it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["yaml_text"]


def yaml_text(facts: Mapping[str, Any]) -> str:
    """A mapping as YAML: a line for each key, its value as JSON, which YAML reads as what it is.

    Parameters
    ----------
    facts : mapping
        Keys that need no quotes.

    Returns
    -------
    str
    """
    return "".join(f"{key}: {_json(value)}\n" for key, value in facts.items())


def _json(value: Any) -> str:
    if isinstance(value, float) and "e" in (text := repr(value)):
        # YAML 1.1 reads 1e-05 as a text: a number needs its point.
        digits, power = text.split("e")
        return f"{digits if '.' in digits else f'{digits}.0'}e{power if power[0] in '+-' else f'+{power}'}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_plain(key)}: {_json(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_json, value)) + "]"
    return _plain(value)


def _plain(value: Any) -> str:
    """JSON, in which characters beyond 16 bits are as they are: YAML takes two escapes for two characters."""
    return re.sub("[\x7f-\uffff]", lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))
