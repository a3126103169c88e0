# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What machines boot, and which of them boot something else after a change. Pure."""

from __future__ import annotations

import functools
import typing as t

from .events import State, changing
from .model import Boot, Group
from .overlap import Selector, selector_of
from .reader import read_profile
from .select import Index

OTHERS = "every other machine"
NOTHING = "nothing"
# So many machines are named; a site has ten thousand, and a class that changes may be that of all.
SHOWN = 20


class Difference(t.NamedTuple):
    """Machines that boot profile ``after`` instead of ``before``; of equal names, the profile's content is what changes."""

    before: str
    after: str
    machines: list[str]

    def result(self) -> dict:
        """As a task returns it."""
        return {"before": self.before, "after": self.after, "count": len(self.machines), "machines": self.machines[:SHOWN]}


def differences(before: State, after: State) -> list[Difference]:
    """Which machines boot something else after a change.

    A machine is named by what a group selects, as ``mac=52:54:00:12:34:56``; it is taken to send nothing else. Those that no group
    selects are :data:`OTHERS`.
    """
    affected = _affected(before, after)
    if not affected:
        return []
    pairs = {pair for selector in affected for pair in selector}
    old, new = (_index(state.groups, pairs) for state in (before, after))
    found: dict[tuple[str, str], list[str]] = {}
    for selector in sorted(affected):
        labels = dict(selector)
        was, will_be = old.select(labels), new.select(labels)
        if _boot(before, was) != _boot(after, will_be):
            found.setdefault((_profile(was), _profile(will_be)), []).append(machine_name(selector))
    return [Difference(*profiles, machines) for profiles, machines in sorted(found.items())]


def shown(found: list[Difference], *, past: bool) -> str:
    """The differences as one side of a diff: what these machines boot before (``past``) or after the change, some machines a line."""
    lines = []
    for before, after, machines in found:
        names = machines[:SHOWN] + ([f"{len(machines) - SHOWN} more"] if len(machines) > SHOWN else [])
        profile = before if past else f"{after}, changed" if before == after else after
        lines += [f"{name} boots {profile}\n" for name in names]
    return "".join(lines)


def machine_name(selector: Selector) -> str:
    """A machine in words: the labels by which it is selected."""
    return ", ".join(f"{label}={value}" for label, value in selector) or OTHERS


def _affected(before: State, after: State) -> set[Selector]:
    """The machines that a group matches which is not the same in both states, or whose profile is not: no other can boot something else."""
    profiles = {name for name in {*before.profiles, *after.profiles} if before.profiles.get(name) != after.profiles.get(name)}
    changed = changing(before.groups, after.groups)
    touched = [group for state in (before, after) for name, group in state.groups.items() if name in changed or group.profile in profiles]
    index = Index(touched)
    return {selector_of(group.selector) for group in (*after.groups.values(), *touched, Group()) if index.select(group.selector)}


def _index(groups: t.Mapping[str, Group], pairs: t.Container[tuple[str, str]]) -> Index:
    """The groups that machines with these labels can be in. A label that they do not send is as an empty one."""
    names = [name for name, group in groups.items() if all(not pair[1] or pair in pairs for pair in group.selector.items())]
    return Index(groups[name] for name in sorted(names, key=lambda name: f"{name}.json".encode("utf-8", "surrogateescape")))


def _boot(state: State, group: Group | None) -> Boot | None:
    text = state.profiles.get(group.profile) if group else None
    return None if text is None else _boot_in(text)


@functools.cache
def _boot_in(profile: str) -> Boot | None:
    return read_profile(profile.encode()).boot


def _profile(group: Group | None) -> str:
    return group.profile if group else NOTHING
