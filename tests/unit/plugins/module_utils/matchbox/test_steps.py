"""The order of a change: after every single write each machine gets its old or its new script, never a third."""

from __future__ import annotations

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.events import State
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.model import Group
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.select import Index
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.steps import MEANWHILE, PROFILES, Step, in_batches, original
from hypothesis import given, settings
from hypothesis import strategies as st
from support.states import MACHINES, change, randoms, successor


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
    """Plays every prefix, in any order within a batch, and looks at every machine after each write. Files that stay are never written."""
    old, new = scripts(before), scripts(wanted)
    state, played = before, []
    staying = [name for name, group in before.groups.items() if wanted.groups.get(name) == group]
    for batch in in_batches(before, wanted):
        for step in shuffle(batch):
            assert step.folder == PROFILES or step.id not in staying, f"{step.id} stays as it is and is written, after {played}"
            state = after(state, step)
            played.append(step)
            for machine, now, first, last in zip(MACHINES, scripts(state), old, new):
                assert now in (first, last), f"{machine} gets {now}, neither {first} nor {last}, after {played}"
    assert state == wanted
    return played


def group(profile: str, **selector: str) -> Group:
    return Group("", "", profile, selector)


PROFILES_SWAP = (
    State({"p": "p1", "q": "q1"}, {"a": group("p", serial="1"), "b": group("q", serial="2")}),
    State({"p": "p2", "q": "q2"}, {"a": group("q", serial="1"), "b": group("p", serial="2")}),
)
SELECTORS_SWAP = (
    State({"p": "p1", "q": "q1"}, {"a": group("p", serial="1"), "b": group("q", arch="2"), "default": group("q")}),
    State({"p": "p1", "q": "q1"}, {"a": group("p", arch="2"), "b": group("q", serial="1"), "default": group("q")}),
)


@settings(max_examples=400, deadline=None)
@given(randoms)
def test_every_prefix_of_a_change_is_safe(source):
    play(*change(source), shuffle=lambda batch: source.sample(batch, len(batch)))


@settings(max_examples=150, deadline=None)
@given(randoms, st.booleans())
def test_a_change_that_was_ended_is_finished_by_another(source, as_wanted):
    """Whatever is left of a run that was killed, the next one is safe from there, and nothing of the first is left."""
    state, wanted = change(source)
    steps = [step for batch in in_batches(state, wanted) for step in batch]
    for step in steps[: source.randint(0, len(steps))]:
        state = after(state, step)
    play(state, wanted if as_wanted else successor(source, State({}, {})), shuffle=list)


@pytest.mark.parametrize("swap", [PROFILES_SWAP, SELECTORS_SWAP], ids=["profiles", "selectors"])
def test_a_swap_is_safe(swap):
    play(*swap, shuffle=list)


def test_what_a_killed_run_left_in_front_of_a_group_goes():
    """An intermediate group that comes first by its name while the group that it stands for turns back to its own profile."""
    left = Group("", "", MEANWHILE + "q", {"serial": "1", "arch": ""})
    before = State({"p": "p1", "q": "q1", MEANWHILE + "q": "q2"}, {MEANWHILE + "v": left, "v": left, "w": group("p", arch="")})
    play(before, State({"p": "p1", "q": "q2"}, {"v": Group("", "", "q", left.selector)}), shuffle=list)


def test_an_intermediate_has_no_name_that_a_group_names():
    """A group whose profile is not there gets nothing until it is told otherwise."""
    lost = group(MEANWHILE + "p", serial="3"), group(MEANWHILE + "q", serial="4")
    before, wanted = (State(state.profiles, {**state.groups, "lost-p": lost[0], "lost-q": lost[1]}) for state in PROFILES_SWAP)
    play(before, wanted, shuffle=list)


def test_an_intermediate_tells_what_it_is_for():
    before, wanted = ({**PROFILES_SWAP[0].profiles, MEANWHILE + "p": "left", MEANWHILE + "q": "left"}, PROFILES_SWAP[1])
    steps = play(State(before, PROFILES_SWAP[0].groups), wanted, shuffle=list)
    assert {original(step.id) for step in steps if step.folder == PROFILES} == {"p", "q"}
    assert [original(name) for name in ("p", f"{MEANWHILE}2-p", f"{MEANWHILE}-2-p")] == ["p", "2-p", "p"]


def test_two_profiles_that_change_and_swap_their_groups_need_one_intermediate():
    played = play(*PROFILES_SWAP, shuffle=list)
    assert {step.id for step in played if step.id.startswith(MEANWHILE)} in ({MEANWHILE + "p"}, {MEANWHILE + "q"})


STAY = {"a": group("p", serial="1"), "b": group("q", serial="2")}
COME = {"c": group("q", serial="1", arch="1"), "d": group("p", serial="2", arch="1")}


@pytest.mark.parametrize(("before", "wanted"), [(STAY, {**STAY, **COME}), ({**STAY, **COME}, STAY)], ids=["come", "go"])
def test_machines_that_swap_profiles_with_groups_that_stay_need_one_intermediate(before, wanted):
    played = play(State({"p": "p1", "q": "q1"}, before), State({"p": "p2", "q": "q2"}, wanted), shuffle=list)
    assert len({step.id for step in played if step.id.startswith(MEANWHILE)}) == 1


def test_without_a_circle_there_are_no_intermediates():
    """A rotation that changes every profile, while machines come, go and move."""
    before = State(
        {"talos": "t1", "big": "b1"},
        {"default": group("talos"), "n1": group("big", serial="1"), "arm": group("talos", arch="2")},
    )
    wanted = State(
        {"talos": "t2", "big": "b2"},
        {"default": group("talos"), "n1": group("big", serial="1"), "n2": group("big", serial="2"), "arm": group("talos", arch="2")},
    )
    assert [step.id for step in play(before, wanted, shuffle=list)] == ["big", "n2", "talos"]


def test_nothing_to_do():
    state = State({"p": "1"}, {"a": group("p")})
    assert in_batches(state, state) == []


def test_the_same_change_has_always_the_same_steps():
    assert in_batches(*PROFILES_SWAP) == in_batches(*PROFILES_SWAP)
