"""The order of a change: after every single write each machine gets its old or its new script, never a third."""

from __future__ import annotations

import dataclasses
import itertools

from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.events import State
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.model import Group
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.select import Index
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.steps import MEANWHILE, PROFILES, Step, in_batches
from hypothesis import example, given, settings
from hypothesis import strategies as st

LABELS = ("arch", "mac", "uuid")
VALUES = ("", "1", "2")
# Every machine that these labels can tell apart; 3 is a value that no group selects.
MACHINES = [dict(zip(LABELS, values)) for values in itertools.product((*VALUES, "3"), repeat=len(LABELS))]


def script(state: State, machine: dict) -> str | None:
    """What the machine boots; None for an answer of 404."""
    groups = [state.groups[name] for name in sorted(state.groups, key=lambda name: f"{name}.json")]
    group = Index(groups).select(machine)
    return state.profiles.get(group.profile) if group else None


def scripts(state: State) -> list:
    return [script(state, machine) for machine in MACHINES]


def after(state: State, step: Step) -> State:
    """The state after one more file was written or removed."""
    profiles, groups = dict(state.profiles), dict(state.groups)
    things = profiles if step.folder == PROFILES else groups
    if step.thing is None:
        del things[step.id]
    else:
        things[step.id] = step.thing
    return State(profiles, groups)


def play(before: State, wanted: State, shuffle) -> list[Step]:
    """Plays every prefix, in any order within a batch, and looks at every machine after each write."""
    old, new = scripts(before), scripts(wanted)
    state, played = before, []
    for batch in in_batches(before, wanted):
        for step in shuffle(batch):
            state = after(state, step)
            played.append(step)
            for machine, now, first, last in zip(MACHINES, scripts(state), old, new):
                assert now in (first, last), f"{machine} gets {now}, neither {first} nor {last}, after {played}"
    assert state == wanted
    return played


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


def group(profile: str, **selector: str) -> Group:
    return Group("", "", profile, selector)


SWAP = (
    State({"p": "p1", "q": "q1"}, {"a": group("p", mac="1"), "b": group("q", mac="2")}),
    State({"p": "p2", "q": "q2"}, {"a": group("q", mac="1"), "b": group("p", mac="2")}),
)
SELECTORS_SWAP = (
    State({"p": "p1", "q": "q1"}, {"a": group("p", mac="1"), "b": group("q", arch="2"), "default": group("q")}),
    State({"p": "p1", "q": "q1"}, {"a": group("p", arch="2"), "b": group("q", mac="1"), "default": group("q")}),
)


@settings(max_examples=600, deadline=None)
@given(changes(), st.randoms(use_true_random=False))
@example(SWAP, None)
@example(SELECTORS_SWAP, None)
def test_every_prefix_of_a_change_is_safe(change, random):
    play(*change, shuffle=lambda batch: random.sample(batch, len(batch)) if random else batch)


@settings(max_examples=200, deadline=None)
@given(changes(), changes(), st.data())
def test_a_change_that_was_ended_is_finished_by_another(change, other, data):
    """Whatever is left of a run that was killed, the next one is safe from there, and nothing of the first is left."""
    state, wanted = change
    steps = [step for batch in in_batches(state, wanted) for step in batch]
    for step in steps[: data.draw(st.integers(0, len(steps)))]:
        state = after(state, step)
    play(state, data.draw(st.sampled_from([wanted, other[1]])), shuffle=list)


def test_two_profiles_that_change_and_swap_their_groups_need_one_intermediate():
    played = play(*SWAP, shuffle=list)
    assert {step.id for step in played if step.id.startswith(MEANWHILE)} in ({MEANWHILE + "p"}, {MEANWHILE + "q"})


def test_without_a_circle_there_are_no_intermediates():
    """A rotation that changes every profile, while machines come, go and move."""
    before = State(
        {"talos": "t1", "big": "b1"},
        {"default": group("talos"), "n1": group("big", mac="1"), "arm": group("talos", arch="2")},
    )
    wanted = State(
        {"talos": "t2", "big": "b2"},
        {"default": group("talos"), "n1": group("big", mac="1"), "n2": group("big", mac="2"), "arm": group("talos", arch="2")},
    )
    assert [step.id for step in play(before, wanted, shuffle=list)] == ["big", "n2", "talos"]


def test_nothing_to_do():
    state = State({"p": "1"}, {"a": group("p")})
    assert in_batches(state, state) == []


def test_the_same_change_has_always_the_same_steps():
    assert in_batches(*SWAP) == in_batches(*SWAP)
