# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data directory in memory: read again where something has changed, asked without touching the disk.

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

from folder import Folder
from http_answer import NOT_FOUND, Answer
from omni_matchbox_core.matchbox.directory import group_stems
from omni_matchbox_core.matchbox.model import Group
from omni_matchbox_core.matchbox.reader import read_group, read_profile
from omni_matchbox_core.matchbox.select import Index
from scripts import RENDER, script
from strict import StrictData

LOG = logging.getLogger("engine")

LOOK_SECONDS = 0.25
# How long a converge is waited for, which holds the lock from its first write to its last.
LOCK_SECONDS = 5


@dataclasses.dataclass(frozen=True)
class Content:
    """All that a request is answered from. It never changes: a request that began with one ends with it."""

    outside: StrictData
    index: Index = dataclasses.field(default_factory=lambda: Index([]))
    # By the profile's file name, then by page.
    scripts: t.Mapping[bytes, t.Mapping[bytes, Answer]] = dataclasses.field(default_factory=dict)
    groups: int = 0
    faults: t.Sequence[str] = ()
    loaded: float = 0
    seconds: float = 0
    problem: str = ""

    def group(self, labels: dict[str, str]) -> Group | None:
        """The group of a machine with these labels."""
        return self.index.select(labels)

    def script(self, page: bytes, name: str) -> Answer:
        """What ``page`` answers the machines of the profile that a group names. One outside ``profiles/`` is not kept."""
        if "/" in name:
            return self.outside.script(page, name)
        scripts = self.scripts.get(f"{name}.json".encode())
        return scripts[page] if scripts else NOT_FOUND


class IndexedData:
    """A data directory whose content is kept up to date by a thread of its own."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._groups = Folder(os.path.join(path, "groups"), read_group)
        self._profiles = Folder(os.path.join(path, "profiles"), _scripts)
        self._content = Content(StrictData(path), problem="nothing was read yet")

    def start(self) -> None:
        """Read it, then keep looking. There is nothing yet to answer from, so a converge is not waited for."""
        self.refresh(patience=0)
        threading.Thread(target=self._keep_up_to_date, daemon=True).start()

    def state(self) -> Content:
        """What a request is answered from."""
        return self._content

    def figures(self) -> dict[str, float]:
        """What is served, by the names in :mod:`metrics`."""
        content = self._content
        return {
            "groups": content.groups,
            "profiles": len(content.scripts),
            "broken_files": len(content.faults),
            "index_seconds": content.seconds,
            "loaded_timestamp_seconds": content.loaded,
        }

    def refresh(self, patience: float = LOCK_SECONDS) -> None:
        """Read what has changed. A converge that is under way is waited for, at most ``patience`` seconds."""
        try:
            if self._groups.quiet() and self._profiles.quiet() and not self._content.problem:
                return
            with self._lock(patience) as alone:
                began = time.perf_counter()
                changed = self._load()
                # In the middle of a converge, what was read is one state only if it stayed while it was read.
                while not alone and self._load():
                    changed = True
            if changed or self._content.problem:
                self._publish(began)
        except OSError as error:
            self._content = dataclasses.replace(self._content, problem=f"{os.fsdecode(error.filename or self.path)}: {error.strerror}")

    def _load(self) -> bool:
        """Whether anything has changed, all of which is read now."""
        return any([self._groups.load(), self._profiles.load()])

    def _publish(self, began: float) -> None:
        groups = [self._groups.objects.get(stem + b".json") for stem in group_stems(self._groups.names)]
        index = Index(group for group in groups if group is not None)
        self._content = dataclasses.replace(
            self._content,
            index=index,
            scripts=dict(self._profiles.objects),
            groups=len(self._groups.objects),
            faults=(*self._groups.faults.values(), *self._profiles.faults.values()),
            loaded=time.time(),
            seconds=time.perf_counter() - began,
            problem="",
        )

    @contextlib.contextmanager
    def _lock(self, patience: float) -> t.Iterator[bool]:
        """The lock that a converge holds, shared; whether it was to be had."""
        handle = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield _locked(handle, patience)
        finally:
            os.close(handle)

    def _keep_up_to_date(self) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            try:
                self.refresh()
            except Exception:
                LOG.exception("the data directory could not be read")


def _locked(handle: int, patience: float) -> bool:
    end = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(0.05)


def _scripts(data: bytes) -> dict[bytes, Answer]:
    """What each page answers the machines of the profile in a file's content."""
    profile = read_profile(data)
    return {page: script(page, profile) for page in RENDER}
