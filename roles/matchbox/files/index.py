# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data directory in memory: looked at several times a second, read where something changed, asked without touching the disk.

This differs from upstream, which reads every file for every request, on purpose in one more way: while a file is broken, what it held
when it was last good goes on to count, and the fault is reported. To upstream its machines are those of a less specific group at once.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import logging
import os
import threading
import time
import typing as t

from omni_matchbox_core.matchbox.directory import load_profile
from omni_matchbox_core.matchbox.model import Group, Profile
from omni_matchbox_core.matchbox.reader import UnreadableError, read_group, read_profile
from omni_matchbox_core.matchbox.select import Index

LOG = logging.getLogger("engine")

LOOK_SECONDS = 0.4
# How long a converge is waited for, which holds the lock from its first write to its last. It is safe to read in between, only not as one.
LOCK_SECONDS = 5

# What tells that a file has changed, also one that kept its inode, size and modification time.
Signature = tuple


@dataclasses.dataclass(frozen=True)
class Content:
    """What the engine answers from. Never changed in place: a request keeps the one it began with."""

    index: Index
    profiles: t.Mapping[str, Profile]
    groups: int = 0
    faults: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    seconds: float = 0
    problem: str = ""


class Folder:
    """The objects in one folder, by file name. ``read`` makes an object of a file's content."""

    def __init__(self, path: str, read: t.Callable[[bytes], t.Any]) -> None:
        self.path = path
        self.read = read
        self.objects: dict[str, t.Any] = {}
        self.faults: dict[str, str] = {}
        self._seen: dict[str, Signature] = {}

    def look(self) -> dict[str, Signature] | None:
        """The files as they are now; ``None`` if they are as they were when they were read."""
        with os.scandir(self.path) as entries:
            found = {entry.name: _signature(entry) for entry in entries if entry.name.endswith(".json")}
        return None if found == self._seen else found

    def load(self) -> None:
        """Read what changed. What cannot be read any more stays as it was."""
        found = self.look()
        if found is None:
            return
        for name in self._seen.keys() - found.keys():
            self.objects.pop(name, None)
            self.faults.pop(name, None)
        for name, signature in found.items():
            if self._seen.get(name) != signature:
                self._load(name)
        self._seen = found

    def _load(self, name: str) -> None:
        try:
            with open(os.path.join(self.path, name), "rb") as file:
                self.objects[name] = self.read(file.read())
            self.faults.pop(name, None)
        except (OSError, UnreadableError) as error:
            kept = "what it held before counts" if name in self.objects else "it is left out"
            self.faults[name] = f"{os.path.join(self.path, name)}: {error}; {kept}"
            LOG.warning("%s", self.faults[name])


class IndexedData:
    """Profiles and groups of a data directory, kept up to date by a thread of its own."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._groups = Folder(os.path.join(path, "groups"), read_group)
        self._profiles = Folder(os.path.join(path, "profiles"), read_profile)
        self._busy_since: float | None = None
        self.content = Content(Index([]), {}, problem="the data directory was not read yet")
        self.refresh()
        threading.Thread(target=self._keep_up_to_date, daemon=True).start()

    def group(self, labels: dict[str, str]) -> Group | None:
        """The group of a machine with these labels."""
        return self.content.index.select(labels)

    def profile(self, name: str) -> Profile | None:
        """The profile that a group names."""
        profile = self.content.profiles.get(f"{name}.json")
        if profile is None and "/" in name:
            with contextlib.suppress(UnreadableError):
                return load_profile(self.path, name)
        return profile

    def problem(self) -> str:
        """Why machines cannot be answered; empty if they can."""
        return self.content.problem

    def refresh(self) -> None:
        """Read what has changed since the last time, unless a converge is under way."""
        began = time.perf_counter()
        try:
            changed = any(folder.look() is not None for folder in (self._groups, self._profiles))
            if changed or self.content.problem:
                with self._lock() as locked:
                    if locked:
                        self._load(began)
        except OSError as error:
            self.content = dataclasses.replace(self.content, problem=f"{error.filename}: {error.strerror}")

    def _load(self, began: float) -> None:
        for folder in (self._groups, self._profiles):
            folder.load()
        names = sorted(self._groups.objects, key=os.fsencode)
        index = Index(self._groups.objects[name] for name in names)
        faults = {**self._groups.faults, **self._profiles.faults}
        self.content = Content(index, dict(self._profiles.objects), len(names), faults, time.perf_counter() - began)

    @contextlib.contextmanager
    def _lock(self) -> t.Iterator[bool]:
        """The lock that a converge holds, shared. Without it nothing is read, until a converge has taken very long."""
        handle = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
                self._busy_since = None
            except BlockingIOError:
                self._busy_since = self._busy_since or time.monotonic()
            yield self._busy_since is None or time.monotonic() - self._busy_since > LOCK_SECONDS
        finally:
            os.close(handle)

    def _keep_up_to_date(self) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            try:
                self.refresh()
            except Exception:
                LOG.exception("the data directory could not be read")


def _signature(entry: os.DirEntry) -> Signature:
    """Of a link, that of its target; 0 if there is none."""
    try:
        status = entry.stat()
    except OSError:
        return (0,)
    return status.st_ctime_ns, status.st_mtime_ns, status.st_size, status.st_ino
