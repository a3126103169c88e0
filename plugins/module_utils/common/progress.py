# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far long work has come, told to whoever watches. A module cannot print, so it keeps a file that is read from outside."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
import typing as t


class Progress:
    """Counts the bytes of several parts at once and calls ``tell`` with ``{"done", "total", "part"}``, at most once in ``seconds``."""

    def __init__(self, total: int, tell: t.Callable[[dict], object], seconds: float = 0.5):
        self.total = total
        self._tell = tell
        self._seconds = seconds
        self._parts: dict[str, int] = {}
        self._due = 0.0
        self._guard = threading.Lock()

    def reached(self, part: str, size: int) -> None:
        """``size`` bytes of ``part`` are there."""
        with self._guard:
            self._parts[part] = size
            now = time.monotonic()
            if now >= self._due:
                self._due = now + self._seconds
                self._tell({"done": sum(self._parts.values()), "total": self.total, "part": part})


@contextlib.contextmanager
def progress_file(path: str) -> t.Iterator[t.Callable[[dict], None]]:
    """Writes what it is called with to a file, which goes away at the end. Who reads it may find a part of it."""

    def tell(state: dict) -> None:
        with open(path, "w", encoding="ascii") as file:
            json.dump(state, file)

    try:
        yield tell
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
