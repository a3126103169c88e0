# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetching files: from a web server with what Ansible brings, or from a folder of this host."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import http.client
import io
import os
import re
import ssl
import time
import typing as t
import urllib.error
import urllib.parse

from ansible.module_utils.urls import open_url

from .argspec import ArgumentSpec
from .errors import InputError, OmniMatchboxError
from .urls import local_path

BLOCK = 256 * 1024
SMALL = 1024 * 1024
# GitHub sends whoever asks for a file of a release to one of its hosts below this name.
REDIRECT_HOSTS = ("githubusercontent.com",)
DOWNLOAD_SPEC = ArgumentSpec(
    options={
        "ca_path": {"type": "path"},
        "validate_certs": {"type": "bool", "default": True},
        "timeout": {"type": "int", "default": 30},
        "retries": {"type": "int", "default": 4},
        "redirect_hosts": {"type": "list", "elements": "str", "default": list(REDIRECT_HOSTS)},
    }
)
_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 5
_PASSING = (408, 425, 429)


class DownloadError(OmniMatchboxError):
    """A file could not be fetched."""


class NotFound(DownloadError):
    """The source answers, and does not have the file."""


class Interrupted(DownloadError):
    """It did not work now and may work in a moment."""


@dataclasses.dataclass(frozen=True)
class Access:
    """How a source is reached. Proxies come from the environment.

    ``timeout`` is in seconds, for connecting and for each block; ``retries`` is how often what was interrupted is tried again;
    redirects are followed within a host, and to ``redirect_hosts`` and the hosts below these names.
    """

    ca_path: str | None = None
    validate_certs: bool = True
    timeout: int = 30
    retries: int = 0
    redirect_hosts: tuple[str, ...] = REDIRECT_HOSTS

    @classmethod
    def from_params(cls, params: dict) -> Access:
        """What the options of :data:`DOWNLOAD_SPEC` say."""
        if params["ca_path"] and not os.path.isfile(params["ca_path"]):
            raise InputError(f"ca_path: there is no file {params['ca_path']} on the host that downloads")
        return cls(params["ca_path"], params["validate_certs"], params["timeout"], params["retries"], tuple(params["redirect_hosts"]))

    def pauses(self) -> t.Iterator[float]:
        """Seconds to wait before each further attempt: each time twice as long, up to half a minute."""
        return (min(2.0**attempt, 30.0) for attempt in range(self.retries))


@dataclasses.dataclass(frozen=True)
class Remote:
    """What a source tells of a file without sending it: ``size`` in bytes if it does, and what changes when the file does."""

    size: int | None
    mark: str = ""


@dataclasses.dataclass(frozen=True)
class Received:
    """What was fetched: bytes, and hexadecimal SHA-256."""

    size: int
    sha256: str


@dataclasses.dataclass
class Answer:
    """An open file: its bytes from ``start`` on, its whole size where it is known, and its type where the source tells it."""

    stream: t.Any
    start: int
    remote: Remote
    content_type: str = ""


def ask(url: str, access: Access) -> Remote:
    """Size and mark of a file, without fetching it (HEAD)."""

    def once() -> Remote:
        answer = open_source(url, access, "HEAD")
        answer.stream.close()
        return answer.remote

    return patiently(once, access)


def read(url: str, access: Access, limit: int = SMALL) -> bytes:
    """A small file; more than ``limit`` bytes are refused."""

    def once() -> bytes:
        content = b""
        for block in blocks(url, access):
            content += block
            if len(content) > limit:
                raise DownloadError(f"{url} is larger than {limit} bytes, so it is not what was asked for")
        return content

    return patiently(once, access)


def save(url: str, path: str, access: Access) -> Received:
    """Fetch into a new file at ``path``, block by block, and have it on disk when this returns."""

    def once() -> Received:
        digest, size = hashlib.sha256(), 0
        with open(path, "wb") as target:
            for block in blocks(url, access):
                target.write(block)
                digest.update(block)
                size += len(block)
            target.flush()
            os.fsync(target.fileno())
        return Received(size, digest.hexdigest())

    return patiently(once, access)


def patiently(once: t.Callable[[], t.Any], access: Access) -> t.Any:
    """The result of ``once``, which is tried again after what may pass."""
    for pause in access.pauses():
        try:
            return once()
        except Interrupted:
            time.sleep(pause)
    return once()


