# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines that say how far long work is, while a task runs. A module cannot print, so an action plugin does, on the controller."""

from __future__ import annotations

import contextlib
import threading
import time
import typing as t

STEP = 0.1
"""A line is due when this share of the whole is new,"""
SECONDS = 5.0
"""or when so much time has passed since the last one."""


class Report:
    """Turns states (``{"done", "total", "part"}``, bytes) into lines, few enough for a log. ``title`` tells whose they are."""

    def __init__(self, title: str, say: t.Callable[[str], object], clock: t.Callable[[], float] = time.monotonic):
        self._title = title
        self._say = say
        self._clock = clock
        self._began = clock()
        self._first: int | None = None
        self._said_at, self._said_done = self._began, 0
        self._total = 0

    def heard(self, state: dict) -> None:
        """Say a line if one is due."""
        done, self._total = state["done"], state["total"]
        now = self._clock()
        if self._first is None:
            self._first = self._said_done = done
            self._said_at = now
        grown = (done - self._said_done) / self._total if self._total else 0
        if grown >= STEP or now - self._said_at >= SECONDS:
            self._say(f"{self._title}: {self._state(done, now)} ({state['part']})")
            self._said_at, self._said_done = now, done

    def finished(self) -> None:
        """Say how long all of it took."""
        if self._first is not None:
            self._say(f"{self._title}: {_size(self._total)} in {_duration(self._clock() - self._began)}")

    def _state(self, done: int, now: float) -> str:
        """The rate is that since the last line."""
        rate = (done - self._said_done) / max(now - self._said_at, 0.001)
        if not self._total:
            return f"{_size(done)}, {_size(rate)}/s"
        left = _duration((self._total - done) / rate) if rate > 0 else "unknown time"
        return f"{100 * done // self._total} % of {_size(self._total)}, {_size(rate)}/s, {left} left"


@contextlib.contextmanager
def waiting(for_what: str, say: t.Callable[[str], object], seconds: float = 10.0) -> t.Iterator[None]:
    """Says every so many seconds that something takes its time, where nobody can tell how much."""
    done, began = threading.Event(), time.monotonic()

    def remind() -> None:
        while not done.wait(seconds):
            say(f"{for_what}: {_duration(time.monotonic() - began)} so far")

    reminder = threading.Thread(target=remind, daemon=True)
    reminder.start()
    try:
        yield
    finally:
        done.set()
        reminder.join()


def _size(count: float) -> str:
    return f"{count / 1e6:.0f} MB" if count >= 10e6 else f"{count / 1e6:.1f} MB"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
