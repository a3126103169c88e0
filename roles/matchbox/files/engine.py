# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded boot engine: a WSGI application that answers machines as Matchbox v0.11.0 does.

    OMNI_MATCHBOX_DATA=/var/lib/matchbox gunicorn --limit-request-line 0 engine:application

``OMNI_MATCHBOX_ASSETS`` names the folder behind ``/assets/``; empty or absent, there is none. What differs from upstream: templates
are not rendered (``/generic``, ``/ignition``, ``/cloud`` answer 501), ``/healthz`` and ``/readyz`` exist, and ``/assets/`` is plain.
"""

from __future__ import annotations

import logging
import os
import posixpath
import re
import typing as t
import urllib.parse

from assets import Assets
from http_answer import BAD_REQUEST, NOT_FOUND, Answer, content_type, plain
from omni_matchbox_core.matchbox import select
from omni_matchbox_core.matchbox.directory import load_profile, read_groups
from omni_matchbox_core.matchbox.model import Boot, Group, Profile
from omni_matchbox_core.matchbox.reader import UnreadableError
from omni_matchbox_core.matchbox.script import CHAIN_SCRIPT, grub_script, ipxe_script, metadata

LOG = logging.getLogger("engine")

_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(rb"[\x00-\x20\x7f]")
# What stands before the path when a client writes the whole URL.
_ABSOLUTE = re.compile(rb"\A[A-Za-z][A-Za-z0-9+.-]*:(//)?[^/?]*")
_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;"})


class DataDirectory:
    """The profiles and groups, read anew for each request."""

    def __init__(self, path: str) -> None:
        self.path = path

    def group(self, labels: dict[str, str]) -> Group | None:
        """The group of a machine with these labels."""
        groups = []
        for name, group in read_groups(self.path).items():
            if isinstance(group, Group):
                groups.append(group)
            else:
                LOG.warning("group %s is skipped: %s", name, group)
        return select.select(select.best_first(groups), labels)

    def profile(self, name: str) -> Profile | None:
        """The profile that a group names."""
        try:
            return load_profile(self.path, name)
        except UnreadableError as error:
            LOG.warning("profile %s is not there: %s", name, error)
            return None

    def problem(self) -> str:
        """Why machines cannot be answered; empty if they can."""
        try:
            for folder in ("groups", "profiles"):
                os.listdir(os.path.join(self.path, folder))
        except OSError as error:
            return f"{error.filename}: {error.strerror}"
        return ""


class Engine:
    """The WSGI application."""

    def __init__(self, data: DataDirectory, assets: Assets | None) -> None:
        self.data = data
        self.assets = assets
        self.pages: dict[bytes, t.Callable[[bytes], Answer]] = {
            b"/": lambda query: plain(200, "matchbox\n"),
            b"/boot.ipxe": lambda query: plain(200, CHAIN_SCRIPT),
            b"/boot.ipxe.0": lambda query: plain(200, CHAIN_SCRIPT),
            b"/ipxe": lambda query: self._script(query, ipxe_script),
            b"/grub": lambda query: self._script(query, grub_script),
            b"/metadata": self._metadata,
            b"/healthz": lambda query: plain(200, "ok\n"),
            b"/readyz": lambda query: self._readiness(),
        }
        for name in ("generic", "ignition", "cloud"):
            text = f"501 /{name} is not rendered by this boot engine; use Matchbox itself where you need templates\n"
            self.pages[f"/{name}".encode()] = lambda query, text=text: plain(501, text)

    def __call__(self, environ: dict, start_response: t.Callable) -> t.Iterable[bytes]:
        """Every method is answered as GET is; HEAD without the body."""
        answer = self.answer(environ["REQUEST_METHOD"], environ["RAW_URI"].encode("latin-1"), environ)
        start_response(answer.status_line, answer.headers)
        if environ["REQUEST_METHOD"] == "HEAD":
            answer.close()
            return []
        return answer.blocks()

    def answer(self, method: str, target: bytes, conditions: dict) -> Answer:
        """The answer to a request for ``target``, which is as the client sent it; ``conditions`` holds the headers, as WSGI names them."""
        if not target.startswith(b"/"):
            target, absolute = _ABSOLUTE.subn(b"", target, count=1)
            if not absolute:
                return BAD_REQUEST
        raw_path, mark, query = target.partition(b"?")
        if _BAD_ESCAPE.search(raw_path) or _CONTROL.search(target):
            return BAD_REQUEST
        path = urllib.parse.unquote_to_bytes(raw_path)
        clean = b"/assets/" if self.assets and path == b"/assets" else _clean(path)
        if path != clean:
            return NOT_FOUND if method == "CONNECT" else _moved(method, clean, mark + query)
        if self.assets and raw_path.startswith(b"/assets/"):
            return self.assets.answer(method, path[len(b"/assets/") :], conditions)
        page = self.pages.get(path)
        return page(query) if page else NOT_FOUND

    def _script(self, query: bytes, render: t.Callable[[Boot], str]) -> Answer:
        group = self.data.group(select.labels(query))
        profile = self.data.profile(group.profile) if group else None
        if profile is None or profile.boot is None:
            return NOT_FOUND
        body = render(profile.boot).encode()
        return Answer(200, body, content_type(body))

    def _metadata(self, query: bytes) -> Answer:
        labels = select.labels(query)
        group = self.data.group(labels)
        if group is None:
            return NOT_FOUND
        return Answer(200, metadata(group, labels, query).encode("utf-8", "surrogateescape"), "plain/text")

    def _readiness(self) -> Answer:
        problem = self.data.problem()
        return plain(503, f"not ready: {problem}\n") if problem else plain(200, "ready\n")


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
    assets = os.environ.get("OMNI_MATCHBOX_ASSETS")
    return Engine(DataDirectory(os.environ["OMNI_MATCHBOX_DATA"]), Assets(assets) if assets else None)


application = _from_environment()
