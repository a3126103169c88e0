"""Small data directories in which groups tie, overlap and move often, for property tests."""

from __future__ import annotations

import dataclasses
import itertools

from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.events import State
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.model import Group
from hypothesis import strategies as st

LABELS = ("arch", "serial", "uuid")
VALUES = ("", "1", "2")
# Every machine that these labels can tell apart; 3 is a value that no group selects.
MACHINES = [dict(zip(LABELS, values)) for values in itertools.product((*VALUES, "3"), repeat=len(LABELS))]

selectors = st.dictionaries(st.sampled_from(LABELS), st.sampled_from(VALUES), max_size=3)
names = st.sampled_from([f"{letter}{number}" for letter in "uvwx" for number in "12"])
contents = st.dictionaries(st.sampled_from("pqr"), st.sampled_from(["1", "2", "3"]), min_size=1)


@st.composite
def states(draw) -> State:
    """A data directory in which no two groups have the same selectors. A group may name a profile that is not there."""
    profiles = draw(contents)
    groups: dict[str, Group] = {}
    for name, selector, profile in draw(st.lists(st.tuples(names, selectors, st.sampled_from("pqr")), max_size=6)):
        if selector not in [group.selector for other, group in groups.items() if other != name]:
            groups[name] = Group("", "", profile, selector)
    return State({name: f"{name} {version}" for name, version in profiles.items()}, groups)


@st.composite
def changes(draw) -> tuple[State, State]:
    """Two states that have much in common: some files stay, some change places, some name another profile."""
    before, other = draw(states()), draw(states())
    groups = dict(before.groups)
    for name in draw(st.lists(st.sampled_from(sorted(groups)), unique=True)) if groups else []:
        del groups[name]
    order = draw(st.permutations(sorted(groups)))
    groups = dict(zip(sorted(groups), (groups[name] for name in order))) if draw(st.booleans()) else groups
    for name, group in other.groups.items():
        if name not in groups and group.selector not in [known.selector for known in groups.values()]:
            groups[name] = group
    profiles = {**before.profiles, **other.profiles}
    groups = {name: group for name, group in groups.items() if group.profile in profiles}
    for name in draw(st.lists(st.sampled_from(sorted(groups)), unique=True)) if groups else []:
        groups[name] = dataclasses.replace(groups[name], profile=draw(st.sampled_from(sorted(profiles))))
    used = {group.profile for group in groups.values()}
    return before, State({name: text for name, text in profiles.items() if name in used or draw(st.booleans())}, groups)
