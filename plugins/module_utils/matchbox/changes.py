# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run changes in a data directory, and in which order. Pure.

From what is on disk, what is wanted and what the collection manages comes a :class:`Plan`, which :mod:`.store` carries out.
"""

from __future__ import annotations

import contextlib
import dataclasses
import posixpath
import typing as t

from ..common.errors import InputError
from .events import State
from .manifest import Manifest
from .model import Group, Profile
from .reader import Content, UnreadableError, read_group, read_profile
from .select import precedence
from .steps import GROUPS, PROFILES, Step, in_batches, is_intermediate
from .wanted import Wanted


@dataclasses.dataclass(frozen=True)
class Change:
    """One file ``folder/id.json``, its text before and after the run; ``None`` where there is none."""

    key: str
    before: str | None
    after: str | None

    @property
    def removes(self) -> bool:
        return self.after is None


@dataclasses.dataclass(frozen=True)
class Write:
    """One file that gets this content, or is removed (``None``)."""

    key: str
    content: bytes | None


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a run does.

    ``changes``: every file that is another one afterwards, in the order in which they are written. ``batches``: every single write
    and removal, intermediate ones included, as :func:`.steps.in_batches` orders them. ``unchanged``: the keys of wanted objects
    that are as they should be. ``before`` and ``after``: what machines can boot. ``manifests``: before, meanwhile and after.
    """

    changes: list[Change]
    batches: list[list[Write]]
    unchanged: list[str]
    before: State
    after: State
    manifests: tuple[Manifest, Manifest, Manifest]

    @property
    def changed(self) -> bool:
        """Whether anything has to be done; to manage what is there already counts too."""
        return bool(self.changes) or bool(self.batches) or self.manifests[0] != self.manifests[-1]


class Found:
    """What is on disk: the contents of files by id, in the order that decides between equals, and the keys of files that can be removed."""

    def __init__(self, groups: t.Mapping[str, Content], profiles: t.Mapping[str, Content], keys: set[str]) -> None:
        self._contents = {GROUPS: groups, PROFILES: profiles}
        self.keys = keys

    def content(self, key: str) -> Content | None:
        folder, name = key.split("/", 1)
        return self._contents[folder].get(name)

    def text(self, key: str) -> str | None:
        """The file's text, as far as there is one, to be shown."""
        content = self.content(key)
        return content.decode("utf-8", "replace") if isinstance(content, bytes) else None if content is None else ""

    def state(self, known: t.Mapping[str, Profile | Group]) -> State:
        """What the engine reads. The objects in ``known`` (by key) are those of their files and need not be read again."""
        profiles = {name: profile.text() for name, profile in self._read(PROFILES, read_profile, known)}
        groups = {name: _plain(group) for name, group in self._read(GROUPS, read_group, known)}
        return State(profiles, groups)

    def _read(self, folder: str, read: t.Callable[[bytes], t.Any], known: t.Mapping[str, t.Any]) -> t.Iterator[tuple[str, t.Any]]:
        for name, content in self._contents[folder].items():
            thing = known.get(f"{folder}/{name}")
            if thing is None and isinstance(content, bytes):
                with contextlib.suppress(UnreadableError):
                    thing = read(content)
            if thing is not None:
                yield name, thing


def _plain(group: Group) -> Group:
    """A group that names its profile as the file is named: to upstream the name is a path, so that ``./talos`` is ``talos`` too."""
    path = posixpath.normpath(f"/{PROFILES}/{group.profile}.json") if "/" in group.profile else ""
    if path.startswith(f"/{PROFILES}/"):
        return dataclasses.replace(group, profile=path[len(f"/{PROFILES}/") : -len(".json")])
    return group


