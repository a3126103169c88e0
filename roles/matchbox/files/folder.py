# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder of objects in memory, one a file: read once, then only what has changed."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import time
import typing as t

from omni_matchbox_core.matchbox.reader import UnreadableError, shown

LOG = logging.getLogger("engine")

# The kernel does not tell what another host does on a network file system: however quiet it is, look at the files this often.
TRUST_SECONDS = 30
# A file's times move on in steps of some milliseconds. Of two changes within one, a reader between them sees no sign of the second.
SETTLED_NANOSECONDS = 50_000_000
UNSETTLED: tuple = ()

# inotify(7): modified, attributes, moved from and to, created, deleted, the folder itself deleted or moved.
_EVENTS = 0x2 | 0x4 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x800
_BUFFER = 1 << 16


class Watch:
    """Has the kernel tell that something happened in a folder."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None)
        self._handle = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)

    def begin(self, path: bytes) -> bool:
        """Watch what is at ``path`` now, too; whether that is possible."""
        return self._libc.inotify_add_watch(self._handle, path, _EVENTS) >= 0

    def happened(self) -> bool:
        """Whether something happened since the last time."""
        happened = False
        with contextlib.suppress(BlockingIOError):
            while os.read(self._handle, _BUFFER):
                happened = True
        return happened


class Folder:
    """The objects in a folder, by file name. ``read`` makes an object of a file's content."""

    def __init__(self, path: str, read: t.Callable[[bytes], t.Any]) -> None:
        self.path = os.fsencode(path)
        self.objects: dict[bytes, t.Any] = {}
        self.faults: dict[bytes, str] = {}
        self._read = read
        self._watch = Watch()
        self._place: tuple[int, int] | None = None
        self._seen: dict[bytes, tuple] = {}
        # Until when the kernel's word is taken for it that nothing has changed.
        self._trusted_until = 0.0

    @property
    def names(self) -> t.Iterable[bytes]:
        """All names in the folder."""
        return self._seen.keys()

    def quiet(self) -> bool:
        """Whether it is certain, without a look at the files, that they are as they were read."""
        return time.monotonic() < self._trusted_until and not self._watch.happened() and self._place == _place(self.path)

    def load(self) -> bool:
        """Read what has changed; whether anything had. What cannot be read any more stays as it was."""
        self._place, trusted = _place(self.path), self._watch.begin(self.path)
        if trusted:
            # All that was told up to now is found by looking.
            self._watch.happened()
        found, links = self._look()
        changed = [name for name, signature in found.items() if signature == UNSETTLED or signature != self._seen.get(name)]
        gone = self._seen.keys() - found.keys()
        for name in gone:
            self.objects.pop(name, None)
            self.faults.pop(name, None)
        for name in changed:
            if name.endswith(b".json"):
                self._load(name)
        self._seen = found
        trusted = trusted and not links and UNSETTLED not in found.values()
        self._trusted_until = time.monotonic() + TRUST_SECONDS if trusted else 0
        return bool(changed or gone)

    def _look(self) -> tuple[dict[bytes, tuple], bool]:
        """The signature of each file, and whether there are links: the kernel tells nothing of where they lead."""
        now, links, found = time.time_ns(), False, {}
        with os.scandir(self.path) as entries:
            for entry in entries:
                found[entry.name] = _signature(entry, now)
                links = links or entry.is_symlink()
        return found, links

    def _load(self, name: bytes) -> None:
        path = os.path.join(self.path, name)
        try:
            self.objects[name] = self._read(_content(path))
            self.faults.pop(name, None)
        except (OSError, UnreadableError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            kept = "what it held before counts" if name in self.objects else "it counts for nothing"
            fault = f"{shown(os.fsdecode(path))}: {reason}; {kept}"
            if self.faults.get(name) != fault:
                LOG.warning("%s", fault)
            self.faults[name] = fault


def _place(path: bytes) -> tuple[int, int]:
    """Which folder is at ``path``: it may be replaced, or be reached by a link that turns."""
    status = os.stat(path)
    return status.st_dev, status.st_ino


def _signature(entry: os.DirEntry, now: int) -> tuple:
    """What tells that a file has changed, also one that kept its inode, size and modification time. Of a link, that of its target."""
    try:
        status = entry.stat()
    except OSError:
        return (0,)
    return UNSETTLED if abs(now - status.st_ctime_ns) < SETTLED_NANOSECONDS else (status.st_ctime_ns, status.st_size, status.st_ino)


def _content(path: bytes) -> bytes:
    """What is in a file. A pipe must not hold the engine up."""
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0) as file:
        return file.read() or b""
