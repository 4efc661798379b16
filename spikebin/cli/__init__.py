"""The command line: what every command shares. Each group of commands is a module; no logic lives in any of them."""

from __future__ import annotations

import io
import os
import sys
from importlib import import_module
from typing import Annotated, NoReturn

import typer

from spikebin.cli.groups import App
from spikebin.cli.wording import for_command_line
from spikebin.errors import DamagedFileError, SpikebinError
from spikebin.system.files import NO_SPACE
from spikebin.system.signals import Ended, ending_on_signals
from spikebin.version import __version__

__all__ = ["app", "main"]

MODULES = ("bin", "dataset", "demo", "docs", "export", "files", "setup", "slurm", "stats", "work")
# Commands of the module "work".
OFTEN = {"job", "missing", "status"}

app = App(name="spikebin", context_settings={"help_option_names": ["-h", "--help"]})


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Raw spike recordings into sealed trial x neuron x time matrices, one file per sheet and part.

    First time: `spikebin demo`. With recordings of your own: `spikebin init ROOT`, `spikebin plan`, `spikebin run`.
    """
    if version:
        typer.echo(f"spikebin {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main() -> None:
    """Run the command line, and turn whatever goes wrong into one line and an exit code.

    Exit codes: 0 done, 1 something failed, 2 usage, 3 no space or quota left, 70 a fault in spikebin, 128 + n ended by
    signal n.
    """
    _write_what_the_terminal_can_show()
    try:
        with ending_on_signals():
            # Scripts run these by the thousand, and Typer takes 3 ms to prepare a command, needed or not.
            often = len(sys.argv) > 1 and sys.argv[1] in OFTEN
            _register(*["work"] if often else MODULES)
            sys.exit(app(standalone_mode=False))
    except Ended as ended:
        typer.echo(f"error: ended by {ended}: what was done is kept, start again to do the rest", err=True)
        sys.stdout.flush()
        # Leaving as usual would wait for threads that may hang on a dead file system.
        os._exit(ended.exit_code)
    except SpikebinError as error:
        if isinstance(error, DamagedFileError):
            from spikebin.output.broken import note_broken

            note_broken(error.path, str(error))
        _stop(str(error), error.exit_code, error)
    except BrokenPipeError:
        # Whoever read our output has gone, as `head` does; the interpreter must not try to flush into the void.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        if error.filename is not None or error.errno not in NO_SPACE:
            _fault(error)
        # What has no name is our own output; what is left of it must not be tried again on the way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _stop(f"what there is to tell cannot be written ({error.strerror}): make room where stdout goes", 3)
    except UnicodeEncodeError as error:
        _stop(
            f"{error.object[error.start : error.end]!a} in {error.object[:80]!a} cannot be written in {error.encoding}:"
            " set PYTHONUTF8=1 where the locale is not UTF-8, else rename what is called so",
            1,
            error,
        )
    except MemoryError:
        _stop("out of memory: ask for more, or for less at once", 1)
    except Exception as error:  # noqa: BLE001
        if hasattr(error, "format_message"):
            _stop(f"{error.format_message().rstrip('.')}: `spikebin --help` and `spikebin COMMAND --help` tell more", 2)
        _fault(error)


def _fault(error: Exception) -> NoReturn:
    name = type(error).__name__
    _stop(
        f"unexpected {name}: {error}; a fault of spikebin, SPIKEBIN_DEBUG=1 shows where: please report it",
        70,
        error,
    )


def _write_what_the_terminal_can_show() -> None:
    """A terminal that is not UTF-8 gets a question mark for what it cannot show, instead of an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _stop(message: str, code: int, error: BaseException | None = None) -> NoReturn:
    if error is not None and os.environ.get("SPIKEBIN_DEBUG") == "1":
        raise error
    typer.echo(f"error: {for_command_line(' '.join(message.split()))}", err=True)
    sys.exit(code)


def _register(*modules: str) -> None:
    """Importing a module of commands, by default each, adds them to the app; `spikebin.cli.groups` has their order."""
    for module in modules or MODULES:
        import_module(f"spikebin.cli.{module}")
