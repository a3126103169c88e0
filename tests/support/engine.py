"""Installs the embedded boot engine as the role does, and runs it as a process.

``python -m support.engine --data DIR [--assets DIR] [--port N] [--strict]`` runs it in the foreground, on any data directory.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import typing as t
import urllib.request

import yaml

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
ROLE = REPOSITORY / "roles/matchbox"
CORE = REPOSITORY / "plugins/module_utils"


def install(folder: pathlib.Path) -> None:
    """Put the files that the role installs into ``folder``, readable for everybody."""
    for entry in yaml.safe_load((ROLE / "vars/main.yml").read_text())["matchbox_engine_files"]:
        base, name = re.fullmatch(r"\{\{ matchbox_(engine|core)_path \}\}/(.+)", entry["path"]).groups()
        target = folder / ("omni_matchbox_core" if base == "core" else "") / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile((CORE if base == "core" else ROLE / "files") / name, target)


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


def environment(data: pathlib.Path | str, assets: pathlib.Path | str | None, *, strict: bool) -> dict[str, str]:
    """The environment that tells an engine what to serve."""
    mode = {"OMNI_MATCHBOX_STRICT": "1"} if strict else {}
    return {**os.environ, "OMNI_MATCHBOX_DATA": str(data), "OMNI_MATCHBOX_ASSETS": str(assets or ""), "PYTHONDONTWRITEBYTECODE": "1", **mode}


def command(folder: pathlib.Path, port: int) -> list[str]:
    """What runs the engine in ``folder``, as the role's unit does."""
    return [sys.executable, "-m", "gunicorn", "--config", str(folder / "gunicorn.conf.py"), "--bind", f"127.0.0.1:{port}"]


@contextlib.contextmanager
def running(folder: pathlib.Path, data: pathlib.Path, assets: pathlib.Path | None, *, strict: bool = False) -> t.Iterator[int]:
    """The port of an engine that runs from ``folder``; as an unprivileged user, since root can read everything."""
    port = free_port()
    words = [*command(folder, port), "--log-level", "warning"]
    if os.geteuid() == 0:
        words += ["--user", "65534", "--group", "65534"]
    with process(words, port, environment(data, assets, strict=strict)):
        yield port


@contextlib.contextmanager
def upstream(binary: pathlib.Path, data: pathlib.Path, assets: pathlib.Path, port: int) -> t.Iterator[subprocess.Popen]:
    """A real Matchbox on ``port``, as an unprivileged user."""
    words = [str(binary), f"-address=127.0.0.1:{port}", f"-data-path={data}", f"-assets-path={assets}", "-log-level=error"]
    with process(words, port, dict(os.environ), user=65534 if os.geteuid() == 0 else None) as started:
        yield started


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextlib.contextmanager
def process(words: list[str], port: int, variables: dict[str, str], user: int | None = None, directory: str = "/") -> t.Iterator[subprocess.Popen]:
    """A process that answers on ``port``."""
    started = subprocess.Popen(words, env=variables, cwd=directory, stderr=subprocess.DEVNULL, user=user)
    try:
        _wait(started, port)
        yield started
    finally:
        started.send_signal(signal.SIGTERM)
        started.wait(30)


def _wait(started: subprocess.Popen, port: int) -> None:
    for _attempt in range(300):
        assert started.poll() is None, "the engine ended"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
                assert answer.status == 200
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the engine does not answer")


def main() -> None:
    """Become an engine; Ctrl-C ends it."""
    parser = argparse.ArgumentParser(prog="engine", description="Runs the embedded boot engine in the foreground.")
    parser.add_argument("--data", required=True, help="data directory, with the folders groups and profiles")
    parser.add_argument("--assets", default="", help="folder behind /assets/")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--strict", action="store_true", help="read the data directory for every request, as upstream does")
    options = parser.parse_args()
    for name in ("groups", "profiles"):
        if not os.path.isdir(os.path.join(options.data, name)):
            sys.exit(f"engine: {options.data or 'DATA'} is no data directory: it has no folder {name}; use make engine DATA=/var/lib/matchbox")
    folder = REPOSITORY / "build/engine"
    install(folder)
    words = command(folder, options.port)
    os.execve(words[0], words, environment(os.path.abspath(options.data), options.assets and os.path.abspath(options.assets), strict=options.strict))


if __name__ == "__main__":
    main()
