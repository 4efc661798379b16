"""The command line in a forked process: a server imports numba, PyTables and typer once, and each command forks.

A command is a process of its own with its own directory, environment, output and exit code, as when it is typed; it
only saves the imports. What is about starting, surroundings or signals starts a real one (`conftest.spikebin`).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

SERVER = """
import atexit, contextlib, fcntl, functools, gc, itertools, json, multiprocessing.util, os, pkgutil, resource, runpy
import signal, sys, tempfile, time, traceback
from spikebin.system.compat import load_numba_without_blas
load_numba_without_blas()
import blosc2, numba, numpy, rich.console, rich.progress, tables, typer
from spikebin.pipeline.warm import warm
# On a cold cache one server compiles, and the others wait for what it has compiled.
with open(f"{tempfile.gettempdir()}/spikebin-tests-{os.getuid()}.lock", "w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    warm()
# All that commands import, but for PyTorch, and all their options are there before the first fork.
import spikebin
from spikebin.cli import main
for module in pkgutil.walk_packages(spikebin.__path__, "spikebin."):
    if not module.name.endswith((".training", ".__main__")):
        __import__(module.name)
# And what they, NumPy and Python's own modules import on the way.
import encodings.utf_8_sig, multiprocessing.popen_spawn_posix, numpy.char, numpy.lib.recfunctions, rich._emoji_codes
import scipy.sparse
# As in here.py.
typer.main.get_command = functools.cache(typer.main.get_command)
sys.argv = ["spikebin", "--version"]
with contextlib.redirect_stdout(None), contextlib.suppress(SystemExit):
    main()
gc.collect()
gc.freeze()

def started(_, arguments, passed):
    # Workers and what watches over them: as by `python -c CODE`, with these files alone and the usual signals.
    child = os.fork()
    if child:
        return child
    code = 255
    try:
        for low, high in itertools.pairwise([2, *sorted(passed), os.sysconf("SC_OPEN_MAX")]):
            os.closerange(low + 1, high)
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            if callable(signal.getsignal(number)):
                signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        at = arguments.index("-c")
        sys.argv = arguments[at : at + 1] + arguments[at + 2 :]
        exec(arguments[at + 1], {"__name__": "__main__"})
        code = 0
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(ValueError):
            sys.stdout.flush()
        os._exit(code)

multiprocessing.util.spawnv_passfds = started

def command(asked):
    os.setsid()
    os.chdir(asked["cwd"])
    for stream, path in ((1, asked["out"]), (2, asked["err"])):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if asked["umask"] is not None:
        os.umask(asked["umask"])
    if asked["files"] is not None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (asked["files"], asked["files"]))
    os.environ.clear()
    os.environ.update(asked["env"])
    exec(asked["prepare"], {"os": os})
    # What the imports found is not what this TMPDIR says.
    tempfile.tempdir = None
    sys.argv = ["spikebin", *asked["arguments"]]
    # As Python does where it is closed.
    with contextlib.suppress(OSError):
        sys.stdout = None
        sys.stdout = open(1, "w", closefd=False)
    sys.stderr = open(2, "w", closefd=False, errors="backslashreplace")
    sys.stdin = open(0, closefd=False)
    code = 0
    try:
        runpy.run_module("spikebin", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    atexit._run_exitfuncs()
    if sys.stdout is not None:
        sys.stdout.flush()
    sys.stderr.flush()
    return code

for line in sys.stdin:
    asked = json.loads(line)
    child = os.fork()
    if child == 0:
        code = 255
        try:
            code = command(asked)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    end = time.monotonic() + asked["timeout"]
    while (found := os.waitpid(child, os.WNOHANG))[0] == 0:
        if time.monotonic() > end:
            os.killpg(child, 9)
            os.waitpid(child, 0)
            found = None
            break
        time.sleep(0.005)
    print(json.dumps(None if found is None else os.waitstatus_to_exitcode(found[1])), flush=True)
"""


class Commands:
    """A server, started with the first command; it ends with the process that has it.

    It starts in this environment, with these options of Python.
    """

    def __init__(self, environment=None, python=()) -> None:
        self._environment, self._python = environment, python
        self._server: subprocess.Popen[str] | None = None

    def pid(self):
        """Of the server, whose children the commands are; it is started, if it is not there."""
        if self._server is None:
            self._server = subprocess.Popen(
                [sys.executable, *self._python, "-c", SERVER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=self._environment,
            )
        return self._server.pid

    def run(self, arguments, cwd, env, timeout, *, umask=None, files=None, prepare=""):
        """Run one command, with a umask and at most so many open files; what `subprocess.run` would give.

        `prepare` is Python that its process runs first.
        """
        self.pid()
        assert self._server is not None
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        with tempfile.TemporaryDirectory(prefix="command-") as place:
            out, err = Path(place) / "out", Path(place) / "err"
            asked = {"arguments": arguments, "cwd": str(cwd or Path.cwd()), "env": env, "timeout": timeout}
            asked |= {"umask": umask, "files": files, "prepare": prepare, "out": str(out), "err": str(err)}
            self._server.stdin.write(json.dumps(asked) + "\n")
            self._server.stdin.flush()
            code = json.loads(self._server.stdout.readline())
            if code is None:
                raise subprocess.TimeoutExpired(arguments, timeout, out.read_text(), err.read_text())
            return subprocess.CompletedProcess(arguments, code, out.read_text(), err.read_text())

    def end(self) -> None:
        """End the server."""
        if self._server is not None:
            self._server.communicate()
            self._server = None


commands = Commands()
