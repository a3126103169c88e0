# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries out what :mod:`.assets` has planned.

A file is put together under a hidden name, checked, brought to disk, noted in the lock and only then renamed into its place. A run that fails or is
killed leaves whole files only, and beside them what it had fetched so far, with which the next one goes on.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
import threading
import typing as t

from ..common.download import DownloadError, Received
from ..common.errors import OmniMatchboxError
from ..common.progress import Progress, progress_file
from ..common.resume import fetch as resume
from .assets import Fetch, Plan, Wanted, plan_assets
from .files import ImageFile
from .lock import LOCK_PATH, Lock, LockedFile, LockedImage
from .lock_file import write_lock
from .look import content_fault
from .present import image_files
from .source import LOCKED, WORKERS, Source, named
from .staging import PROGRESS, exclusive, move, staged_name

Tell = t.Callable[[dict], object]


class _Stopped(Exception):
    """Another file could not be fetched, so this one is not either, for now."""


def have_assets(wanted: Wanted, source: Source, *, check: bool, lock_seconds: float, tell: Tell | None = None) -> Plan:
    """Plan and, unless this is ``check``, do it; the plan. ``tell`` hears how far it is, otherwise a file in the staging folder does."""
    plan = plan_assets(wanted, source)
    if plan.changed and not check:
        source.require([fetch.file for fetch in plan.fetches])
        with exclusive(wanted.root, lock_seconds) as staging:
            # Another run may have been at work until now.
            _apply(plan_assets(wanted, source), wanted, source, staging, tell)
    return plan


def _apply(plan: Plan, wanted: Wanted, source: Source, staging: str, tell: Tell | None) -> None:
    for name in plan.leftovers:
        os.unlink(os.path.join(staging, name))
    keeper = _Keeper(plan, staging)
    with contextlib.nullcontext(tell) if tell else progress_file(os.path.join(staging, PROGRESS)) as telling:
        _Fetching(plan, wanted.group, source, staging, keeper=keeper, tell=telling).all()
    for file in plan.modes:
        _set_readers(os.path.join(plan.root, file.path), file, wanted.group)
    for number, link in enumerate(plan.links):
        staged = os.path.join(staging, f"link{number}")
        os.symlink(link.target, staged)
        move(staged, os.path.join(plan.root, link.path))
    for image in plan.removals:
        _remove(plan.root, image)
    keeper.finish(plan)


class _Keeper:
    """The lock file, which is written whenever a file has come."""

    def __init__(self, plan: Plan, staging: str):
        self._root, self._staging = plan.root, staging
        self._images = {image: dict(files) for image, files in plan.before.images.items()}
        self._versions = plan.before.versions
        self._written = plan.before
        self._guard = threading.Lock()

    def note(self, file: ImageFile, known: LockedFile) -> None:
        """A file is known from now on."""
        with self._guard:
            self._images.setdefault(file.image, {})[file.name] = known
            self._write()

    def finish(self, plan: Plan) -> None:
        """All is in place."""
        for file, known in plan.adopted.items():
            self._images.setdefault(file.image, {})[file.name] = known
        for image in plan.removals:
            self._images.pop(image, None)
        self._versions = plan.versions
        self._write()

    def _write(self) -> None:
        lock = Lock({image: dict(files) for image, files in self._images.items()}, self._versions)
        if lock != self._written:
            write_lock(self._root, lock, self._staging)
            self._written = lock


class _Fetching:
    """Fetches the files of a plan, several at once. The first that fails stops the others, whose parts stay for the next run."""

    def __init__(self, plan: Plan, group: int | None, source: Source, staging: str, *, keeper: _Keeper, tell: Tell):
        self._plan, self._group, self._source, self._staging, self._keeper = plan, group, source, staging, keeper
        self._progress = Progress(sum(fetch.remote.size or 0 for fetch in plan.fetches), tell)
        self._stop = threading.Event()

    def all(self) -> None:
        """Have all files in place, or raise what the first one met."""
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            waiting = [pool.submit(self._have, fetch) for fetch in self._plan.fetches]
            done, _others = concurrent.futures.wait(waiting, return_when=concurrent.futures.FIRST_EXCEPTION)
            if any(future.exception() for future in done):
                self._stop.set()
        errors = [error for future in waiting if (error := future.exception()) and not isinstance(error, _Stopped)]
        if errors:
            raise errors[0]

    def _have(self, fetch: Fetch) -> None:
        """Fetch, prove, note, and put in place."""
        file = fetch.file
        staged = os.path.join(self._staging, staged_name(self._source.url(file), fetch.remote))
        try:
            received = self._receive(fetch, staged)
        except OmniMatchboxError as error:
            raise named(error, file) from None
        _set_readers(staged, file, self._group)
        self._keeper.note(file, LockedFile(received.sha256, received.size))
        move(staged, os.path.join(self._plan.root, file.path))

    def _receive(self, fetch: Fetch, staged: str) -> Received:
        """What has come, if it is what was asked for. What began with bytes of an earlier run is given a second chance without them."""
        self._heard(fetch, 0)
        digest = self._source.digest(fetch.file, fetch.proof, fetch.locked)
        taken_up = os.path.exists(staged)
        received = self._resume(fetch, staged)
        fault = _fault(fetch, staged, received, digest)
        if fault and taken_up:
            os.unlink(staged)
            received = self._resume(fetch, staged)
            fault = _fault(fetch, staged, received, digest)
        if fault:
            os.unlink(staged)
            raise DownloadError(fault)
        return received

    def _resume(self, fetch: Fetch, staged: str) -> Received:
        return resume(self._source.url(fetch.file), staged, fetch.remote, self._source.access, lambda size: self._heard(fetch, size))

    def _heard(self, fetch: Fetch, size: int) -> None:
        self._progress.reached(fetch.file.path, size)
        if self._stop.is_set():
            raise _Stopped


def _fault(fetch: Fetch, staged: str, received: Received, digest: str | None) -> str | None:
    url = fetch.file.shown_url
    with open(staged, "rb") as content:
        fault = content_fault(fetch.file, content)
    if fault:
        return f"what {url} sends {fault}; check release_url"
    if digest in (None, received.sha256):
        return None
    if fetch.proof == LOCKED:
        return (
            f"{url} has changed: its sha256 is {received.sha256}, but {LOCK_PATH} says {digest};"
            " it is not taken; if the new one is right, give its sha256 or remove the image from that file"
        )
    return f"{url} was damaged or replaced: its sha256 is {received.sha256}, expected {digest} ({fetch.proof})"


def _set_readers(path: str, file: ImageFile, group: int | None) -> None:
    """The web server reads stock images as everybody may, others by its group."""
    if group is not None and not file.mode & 0o004:
        os.chown(path, -1, group)
    os.chmod(path, file.mode)


def _remove(root: str, image: LockedImage) -> None:
    """The image's files, and its folder and those above it that are empty then."""
    paths = image_files(root, image)
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    folder = os.path.dirname(paths[0])
    with contextlib.suppress(OSError):
        while os.path.relpath(folder, root) != os.path.dirname(LOCK_PATH):
            os.rmdir(folder)
            folder = os.path.dirname(folder)
