# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the files of images come from: their servers, or a folder of this host to which somebody brought them.

Such a folder is laid out like the assets, with a lock file that says what is in it. Each server is asked once for each file.
"""

from __future__ import annotations

import concurrent.futures
import os
import posixpath
import threading
import typing as t

from ..common.download import Access, NotFound, Remote, ask, read
from ..common.errors import InputError, OmniMatchboxError
from ..common.urls import source_url
from .factory import CHECKSUMS, release_digest
from .files import ImageFile
from .lock import LOCK_PATH, LockedFile
from .lock_file import lock_of

WORKERS = 4
"""Files that are asked about or fetched at the same time."""
GIVEN, LOCKED, BROUGHT, FORMAT = "sha256", "images.lock", "controller", "format"


class Source:
    """Reached by ``access``, or the folder ``incoming``."""

    def __init__(self, access: Access, incoming: str | None = None):
        self.access = access
        self.incoming = incoming
        self._remotes: dict[str, Remote | OmniMatchboxError] = {}
        self._checksums: dict[str, str] = {}
        self._guard = threading.Lock()

    def url(self, file: ImageFile) -> str:
        """What is fetched."""
        return source_url(os.path.join(self.incoming, file.path), "incoming") if self.incoming else file.url

    def ask(self, files: list[tuple[ImageFile, LockedFile | None]]) -> None:
        """Ask about all of ``files`` (each with what the lock says of it) at once; the answers are kept."""
        urls = [file.url for file, _locked in files if not self._need_not_ask(file)]
        urls += [file.checksums for file, locked in files if self._needs_checksums(file, locked)]
        unknown = [url for url in dict.fromkeys(urls) if url not in self._remotes]
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            self._remotes.update(zip(unknown, pool.map(self._ask, unknown)))

    def _ask(self, url: str) -> Remote | OmniMatchboxError:
        try:
            return ask(url, self.access)
        except OmniMatchboxError as error:
            return error

    def require(self, files: list[ImageFile]) -> None:
        """Raise before anything is fetched if nobody knows where one of ``files`` comes from."""
        for file in files:
            if not self.url(file):
                raise InputError(f"schematics: none is given for the image {file.image.image}{_wanted_by(file)}; give what omni_schematic made")

    def _need_not_ask(self, file: ImageFile) -> bool:
        return file.size is not None or not file.url or self.incoming is not None

    def _needs_checksums(self, file: ImageFile, locked: LockedFile | None) -> bool:
        return bool(file.checksums and not self.incoming and not file.sha256 and not locked)

    def remote(self, file: ImageFile) -> Remote:
        """What the source says of a file that was asked about."""
        if self._need_not_ask(file):
            return Remote(file.size)
        try:
            return _answer(self._remotes[file.url])
        except NotFound:
            raise InputError(
                f"Talos {file.image.version} for {file.image.architecture}{_wanted_by(file)} is not there: {file.shown_url} does not exist;"
                " correct the version, or release_url if it is a mirror that lacks it"
            ) from None
        except OmniMatchboxError as error:
            raise named(error, file) from None

    def proof(self, file: ImageFile, locked: LockedFile | None) -> str:
        """What proves that a file that was asked about is the right one. A digest that somebody gave counts more than the lock."""
        if locked and file.sha256 in (None, locked.sha256):
            return LOCKED
        if file.sha256:
            return GIVEN
        if self.incoming:
            return BROUGHT
        try:
            return CHECKSUMS if file.checksums and _answer(self._remotes[file.checksums]) else FORMAT
        except NotFound:
            return FORMAT

    def digest(self, file: ImageFile, proof: str, locked: LockedFile | None) -> str | None:
        """The digest that ``proof`` asks for; ``None`` if only the format can be checked."""
        if proof == LOCKED:
            return locked.sha256
        if proof == CHECKSUMS:
            return self._listed(file)
        if proof == BROUGHT:
            brought = file.locked(lock_of(self.incoming).images)
            if brought is None:
                raise OmniMatchboxError(f"{os.path.join(self.incoming, LOCK_PATH)} does not name {file.path}; run again")
            return brought.sha256
        return file.sha256

    def _listed(self, file: ImageFile) -> str:
        with self._guard:
            if file.checksums not in self._checksums:
                self._checksums[file.checksums] = read(file.checksums, self.access).decode(errors="replace")
        name = posixpath.basename(file.url)
        digest = release_digest(self._checksums[file.checksums], name)
        if digest is None:
            raise OmniMatchboxError(f"{file.checksums} does not list {name}; check release_url or give its sha256")
        return digest


def _answer(answer: Remote | OmniMatchboxError) -> Remote:
    if isinstance(answer, OmniMatchboxError):
        raise answer
    return answer


def _wanted_by(file: ImageFile) -> str:
    return f" (class {', '.join(file.classes)})" if file.classes else ""


def named(error: OmniMatchboxError, file: ImageFile) -> OmniMatchboxError:
    """The error with the URL that may be shown."""
    return t.cast(OmniMatchboxError, type(error)(str(error).replace(file.url, file.shown_url)))
