"""Commands in their groups, with examples that can be typed as they are."""

from __future__ import annotations

import shlex

import pytest
import typer

from spikebin import cli
from spikebin.cli.groups import GROUPS

cli._register()
COMMANDS = typer.main.get_command(cli.app).commands


def test_every_command_is_in_a_group_with_two_examples():
    grouped = [name for commands in GROUPS.values() for name in commands]
    assert sorted(grouped) == sorted(COMMANDS)
    for commands in GROUPS.values():
        for examples in commands.values():
            assert len(examples) >= 2


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_examples_can_be_parsed(name):
    """Options and arguments of every example are there; nothing is run."""
    for commands in GROUPS.values():
        for example in commands.get(name, ()):
            line = example.partition(" > ")[0].replace("sbatch --array=$(", "").partition(") slurm")[0]
            first, command, *arguments = shlex.split(line[line.index("spikebin") :])
            assert (first, command) == ("spikebin", name)
            # As below `spikebin`: which names help has is kept by the command.
            COMMANDS[command].make_context(command, arguments, help_option_names=["-h", "--help"])
