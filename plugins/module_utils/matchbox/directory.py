# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a data directory as upstream's engine does, file by file and nothing kept. :mod:`.store` writes one."""

from __future__ import annotations

import os
import posixpath
import stat
import typing as t

from .model import Group, Profile
from .reader import Content, UnreadableError, read_group, read_profile

T = t.TypeVar("T")


def read_groups(data_path: str) -> dict[str, Group | UnreadableError]:
    """File name (without ``.json``) → the group in it, or why there is none, in the order that decides between equals."""
    return {name: parsed(read_group, content) for name, content in read_group_files(data_path).items()}


def read_group_files(data_path: str) -> dict[str, Content]:
    """File name (without ``.json``) → the content of every file that is read as a group, in the order that decides between equals.

    Without a readable folder there are no groups.
    """
    folder = os.path.join(os.fsencode(data_path), b"groups")
    try:
        names = os.listdir(folder)
    except OSError:
        return {}
    return {os.fsdecode(stem): _file(os.path.join(folder, stem + b".json")) for stem in group_stems(names)}


def group_stems(names: t.Iterable[bytes]) -> list[bytes]:
    """The files (without ``.json``) that are read as groups if these names are in ``groups/``, in the order that decides between equals.

    Every name is cut at its last dot and ``.json`` put behind it: that file is read. So hidden files and the temporary files of editors
    count, if they end in ``.json``.
    """
    return list(dict.fromkeys(name.rpartition(b".")[0] if b"." in name else name for name in sorted(names)))


def read_profile_files(data_path: str) -> dict[str, Content]:
    """File name (without ``.json``) → the content of every file in ``profiles/`` itself."""
    folder = os.path.join(os.fsencode(data_path), b"profiles")
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(b".json"))
    except OSError:
        return {}
    return {os.fsdecode(name[: -len(b".json")]): _file(os.path.join(folder, name)) for name in names}


def parsed(read: t.Callable[[bytes], T], content: Content) -> T | UnreadableError:
    """What ``read`` makes of a file's content, or why that cannot be."""
    if isinstance(content, UnreadableError):
        return content
    try:
        return read(content)
    except UnreadableError as error:
        return error


def _file(path: bytes) -> Content:
    try:
        return _content(path)
    except UnreadableError as error:
        return error


def load_profile(data_path: str, name: str) -> Profile:
    """The profile that a group names."""
    content = read_content(data_path, file_of("profiles", f"{name}.json"))
    if isinstance(content, UnreadableError):
        raise content
    return read_profile(content)


def file_of(folder: str, name: str) -> str:
    """The file, below the data directory, that a name in a group or profile means.

    Names are paths: they may leave their folder, but not the data directory.
    """
    return posixpath.normpath(f"/{folder}/{name}").lstrip("/")


def read_content(data_path: str, file: str) -> Content:
    """The content of a file below the data directory."""
    return _file(os.path.join(os.fsencode(data_path), file.encode("utf-8", "surrogateescape")))


def _content(path: bytes) -> bytes:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            return b"".join(_blocks(handle))
        finally:
            os.close(handle)
    except OSError as error:
        raise UnreadableError(error.strerror) from error
    except ValueError as error:
        raise UnreadableError("its name holds a NUL") from error


def _blocks(handle: int) -> t.Iterator[bytes]:
    if not stat.S_ISREG(os.fstat(handle).st_mode) and not stat.S_ISDIR(os.fstat(handle).st_mode):
        raise UnreadableError("it is no file")  # and may have no end
    while block := os.read(handle, 1 << 16):
        yield block
