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

from ..common.disk import sync_folder
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
        self._check_file_systems()
        removable, irregular = self._keys()
        self._check_places(wanted.objects(), irregular)
        found = Found(read_group_files(self.path), read_profile_files(self.path), removable)
        plan = plan_changes(found, wanted, self._read_manifest(), scope, purge)
        self._check_places((write.key for batch in plan.batches for write in batch if write.content is not None), irregular)
        return plan

    def _check_file_systems(self) -> None:
        """A staged file can be renamed into place only within a file system."""
        for path in (os.path.join(self.path, folder) for folder in (STATE, PROFILES, GROUPS)):
            if os.path.isdir(path) and os.stat(path).st_dev != os.stat(self.path).st_dev:
                raise InputError(f"{path} is on another file system than {self.path}; move it there, then run again")

    def _keys(self) -> tuple[set[str], set[str]]:
        """The keys of what can be removed (files and links), and of what cannot be written because it is no file."""
        removable: set[str] = set()
        irregular: set[str] = set()
        for folder in (PROFILES, GROUPS):
            for entry in self._entries(folder):
                key = f"{folder}/{entry.name[: -len('.json')]}"
                if not entry.is_dir(follow_symlinks=False):
                    removable.add(key)
                if not entry.is_file(follow_symlinks=False):
                    irregular.add(key)
        return removable, irregular

    def _entries(self, folder: str) -> list[os.DirEntry]:
        path = os.path.join(self.path, folder)
        if not os.path.lexists(path):
            return []
        try:
            with os.scandir(path) as entries:
                return [entry for entry in entries if entry.name.endswith(".json")]
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}; move it away, then run again") from error

    def _check_places(self, keys: t.Iterable[str], irregular: t.Container[str]) -> None:
        for key in keys:
            if key in irregular:
                raise InputError(f"{self.file(key)} is no regular file; move it away, then run again")

    def _read_manifest(self) -> Manifest:
        state = os.path.dirname(self.manifest_path)
        if os.path.lexists(state) and not os.path.isdir(state):
            raise InputError(f"{state} is no folder; move it away, then run again")
        content = _content(self.manifest_path)
        return Manifest() if content is None else Manifest.parse(content, self.manifest_path)

    def apply(self, plan: Plan) -> None:
        """Carry out ``plan``. Killed at any moment, it leaves no half-written file and no machine a third script; the next run finishes."""
        try:
            self._clean()
            if plan.changed:
                self._apply(plan)
        finally:
            self._clean()

    def _apply(self, plan: Plan) -> None:
        """Everything is on disk before the first file changes, so that a full disk changes nothing."""
        self._make_staging()
        before, meanwhile, after = plan.manifests
        staged = [[(write.key, self._stage(write)) for write in batch] for batch in plan.batches]
        manifests = [self._stage_manifest(*pair) for pair in ((before, meanwhile), (meanwhile, after))]
        self._make_folders({write.key.split("/", 1)[0] for batch in plan.batches for write in batch})
        self._put_manifest(manifests[0])
        for place, batch in enumerate(staged):
            if place and self._replaces(batch):
                self.wait(_request_seconds(len(plan.before.groups)))
            self._write_batch(batch)
        self._put_manifest(manifests[1])

    def _replaces(self, batch: list[tuple[str, str | None]]) -> bool:
        """Whether a batch does more than add files: who read a group before must then be given time to read its profile."""
        return any(path is None or os.path.lexists(self.file(key)) for key, path in batch)

    def _write_batch(self, batch: list[tuple[str, str | None]]) -> None:
        for key, staged in batch:
            self._put(staged, self.file(key))
        for folder in {key.split("/", 1)[0] for key, staged in batch}:
            sync_folder(os.path.join(self.path, folder))

    def _put(self, staged: str | None, path: str) -> None:
        """Have a staged file at ``path``, or none. What somebody else has removed meanwhile is removed."""
        with _changing(path):
            if staged is not None:
                os.rename(staged, path)
                return
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)

    def _clean(self) -> None:
        """Removes what this or an earlier run has staged and not used, and the folder around it if there is no manifest in it."""
        shutil.rmtree(self._staging, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.rmdir(os.path.dirname(self._staging))

    def _make_staging(self) -> None:
        """Where files are staged, for this user alone."""
        for path in (os.path.dirname(self._staging), self._staging):
            with _changing(path):
                os.makedirs(path, mode=0o700, exist_ok=True)

    def _make_folders(self, folders: t.Iterable[str]) -> None:
        """The folders that are missing, as open as the data directory is; all of them or none."""
        data = os.stat(self.path)
        made = []
        for path in (os.path.join(self.path, folder) for folder in folders):
            if not os.path.isdir(path):
                staged = os.path.join(self._staging, os.path.basename(path))
                with _changing(path):
                    os.mkdir(staged, mode=0o700)
                    os.chown(staged, -1, data.st_gid)
                    os.chmod(staged, stat.S_IMODE(data.st_mode))
                made.append((staged, path))
        for staged, path in made:
            self._put(staged, path)
        sync_folder(self.path)

    def _stage(self, write: Write) -> str | None:
        """A file on disk with the content of ``write``, its owner, group and mode, outside the folders that the engine reads."""
        if write.content is None:
            return None
        staged = os.path.join(self._staging, str(next(self._numbers)))
        with _changing(self.file(write.key)), open(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(write.content)
            file.flush()
            self.set_attributes(staged)
            os.fsync(file.fileno())
        return staged

    def _stage_manifest(self, before: Manifest, after: Manifest) -> str | None:
        return self._stage(Write(f"{STATE}/manifest", after.text().encode())) if before != after else None

    def _put_manifest(self, staged: str | None) -> None:
        if staged:
            self._put(staged, self.manifest_path)
            sync_folder(os.path.dirname(self.manifest_path))


@contextlib.contextmanager
def _changing(path: str) -> t.Iterator[None]:
    """Says what could not be written: the system's own errors name a staged file, or nothing."""
    try:
        yield
    except OSError as error:
        raise OmniMatchboxError(f"{path} cannot be changed: {error.strerror}; correct that and run again") from error


def _request_seconds(groups: int) -> float:
    """Longer than upstream takes for a request: it reads every group file each time."""
    return 0.05 + 0.0002 * groups


def _content(path: str) -> bytes | None:
    """What is in a file; ``None`` if there is none."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; move it away, then run again") from error
