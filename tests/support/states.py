"""Small data directories in which groups tie, overlap and move often, for property tests.

They are made from a seed, which is much faster than to have every choice drawn, and goes round in circles much more often.
"""

from __future__ import annotations

import dataclasses
import itertools
import random

from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.events import State
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.model import Group
from hypothesis import strategies as st

LABELS = ("arch", "serial", "uuid")
VALUES = ("", "1", "2")
PROFILES = "pqr"
NAMES = [f"{letter}{number}" for letter in "uvwx" for number in "123"]
# Every machine that these labels can tell apart; 3 is a value that no group selects.
MACHINES = [dict(zip(LABELS, values)) for values in itertools.product((*VALUES, "3"), repeat=len(LABELS))]

randoms = st.randoms(use_true_random=True)


def change(source: random.Random) -> tuple[State, State]:
    """Two states that have much in common: many files stay, some come, go, change places, name another profile or select others.

    The first may have groups with the same selectors, and groups whose profile is not there; of what changes, the second has neither.
    """
    before = State(_profiles(source), _groups(source, 9))
    return before, successor(source, before)


def successor(source: random.Random, before: State) -> State:
    """A state that may follow on another."""
    profiles, groups = _profiles(source), dict(before.groups)
    for name in list(groups):
        fate = source.choice(("goes", "turns", "selects", "swaps", *("stays",) * 3))
        if fate == "goes":
            del groups[name]
        elif fate == "turns":
            groups[name] = dataclasses.replace(groups[name], profile=source.choice(PROFILES))
        elif fate == "selects":
            groups[name] = dataclasses.replace(groups[name], selector=_selector(source))
        elif fate == "swaps":
            other = source.choice(list(groups))
            groups[name], groups[other] = groups[other], groups[name]
    groups = {**_groups(source, 5), **groups}
    stays = {name: group for name, group in groups.items() if before.groups.get(name) == group}
    taken = [group.selector for group in stays.values()]
    for name, group in groups.items():
        if name not in stays and group.profile in profiles and group.selector not in taken:
            stays[name] = group
            taken.append(group.selector)
    return State(profiles, stays)


def _profiles(source: random.Random) -> dict[str, str]:
    return {name: f"{name} {source.choice('12')}" for name in PROFILES if source.random() < 0.9}


def _groups(source: random.Random, most: int) -> dict[str, Group]:
    groups: dict[str, Group] = {}
    for name in source.sample(NAMES, source.randint(0, most)):
        selector = _selector(source)
        if selector not in [group.selector for group in groups.values()] or source.random() < 0.2:
            groups[name] = Group("", "", source.choice(PROFILES), selector)
    return groups


def _selector(source: random.Random) -> dict[str, str]:
    return {label: source.choice(VALUES) for label in LABELS if source.random() < 0.5}
