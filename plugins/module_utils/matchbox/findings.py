# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in a data directory, and what is wrong or strange with it. Pure: :mod:`.listing` reads it."""

from __future__ import annotations

import dataclasses
import json
import typing as t

from ..common.errors import InputError
from .model import Group, Profile
from .overlap import overlaps, selector_of
from .reader import Content, UnreadableError, shown
from .select import precedence
from .steps import GROUPS, MEANWHILE, PROFILES
from .surprises import group_surprises, profile_surprises, unmatchable
from .validate import valid_id

FILE, LINK, FOLDER, OTHER = "file", "link", "folder", "other"
# Of more groups than these, upstream takes any of those with the same selectors, else the first.
FIRST_OF = 12
_MARK = b"\xef\xbb\xbf"


class Entry(t.NamedTuple):
    """A name in a folder, ending included. ``closed``: the group of the data directory may not read the file."""

    name: str
    kind: str = FILE
    closed: bool = False


@dataclasses.dataclass(frozen=True)
class Folder:
    """A folder: all names in it; by id the content of each file that is read there, and the object in it or why there is none.

    Everything is in the order that decides between equals. ``problem`` says why the folder itself cannot be read.
    """

    entries: list[Entry]
    contents: t.Mapping[str, Content]
    objects: t.Mapping[str, Group | Profile | UnreadableError]
    problem: str = ""

    def readable(self) -> dict[str, t.Any]:
        """The objects that can be read."""
        return {name: thing for name, thing in self.objects.items() if not isinstance(thing, UnreadableError)}


@dataclasses.dataclass(frozen=True)
class Listing:
    """A data directory. ``booted``: what groups name → the file that this is and the profile in it; ``templates``: file → content."""

    groups: Folder
    profiles: Folder
    booted: t.Mapping[str, tuple[str, Profile | UnreadableError]]
    templates: t.Mapping[str, Content]


class Finding(t.NamedTuple):
    """Something about a file (or folder), whose path is below the data directory."""

    file: str
    reason: str


def report(listing: Listing) -> dict[str, list]:
    """All that there is to say, as a task returns it."""
    findings = {
        "broken": [*_broken(GROUPS, listing.groups), *_broken(PROFILES, listing.profiles)],
        "never_win": _never_win(listing.groups),
        "without_profile": _without_profile(listing),
        "surprising": [*_surprising_groups(listing.groups), *_surprising_profiles(listing)],
    }
    return {
        "profiles": [{**dataclasses.asdict(profile), "id": shown(name)} for name, profile in listing.profiles.readable().items()],
        "groups": [
            {"id": shown(name), "name": group.name, "profile": group.profile, "selector": group.selector} for name, group in listing.groups.readable().items()
        ],
        "unused": _unused(listing),
        **{name: [finding._asdict() for finding in found] for name, found in findings.items()},
    }


def _file(folder: str, name: str) -> str:
    return f"{folder}/{shown(name)}.json"


def _broken(folder: str, found: Folder) -> t.Iterator[Finding]:
    """What is not read, or not as a file should be that the modules keep."""
    if found.problem:
        yield Finding(folder, f"cannot be read: {found.problem}")
    for entry in found.entries:
        for reason in _broken_entry(folder, found, entry):
            yield Finding(f"{folder}/{shown(entry.name)}", reason)


def _broken_entry(folder: str, found: Folder, entry: Entry) -> t.Iterator[str]:
    stem, dot, ending = entry.name.rpartition(".")
    is_read = dot + ending == ".json"
    if entry.kind == FOLDER:
        yield "is a folder; what is in it is not read" + (", unless a group names it as a path" if folder == PROFILES else "")
        return
    if not is_read:
        yield "does not end in .json, so it is not read" + _doubled(folder, found, stem if dot else entry.name)
        return
    if entry.kind != FILE:
        yield "is a link, which the engine follows; the modules replace none, so move a file here" if entry.kind == LINK else "is no file"
    yield from _broken_name(folder, stem)
    thing = found.objects.get(stem)
    if isinstance(thing, UnreadableError):
        content = found.contents[stem]
        has_mark = isinstance(content, bytes) and content.startswith(_MARK)
        reason = "begins with a byte order mark; save it as UTF-8 without one" if has_mark else f"is skipped: {thing}"
        yield reason + ("; its machines boot what a less specific group says" if folder == GROUPS else "; its machines get 404")
    if entry.closed:
        yield "may not be read by the group of the data directory, which is the engine's"


