"""What a host of the lab has on disk beyond its base system, for tests that say what a run changes there."""

from __future__ import annotations

import pathlib
import re
import stat

from lab import bases
from lab.hosts import Host
from support.modules import snapshot

# Written by whoever logs in, looks or asks, also when nothing is changed.
NOISE = (
    r"root/\.ansible(/.*)?",  # Ansible's own temporary files
    r"var/log/.*",  # logins and the journal
    r"var/lib/systemd/.*",  # timers
    r"(var/)?tmp/.*",
    r"var/cache/apt/(src)?pkgcache\.bin",  # apt makes it anew when it is asked what it would do
)


def overlay(host: Host) -> dict:
    """Path → type, mode, owner, times and content of everything that was made or changed since the host was made, but for noise."""
    base = bases.base(host.run, host.suite)
    found = snapshot(host.directory / "upper")
    return {path: state for path, state in found.items() if not any(re.fullmatch(noise, path) for noise in NOISE) and not _is_above(base / path, state)}


def _is_above(path: pathlib.Path, state: tuple) -> bool:
    """Whether it is a directory of the base system as it was, there because of something in it."""
    if not stat.S_ISDIR(state[0]) or not path.is_dir() or path.is_symlink():
        return False
    status = path.stat()
    return (status.st_mode, status.st_uid, status.st_gid) == state[:3]
