# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where downloads come from: a web server or a folder of this host, both written as a URL from here on. Pure."""

from __future__ import annotations

import urllib.parse

from .errors import InputError


def source_url(value: str, option: str) -> str:
    """The URL of a file or folder that ``option`` names: ``https``, ``http`` or ``file``, without a slash at the end.

    An absolute path becomes a ``file`` URL. Credentials are refused: a URL is shown in diffs and messages.
    """
    if value.startswith("/"):
        value = "file://" + urllib.parse.quote(value)
    try:
        parts = urllib.parse.urlsplit(value)
        host = parts.hostname
    except ValueError as error:
        raise InputError(f"{option}: this is no URL ({error})") from None
    if "@" in parts.netloc:
        raise InputError(f"{option}: a URL is shown in diffs and logs, so no credentials in it; put them into ~/.netrc of the host that downloads")
    if parts.scheme == "file" and host in (None, "localhost") and parts.path.startswith("/"):
        return "file://" + parts.path.rstrip("/")
    if parts.scheme in ("http", "https") and host:
        return value.rstrip("/")
    raise InputError(f"{option}: {value!r} is neither an http, https or file URL nor an absolute path")


def folder_url(value: str, option: str) -> str:
    """:func:`source_url` for a folder, to which file names can be added."""
    url = source_url(value, option)
    if "?" in url or "#" in url:
        raise InputError(f"{option}: file names are added to this URL, so it cannot have '?' or '#'")
    return url


def local_path(url: str) -> str | None:
    """The path behind a ``file`` URL; ``None`` for a web server's."""
    return urllib.parse.unquote(url[len("file://") :]) if url.startswith("file://") else None
