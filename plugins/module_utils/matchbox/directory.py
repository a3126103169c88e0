# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a data directory as upstream's engine does, file by file and nothing kept. :mod:`.store` writes one."""

from __future__ import annotations

import os
import posixpath
import typing as t

from .model import Group, Profile
from .reader import UnreadableError, read_group, read_profile

T = t.TypeVar("T")


def read_groups(data_path: str) -> dict[str, Group | UnreadableError]:
    """File name (without ``.json``) → the group in it, or why there is none, in the order that decides between equals."""
    return {name: parsed(read_group, content) for name, content in read_group_files(data_path).items()}


def read_group_files(data_path: str) -> dict[str, bytes | UnreadableError]:
    """File name (without ``.json``) → the content of every file that is read as a group, in the order that decides between equals.

    Every name in ``groups/`` is cut at its last dot and ``.json`` put behind it: that file is read. So hidden files and the temporary
    files of editors count, if they end in ``.json``. Without a readable folder there are no groups.
    """
    folder = os.path.join(os.fsencode(data_path), b"groups")
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return {}
    stems = dict.fromkeys(name.rpartition(b".")[0] if b"." in name else name for name in names)
    return {os.fsdecode(stem): _file(os.path.join(folder, stem + b".json")) for stem in stems}


def read_profile_files(data_path: str) -> dict[str, bytes | UnreadableError]:
    """File name (without ``.json``) → the content of every file in ``profiles/`` itself."""
    folder = os.path.join(os.fsencode(data_path), b"profiles")
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(b".json"))
    except OSError:
        return {}
    return {os.fsdecode(name[: -len(b".json")]): _file(os.path.join(folder, name)) for name in names}


def parsed(read: t.Callable[[bytes], T], content: bytes | UnreadableError) -> T | UnreadableError:
    """What ``read`` makes of a file's content, or why that cannot be."""
    if isinstance(content, UnreadableError):
        return content
    try:
        return read(content)
    except UnreadableError as error:
        return error


def _file(path: bytes) -> bytes | UnreadableError:
    try:
        return _content(path)
    except UnreadableError as error:
        return error


def load_profile(data_path: str, name: str) -> Profile:
    """The profile that a group names. Names are paths: they may leave ``profiles/``, but not the data directory."""
    path = posixpath.normpath(f"/profiles/{name}.json").encode("utf-8", "surrogateescape")
    return read_profile(_content(os.fsencode(data_path) + path))


def _content(path: bytes) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise UnreadableError(error.strerror) from error
    except ValueError as error:
        raise UnreadableError("its name holds a NUL") from error
