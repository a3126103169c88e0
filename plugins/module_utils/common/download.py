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
import ssl
import typing as t
import urllib.error

from ansible.module_utils.urls import open_url

from .argspec import ArgumentSpec
from .errors import InputError, OmniMatchboxError
from .urls import local_path

BLOCK = 1024 * 1024
DOWNLOAD_SPEC = ArgumentSpec(
    options={
        "ca_path": {"type": "path"},
        "validate_certs": {"type": "bool", "default": True},
        "timeout": {"type": "int", "default": 30},
    }
)


class DownloadError(OmniMatchboxError):
    """A file could not be fetched."""


class NotFound(DownloadError):
    """The source answers, and does not have the file."""


@dataclasses.dataclass(frozen=True)
class Access:
    """How a source is reached; ``timeout`` in seconds, for connecting and for each block. Proxies come from the environment."""

    ca_path: str | None = None
    validate_certs: bool = True
    timeout: int = 30

    @classmethod
    def from_params(cls, params: dict) -> Access:
        """What the options of :data:`DOWNLOAD_SPEC` say."""
        if params["ca_path"] and not os.path.isfile(params["ca_path"]):
            raise InputError(f"ca_path: there is no file {params['ca_path']} on the host that downloads")
        return cls(params["ca_path"], params["validate_certs"], params["timeout"])


@dataclasses.dataclass(frozen=True)
class Received:
    """What was fetched: bytes, and hexadecimal SHA-256."""

    size: int
    sha256: str


def size_of(url: str, access: Access) -> int | None:
    """The size in bytes as the source tells it, without fetching the file (HEAD); ``None`` if the source does not tell."""
    answer, length = _open(url, access, "HEAD")
    answer.close()
    return length


def read(url: str, access: Access, limit: int = BLOCK) -> bytes:
    """A small file; more than ``limit`` bytes are refused."""
    content = b""
    for block in blocks(url, access):
        content += block
        if len(content) > limit:
            raise DownloadError(f"{url} is larger than {limit} bytes, so it is not what was asked for")
    return content


def save(url: str, path: str, access: Access) -> Received:
    """Fetch into a new file at ``path``, block by block, and have it on disk when this returns."""
    digest, size = hashlib.sha256(), 0
    with open(path, "xb") as target:
        for block in blocks(url, access):
            target.write(block)
            digest.update(block)
            size += len(block)
        target.flush()
        os.fsync(target.fileno())
    return Received(size, digest.hexdigest())


def blocks(url: str, access: Access) -> t.Iterator[bytes]:
    """The content of ``url``; :class:`DownloadError` if it ends before its ``Content-Length``."""
    received = 0
    stream, length = _open(url, access, "GET")
    with stream:
        while True:
            with _failures(url, access):
                block = stream.read(BLOCK)
            if not block:
                break
            received += len(block)
            yield block
    if length is not None and received != length:
        raise DownloadError(f"{url} broke off after {received} of {length} bytes; run again")


def _open(url: str, access: Access, method: str) -> tuple[t.Any, int | None]:
    """The open file or answer, and its length where the source tells it."""
    path = local_path(url)
    with _failures(url, access):
        if path is not None:
            stream = io.FileIO(path)
            return stream, os.fstat(stream.fileno()).st_size
        answer = _request(url, access, method)
    length = answer.headers.get("Content-Length")
    return answer, int(length) if length and length.isdigit() else None


def _request(url: str, access: Access, method: str) -> http.client.HTTPResponse:
    """``safe`` follows redirects and keeps HEAD a HEAD; credentials of a .netrc stay with the host they are for."""
    response = open_url(
        url,
        method=method,
        timeout=access.timeout,
        validate_certs=access.validate_certs,
        ca_path=access.ca_path,
        http_agent="usableapps.omni_matchbox",
        follow_redirects="safe",
        unredirected_headers=["Authorization"],
        decompress=False,
    )
    if url.startswith("https:") and not response.geturl().startswith("https:"):
        response.close()
        raise DownloadError(f"{url} redirects to a server without TLS, which proves nothing; use another address")
    return response


@contextlib.contextmanager
def _failures(url: str, access: Access) -> t.Iterator[None]:
    """Turn whatever goes wrong on the way into one line that names the URL."""
    try:
        yield
    except urllib.error.HTTPError as error:
        kind = NotFound if error.code in (404, 410) else DownloadError
        raise kind(f"{url} cannot be fetched: the server answers {error.code} {error.reason}") from None
    except FileNotFoundError:
        raise NotFound(f"{local_path(url)} does not exist on the host that downloads") from None
    except http.client.IncompleteRead as error:
        raise DownloadError(f"{url} broke off, {error.expected} bytes before its end; run again") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise DownloadError(f"{url} cannot be fetched: {_reason(reason, access)}") from None


def _reason(error: object, access: Access) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message}); name the file of its CA with ca_path"
    if isinstance(error, TimeoutError) or "timed out" in str(error):
        return f"nothing came for {access.timeout} seconds"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split())