def blocks(url: str, access: Access) -> t.Iterator[bytes]:
    """The content of ``url``; :class:`Interrupted` if it ends before its ``Content-Length``."""
    return blocks_of(open_source(url, access, "GET"), url, access)


def blocks_of(answer: Answer, url: str, access: Access) -> t.Iterator[bytes]:
    """The rest of an open file, which is closed at its end."""
    position, size = answer.start, answer.remote.size
    with answer.stream as stream:
        while True:
            with _failures(url, access):
                block = stream.read(BLOCK)
            if not block:
                break
            position += len(block)
            yield block
    if size is not None and position != size:
        raise Interrupted(f"{url} broke off after {position} of {size} bytes; run again")


def open_source(url: str, access: Access, method: str, start: int = 0) -> Answer:
    """The file at ``url`` from byte ``start`` on, or from its beginning where the source does not do that."""
    path = local_path(url)
    with _failures(url, access):
        if path is not None:
            stream = io.FileIO(path)
            status = os.fstat(stream.fileno())
            return Answer(stream, stream.seek(min(start, status.st_size)), Remote(status.st_size, str(status.st_mtime_ns)))
        response = _request(url, access, method, start)
    length = content_length(response.headers)
    begun = start if response.status == 206 else 0
    size = None if length is None else begun + length
    mark = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
    return Answer(response, begun, Remote(size, mark), response.headers.get("Content-Type", "").partition(";")[0].strip().lower())


def content_length(headers: t.Mapping[str, str]) -> int | None:
    """How many bytes an answer says it has; ``None`` if it says nothing of use."""
    length = headers.get("Content-Length") or ""
    return int(length) if re.fullmatch(r"[0-9]{1,18}", length) else None


def _request(url: str, access: Access, method: str, start: int) -> http.client.HTTPResponse:
    """Redirects are followed here, so that each is looked at before it is asked; credentials of a .netrc stay with the host they are for."""
    place = url
    for _hop in range(_MOST_REDIRECTS + 1):
        try:
            return open_url(
                place,
                method=method,
                headers={"Range": f"bytes={start}-"} if start else None,
                timeout=access.timeout,
                validate_certs=access.validate_certs,
                ca_path=access.ca_path,
                http_agent="usableapps.omni_matchbox",
                follow_redirects="none",
                decompress=False,
            )
        except urllib.error.HTTPError as error:
            target = error.headers.get("Location")
            if error.code not in _REDIRECTS or not target:
                raise
            error.close()
            place = _redirected(url, place, urllib.parse.urljoin(place, target), access)
    raise DownloadError(f"{url} redirects more than {_MOST_REDIRECTS} times; use another address")


def _redirected(url: str, place: str, target: str, access: Access) -> str:
    """``target``, if what is asked at ``place`` may be there."""
    before, after = urllib.parse.urlsplit(place), urllib.parse.urlsplit(target)
    if after.scheme not in ("http", "https"):
        raise DownloadError(f"{url} cannot be fetched: it redirects to a {after.scheme} address")
    if before.scheme == "https" and after.scheme != "https":
        raise DownloadError(f"{url} redirects to a server without TLS, which proves nothing; use another address")
    host = after.hostname or ""
    if host != before.hostname and not any(host == name or host.endswith(f".{name}") for name in access.redirect_hosts):
        raise DownloadError(f"{url} redirects to another host, {host}; if that is right, add it to redirect_hosts")
    return target


@contextlib.contextmanager
def _failures(url: str, access: Access) -> t.Iterator[None]:
    """Turn whatever goes wrong on the way into one line that names the URL."""
    try:
        yield
    except urllib.error.HTTPError as error:
        kind = NotFound if error.code in (404, 410) else Interrupted if error.code >= 500 or error.code in _PASSING else DownloadError
        raise kind(f"{url} cannot be fetched: the server answers {error.code} {error.reason}") from None
    except FileNotFoundError:
        raise NotFound(f"{local_path(url)} does not exist on the host that downloads") from None
    except http.client.IncompleteRead as error:
        raise Interrupted(f"{url} broke off, {error.expected} bytes before its end; run again") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        kind = DownloadError if isinstance(reason, (ValueError, http.client.InvalidURL)) or local_path(url) else Interrupted
        raise kind(f"{url} cannot be fetched: {_reason(reason, access)}") from None


def _reason(error: object, access: Access) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message}); name the file of its CA with ca_path"
    if isinstance(error, TimeoutError) or "timed out" in str(error):
        return f"nothing came for {access.timeout} seconds"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split())
