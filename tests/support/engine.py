"""Installs the embedded boot engine as the role does, and runs it as a process."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import typing as t
import urllib.request

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
# The modules that the engine needs beside it, as the package omni_matchbox_core.
CORE = (
    "__init__.py",
    "common/__init__.py",
    "common/errors.py",
    "matchbox/__init__.py",
    "matchbox/directory.py",
    "matchbox/document.py",
    "matchbox/model.py",
    "matchbox/reader.py",
    "matchbox/script.py",
    "matchbox/select.py",
)
ENGINE = ("engine.py", "http_answer.py", "assets.py")


def install(folder: pathlib.Path) -> None:
    """Put the engine and its core into ``folder``, readable for everybody."""
    for name in CORE:
        (folder / "omni_matchbox_core" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REPOSITORY / "plugins/module_utils" / name, folder / "omni_matchbox_core" / name)
    for name in ENGINE:
        shutil.copyfile(REPOSITORY / "roles/matchbox/files" / name, folder / name)


@contextlib.contextmanager
def public_folder() -> t.Iterator[pathlib.Path]:
    """A folder that other users may enter, unlike those of pytest."""
    folder = pathlib.Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        for parent, folders, _files in os.walk(folder):
            for name in folders:
                if not os.path.islink(os.path.join(parent, name)):
                    os.chmod(os.path.join(parent, name), 0o755)
        shutil.rmtree(folder)


@contextlib.contextmanager
def running(folder: pathlib.Path, data: pathlib.Path, assets: pathlib.Path | None) -> t.Iterator[int]:
    """The port of an engine that runs from ``folder``; as an unprivileged user, since root can read everything."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "OMNI_MATCHBOX_DATA": str(data), "OMNI_MATCHBOX_ASSETS": str(assets or ""), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--limit-request-line", "0", "--chdir", str(folder)]
    command += ["--log-level", "warning", "--worker-tmp-dir", "/dev/shm", "engine:application"]
    if os.geteuid() == 0:
        # Loaded first: this user may not be able to read the interpreter's own modules.
        command[-1:-1] = ["--preload", "--user", "65534", "--group", "65534"]
    process = subprocess.Popen(command, env=environment, cwd="/", stderr=subprocess.DEVNULL)
    try:
        _wait(process, port)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _wait(process: subprocess.Popen, port: int) -> None:
    for _attempt in range(300):
        assert process.poll() is None, "the engine ended"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
                assert answer.status == 200
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the engine does not answer")
