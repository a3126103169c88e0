# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes a data directory: plan, then apply, under one lock.

Files are staged in ``.omni-matchbox/`` beside the folders that the engine reads (it reads hidden and temporary files there), brought
to disk, and only then renamed into place, so a reader, or whoever looks after a crash, finds the old file or the new one.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import shutil
import stat
import time
import typing as t

from ..common.errors import InputError, OmniMatchboxError
from .changes import Found, Plan, Write, plan_changes
from .directory import read_group_files, read_profile_files
from .manifest import Manifest
from .steps import GROUPS, PROFILES
from .wanted import Wanted

STATE = ".omni-matchbox"


class Store:
    """The data directory at ``path``. ``set_attributes`` gives a path, here a staged file, its owner, group and mode."""

    def __init__(self, path: str, set_attributes: t.Callable[[str], object], *, lock_seconds: float = 60, wait: t.Callable[[float], None] = time.sleep) -> None:
        self.path = path
        self.set_attributes = set_attributes
        self.lock_seconds = lock_seconds
        self.wait = wait
        self._numbers = itertools.count()
        self.manifest_path = os.path.join(path, STATE, "manifest.json")
        self._staging = os.path.join(path, STATE, "staging")

    def file(self, key: str) -> str:
        """The path of an object's file."""
        return os.path.join(self.path, f"{key}.json")

    @contextlib.contextmanager
    def locked(self, *, missing_is_empty: bool = False) -> t.Iterator[None]:
        """Holds the data directory's only lock, which is on the directory itself; nothing is left of it when a run is killed.

        ``missing_is_empty`` is for a preview on a host where the directory is yet to be made.
        """
        if missing_is_empty and not os.path.lexists(self.path):
            yield
            return
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise InputError(f"data_path {self.path}: {error.strerror}; name the data directory of the boot engine") from error
        try:
            self._wait_for_lock(handle)
            yield
        finally:
            os.close(handle)

    def _wait_for_lock(self, handle: int) -> None:
        end = time.monotonic() + self.lock_seconds
        while True:
            try:
                return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= end:
                    text = f"{self.path} is locked by another run for more than {self.lock_seconds:g} s; wait for it or see `fuser {self.path}`"
                    raise OmniMatchboxError(text) from None
                time.sleep(0.1)

    def plan(self, wanted: Wanted, *, scope: str = "", purge: str = "none") -> Plan:
        """What makes the directory hold what is wanted, as :func:`.changes.plan_changes` finds out."""
        for key in wanted.objects():
            path = self.file(key)
            if os.path.lexists(path) and not stat.S_ISREG(os.lstat(path).st_mode):
                raise InputError(f"{path} is no regular file; move it away, then run again")
        keys = {f"{folder}/{name}" for folder in (PROFILES, GROUPS) for name in self._names(folder)}
        found = Found(read_group_files(self.path), read_profile_files(self.path), keys)
        return plan_changes(found, wanted, self._read_manifest(), scope, purge)

    def _names(self, folder: str) -> list[str]:
        """The objects in a folder: files and links, without their ending."""
        try:
            with os.scandir(os.path.join(self.path, folder)) as entries:
                return [entry.name[: -len(".json")] for entry in entries if entry.name.endswith(".json") and not entry.is_dir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise InputError(f"{os.path.join(self.path, folder)} cannot be read: {error.strerror}") from error

    def _read_manifest(self) -> Manifest:
        content = _content(self.manifest_path)
        return Manifest() if content is None else Manifest.parse(content, self.manifest_path)

    def apply(self, plan: Plan) -> None:
        """Carry out ``plan``. Killed at any moment, it leaves no half-written file and no machine a third script; the next run finishes."""
        try:
            self._clean()
            if not plan.changed:
                return
            self._make_folders({write.key.split("/", 1)[0] for batch in plan.batches for write in batch})
            staged = [[(write.key, self._stage(write)) for write in batch] for batch in plan.batches]
            before, meanwhile, after = plan.manifests
            self._write_manifest(before, meanwhile)
            for place, batch in enumerate(staged):
                if place and self._replaces(batch):
                    self.wait(_request_seconds(len(plan.before.groups)))
                self._write_batch(batch)
            self._write_manifest(meanwhile, after)
        except OSError as error:
            raise OmniMatchboxError(f"{error.filename} cannot be changed: {error.strerror}; correct that and run again") from error
        finally:
            self._clean()

    def _replaces(self, batch: list[tuple[str, str | None]]) -> bool:
        """Whether a batch does more than add files: who read a group before must then be given time to read its profile."""
        return any(path is None or os.path.lexists(self.file(key)) for key, path in batch)

    def _write_batch(self, batch: list[tuple[str, str | None]]) -> None:
        for key, path in batch:
            if path is None:
                os.unlink(self.file(key))
            else:
                os.rename(path, self.file(key))
        for folder in {key.split("/", 1)[0] for key, path in batch}:
            _sync_folder(os.path.join(self.path, folder))

    def _clean(self) -> None:
        """Removes what an earlier run staged and did not use."""
        shutil.rmtree(self._staging, ignore_errors=True)

    def _make_folders(self, folders: t.Iterable[str]) -> None:
        """The folders that are missing, as open as the data directory is; that of staged files for this user alone."""
        for path in (os.path.join(self.path, STATE), self._staging):
            os.makedirs(path, mode=0o700, exist_ok=True)
        data = os.stat(self.path)
        for folder in folders:
            path = os.path.join(self.path, folder)
            if not os.path.isdir(path):
                os.mkdir(path, mode=0o700)
                os.chown(path, -1, data.st_gid)
                os.chmod(path, stat.S_IMODE(data.st_mode))
        _sync_folder(self.path)

    def _stage(self, write: Write) -> str | None:
        """A file on disk with the content of ``write``, its owner, group and mode, outside the folders that the engine reads."""
        if write.content is None:
            return None
        path = os.path.join(self._staging, str(next(self._numbers)))
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(write.content)
            file.flush()
            if write.foreign:
                _copy_attributes(self.file(write.key), path)
            else:
                self.set_attributes(path)
            os.fsync(file.fileno())
        return path

    def _write_manifest(self, before: Manifest, after: Manifest) -> None:
        if before != after:
            os.rename(self._stage(Write("manifest", after.text().encode())), self.manifest_path)
            _sync_folder(os.path.dirname(self.manifest_path))


def _request_seconds(groups: int) -> float:
    """Longer than upstream takes for a request: it reads every group file each time."""
    return 0.05 + 0.0002 * groups


def _copy_attributes(source: str, target: str) -> None:
    status = os.stat(source)
    os.chown(target, status.st_uid, status.st_gid)
    os.chmod(target, stat.S_IMODE(status.st_mode))


def _content(path: str) -> bytes | None:
    """What is in a file; ``None`` if there is none."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def _sync_folder(path: str) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
