# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetching large files so that nothing is fetched twice: what an interrupted download left is taken up where it ends.

Whether the source still has the same file is seen from the last bytes that are there: they are fetched once more and compared, which
needs nothing of a server but ranges. A server without ranges sends all of it again.
"""

from __future__ import annotations

import hashlib
import io
import os
import time
import typing as t

from .download import BLOCK, Access, DownloadError, Interrupted, Received, Remote, blocks_of, open_source

OVERLAP = 64 * 1024
"""Bytes that are fetched again where a download is taken up."""
PROGRESS = 1024 * 1024
"""An attempt that brings as many bytes is none of those that are counted."""
_DOCUMENTS = ("text/html", "application/xhtml+xml", "application/json", "application/xml", "text/xml")


def fetch(url: str, path: str, remote: Remote, access: Access, heard: t.Callable[[int], object]) -> Received:
    """Have all of ``url`` in the file at ``path``, of which a part may be there, and on disk when this returns.

    ``heard`` is called with the size of the file so far and may raise to stop. A file that is longer than ``remote`` says (or may be,
    where it says nothing) or no longer the same is begun anew. :class:`DownloadError` leaves what has come for the next attempt.
    """
    with _Growing(path) as file:
        if remote.size is None or file.size > remote.size:
            file.clear()
        pauses = access.pauses()
        while file.size == 0 or file.size != remote.size:
            before = file.size
            try:
                _continue(url, file, remote, access, heard)
                break
            except Interrupted:
                if file.size - before >= PROGRESS:
                    pauses = access.pauses()
                pause = next(pauses, None)
                if pause is None:
                    raise
                time.sleep(pause)
        file.sync()
        return Received(file.size, file.digest.hexdigest())


class _Growing:
    """A file to which blocks are added, and the digest of what is in it."""

    def __init__(self, path: str):
        self._file = io.FileIO(path, "a+")
        self.digest, self.size = hashlib.sha256(), 0
        self._file.seek(0)
        for block in iter(lambda: self._file.read(BLOCK), b""):
            self._count(block)

    def __enter__(self) -> _Growing:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _count(self, block: bytes) -> None:
        self.digest.update(block)
        self.size += len(block)

    def add(self, block: bytes) -> None:
        """Append; a full disk may take a part of a block."""
        rest = memoryview(block)
        while rest:
            written = self._file.write(rest)
            self._count(rest[:written])
            rest = rest[written:]

    def clear(self) -> None:
        """Begin anew."""
        self._file.truncate(0)
        self.digest, self.size = hashlib.sha256(), 0

    def tail(self, start: int) -> bytes:
        """What is in it from ``start`` on."""
        return os.pread(self._file.fileno(), self.size - start, start)

    def sync(self) -> None:
        """Bring it to disk."""
        os.fsync(self._file.fileno())


def _continue(url: str, file: _Growing, remote: Remote, access: Access, heard: t.Callable[[int], object]) -> None:
    """Fetch what is missing. If what is there is not what the source has, it is dropped, and that is an interruption."""
    answer = open_source(url, access, "GET", max(0, file.size - OVERLAP))
    if answer.content_type in _DOCUMENTS:
        answer.stream.close()
        raise DownloadError(f"{url} sends a document ({answer.content_type}), not a file; check the address, and whether a proxy asks to sign in")
    if None not in (remote.size, answer.remote.size) and answer.remote.size != remote.size:
        answer.stream.close()
        raise DownloadError(f"{url} sent {answer.remote.size} bytes after promising {remote.size}; run again")
    known = file.tail(answer.start) if answer.start else b""
    if not known:
        file.clear()
    for block in blocks_of(answer, url, access):
        same = min(len(known), len(block))
        if block[:same] != known[:same]:
            file.clear()
            raise Interrupted(f"{url} is not the file of which a part had come; run again")
        known = known[same:]
        file.add(block[same:])
        heard(file.size)
    if remote.size not in (None, file.size):
        raise Interrupted(f"{url} broke off after {file.size} of {remote.size} bytes; run again")
