# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to machines in a change of groups and profiles, by which writes, and what must come before what. Pure."""

from __future__ import annotations

import collections
import dataclasses
import itertools
import typing as t

from .graph import Graph, Node
from .model import Group
from .overlap import Neighbours, Overlap, Selector, overlaps, selector_of

# Nodes: (CONTENT, profile) and (WRITE | REMOVE | TURN | EARLY, group).
CONTENT = "content"
WRITE = "write"
REMOVE = "remove"
TURN = "turn"  # a group that will be removed or get another selector names the new profile first
EARLY = "early"  # an intermediate group with the new selector


@dataclasses.dataclass(frozen=True)
class State:
    """What a data directory holds, files by id: the texts of profiles, the groups. What cannot be read is not there."""

    profiles: t.Mapping[str, str]
    groups: t.Mapping[str, Group]


@dataclasses.dataclass(frozen=True)
class Intermediates:
    """What is there only during a change, by what it stands for.

    ``old`` and ``new``: profile → its copy with the old content, for groups that go from it, and with the new one, for those that come
    to it. ``groups``: group → the one that has its new selector already.
    """

    old: dict[str, str] = dataclasses.field(default_factory=dict)
    new: dict[str, str] = dataclasses.field(default_factory=dict)
    groups: dict[str, str] = dataclasses.field(default_factory=dict)


class Holders:
    """Selector → the groups that have it, in the order of their files: the first counts."""

    def __init__(self, groups: t.Mapping[str, Group]) -> None:
        self.groups = groups
        self.by_selector: dict[Selector, list[str]] = collections.defaultdict(list)
        for name in sorted(groups, key=lambda name: f"{name}.json".encode("utf-8", "surrogateescape")):
            self.by_selector[selector_of(groups[name].selector)].append(name)

    def __contains__(self, selector: Selector) -> bool:
        return selector in self.by_selector

    def of(self, selector: Selector) -> list[str]:
        return self.by_selector.get(selector, [])

    def profile(self, selector: Selector) -> str:
        return self.groups[self.by_selector[selector][0]].profile


