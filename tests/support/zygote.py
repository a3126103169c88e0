"""Runs module files in processes forked from one that has loaded what they import, which saves most of the time of a run.

A line of JSON on standard input asks for a run: the module, its environment, and files for its input, output and errors. A line on
standard output is the number of its process. The program ends with its input.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import json
import os
import pathlib
import runpy
import select
import signal
import subprocess
import sys
import tempfile
import threading

_OF_THREAD = threading.local()
_LOADED: set[str] = set()


class Run:
    """A run that goes on in process ``pid``."""

    def __init__(self, pid: int, directory: tempfile.TemporaryDirectory) -> None:
        self.pid = pid
        self._handle = os.pidfd_open(pid)
        self._directory = directory

    @property
    def running(self) -> bool:
        return not self._ended(0)

    def kill(self) -> None:
        """End it as it is; one that has ended may be killed, too."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    def output(self) -> tuple[str, str]:
        """What it printed to its output and its errors until it ended."""
        self._ended(None)
        os.close(self._handle)
        with self._directory as directory:
            return tuple(pathlib.Path(directory, name).read_text() for name in ("out", "err"))

    def _ended(self, timeout: float | None) -> bool:
        return bool(select.select([self._handle], [], [], timeout)[0])


def start(module: str, stdin: str, environment: dict[str, str]) -> Run:
    """Begin a run. Each thread has a zygote of its own, so runs of several are simultaneous."""
    process = getattr(_OF_THREAD, "process", None)
    if process is None or process.poll() is not None:
        argv = [sys.executable, "-m", "support.zygote"]
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
        _OF_THREAD.process = process
        atexit.register(_end, process)
    directory = tempfile.TemporaryDirectory()
    files = [os.path.join(directory.name, name) for name in ("in", "out", "err")]
    pathlib.Path(files[0]).write_text(stdin)
    for file in files[1:]:
        pathlib.Path(file).touch()
    process.stdin.write(json.dumps({"module": module, "environment": environment, "files": files}) + "\n")
    process.stdin.flush()
    return Run(int(process.stdout.readline()), directory)


def _end(process: subprocess.Popen) -> None:
    process.stdin.close()
    process.wait()
    process.stdout.close()


def serve() -> None:
    """Answers requests until there are no more."""
    for library in ("basic", "urls"):
        importlib.import_module(f"ansible.module_utils.{library}")
    for line in sys.stdin:
        # Those that have ended by now; who waits for one has a handle of it.
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        request = json.loads(line)
        _load(request["module"])
        child = os.fork()
        if child == 0:
            _become(**request)
        print(child, flush=True)


def _load(module: str) -> None:
    """Have in memory what the module imports; itself it is run from its file each time."""
    if module not in _LOADED:
        _LOADED.add(module)
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
        sys.modules.pop(module, None)


def _become(module: str, environment: dict[str, str], files: list[str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    for number, (path, flags) in enumerate(zip(files, (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY))):
        os.dup2(os.open(path, flags), number)
    sys.stdin = os.fdopen(0)
    sys.argv = [module]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit:
        pass
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


if __name__ == "__main__":
    serve()
