# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What machines boot, and which of them boot something else after a change. Pure."""

from __future__ import annotations

import typing as t

from .events import State
from .model import Group
from .overlap import Selector, selector_of
from .select import Index

OTHERS = "every other machine"
NOTHING = "nothing"
_SHOWN = 20


class Difference(t.NamedTuple):
    """Machines that boot profile ``after`` instead of ``before``; of equal names, the profile's content is what changes."""

    before: str
    after: str
    machines: list[str]


def differences(before: State, after: State) -> list[Difference]:
    """Which machines boot something else after a change.

    A machine is named by what a group selects, as ``mac=52:54:00:12:34:56``; it is taken to send nothing else. Those that no group
    selects are :data:`OTHERS`.
    """
    old, new = (Index(state.groups[name] for name in sorted(state.groups, key=_file_order)) for state in (before, after))
    selectors: dict[Selector, None] = {selector_of(group.selector): None for state in (before, after) for group in state.groups.values()}
    found: dict[tuple[str, str], list[str]] = {}
    for selector in sorted({*selectors, ()}):
        labels = dict(selector)
        was, will_be = old.select(labels), new.select(labels)
        if _script(before, was) != _script(after, will_be):
            found.setdefault((_profile(was), _profile(will_be)), []).append(machine_name(selector))
    return [Difference(*profiles, machines) for profiles, machines in sorted(found.items())]


def shown(found: list[Difference], *, past: bool) -> str:
    """The differences as one side of a diff: what these machines boot before (``past``) or after the change, some machines a line."""
    lines = []
    for before, after, machines in found:
        names = machines[:_SHOWN] + ([f"{len(machines) - _SHOWN} more"] if len(machines) > _SHOWN else [])
        profile = before if past else f"{after}, changed" if before == after else after
        lines += [f"{name} boots {profile}\n" for name in names]
    return "".join(lines)


def machine_name(selector: Selector) -> str:
    """A machine in words: the labels by which it is selected."""
    return ", ".join(f"{label}={value}" for label, value in selector) or OTHERS


def _file_order(name: str) -> bytes:
    return f"{name}.json".encode("utf-8", "surrogateescape")


def _script(state: State, group: Group | None) -> str | None:
    return state.profiles.get(group.profile) if group else None


def _profile(group: Group | None) -> str:
    return group.profile if group else NOTHING
