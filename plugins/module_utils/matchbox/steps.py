# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order in which a change is written, so that it is safe after every single write. Pure.

After any prefix of the steps each machine gets the script that it got before the change or the one that it gets after it, never a third.

Four kinds of events change what machines get: a selector *appears* and takes machines from less specific ones, it *turns* to another
profile, it *leaves* and its machines fall to less specific ones, or the *content* of a profile changes. They constrain each other:

* What appears does so before less specific selectors appear, and before anything that overlaps it turns or leaves. What leaves does so
  after everything that overlaps it and is less specific has turned or left.
* Machines come to a profile after its content has changed, and go from a profile before its content changes.

Where this goes round in a circle, a change goes by way of intermediates. A profile has two copies to offer: one with its old content, to
which groups that go from it turn before anything else; and one with its new content, to which groups that come to it turn first. And
a file whose selector changes can have an intermediate group with the new selector. With enough of these no circle is left: first all
that appears, then all that changes its content, then all that turns, then all that leaves keeps every constraint. Only groups that
change anyway turn to a copy, so the file of a group that stays as it is is never touched.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
import typing as t

from .events import CONTENT, EARLY, REMOVE, TURN, WRITE, Events, Intermediates, State
from .graph import Node
from .model import Group
from .select import precedence

PROFILES = "profiles"
GROUPS = "groups"
MEANWHILE = "omni-matchbox-meanwhile-"
# No id begins with a hyphen, so whatever number it has, an intermediate tells what it is for.
_INTERMEDIATE = re.compile(f"{MEANWHILE}(-[0-9]+-)?")


@dataclasses.dataclass(frozen=True)
class Step:
    """One file ``folder/id.json`` that is written with ``thing`` (a group, or a profile's text), or removed (``None``)."""

    folder: str
    id: str
    thing: Group | str | None


def original(name: str) -> str:
    """The id for which ``name`` is an intermediate; any other is its own."""
    return _INTERMEDIATE.sub("", name, count=1) if name.startswith(MEANWHILE) else name


def is_intermediate(key: str) -> bool:
    """Whether ``folder/id`` is there only during a change."""
    return key.split("/", 1)[1].startswith(MEANWHILE)


def in_batches(before: State, after: State) -> list[list[Step]]:
    """The steps from ``before`` to ``after``. Those of one batch do not depend on each other.

    A reader that reads group and profile one after the other must not see two batches at once: wait for longer than it takes.
    """
    if before == after:
        return []
    between = Intermediates()
    events = Events(before, after, between)
    while circles := events.graph.circles():
        # Also names that groups give to what is not there: an intermediate of that name would give them something to boot.
        named = {group.profile for state in (before, after) for group in state.groups.values()}
        for circle in circles:
            _break(circle, events, between, named)
        events = Events(before, after, between)
    return [batch for batch in _batches(events, before, after) if batch]


def _break(circle: list[Node], events: Events, between: Intermediates, named: set[str]) -> None:
    """Choose an intermediate that opens the circle: a copy of a profile if groups can turn to one, else a group."""
    profiles = [name for kind, name in circle if kind == CONTENT]
    for copies, turning in ((between.new, events.coming), (between.old, events.going)):
        for name in profiles:
            if name in turning:
                copies[name] = _free(original(name), events.before.profiles, events.after.profiles, named, between.old.values(), between.new.values())
                return
    name = next(name for kind, name in circle if kind == WRITE and events.replaces_selector(name) and name not in between.groups)
    between.groups[name] = _free(name, events.before.groups, events.after.groups)


def _free(name: str, *taken: t.Container[str]) -> str:
    """An id for the intermediate of ``name``; what a run that was ended has left may have the first one."""
    candidates = itertools.chain([MEANWHILE + name], (f"{MEANWHILE}-{number}-{name}" for number in itertools.count(2)))
    return next(candidate for candidate in candidates if not any(candidate in ids for ids in taken))


def _batches(events: Events, before: State, after: State) -> t.Iterator[list[Step]]:
    between = events.between
    copies = {between.old[name]: before.profiles.get(name) for name in between.old}
    copies.update({between.new[name]: after.profiles.get(name) for name in between.new})
    yield [Step(PROFILES, name, content) for name, content in copies.items() if content is not None]
    yield [Step(GROUPS, name, group) for name, group in events.turned_before.items()]
    for level in events.graph.levels():
        yield sorted((_step(node, events, after) for node in level), key=_shown_order)
    # Every machine gets its new script by now. What follows changes only where it comes from.
    yield [Step(GROUPS, name, None) for name in between.groups.values()]
    yield [Step(GROUPS, name, after.groups[name]) for name in events.turned_after]
    yield [Step(PROFILES, name, None) for name, content in copies.items() if content is not None]


def _step(node: Node, events: Events, after: State) -> Step:
    kind, name = node
    if kind == CONTENT:
        return Step(PROFILES, name, after.profiles.get(name))
    if kind == REMOVE:
        return Step(GROUPS, name, None)
    if kind == EARLY:
        return Step(GROUPS, events.between.groups[name], events.after.groups[name])
    if kind == TURN:
        return Step(GROUPS, name, events.turned(name))
    return Step(GROUPS, name, events.after.groups[name])


def _shown_order(step: Step) -> tuple:
    """Within a batch any order is right; this one reads well: profiles, then groups, the most specific first."""
    size, text = precedence(step.thing) if isinstance(step.thing, Group) else (0, "")
    return step.folder != PROFILES, step.thing is None, -size, text, step.id
