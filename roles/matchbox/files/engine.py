# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded boot engine: a WSGI application that answers machines as Matchbox v0.11.0 does.

    OMNI_MATCHBOX_DATA=/var/lib/matchbox gunicorn --config gunicorn.conf.py --bind 127.0.0.1:8080

``OMNI_MATCHBOX_ASSETS`` names the folder behind ``/assets/``; empty or absent, there is none. With ``OMNI_MATCHBOX_STRICT`` the data
directory is read for every request, as upstream does, and not kept in memory. What differs from upstream in either case: templates are
not rendered (``/generic``, ``/ignition``, ``/cloud`` answer 501), ``/healthz``, ``/readyz`` and ``/metrics`` exist, and ``/assets/`` is
plain.
"""

from __future__ import annotations

import logging
import os
import posixpath
import re
import typing as t
import urllib.parse

from assets import Assets
from http_answer import BAD_REQUEST, NOT_FOUND, Answer, plain
from index import IndexedData
from metrics import Metrics
from omni_matchbox_core.matchbox import select
from omni_matchbox_core.matchbox.script import CHAIN_SCRIPT, metadata
from strict import StrictData

_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(rb"[\x00-\x20\x7f]")
# What stands before the path when a client writes the whole URL.
_ABSOLUTE = re.compile(rb"\A[A-Za-z][A-Za-z0-9+.-]*:(//)?[^/?]*")
# What requests are counted under that are for no page.
OTHER = "other"
_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;"})


class Engine:
    """The WSGI application."""

    def __init__(self, data: StrictData | IndexedData, assets: Assets | None) -> None:
        self.data = data
        self.assets = assets
        self.metrics = Metrics(data.figures)
        self.pages: dict[bytes, t.Callable[[bytes], Answer]] = {
            b"/": lambda query: plain(200, "matchbox\n"),
            b"/boot.ipxe": lambda query: plain(200, CHAIN_SCRIPT),
            b"/boot.ipxe.0": lambda query: plain(200, CHAIN_SCRIPT),
            b"/ipxe": lambda query: self._script(b"/ipxe", query),
            b"/grub": lambda query: self._script(b"/grub", query),
            b"/metadata": self._metadata,
            b"/healthz": lambda query: plain(200, "ok\n"),
            b"/readyz": lambda query: self._readiness(),
            b"/metrics": lambda query: self.metrics.answer(),
        }
        for name in ("generic", "ignition", "cloud"):
            text = f"501 /{name} is not rendered by this boot engine; use Matchbox itself where you need templates\n"
            self.pages[f"/{name}".encode()] = lambda query, text=text: plain(501, text)

    def start(self) -> None:
        """Begin what goes on beside the requests."""
        self.data.start()

    def __call__(self, environ: dict, start_response: t.Callable) -> t.Iterable[bytes]:
        """Every method is answered as GET is; HEAD without the body."""
        page, answer = self.answer(environ["REQUEST_METHOD"], environ["RAW_URI"].encode("latin-1"), environ)
        self.metrics.count(page, answer.status)
        start_response(answer.status_line, answer.headers)
        if environ["REQUEST_METHOD"] == "HEAD":
            answer.close()
            return []
        return answer.blocks()

    def answer(self, method: str, target: bytes, conditions: dict) -> tuple[str, Answer]:
        """The page and the answer to a request for ``target``, which is as the client sent it.

        ``conditions`` holds the headers, as WSGI names them. Whatever is no page of ours is ``other``.
        """
        if not target.startswith(b"/"):
            target, absolute = _ABSOLUTE.subn(b"", target, count=1)
            if not absolute:
                return OTHER, BAD_REQUEST
        raw_path, mark, query = target.partition(b"?")
        if _BAD_ESCAPE.search(raw_path) or _CONTROL.search(target):
            return OTHER, BAD_REQUEST
        path = urllib.parse.unquote_to_bytes(raw_path)
        clean = b"/assets/" if self.assets and path == b"/assets" else _clean(path)
        if path != clean:
            return OTHER, NOT_FOUND if method == "CONNECT" else _moved(method, clean, mark + query)
        if self.assets and raw_path.startswith(b"/assets/"):
            return "/assets/", self.assets.answer(method, path[len(b"/assets/") :], conditions)
        page = self.pages.get(path)
        return (path.decode(), page(query)) if page else (OTHER, NOT_FOUND)

    def _script(self, page: bytes, query: bytes) -> Answer:
        state = self.data.state()
        group = state.group(select.labels(query))
        return state.script(page, group.profile) if group else NOT_FOUND

    def _metadata(self, query: bytes) -> Answer:
        labels = select.labels(query)
        group = self.data.state().group(labels)
        if group is None:
            return NOT_FOUND
        return Answer(200, metadata(group, labels, query).encode("utf-8", "surrogateescape"), "plain/text")

    def _readiness(self) -> Answer:
        state = self.data.state()
        if state.problem:
            return plain(503, f"not ready: {state.problem}\n")
        return plain(200, "".join(["ready\n", *(f"broken: {fault}\n" for fault in state.faults)]))


def _clean(path: bytes) -> bytes:
    """The path without empty, ``.`` and ``..`` parts; a slash at its end stays."""
    clean = posixpath.normpath(b"/" + path.lstrip(b"/"))
    return clean + b"/" if path.endswith(b"/") and clean != b"/" else clean


def _moved(method: str, path: bytes, query: bytes) -> Answer:
    """The way to a clean path. The query stays as it was sent, except for bytes that may not stand in a header."""
    location = urllib.parse.quote(path, safe="/$&+,:;=@").encode() + query
    header = [("Location", re.sub(rb"[\x80-\xff]", lambda byte: b"%%%02x" % ord(byte.group()), location).decode())]
    if method not in ("GET", "HEAD"):
        return Answer(301, extra=header)
    shown = location.decode("latin-1").translate(_HTML)
    return Answer(301, f'<a href="{shown}">Moved Permanently</a>.\n\n'.encode("latin-1"), "text/html; charset=utf-8", header)


def _from_environment() -> Engine:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    path, assets = os.environ["OMNI_MATCHBOX_DATA"], os.environ.get("OMNI_MATCHBOX_ASSETS")
    data = StrictData(path) if os.environ.get("OMNI_MATCHBOX_STRICT") else IndexedData(path)
    return Engine(data, Assets(assets) if assets else None)


application = _from_environment()
