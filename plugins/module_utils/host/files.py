# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of a boot host as they are and as they should be: what differs, and how that is shown. Pure.

:mod:`.placement` reads and writes them.
"""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import json
import os
import re
import typing as t

from ..common.errors import InputError

KINDS = ("content", "link", "directory", "secret")


@dataclasses.dataclass(frozen=True)
class FileState:
    """What lies at a path, or should: ``kind`` is ``absent``, ``file``, ``link``, ``directory`` or ``other``.

    Owner and group are names, so a user who does not exist yet can be planned. A link has a target and nothing else.
    """

    kind: str = "absent"
    content: bytes = b""
    target: str = ""
    mode: int = 0
    owner: str = ""
    group: str = ""

    @property
    def attributes(self) -> str:
        """All but the content, in words: ``file, mode 0644, root:root``."""
        if self.kind == "link":
            return f"link to {self.target}"
        if self.kind in ("file", "directory"):
            return f"{self.kind}, mode {self.mode:04o}, {self.owner}:{self.group}"
        return self.kind


@dataclasses.dataclass(frozen=True)
class WantedFile:
    """One entry of a list of files. ``validate`` is a command for the new content; ``%s`` in it stands for a file that holds it."""

    path: str
    state: FileState
    secret: bool = False
    validate: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class FileChange:
    """A path that has to become something else."""

    path: str
    before: FileState
    after: FileState
    secret: bool = False
    validate: tuple[str, ...] = ()


def wanted_files(entries: list[dict], secrets: dict[str, str], absent: list[str]) -> list[WantedFile]:
    """The options ``files``, ``secrets`` (content by path) and ``absent`` of a module as one list; contradictions raise InputError."""
    wanted = [_wanted_file(entry, secrets) for entry in entries] + [WantedFile(path, FileState()) for path in absent]
    for path, times in collections.Counter(item.path for item in wanted).items():
        if not path.startswith("/") or os.path.normpath(path) != path:
            raise InputError(f"{path!r} is not an absolute, plain path")
        if times > 1:
            raise InputError(f"{path} is named {times} times in files and absent: name it once")
    unused = set(secrets) - {item.path for item in wanted if item.secret}
    if unused:
        raise InputError(f"secrets holds {', '.join(sorted(unused))}, which files does not name with secret=true")
    return wanted


def _wanted_file(entry: dict, secrets: dict[str, str]) -> WantedFile:
    """One entry of ``files``; the argument specification has seen to it that exactly one of KINDS is there."""
    path = entry["path"]
    if entry["link"] is not None:
        return WantedFile(path, FileState("link", target=entry["link"]))
    kind = "directory" if entry["directory"] else "file"
    mode = parse_mode(path, entry["mode"] or ("0755" if kind == "directory" else "0644"))
    content = secrets.get(path) if entry["secret"] else entry["content"]
    if kind == "file" and content is None:
        raise InputError(f"{path} has no content: give content, link, directory=true, or secret=true and its content in secrets")
    state = FileState(kind, file_text(content).encode() if kind == "file" else b"", mode=mode, owner=entry["owner"], group=entry["group"])
    return WantedFile(path, state, bool(entry["secret"]), tuple(entry["validate"] or ()))


def file_text(content: t.Any) -> str:
    """What a file holds; a mapping or a list is written as JSON (to which Ansible up to 2.18 turns a text that looks like it)."""
    return content if isinstance(content, str) else json.dumps(content, indent=2, sort_keys=True) + "\n"


def parse_mode(path: str, text: str) -> int:
    """``"0644"`` as a number. What YAML made of an unquoted 0644 (420) is refused, since it would be read as another mode."""
    if not re.fullmatch(r"0[0-7]{3}", text):
        raise InputError(f'the mode {text} of {path} is not a quoted octal number such as "0644"')
    return int(text, 8)


def plan_files(wanted: t.Iterable[WantedFile], found: t.Mapping[str, FileState]) -> list[FileChange]:
    """What has to change, in the order in which it can be done: directories from the top down, files and links, removals."""
    changes = []
    for item in wanted:
        before = found[item.path]
        _refuse_replacing(item.path, before, item.state)
        if before != item.state:
            changes.append(FileChange(item.path, before, item.state, item.secret, item.validate))
    order = {"directory": 0, "absent": 2}
    return sorted(changes, key=lambda change: (order.get(change.after.kind, 1), change.path if change.after.kind == "directory" else ""))


def _refuse_replacing(path: str, before: FileState, after: FileState) -> None:
    """A file may take the place of a link and the other way round; whatever else is in the way may hold things that people need."""
    is_directory = "directory" in (before.kind, after.kind)
    if before.kind == "other" or (is_directory and before.kind not in ("absent", after.kind)):
        what = "neither a file nor a directory" if before.kind == "other" else f"a {before.kind}"
        raise InputError(f"{path} is {what} on this host: remove it first")


def missing_parents(changes: t.Iterable[FileChange], exists: t.Callable[[str], bool]) -> list[str]:
    """Directories that neither exist nor are made by ``changes``, though something is to be put into them."""
    made = {change.path for change in changes if change.after.kind == "directory"}
    needed = {os.path.dirname(change.path) for change in changes if change.after.kind != "absent"}
    return sorted(parent for parent in needed - made if not exists(parent))


def file_diff(changes: t.Iterable[FileChange]) -> list[dict]:
    """The changes as Ansible shows them: contents, and attributes where those differ or where there is no content to show."""
    parts = []
    for change in changes:
        before, after = _shown(change.before, change.secret), _shown(change.after, change.secret)
        if before != after:
            parts.append(_part(change.path, before, after))
        replaced = change.before.kind != "absent" and change.after.kind != "absent"
        if before == after or (replaced and change.before.attributes != change.after.attributes):
            parts.append(_part(change.path, change.before.attributes + "\n", change.after.attributes + "\n"))
    return parts


def _shown(state: FileState, secret: bool) -> str:
    """The content of a file as text; of a secret or of what is no text only a short hash."""
    if state.kind != "file" or not state.content:
        return ""
    try:
        text = None if secret else state.content.decode()
    except UnicodeDecodeError:
        text = None
    return f"sha256:{hashlib.sha256(state.content).hexdigest()[:8]}\n" if text is None else text


def _part(path: str, before: str, after: str) -> dict:
    return {"before_header": path, "after_header": path, "before": before, "after": after}
