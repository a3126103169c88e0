# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine sends back: status, headers and body."""

from __future__ import annotations

import dataclasses
import http
import re
import typing as t

BLOCK = 1 << 18
# Upstream looks at this many bytes to tell text from other things, and these are what no text has.
HEAD = 512
_BINARY = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
TEXT = "text/plain; charset=utf-8"
BINARY = "application/octet-stream"


@dataclasses.dataclass(frozen=True)
class Answer:
    """A whole answer. Without ``kind`` there is no Content-Type."""

    status: int
    body: bytes = b""
    kind: str = ""
    extra: list[tuple[str, str]] = dataclasses.field(default_factory=list)

    @property
    def status_line(self) -> str:
        return f"{self.status} {http.HTTPStatus(self.status).phrase}"

    @property
    def length(self) -> int:
        return len(self.body)

    @property
    def headers(self) -> list[tuple[str, str]]:
        kind = [("Content-Type", self.kind)] if self.kind else []
        length = [] if self.status == http.HTTPStatus.NOT_MODIFIED else [("Content-Length", str(self.length))]
        return kind + length + self.extra

    def blocks(self) -> t.Iterable[bytes]:
        """The body in blocks."""
        return [self.body]

    def close(self) -> None:
        """Let go of what :meth:`blocks` would have read."""


@dataclasses.dataclass(frozen=True)
class FileAnswer(Answer):
    """Part of an open file, from where it stands."""

    file: t.BinaryIO | None = None
    size: int = 0

    @property
    def length(self) -> int:
        return self.size

    def blocks(self) -> t.Iterator[bytes]:
        with self.file:
            left = self.size
            while left:
                block = self.file.read(min(left, BLOCK))
                if not block:
                    return
                left -= len(block)
                yield block

    def close(self) -> None:
        self.file.close()


def content_type(content: bytes) -> str:
    """What something that begins with ``content`` is said to be."""
    return BINARY if _BINARY.search(content[:HEAD]) else TEXT


def plain(status: int, text: str) -> Answer:
    """An answer in plain text."""
    extra = [("X-Content-Type-Options", "nosniff")] if status >= 400 else []
    return Answer(status, text.encode(), TEXT, extra)


NOT_FOUND = plain(404, "404 page not found\n")
BAD_REQUEST = Answer(400, b"400 Bad Request", TEXT)
