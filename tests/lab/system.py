"""What the lab asks of the machine it runs on: root, programs, commands, locks."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]

PROGRAMS = ("systemd-nspawn", "mmdebstrap", "nsenter", "ip", "nft", "slirp4netns", "dnsmasq", "qemu-system-x86_64")


class LabError(Exception):
    """What is wrong and what to do, in a line; the end of a console or of a command's output may follow it."""


def say(text: str) -> None:
    """A line about what the lab does, on standard error."""
    print(f"lab: {text}", file=sys.stderr, flush=True)


def require(programs: tuple[str, ...] = PROGRAMS) -> None:
    """Refuses to go on without root or without one of ``programs``."""
    if os.geteuid() != 0:
        raise LabError("the lab makes network namespaces, cgroups and mounts: run it as root")
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        raise LabError(f"not installed: {', '.join(missing)}; 'make setup' installs what the lab needs")


def command(*argv: object, **options: object) -> str:
    """What a command printed; a failure is a LabError with the last line of what it said."""
    words = [str(word) for word in argv]
    try:
        process = subprocess.run(words, capture_output=True, text=True, check=False, **options)
    except FileNotFoundError:
        raise LabError(f"not installed: {words[0]}; 'make setup' installs what the lab needs") from None
    if process.returncode:
        said = last_line(process.stderr or process.stdout)
        raise LabError(f"{shlex.join(words)}: {said or f'exit status {process.returncode}'}")
    return process.stdout


def last_line(text: str) -> str:
    """The last line of ``text`` that is not empty, or an empty string."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def tail(path: pathlib.Path, lines: int = 20) -> str:
    """The last lines of a log or console, for an error message."""
    return "\n".join(read(path).splitlines()[-lines:])


def read(path: pathlib.Path) -> str:
    """A log or console, whatever bytes are in it; empty if there is none."""
    try:
        return path.read_bytes().decode(errors="replace").replace("\r\n", "\n")
    except FileNotFoundError:
        return ""


@contextlib.contextmanager
def locked(path: pathlib.Path) -> Iterator[int]:
    """Holds an exclusive lock; gives its descriptor.

    The kernel drops the lock when the last process that has the descriptor is gone: hand it to long-lived children, and nobody
    takes the lock while they still work, even if their parent was killed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def eventually(happened: Callable[[], object], timeout: float, pause: float = 0.05) -> object:
    """The first true value of ``happened()``, or the last false one when ``timeout`` seconds are over."""
    deadline = time.monotonic() + timeout
    while not (value := happened()) and time.monotonic() < deadline:
        time.sleep(pause)
    return value