def _doubled(folder: str, found: Folder, stem: str) -> str:
    doubles = folder == GROUPS and isinstance(found.objects.get(stem), Group)
    return f"; but {shown(stem)}.json counts twice because of it" if doubles else ""


def _broken_name(folder: str, stem: str) -> t.Iterator[str]:
    if stem.startswith(MEANWHILE):
        yield "was left by a run that was ended; the next one of its task removes it"
    elif stem.startswith(".") or not stem:
        yield "is hidden, but read as a group all the same" if folder == GROUPS else "is hidden; it is read only if a group names it so"
    else:
        try:
            valid_id({"id": stem}, "id", "")
        except InputError:
            yield "has a name that the modules do not write; use letters, digits, '.', '_' and '-'"


def _unused(listing: Listing) -> list[str]:
    used = {file for file, profile in listing.booted.values()}
    return [shown(name) for name in listing.profiles.readable() if f"{PROFILES}/{name}.json" not in used]


def _never_win(groups: Folder) -> t.Iterator[Finding]:
    """Groups whose machines another one always takes, or that have none."""
    stems = [entry.name.rpartition(".")[0] if "." in entry.name else entry.name for entry in groups.entries]
    readable = groups.readable()
    by_chance = sum(stem in readable for stem in stems) > FIRST_OF
    first: dict[tuple[int, str], str] = {}
    for name, group in readable.items():
        for reason in unmatchable(groups.contents[name], group):
            yield Finding(_file(GROUPS, name), reason)
        winner = first.setdefault(precedence(group), name)
        if winner != name:
            selects = precedence(group)[1] or "every machine"
            wins = f"with more than {FIRST_OF} groups either may win" if by_chance else "the first name wins"
            yield Finding(_file(GROUPS, name), f"selects {selects}, as {shown(winner)}.json does; {wins}")


def _without_profile(listing: Listing) -> t.Iterator[Finding]:
    """Groups whose machines get 404, since no other group takes them."""
    for name, group in listing.groups.readable().items():
        file, profile = listing.booted[group.profile]
        if isinstance(profile, UnreadableError):
            reason = f"names the profile {group.profile!r}, but {shown(file)}: {profile}" if group.profile else "names no profile"
            yield Finding(_file(GROUPS, name), f"{reason}; its machines get 404, no other group takes them")


def _surprising_groups(groups: Folder) -> t.Iterator[Finding]:
    for name, group in groups.readable().items():
        for reason in group_surprises(groups.contents[name], group):
            yield Finding(_file(GROUPS, name), reason)
        if "/" in group.profile:
            yield Finding(_file(GROUPS, name), f"names the profile {group.profile!r}, which is a path, from profiles/ on")
    ties = {}
    by_selector = {selector_of(group.selector): group.profile for group in groups.readable().values()}
    for winners, losers, _contained in overlaps(by_selector):
        if len(winners[0]) == len(losers[0]) and len({by_selector[selector] for selector in (*winners, *losers)}) > 1:
            ties[_labels(winners[0]), _labels(losers[0])] = None
    for winner, loser in ties:
        yield Finding(GROUPS, f"a machine may be in a group by {winner} and in one by {loser}; that by {winner} wins")


def _labels(selector: t.Iterable[tuple[str, str]]) -> str:
    return " and ".join(label for label, value in selector)


def _surprising_profiles(listing: Listing) -> t.Iterator[Finding]:
    for name, profile in listing.profiles.readable().items():
        for reason in profile_surprises(listing.profiles.contents[name], profile):
            yield Finding(_file(PROFILES, name), reason)
    for file, content in listing.templates.items():
        if isinstance(content, UnreadableError):
            yield Finding(shown(file), f"is named by a profile and cannot be read: {content}; who asks for it gets 404")
        elif file.startswith("ignition/") and file.endswith((".ign", ".ignition")) and not _is_object(content):
            yield Finding(shown(file), "is no JSON; machines are sent an empty Ignition configuration, not an error")
        elif file.split("/")[0] not in ("generic", "ignition", "cloud"):
            yield Finding(shown(file), "is named by a profile as a template and sent to whoever asks for it")


def _is_object(content: bytes) -> bool:
    try:
        return isinstance(json.loads(content), dict)
    except (ValueError, RecursionError):
        return False
