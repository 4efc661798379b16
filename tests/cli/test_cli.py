"""The command line as a whole: every command has help and a place in the README; start-up imports nothing heavy."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from conftest import spikebin, write_toml
from here import spikebin_here

import spikebin as package
from spikebin import cli
from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import SheetModel

README = (Path(__file__).parent.parent.parent / "README.md").read_text("utf-8")
cli._register()
COMMANDS = typer.main.get_command(cli.app).commands


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help_and_a_place_in_the_readme(name):
    command = COMMANDS[name]
    assert len(command.help or "") > 30
    for parameter in command.params:
        if parameter.name != "help":
            assert getattr(parameter, "help", None), f"{name}: {parameter.name} has no help"
    assert f"| `spikebin {name}" in README


def test_the_readme_has_no_unfilled_place():
    assert not re.findall(r"<!-- (?!test: )[^>]*-->", README)


def test_the_readme_names_no_command_that_is_not_there():
    """In what a shell is given and in code between backticks; elsewhere spikebin is a word among others."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    lines = [line for language, block in blocks if language == "sh" for line in block.splitlines()]
    lines += re.findall(r"^\$ (.*)", README, re.MULTILINE)
    lines += re.findall(r"`(spikebin [^`]*)`", README)
    named = {name for line in lines for name in re.findall(r"(?:^|[ (])spikebin ([a-z]+)", line.partition(" #")[0])}
    assert named - set(COMMANDS) == set()
    assert set(COMMANDS) - named == set(), "each is found"


def test_no_arguments_print_the_help_and_version_the_version():
    assert "Start here" in spikebin().stdout
    assert spikebin("--version").stdout == f"spikebin {package.__version__}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["missing"], ["status"], ["exclude", "train/100", "--reason", "x"]])
def test_commands_that_must_start_at_once_import_nothing_heavy(tmp_path, arguments):
    write_datastore(tmp_path / "data", Experiment(100, 1, sheets=(SheetModel("X_ON", 3),)))
    write_toml(tmp_path / "spikebin.toml", tmp_path / "data", 'sheets = ["X_ON"]')
    assert spikebin_here("plan", cwd=tmp_path).returncode == 0
    code = (
        "import sys; from spikebin.cli import main\n"
        "try: main()\n"
        "finally: print([m for m in ('numpy', 'tables', 'numba', 'blosc2') if m in sys.modules], file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert result.stderr.splitlines()[-1] == "[]"


def test_a_closed_pipe_is_no_error_message(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-m", "spikebin", "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""


def test_the_public_api_is_lazy_and_whole():
    for name in package.__all__:
        assert getattr(package, name) is not None
        assert name in dir(package)
    with pytest.raises(AttributeError):
        _ = package.nonsense
