"""Whose run it is, and which runs have nobody any more."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pathlib

from . import cgroups, namespaces
from .system import REPOSITORY

KEPT = "kept"  # the owner of a run that outlives the process that made it


def cache_directory(given: str | os.PathLike | None = None) -> pathlib.Path:
    """Where base systems, packages, images and the state of runs lie: as given, else $LAB, else build/lab of the repository.

    Without links in it, since what the kernel tells of mounts has none.
    """
    return pathlib.Path(given or os.environ.get("LAB") or REPOSITORY / "build/lab").resolve()


def default_name(cache: pathlib.Path, suffix: str = "") -> str:
    """A name for a run that no other checkout or cache directory chooses; with ``suffix``, nor another process of this one."""
    place = hashlib.sha256(f"{REPOSITORY}\n{cache}".encode()).hexdigest()
    return f"lab{place[:6]}{suffix}"


def current() -> str:
    """This process, as an owner: its id and when it started, since ids are used again."""
    return f"{os.getpid()} {start_time(os.getpid())}"


def start_time(pid: int) -> str | None:
    """When a process started, in clock ticks since the machine did; None if there is no such process, or it has ended."""
    try:
        state, *fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if state == "Z" else fields[18]


def record(state: pathlib.Path, owner: str) -> None:
    """Makes the state directory of a run with its owner in it."""
    state.mkdir(parents=True, exist_ok=True)
    (state / "owner").write_text(owner)


def recorded(state: pathlib.Path) -> str:
    """The owner of the run with this state directory; empty if it has none."""
    with contextlib.suppress(FileNotFoundError):
        return (state / "owner").read_text()
    return ""


def alive(owner: str) -> bool:
    """Whether nobody else may remove the run of that owner."""
    if owner == KEPT:
        return True
    pid, _space, started = owner.partition(" ")
    return bool(started) and start_time(int(pid)) == started


def dead(cache: pathlib.Path) -> list[str]:
    """The runs of this cache without a living owner, those that have lost their state directory too."""
    names = {path.name for path in cache.glob("run/*") if path.is_dir()}
    prefix = default_name(cache)
    names |= {label.partition("-")[0] for label in [*cgroups.named(prefix), *namespaces.named(prefix)]}
    return sorted(name for name in names if not alive(recorded(cache / "run" / name)))