class Events:
    """The graph of a change that makes use of the intermediates ``between``.

    ``before`` and ``after`` are the two states in which groups that change name copies, where there are some: these are in
    ``turned_before`` and ``turned_after``. ``going`` and ``coming``: the profiles that the others of them go from and come to.
    """

    def __init__(self, before: State, after: State, between: Intermediates) -> None:
        self.between = between
        self.graph = Graph()
        self._changing = changing(before.groups, after.groups)
        self.turned_before = self._turned(before.groups, between.old)
        self.turned_after = self._turned(after.groups, between.new)
        self.before = State(before.profiles, {**before.groups, **self.turned_before})
        self.after = State(after.profiles, {**after.groups, **self.turned_after})
        self.going, self.coming = ({state.groups[name].profile for name in self._changing & state.groups.keys()} for state in (self.before, self.after))
        still = _witnesses(self._changing, before.groups, after.groups)
        self._old, self._new = (
            Holders({name: group for name, group in groups.items() if name in self._changing or name in still})
            for groups in (self.before.groups, self.after.groups)
        )
        self._appears: dict[Selector, Node] = {}
        self._turns: dict[Selector, Node] = {}
        self._leaves: dict[Selector, Node] = {}
        for name in sorted({*before.profiles, *after.profiles}):
            if before.profiles.get(name) != after.profiles.get(name):
                self.graph.add((CONTENT, name))
        self._add_files()
        self._find_events()
        self._order_selectors()
        self._order_files()

    def _turned(self, groups: t.Mapping[str, Group], copies: t.Mapping[str, str]) -> dict[str, Group]:
        """Those of the groups that change which name a profile with a copy, naming that."""
        named = {name: groups[name] for name in sorted(self._changing) if name in groups and groups[name].profile in copies}
        return {name: dataclasses.replace(group, profile=copies[group.profile]) for name, group in named.items()}

    def replaces_selector(self, name: str) -> bool:
        """Whether the file of a group goes on with another selector."""
        old, new = self.before.groups.get(name), self.after.groups.get(name)
        return old is not None and new is not None and old.selector != new.selector

    def turned(self, name: str) -> Group:
        """The group as it is in between: still with its old selector, but already with the profile that the selector gets."""
        group = self.before.groups[name]
        return dataclasses.replace(group, profile=self._new.profile(selector_of(group.selector)))

    def _add_files(self) -> None:
        for name in sorted(self._changing):
            self.graph.add((WRITE if name in self.after.groups else REMOVE, name))

    def _gaining(self, name: str) -> Node:
        return (EARLY, name) if name in self.between.groups else (WRITE, name)

    def _losing(self, name: str) -> Node:
        return (WRITE, name) if name in self.after.groups else (REMOVE, name)

    def _find_events(self) -> None:
        """Which write makes a selector appear, turn or leave; a selector that goes from one file to another is never without."""
        for selector in dict.fromkeys([*self._old.by_selector, *self._new.by_selector]):
            old, new = self._old.of(selector), self._new.of(selector)
            losing = [self._losing(name) for name in old if name not in new]
            gaining = [self._gaining(name) for name in new if name not in old]
            if not old:
                self._appears[selector] = gaining[0]
            elif not new:
                self._leaves[selector] = losing[0]
            elif self._old.profile(selector) != self._new.profile(selector):
                self._turns[selector] = (WRITE, old[0]) if old[0] in new else (TURN, old[0])
            # What has the selector afterwards is there, with its new profile, before that goes which had it before.
            staying = [(WRITE, name) for name in new if name in old and name in self._changing]
            turning = [self._turns[selector]] if selector in self._turns else []
            for first, then in [*itertools.product(turning, gaining), *itertools.product([*turning, *staying, *gaining], losing)]:
                self.graph.order(first, then)
            for shadow in losing[1:]:
                self.graph.order(shadow, losing[0])
        for name in self.between.groups:
            self.graph.order((EARLY, name), (WRITE, name))

    def _order_selectors(self) -> None:
        contained_before: set[Selector] = set()
        contained_after: set[Selector] = set()
        for overlap in overlaps([*self._old.by_selector, *(key for key in self._new.by_selector if key not in self._old)]):
            self._order_overlap(overlap)
            old_profiles = {self._old.profile(selector) for selector in overlap.losers if selector in self._old}
            new_profiles = {self._new.profile(selector) for selector in overlap.losers if selector in self._new}
            for selector in overlap.winners:
                if selector in self._appears:
                    self._moves(self._appears[selector], old_profiles, {self._new.profile(selector)})
                elif selector in self._leaves:
                    self._moves(self._leaves[selector], {self._old.profile(selector)}, new_profiles)
            if overlap.contained:
                contained_before.update(overlap.winners if old_profiles else ())
                contained_after.update(overlap.winners if new_profiles else ())
        for selector, node in self._turns.items():
            self._moves(node, {self._old.profile(selector)}, {self._new.profile(selector)})
        # Machines that nothing matches get nothing, which is a script of its own.
        for selector, node in self._appears.items():
            if selector not in contained_before:
                self._moves(node, {""}, {self._new.profile(selector)})
        for selector, node in self._leaves.items():
            if selector not in contained_after:
                self._moves(node, {self._old.profile(selector)}, {""})

    def _order_overlap(self, overlap: Overlap) -> None:
        winners, losers = overlap.winners, overlap.losers
        appearing = [self._appears[selector] for selector in winners if selector in self._appears]
        leaving = [self._leaves[selector] for selector in winners if selector in self._leaves]
        below = [events[selector] for events in (self._appears, self._turns, self._leaves) for selector in losers if selector in events]
        self.graph.order_all(appearing, below)
        self.graph.order_all(below, leaving)

    def _moves(self, node: Node, sources: t.Collection[str], targets: t.Collection[str]) -> None:
        """A write by which machines may go from any of ``sources`` to any of ``targets``."""
        for source in sources:
            for target in targets:
                if source != target:
                    if (CONTENT, target) in self.graph:
                        self.graph.order((CONTENT, target), node)
                    if (CONTENT, source) in self.graph:
                        self.graph.order(node, (CONTENT, source))

    def _order_files(self) -> None:
        """No file names a profile that is not there yet, or not there any more."""
        for name in sorted(self._changing):
            old, new = self.before.groups.get(name), self.after.groups.get(name)
            if new and (CONTENT, new.profile) in self.graph and new.profile not in self.before.profiles:
                for node in (self._gaining(name), (WRITE, name)):
                    if node in self.graph:
                        self.graph.order((CONTENT, new.profile), node)
            if old and (CONTENT, old.profile) in self.graph and old.profile not in self.after.profiles and self._losing(name) in self.graph:
                self.graph.order(self._losing(name), (CONTENT, old.profile))


def changing(before: t.Mapping[str, Group], after: t.Mapping[str, Group]) -> set[str]:
    """The groups whose files are written or removed."""
    # Most groups are the same object in both, which is seen at once.
    written = {name for name, group in after.items() if before.get(name) is not group and before.get(name) != group}
    return written.union(before.keys() - after.keys())


def _witnesses(changed: set[str], before: t.Mapping[str, Group], after: t.Mapping[str, Group]) -> set[str]:
    """Of the groups that stay as they are, those that tell where machines of the others come from or go to.

    A site has thousands of groups of which a run changes a few; to look at all of them would take most of its time.
    """
    touched = {selector_of(groups[name].selector) for groups in (before, after) for name in changed if name in groups}
    place_of = Neighbours(touched).place_of
    found: dict[object, str] = {}
    for name, group in before.items():
        place = place_of(group.selector) if name not in changed else ()
        if place:
            # Of those with the same selector as a touched one each counts: the first of them is in effect.
            found[name if selector_of(group.selector) in touched else (place, group.profile)] = name
    return set(found.values())
