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

Where this goes round in a circle, a profile gets an intermediate with its new content, to which groups turn first; or a file whose
selector changes gets an intermediate group with the new selector. With enough of these no circle is left: first all that appears, then
all that turns, then all that leaves keeps every constraint.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
import typing as t

from .events import CONTENT, EARLY, REMOVE, TURN, WRITE, Events, State
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


def in_batches(before: State, after: State) -> list[list[Step]]:
    """The steps from ``before`` to ``after``. Those of one batch do not depend on each other.

    A reader that reads group and profile one after the other must not see two batches at once: wait for longer than it takes.
    """
    if before == after:
        return []
    aliases: dict[str, str] = {}
    early: dict[str, str] = {}
    events = Events(before, after, aliases, early)
    while circles := events.graph.circles():
        for circle in circles:
            _break(circle, events, aliases, early)
        events = Events(before, after, aliases, early)
    return [batch for batch in _batches(events, after, early) if batch]


def _break(circle: list[Node], events: Events, aliases: dict[str, str], early: dict[str, str]) -> None:
    """Choose an intermediate that opens the circle: a profile if there is one, else a group."""
    contents = [name for kind, name, *rest in circle if kind == CONTENT and name in events.after.profiles]
    if contents:
        aliases[contents[0]] = _free(contents[0], events.before.profiles, events.after.profiles)
        return
    name = next(name for kind, name in circle if kind == WRITE and events.replaces_selector(name) and name not in early)
    early[name] = _free(name, events.before.groups, events.after.groups)


def _free(name: str, *taken: t.Container[str]) -> str:
    """An id for the intermediate of ``name``; what a run that was ended has left may have the first one."""
    candidates = itertools.chain([MEANWHILE + name], (f"{MEANWHILE}-{number}-{name}" for number in itertools.count(2)))
    return next(candidate for candidate in candidates if not any(candidate in ids for ids in taken))


def _batches(events: Events, after: State, early: t.Mapping[str, str]) -> t.Iterator[list[Step]]:
    aliases = events.aliases
    yield [Step(PROFILES, alias, after.profiles[name]) for name, alias in aliases.items()]
    for level in events.graph.levels():
        yield sorted((_step(node, events, after, early) for node in level), key=_shown_order)
    # Every machine gets its new script by now. What follows changes only where it comes from.
    yield [Step(GROUPS, name, None) for name in early.values()] + [Step(PROFILES, name, after.profiles[name]) for name in aliases]
    yield [Step(GROUPS, name, group) for name, group in after.groups.items() if group.profile in aliases]
    yield [Step(PROFILES, alias, None) for alias in aliases.values()]


def _step(node: Node, events: Events, after: State, early: t.Mapping[str, str]) -> Step:
    kind, name = node
    if kind == CONTENT:
        return Step(PROFILES, name, after.profiles.get(name))
    if kind == REMOVE:
        return Step(GROUPS, name, None)
    if kind == EARLY:
        return Step(GROUPS, early[name], events.after.groups[name])
    if kind == TURN:
        return Step(GROUPS, name, events.turned(name))
    return Step(GROUPS, name, events.after.groups[name])


def _shown_order(step: Step) -> tuple:
    """Within a batch any order is right; this one reads well: profiles, then groups, the most specific first."""
    size, text = precedence(step.thing) if isinstance(step.thing, Group) else (0, "")
    return step.folder != PROFILES, step.thing is None, -size, text, step.id
