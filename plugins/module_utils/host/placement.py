# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads and writes the files of a boot host; :mod:`.files` says which."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import stat
import tempfile
import typing as t

from ..common.disk import sync_folder
from ..common.errors import InputError, OmniMatchboxError
from .commands import CommandMissing, run
from .files import FileChange, FileState, WantedFile, missing_parents


def observe(wanted: t.Iterable[WantedFile]) -> dict[str, FileState]:
    """What lies at the paths of ``wanted`` now. A link to a directory will do where a directory is wanted."""
    return {item.path: look(item.path, follow=item.state.kind == "directory" and os.path.isdir(item.path)) for item in wanted}


def look(path: str, *, follow: bool = False) -> FileState:
    """What lies at ``path``."""
    try:
        status = os.stat(path, follow_symlinks=follow)
        if stat.S_ISLNK(status.st_mode):
            return FileState("link", target=os.readlink(path))
        attributes = {"mode": stat.S_IMODE(status.st_mode), "owner": _user_name(status.st_uid), "group": _group_name(status.st_gid)}
        if stat.S_ISDIR(status.st_mode):
            return FileState("directory", **attributes)
        if stat.S_ISREG(status.st_mode):
            with open(path, "rb") as file:
                return FileState("file", file.read(), **attributes)
        return FileState("other")
    except FileNotFoundError:
        return FileState()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def require_places(changes: list[FileChange]) -> None:
    """Refuse what could not be carried out: missing directories, users and groups."""
    parents = missing_parents(changes, os.path.isdir)
    if parents:
        raise InputError(f"there is no directory {', '.join(parents)} on this host: install what brings it, or name it in files with directory=true")
    for change in changes:
        _owners(change.path, change.after)


def validate(changes: list[FileChange], *, lenient: bool) -> None:
    """Have each new content examined by its own command before anything is put in place.

    ``lenient`` (check mode) passes over commands that are not installed yet.
    """
    for change in changes:
        if not change.validate or change.before.content == change.after.content:
            continue
        with tempfile.TemporaryDirectory(prefix="omni-matchbox-") as directory:
            staged = os.path.join(directory, os.path.basename(change.path))
            _write(staged, change.after.content, 0o600, os.geteuid(), os.getegid())
            try:
                output = run(*(word.replace("%s", staged) for word in change.validate))
            except CommandMissing as error:
                if not lenient:
                    raise InputError(f"{error}: it has to examine the new {change.path}") from error
                continue
        if output.code:
            complaint = output.complaint.replace(staged, change.path) or f"exit status {output.code}"
            raise OmniMatchboxError(f"{change.validate[0]} does not accept the new {change.path}, nothing was changed: {complaint}")


def place(path: str, state: FileState) -> None:
    """Make ``path`` what ``state`` says; readers see all of the old or all of the new. A directory goes only when it is empty."""
    try:
        if state.kind == "absent":
            _remove(path)
        elif state.kind == "link":
            _rename(path, lambda staged: os.symlink(state.target, staged))
        else:
            _place_owned(path, state)
    except OSError as error:
        raise OmniMatchboxError(f"{path} cannot be written: {error.strerror}") from error


def _place_owned(path: str, state: FileState) -> None:
    uid, gid = _owners(path, state)
    if state.kind == "file":
        current = look(path)
        if current.kind != "file" or current.content != state.content:
            _rename(path, lambda staged: _write(staged, state.content, state.mode, uid, gid))
            return
    elif not os.path.isdir(path):
        os.mkdir(path, 0o700)
    os.chown(path, uid, gid)
    os.chmod(path, state.mode)


def _rename(path: str, make: t.Callable[[str], None]) -> None:
    """Let ``make`` write a file beside ``path`` and rename it. The name is hidden and fixed: no program reads it as one of its
    files, and what an interrupted run has left is taken away by the next."""
    directory, name = os.path.split(path)
    staged = os.path.join(directory, f".{name}.omni-matchbox-new")
    _remove(staged)
    make(staged)
    os.replace(staged, path)
    sync_folder(directory)


def _write(path: str, content: bytes, mode: int, uid: int, gid: int) -> None:
    """A new file, on disk with its owner and mode before anybody can open it under its real name."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        os.fchown(file.fileno(), uid, gid)
        os.fchmod(file.fileno(), mode)
        file.flush()
        os.fsync(file.fileno())


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        if os.path.isdir(path) and not os.path.islink(path):
            os.rmdir(path)
        else:
            os.unlink(path)


def _owners(path: str, state: FileState) -> tuple[int, int]:
    """User and group id of ``state``; those of the process for what has no owner (absent paths, links)."""
    uid = _number(path, "user", state.owner, lambda name: pwd.getpwnam(name).pw_uid) if state.owner else os.geteuid()
    gid = _number(path, "group", state.group, lambda name: grp.getgrnam(name).gr_gid) if state.group else os.getegid()
    return uid, gid


def _number(path: str, what: str, name: str, lookup: t.Callable[[str], int]) -> int:
    try:
        return lookup(name)
    except KeyError:
        if name.isdigit():  # what look() says of an owner who has no name
            return int(name)
        raise InputError(f"there is no {what} {name} on this host, to whom {path} is to belong") from None


def own_names() -> tuple[str, str]:
    """The names of the user and group of this process."""
    return _user_name(os.geteuid()), _group_name(os.getegid())


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
