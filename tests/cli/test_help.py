"""Help of every command, on terminals of every width: complete, in words that are not broken, as it was recorded."""

from __future__ import annotations

import functools
import os
import re
from importlib.metadata import version

import pytest
import typer
from conftest import DATA
from here import spikebin_here

from spikebin import cli

cli._register()
APP = typer.main.get_command(cli.app)
COMMANDS = APP.commands
WIDTHS = (60, 80, 120, 200)


@functools.cache
def shown(columns, *arguments):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TERM", "dumb")
        for name in ("FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS"):
            patch.delenv(name, raising=False)
        result = spikebin_here(*arguments, "--help", cwd=".", env={"COLUMNS": str(columns)})
    assert result.returncode == 0
    return "\n".join(line.rstrip() for line in result.stdout.splitlines()) + "\n"


def words(text):
    """Of a text, without frames."""
    return re.sub(r"[│╭╮╰╯─]", " ", text).split()


def wanted_words(command):
    """Everything that the code says of a command, as it is written there."""
    yield from (command.callback.__doc__ or "").split()
    for parameter in command.params:
        if not getattr(parameter, "hidden", False):
            yield from parameter.opts if parameter.param_type_name == "option" else ()
            yield from (getattr(parameter, "help", None) or "").split()


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_nothing_is_lost(name, columns):
    """Whatever a line breaks at, all words are there, in order for each option; `[binning]` is one of them."""
    found = words(shown(columns, name))
    missing = [word for word in wanted_words(COMMANDS[name]) if word not in found]
    assert not missing


@pytest.mark.parametrize("name", ["spikebin", *sorted(COMMANDS)])
def test_help_is_as_recorded(name):
    """SPIKEBIN_RECORD=1 records what is there now. Every version of Typer and Rich lays help out in its own way."""
    arguments = [] if name == "spikebin" else [name]
    text = f"typer {version('typer')}, rich {version('rich')}\n"
    for columns in WIDTHS:
        text += f"\n==== {columns} columns\n{shown(columns, *arguments)}"
    path = DATA / "help" / f"{name}.txt"
    if os.environ.get("SPIKEBIN_RECORD") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    recorded = path.read_text("utf-8")
    if recorded.partition("\n")[0] != text.partition("\n")[0]:
        pytest.skip(f"recorded with {recorded.partition(chr(10))[0]}")
    assert text == recorded


def test_commands_that_answer_take_json():
    """`template` prints a script, `report` writes a page, `demo` runs other commands: none has an answer of its own."""
    for name, command in COMMANDS.items():
        options = {option for parameter in command.params for option in parameter.opts}
        assert ("--json" in options) != (name in {"template", "report", "demo"}), name
