"""What the demo prints: lines that stay, and what is under way meanwhile.

On a terminal, what is under way is one line that is drawn again in its place. Elsewhere, such as in a CI log, it is a line of its own
after some seconds of silence. Colours are for terminals only.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TextIO

STYLES = {"bold": "1", "dim": "2", "green": "32", "red": "31"}
ERASE = "\r\x1b[K"
MARGIN = " " * 11  # what a row has before its text


class Terminal:
    """Lines on ``stream``; ``patience`` is how many seconds it may be silent where nothing can be drawn in place."""

    def __init__(self, stream: TextIO, patience: float = 5):
        self.stream, self.patience = stream, patience
        self.interactive = stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self.colours = self.interactive and not os.environ.get("NO_COLOR")
        self._lock = threading.RLock()
        self._zero = self._spoken = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the last heading."""
        return time.monotonic() - self._zero

    def heading(self, text: str) -> None:
        """Begins a section; the seconds of its rows count from here."""
        self.line()
        self.line(text, "bold")
        self._zero = time.monotonic()

    def row(self, text: str, *, seconds: float | None = None, style: str = "") -> None:
        """A line with the seconds since the heading, or those given."""
        for line in row(text, self.seconds if seconds is None else seconds, self._width):
            self.line(line, style)

    def line(self, text: str = "", style: str = "") -> None:
        """A line that stays."""
        with self._lock:
            if style and self.colours:
                text = f"\x1b[{STYLES[style]}m{text}\x1b[0m"
            self._write(f"{ERASE if self.interactive else ''}{text}\n")
            self._spoken = time.monotonic()

    @contextlib.contextmanager
    def doing(self, what: Callable[[], str]) -> Iterator[None]:
        """While it lasts, ``what()`` says what is under way."""
        ended = threading.Event()
        thread = threading.Thread(target=self._tell, args=(what, ended), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            if self.interactive:
                self._write(ERASE)

    def _tell(self, what: Callable[[], str], ended: threading.Event) -> None:
        while not ended.wait(0.2):
            with self._lock:
                text = row(f"{what()} ...", self.seconds, self._width)[0]
                if self.interactive:
                    self._write(f"{ERASE}{text}")
                elif time.monotonic() - self._spoken >= self.patience:
                    self.line(text)

    def _write(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()

    @property
    def _width(self) -> int:
        return shutil.get_terminal_size((120, 24)).columns


def row(text: str, seconds: float, width: int) -> list[str]:
    """The lines of a row: seconds, and a text that is broken at ``width``."""
    return textwrap.wrap(text, width, initial_indent=f"{seconds:7.1f} s  ", subsequent_indent=MARGIN) or [""]


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as what is in them, the last one to the right."""
    *widths, last = (max(map(len, column)) for column in zip(*rows))
    return ["  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[-1].rjust(last)]) for row in rows]
