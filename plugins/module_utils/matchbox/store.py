# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes a data directory: plan, then apply, under one lock.

Files are staged in ``.omni-matchbox/`` beside the folders that the engine reads (it reads hidden and temporary files there), brought
to disk, and only then renamed into place, so a reader, or whoever looks after a crash, finds the old file or the new one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import itertools
import os
import shutil
import stat
import time
import typing as t

from ..common.errors import InputError, OmniMatchboxError
from .directory import load_profile, read_groups
from .manifest import Manifest
from .model import Group
from .reader import UnreadableError
from .steps import GROUPS, PROFILES, Change, in_order
from .wanted import Wanted

STATE = ".omni-matchbox"


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a run does: files in the order in which they change, and the manifest before, meanwhile and after.

    ``unchanged`` are the keys of wanted objects whose content is as it should be.
    """

    changes: list[Change]
    unchanged: list[str]
    manifest: Manifest
    meanwhile: Manifest
    after: Manifest

    @property
    def changed(self) -> bool:
        return bool(self.changes) or self.manifest != self.after


class Store:
    """The data directory at ``path``. ``set_attributes`` gives a path, here a staged file, its owner, group and mode."""

    def __init__(self, path: str, set_attributes: t.Callable[[str], object], *, lock_seconds: float = 60) -> None:
        self.path = path
        self.set_attributes = set_attributes
        self.lock_seconds = lock_seconds
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

    # --- plan ---

    def plan(self, wanted: Wanted, *, scope: str = "", purge: str = "none") -> Plan:
        """What makes the directory hold what is wanted. Raises before anything is written if machines would lose their profile.

        ``purge`` says what else goes: what only ``scope`` manages (``managed``), everything (``all``) or nothing (``none``).
        """
        manifest = self._read_manifest()
        objects = wanted.objects()
        groups = read_groups(self.path)
        gone = self._gone(wanted, manifest, scope, purge) - set(objects)
        self._check_profiles(wanted, groups, gone)
        changes = [Change(*key.split("/", 1), _shown(_content(self.file(key))), None, _known(groups, key)) for key in gone]
        unchanged = []
        for key, thing in objects.items():
            before, after = self._before(key), thing.text()
            if before == after.encode():
                unchanged.append(key)
            else:
                changes.append(Change(*key.split("/", 1), _shown(before), after, thing if isinstance(thing, Group) else None))
        after = meanwhile = manifest.without(gone)
        if scope:
            kept = after.of(scope) if purge == "none" else frozenset()
            added = {change.key for change in changes if change.before is None}
            meanwhile = manifest.with_scope(scope, manifest.of(scope) | added)
            after = after.with_scope(scope, kept | set(objects))
        return Plan(in_order(changes), unchanged, manifest, meanwhile, after)

    def _gone(self, wanted: Wanted, manifest: Manifest, scope: str, purge: str) -> set[str]:
        """The keys of files that are there and are not to be."""
        there = {f"{folder}/{name}" for folder in (PROFILES, GROUPS) for name in self._names(folder)}
        purged = {"none": frozenset(), "managed": manifest.only_of(scope), "all": there}[purge]
        return there & (purged | wanted.absent)

    def _names(self, folder: str) -> list[str]:
        """The objects in a folder: files and links, without their ending."""
        try:
            with os.scandir(os.path.join(self.path, folder)) as entries:
                return [entry.name[: -len(".json")] for entry in entries if entry.name.endswith(".json") and not entry.is_dir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise InputError(f"{os.path.join(self.path, folder)} cannot be read: {error.strerror}") from error

    def _before(self, key: str) -> bytes | None:
        """The content of a wanted object's file; ``None`` if there is none."""
        path = self.file(key)
        if os.path.lexists(path) and not stat.S_ISREG(os.lstat(path).st_mode):
            raise InputError(f"{path} is no regular file; move it away, then run again")
        return _content(path)

    def _check_profiles(self, wanted: Wanted, groups: dict, gone: set[str]) -> None:
        """Each group that is written has its profile, and no group that stays loses it."""
        given = {profile.id for profile in wanted.profiles}
        for group in wanted.groups:
            if group.profile not in given and (f"{PROFILES}/{group.profile}" in gone or not self._is_profile(group.profile)):
                raise InputError(f"group {group.id}: there is no profile {group.profile!r}, neither given nor on disk; add it or name another")
        written = {group.id for group in wanted.groups}
        for name, group in groups.items():
            stays = isinstance(group, Group) and name not in written and f"{GROUPS}/{name}" not in gone
            if stays and f"{PROFILES}/{group.profile}" in gone:
                raise InputError(f"profile {group.profile}: is to be removed, but group {name} on disk boots it; change or remove that group")

    def _is_profile(self, name: str) -> bool:
        try:
            return bool(load_profile(self.path, name))
        except UnreadableError:
            return False

    def _read_manifest(self) -> Manifest:
        content = _content(self.manifest_path)
        return Manifest() if content is None else Manifest.parse(content, self.manifest_path)

    # --- apply ---

    def apply(self, plan: Plan) -> None:
        """Carry out ``plan``. Killed at any moment, it leaves no half-written file, and the next run finishes or undoes it."""
        try:
            self._clean()
            if not plan.changed:
                return
            self._make_folders(plan.changes)
            staged = {change.key: self._stage(change.key, change.after) for change in plan.changes if not change.removes}
            self._write_manifest(plan.manifest, plan.meanwhile)
            for folder, changes in itertools.groupby(plan.changes, key=lambda change: change.folder):
                for change in changes:
                    if change.removes:
                        os.unlink(self.file(change.key))
                    else:
                        os.rename(staged[change.key], self.file(change.key))
                _sync_folder(os.path.join(self.path, folder))
            self._write_manifest(plan.meanwhile, plan.after)
        except OSError as error:
            raise OmniMatchboxError(f"{error.filename} cannot be changed: {error.strerror}; correct that and run again") from error
        finally:
            self._clean()

    def _clean(self) -> None:
        """Removes what an earlier run staged and did not use."""
        shutil.rmtree(self._staging, ignore_errors=True)

    def _make_folders(self, changes: list[Change]) -> None:
        """The folders that are missing, as open as the data directory is; that of staged files for this user alone."""
        for path in (os.path.join(self.path, STATE), self._staging):
            os.makedirs(path, mode=0o700, exist_ok=True)
        data = os.stat(self.path)
        for folder in {change.folder for change in changes}:
            path = os.path.join(self.path, folder)
            if not os.path.isdir(path):
                os.mkdir(path, mode=0o700)
                os.chown(path, -1, data.st_gid)
                os.chmod(path, stat.S_IMODE(data.st_mode))
        _sync_folder(self.path)

    def _stage(self, name: str, text: str) -> str:
        """A file on disk with this content, its owner, group and mode, outside the folders that the engine reads."""
        path = os.path.join(self._staging, name.replace("/", "-"))
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            self.set_attributes(path)
            os.fsync(file.fileno())
        return path

    def _write_manifest(self, before: Manifest, after: Manifest) -> None:
        if before != after:
            os.rename(self._stage("manifest", after.text()), self.manifest_path)
            _sync_folder(os.path.dirname(self.manifest_path))


def _known(groups: dict, key: str) -> Group | None:
    """The group in a file on disk, if upstream can read it."""
    folder, name = key.split("/", 1)
    group = groups.get(name) if folder == GROUPS else None
    return group if isinstance(group, Group) else None


def _content(path: str) -> bytes | None:
    """What is in a file; ``None`` if there is none."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def _shown(content: bytes | None) -> str | None:
    return None if content is None else content.decode("utf-8", "replace")


def _sync_folder(path: str) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
