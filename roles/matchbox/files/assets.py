# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``/assets/`` plainly: files, whole or one range of them, unless they have not changed; folders are not listed."""

from __future__ import annotations

import calendar
import dataclasses
import email.utils
import os
import re
import stat

from http_answer import BINARY, HEAD, NOT_FOUND, Answer, FileAnswer, content_type, plain

# The endings that upstream knows by itself; anything else is told by its content.
_TYPES = {
    b".bin": BINARY,
    b".css": "text/css; charset=utf-8",
    b".csv": "text/csv; charset=utf-8",
    b".gz": "application/gzip",
    b".html": "text/html; charset=utf-8",
    b".js": "text/javascript; charset=utf-8",
    b".json": "application/json",
    b".pdf": "application/pdf",
    b".png": "image/png",
    b".svg": "image/svg+xml",
    b".wasm": "application/wasm",
    b".xml": "text/xml; charset=utf-8",
}
# Longer numbers are more than 64 bits hold, and no range.
_RANGE = re.compile(r"bytes=\s*([0-9]{0,19})\s*-\s*([0-9]{0,19})\s*")


class Assets:
    """The files below a folder. Links are followed, also out of it."""

    def __init__(self, path: str) -> None:
        self.path = os.fsencode(path)

    def answer(self, method: str, name: bytes, conditions: dict) -> Answer:
        """The file ``name``, a clean path; ``conditions`` holds the request's headers, as WSGI names them."""
        try:
            # A pipe must not hold the request up.
            handle = os.open(os.path.join(self.path, name), os.O_RDONLY | os.O_NONBLOCK)
        except PermissionError:
            return plain(403, "403 Forbidden\n")
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return NOT_FOUND
        except OSError:
            return plain(500, "500 Internal Server Error\n")
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            os.close(handle)
            return NOT_FOUND
        file = os.fdopen(handle, "rb")
        kind = _TYPES.get(os.path.splitext(name)[1]) or content_type(file.peek(HEAD))
        answer = _file_answer(method, FileAnswer(200, kind=kind, file=file, size=status.st_size), int(status.st_mtime), conditions)
        if not isinstance(answer, FileAnswer):
            file.close()
        return answer


def _file_answer(method: str, whole: FileAnswer, changed: int, conditions: dict) -> Answer:
    """``whole``, a part of it, or why not; the file was changed at ``changed``, in seconds since the epoch."""
    headers = [("Accept-Ranges", "bytes"), ("Last-Modified", email.utils.formatdate(changed, usegmt=True))]
    since = _date(conditions.get("HTTP_IF_MODIFIED_SINCE")) if "HTTP_IF_NONE_MATCH" not in conditions else None
    if method in ("GET", "HEAD") and since is not None and changed <= since:
        return Answer(304, extra=headers[1:])
    whole = dataclasses.replace(whole, extra=headers)
    wanted = conditions.get("HTTP_RANGE", "")
    only_if = conditions.get("HTTP_IF_RANGE")
    if not whole.size or not wanted or "," in wanted or (only_if and _date(only_if) != changed):
        return whole
    return _part(whole, wanted)


def _part(whole: FileAnswer, wanted: str) -> Answer:
    """The one range that is wanted."""
    match, size = _RANGE.fullmatch(wanted), whole.size
    first, last = match.groups() if match else ("", "")
    if not (first or last) or (first and last and int(last) < int(first)):
        return _refused("invalid range\n", whole.extra[1:])
    start = int(first) if first else max(size - int(last), 0)
    if first and start >= size:
        return _refused("invalid range: failed to overlap\n", [*whole.extra[1:], ("Content-Range", f"bytes */{size}")])
    end = min(int(last), size - 1) if first and last else size - 1
    whole.file.seek(start)
    return dataclasses.replace(whole, status=206, size=end - start + 1, extra=[*whole.extra, ("Content-Range", f"bytes {start}-{end}/{size}")])


def _refused(text: str, headers: list[tuple[str, str]]) -> Answer:
    answer = plain(416, text)
    return dataclasses.replace(answer, extra=answer.extra + headers)


def _date(text: str | None) -> int | None:
    """The seconds since the epoch that a header's date means; ``None`` if it means none."""
    parsed = email.utils.parsedate(text) if text else None
    try:
        return None if parsed is None else calendar.timegm(parsed)
    except (ValueError, OverflowError):
        return None
