"""Runs module files in processes forked from one that has loaded what they import, which saves most of the time of a run.

A line of JSON on standard input asks for a run: the module, its environment, and files for its input, output and errors. A line on
standard output says that it has ended. The program ends with its input.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import pathlib
import runpy
import subprocess
import sys
import tempfile
import threading

_OF_THREAD = threading.local()


def run(module: str, stdin: str, environment: dict[str, str]) -> tuple[str, str]:
    """What the module printed to its output and its errors. Each thread has a zygote of its own, so runs of several are simultaneous."""
    process = getattr(_OF_THREAD, "process", None)
    if process is None or process.poll() is not None:
        argv = [sys.executable, "-m", "support.zygote"]
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
        _OF_THREAD.process = process
        atexit.register(_end, process)
    with tempfile.TemporaryDirectory() as directory:
        files = [os.path.join(directory, name) for name in ("in", "out", "err")]
        with open(files[0], "w") as file:
            file.write(stdin)
        process.stdin.write(json.dumps({"module": module, "environment": environment, "files": files}) + "\n")
        process.stdin.flush()
        process.stdout.readline()
        return tuple(pathlib.Path(file).read_text() for file in files[1:])


def _end(process: subprocess.Popen) -> None:
    process.stdin.close()
    process.wait()
    process.stdout.close()


def serve() -> None:
    """Answers requests until there are no more."""
    for line in sys.stdin:
        request = json.loads(line)
        # All that the module imports stays; the module itself is what the child runs.
        importlib.import_module(request["module"])
        del sys.modules[request["module"]]
        child = os.fork()
        if child == 0:
            _become(**request)
        os.waitpid(child, 0)
        print("done", flush=True)


def _become(module: str, environment: dict[str, str], files: list[str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    for number, (path, flags) in enumerate(zip(files, (os.O_RDONLY, os.O_WRONLY | os.O_CREAT, os.O_WRONLY | os.O_CREAT))):
        os.dup2(os.open(path, flags, 0o600), number)
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