def plan_changes(found: Found, wanted: Wanted, manifest: Manifest, scope: str, purge: str) -> Plan:
    """What makes the directory hold what is wanted. Raises before anything is written if machines would lose their profile.

    ``purge`` says what else goes: what only ``scope`` manages (``managed``), everything (``all``) or nothing (``none``).
    """
    objects = wanted.objects()
    texts = {key: thing.text() for key, thing in objects.items()}
    unchanged = [key for key, text in texts.items() if found.content(key) == text.encode()]
    # What a run of this scope has left that was ended. One of another scope is not ours to finish: its machines keep what they have.
    left = {key for key in manifest.of(scope) if is_intermediate(key)}
    purged = {"none": left, "managed": manifest.only_of(scope), "all": found.keys}[purge]
    gone = found.keys & (purged | wanted.absent) - set(objects)
    before = found.state({key: objects[key] for key in unchanged})
    gone -= left & _named(before, gone.union(objects))
    after = _after(before, wanted, gone)
    _check_profiles(before, after, wanted, gone)
    _check_twins(after, wanted)
    changes = {key: Change(key, found.text(key), None) for key in gone}
    changes.update({key: Change(key, found.text(key), texts[key]) for key in set(objects).difference(unchanged)})
    batches = _batches(changes, before, after)
    places = {write.key: place for place, write in enumerate(write for batch in batches for write in batch)}
    in_order = sorted(changes.values(), key=lambda change: places[change.key])
    kept = manifest.without(gone.union(left - found.keys))
    if not scope:
        return Plan(in_order, batches, unchanged, before, after, (manifest, kept, kept))
    # What will be written counts as managed before it is there: so a run that is ended leaves nothing that nobody may remove.
    added = {change.key for change in in_order if change.before is None} | {key for key in places if is_intermediate(key)}
    meanwhile = manifest.with_scope(scope, manifest.of(scope) | added)
    managed = set(objects) | (kept.of(scope) if purge == "none" else kept.of(scope) & left)
    return Plan(in_order, batches, unchanged, before, after, (manifest, meanwhile, kept.with_scope(scope, managed)))


def _named(state: State, without: set[str]) -> set[str]:
    """The profiles that groups name."""
    return {f"{PROFILES}/{group.profile}" for name, group in state.groups.items() if f"{GROUPS}/{name}" not in without}


def _after(before: State, wanted: Wanted, gone: set[str]) -> State:
    profiles = {name: text for name, text in before.profiles.items() if f"{PROFILES}/{name}" not in gone}
    profiles.update({profile.id: profile.text() for profile in wanted.profiles})
    groups = {name: group for name, group in before.groups.items() if f"{GROUPS}/{name}" not in gone}
    groups.update({group.id: group for group in wanted.groups})
    return State(profiles, groups)


def _check_profiles(before: State, after: State, wanted: Wanted, gone: set[str]) -> None:
    """Each group that is written has its profile, and no group that stays loses it."""
    for group in wanted.groups:
        if group.profile not in after.profiles:
            raise InputError(f"group {group.id}: there is no profile {group.profile!r}, neither given nor on disk; add it or name another")
    for name, group in after.groups.items():
        if f"{PROFILES}/{group.profile}" in gone and group.profile not in after.profiles and group.profile in before.profiles:
            raise InputError(f"profile {group.profile}: is to be removed, but group {name} on disk boots it; change or remove that group")


def _check_twins(after: State, wanted: Wanted) -> None:
    """Of two groups with the same selectors one is never used, and which one is left to chance where there are many."""
    written = {group.id for group in wanted.groups}
    others = {precedence(group): name for name, group in after.groups.items() if name not in written}
    for group in wanted.groups if others else ():
        selectors = precedence(group)
        if selectors in others:
            where = f"group {group.id}: selects {selectors[1] or 'every machine'}, as group {others[selectors]} on disk does"
            raise InputError(f"{where}; remove that one, or give it as {group.id}")


def _batches(changes: dict[str, Change], before: State, after: State) -> list[list[Write]]:
    """The writes. Those without consequence for any machine (the same spelled otherwise, what nobody can read) are at the two ends."""
    batches = [[_write(step) for step in batch] for batch in in_batches(before, after)]
    covered = {write.key for batch in batches for write in batch}
    rest = [change for key, change in sorted(changes.items()) if key not in covered]
    first = [Write(change.key, change.after.encode()) for change in rest if change.after is not None]
    last = [Write(change.key, None) for change in rest if change.after is None]
    return [batch for batch in (first, *batches, last) if batch]


def _write(step: Step) -> Write:
    """The file of a step."""
    text = step.thing.text() if isinstance(step.thing, Group) else step.thing
    return Write(f"{step.folder}/{step.id}", None if text is None else text.encode())
