"""What `import spikebin` offers: every command as one documented call, every name lazily, nothing that says nothing."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import spikebin
from spikebin.cli import _register, app

# Commands whose call has another name, and those that only show what others do.
CALLS = {"bin": "bin_recording", "view": "write_view"}
METHODS = {"stats": spikebin.View.stats}
SHOWN = {"docs", "report", "psth"}


def commands():
    _register()
    return [command.name or command.callback.__name__.rstrip("_") for command in app.registered_commands]


@pytest.mark.parametrize("command", [name for name in commands() if name not in SHOWN])
def test_every_command_is_a_documented_call(command):
    call = METHODS.get(command) or getattr(spikebin, CALLS.get(command, command))
    assert callable(call)
    text = inspect.getdoc(call)
    for section in ("Parameters", "Returns", "Raises") if inspect.signature(call).parameters else ():
        assert f"\n{section}\n---" in text or (section, command) == ("Returns", "exclude"), (command, section)
    for name in inspect.signature(call).parameters:
        assert name == "self" or name in text, (command, name)


def test_every_name_is_there_and_nothing_is_imported_before_it_is_asked_for():
    assert sorted(spikebin.__all__) == spikebin.__all__
    assert set(dir(spikebin)) >= {*spikebin.__all__, "__version__"}
    for name in spikebin.__all__:
        assert getattr(spikebin, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'open_datset'"):
        spikebin.open_datset  # noqa: B018
    code = "import sys, spikebin; assert not {'numpy', 'numba', 'tables', 'rich', 'typer'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_read_index_is_public(tmp_path):
    import pickle

    (tmp_path / "size.pkl").write_bytes(pickle.dumps({"X_ON": [1, 2]}))
    assert spikebin.read_index(Path(tmp_path / "size.pkl"))["X_ON"].tolist() == [1, 2]
