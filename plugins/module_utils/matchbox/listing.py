# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that lies in a data directory, also what the engine does not read. :mod:`.findings` judges it."""

from __future__ import annotations

import os
import stat
import typing as t

from .directory import file_of, load_profile, parsed, read_content, read_group_files, read_profile_files
from .findings import FILE, FOLDER, LINK, OTHER, Entry, Folder, Listing
from .model import Group, Profile
from .reader import Content, UnreadableError, read_group, read_profile
from .store import Store

# Field of a profile → the folder of what it names.
TEMPLATES = {"generic_id": "generic", "ignition_id": "ignition", "cloud_id": "cloud"}
_KINDS = {stat.S_IFREG: FILE, stat.S_IFLNK: LINK, stat.S_IFDIR: FOLDER}


def read_listing(data_path: str) -> Listing:
    """The data directory at ``data_path``, while no run changes it."""
    with Store(data_path, set_attributes=lambda path: None).locked():
        return _listing(data_path)


def _listing(data_path: str) -> Listing:
    groups = _folder(data_path, "groups", read_group_files(data_path), read_group)
    profiles = _folder(data_path, "profiles", read_profile_files(data_path), read_profile)
    named = sorted({group.profile for group in groups.objects.values() if isinstance(group, Group)})
    booted = {name: (file_of("profiles", f"{name}.json"), _profile(data_path, name)) for name in named}
    readable = [profile for file, profile in booted.values() if isinstance(profile, Profile)]
    readable += [profile for profile in profiles.objects.values() if isinstance(profile, Profile)]
    files = sorted({file_of(TEMPLATES[field], getattr(profile, field)) for profile in readable for field in TEMPLATES if getattr(profile, field)})
    return Listing(groups, profiles, booted, {file: read_content(data_path, file) for file in files})


def _folder(data_path: str, name: str, contents: dict[str, Content], read: t.Callable) -> Folder:
    objects = {stem: parsed(read, content) for stem, content in contents.items()}
    try:
        engine = os.stat(data_path).st_gid
        with os.scandir(os.path.join(data_path, name)) as found:
            return Folder(sorted(_entry(entry, engine) for entry in found), contents, objects)
    except OSError as error:
        return Folder([], contents, objects, error.strerror)


def _entry(entry: os.DirEntry, engine: int) -> Entry:
    status = entry.stat(follow_symlinks=False)
    kind = _KINDS.get(stat.S_IFMT(status.st_mode), OTHER)
    return Entry(entry.name, kind, kind == FILE and is_closed(status, engine))


def is_closed(status: os.stat_result, engine: int) -> bool:
    """Whether the group ``engine`` may not read a file. That of root tells nothing: nobody gave the directory to an engine."""
    permission = stat.S_IRGRP if status.st_gid == engine else stat.S_IROTH
    return bool(engine) and not status.st_mode & permission


def _profile(data_path: str, name: str) -> Profile | UnreadableError:
    try:
        return load_profile(data_path, name)
    except UnreadableError as error:
        return error
