"""What CONTRIBUTING promises of the code: sizes, docstrings, packages without code, tests by name."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "spikebin"
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
# The interpreter's loop; and two calls of the public API whose parameters, with what each means, fill 80 lines by
# themselves: of these the code below the docstring counts.
LOOP = {"kernels/interpreter.py": "interpret"}
FACES = {"pipeline/frames.py": "bin_trials", "commands/bin.py": "bin_recording"}
# A package without code but for its docstring starts up at no cost; these four are the ways in.
WITH_CODE = {Path(place, "__init__.py") for place in ("", "cli", "recordings", "recordings/mozaik")}
# Modules without tests of their own, and why.
UNTESTED = {
    "__main__.py": "every command of the tests runs it",
    "cli/bin_options.py": "options alone: the recorded help holds them",
    "cli/export_options.py": "options alone: the recorded help holds them",
    "cli/stats_options.py": "options alone: the recorded help holds them",
    "recordings/protocol.py": "types alone: mypy holds every format against them",
    "version.py": "one constant",
}


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_module_says_what_lives_there_and_is_small(module):
    text = (PACKAGE / module).read_text()
    assert len(text.splitlines()) <= 500
    parsed = ast.parse(text)
    assert ast.get_docstring(parsed)
    for node in ast.walk(parsed):
        if isinstance(node, ast.FunctionDef) and node.name != LOOP.get(str(module)):
            first = node.body[1] if node.name == FACES.get(str(module)) and len(node.body) > 1 else node
            lines = node.end_lineno - first.lineno + 1
            assert lines <= 80, f"{node.name} has {lines} lines"


@pytest.mark.parametrize("package", [path for path in MODULES if path.name == "__init__.py"], ids=str)
def test_a_package_is_a_docstring(package):
    if package not in WITH_CODE:
        assert len(ast.parse((PACKAGE / package).read_text()).body) == 1


def test_the_tests_of_a_module_are_found_by_its_name():
    tests = Path(__file__).parent
    modules = {str(path) for path in MODULES if path.name != "__init__.py"}
    without = {path for path in modules if not (tests / Path(path).parent / f"test_{Path(path).name}").is_file()}
    assert without == UNTESTED.keys(), "a test file of its name is missing, or there is one by now"
