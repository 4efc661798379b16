"""The page of promises: each names tests, and these exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from spikebin.cli.docs import DOCS

ROOT = Path(__file__).parent.parent
ROW = re.compile(r"^\| (?!promise|---)(.+) \| (.+) \|$", re.MULTILINE)
TEST = re.compile(r"`(tests/\S+\.py)::(\w+)`")
PROMISES = dict(ROW.findall((DOCS / "promises.md").read_text("utf-8")))


def functions(path):
    return {node.name for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("promise", PROMISES)
def test_a_promise_names_tests_that_exist(promise):
    named = TEST.findall(PROMISES[promise])
    assert len(named) == PROMISES[promise].count("`") / 2 > 0
    for path, name in named:
        assert name in functions(ROOT / path)


def test_there_are_promises():
    assert len(PROMISES) > 25
