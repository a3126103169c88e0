# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hidden folder below the assets in which files are put together, and how they get from there to their place.

What is in it may stay when a run is killed: the next one goes on with it. A file is named after its source, the source's size and mark,
and this boot of the host (what a kernel had not written when the power failed is not to be built on).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import time
import typing as t

from ..common.disk import sync_folder
from ..common.download import Remote
from ..common.errors import OmniMatchboxError

STAGING = ".omni-matchbox-staging"
PROGRESS = "progress.json"
_BOOT_ID = "/proc/sys/kernel/random/boot_id"


def staged_name(url: str, remote: Remote) -> str:
    """What the file of ``url`` is called while it is incomplete; nothing can be read from the name."""
    return hashlib.sha256(json.dumps([url, remote.size, remote.mark, _boot()]).encode()).hexdigest()[:32]


def _boot() -> str:
    try:
        with open(_BOOT_ID, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def staged_sizes(root: str) -> dict[str, int]:
    """Name → bytes of what earlier runs left."""
    try:
        with os.scandir(os.path.join(root, STAGING)) as entries:
            return {entry.name: entry.stat(follow_symlinks=False).st_size for entry in entries if entry.name != PROGRESS}
    except FileNotFoundError:
        return {}


@contextlib.contextmanager
def exclusive(root: str, seconds: float) -> t.Iterator[str]:
    """The staging folder of ``root``, for one run at a time. Both are made if need be; it goes away when it is empty.

    Another run may be at work for ``seconds``: one whose controller was killed goes on until it notices.
    """
    with disk_errors(root):
        umask = os.umask(0o022)
        try:
            os.makedirs(root, exist_ok=True)
            lock = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
            try:
                _wait_for_lock(lock, seconds)
                staging = os.path.join(root, STAGING)
                os.makedirs(staging, mode=0o700, exist_ok=True)
                try:
                    yield staging
                finally:
                    with contextlib.suppress(OSError):
                        os.rmdir(staging)
            finally:
                os.close(lock)
        finally:
            os.umask(umask)


def _wait_for_lock(handle: int, seconds: float) -> None:
    """BlockingIOError if it is still taken after ``seconds``."""
    end = time.monotonic() + seconds
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                raise
            time.sleep(0.1)


@contextlib.contextmanager
def disk_errors(root: str) -> t.Iterator[None]:
    """What the disk refuses, in one line."""
    try:
        yield
    except BlockingIOError:
        raise OmniMatchboxError(f"{root}: another run is fetching images into it; wait until it is done, then run again") from None
    except OSError as error:
        room = "; make room or choose another assets_path" if error.errno == errno.ENOSPC else ""
        raise OmniMatchboxError(f"{error.filename or root} cannot be written: {error.strerror}{room}") from None


def move(staged: str, place: str) -> None:
    """Rename into place; folder entries are on disk when this returns, those of new folders too."""
    folder = os.path.dirname(place)
    missing = []
    while not os.path.isdir(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    for new in reversed(missing):
        with contextlib.suppress(FileExistsError):
            os.mkdir(new)
        sync_folder(os.path.dirname(new))
    os.replace(staged, place)
    sync_folder(os.path.dirname(place))
