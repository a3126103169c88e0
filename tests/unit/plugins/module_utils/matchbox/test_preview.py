"""Which machines boot something else after a change."""

from __future__ import annotations

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.events import State
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.model import Boot, Group, Profile
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.overlap import selector_of
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.preview import SHOWN, Difference, differences, machine_name, shown
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.select import best_first, select
from hypothesis import given
from hypothesis import strategies as st


def profile(name: str, kernel: str = "", title: str = "") -> str:
    return Profile(id=name, name=title, boot=Boot(kernel or f"/{name}")).text()


def state(profiles: str, **groups) -> State:
    """Profiles by their letters; a group is its profile and what it selects."""
    things = {name: Group(id=name, profile=booted, selector=selector) for name, (booted, selector) in groups.items()}
    return State({name: profile(name) for name in profiles}, things)


MAC = {"mac": "52:54:00:12:34:56"}
NAME = "mac=52:54:00:12:34:56"
SITE = state("ab", default=("a", {}), node=("b", MAC))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (SITE, SITE, []),
        (State({}, {}), SITE, [("nothing", "a", ["every other machine"]), ("nothing", "b", [NAME])]),
        (SITE, state("ab", default=("a", {}), node=("a", MAC)), [("b", "a", [NAME])]),
        (SITE, state("ab", default=("a", {})), [("b", "a", [NAME])]),
        (SITE, state("ab", node=("b", MAC)), [("a", "nothing", ["every other machine"])]),
        (SITE, state("ab", default=("b", {}), node=("b", MAC)), [("a", "b", ["every other machine"])]),
        # A new group takes only the machines that no more specific one has.
        (SITE, state("ab", default=("a", {}), node=("b", MAC), rack=("b", {"domain": "r"})), [("a", "b", ["domain=r"])]),
        # Who sends no UUID is in the group for that, before and after.
        (state("ab", node=("a", MAC), rest=("b", {"uuid": ""})), state("ab", node=("b", MAC), rest=("b", {"uuid": ""})), []),
        # The file has another name, or the profile another name for people: nothing else is booted.
        (SITE, state("ab", default=("a", {}), renamed=("b", MAC)), []),
        (SITE, State({**SITE.profiles, "b": profile("b", title="B")}, SITE.groups), []),
        (SITE, State({**SITE.profiles, "c": profile("c", "/b")}, state("", default=("a", {}), node=("c", MAC)).groups), []),
        (SITE, State({**SITE.profiles, "b": profile("b", "/new")}, SITE.groups), [("b", "b", [NAME])]),
        (state("a", default=("a", {}), node=("b", MAC)), SITE, [("b", "b", [NAME])]),
    ],
)
def test_differences(before, after, expected):
    assert differences(before, after) == expected


GROUPS = st.dictionaries(
    st.sampled_from("vwxyz"),
    st.builds(
        lambda booted, selector: Group(profile=booted, selector=selector),
        st.sampled_from("pq"),
        st.dictionaries(st.sampled_from("abc"), st.sampled_from(["", "1", "2"])),
    ),
)
STATES = st.builds(State, st.dictionaries(st.sampled_from("pq"), st.sampled_from([profile("p"), profile("q")])), GROUPS)


@given(STATES, STATES)
def test_every_machine_that_a_group_names_is_told_exactly_if_it_boots_something_else(before, after):
    machines = {selector_of(group.selector) for side in (before, after) for group in side.groups.values()} | {()}
    told = [name for difference in differences(before, after) for name in difference.machines]
    assert sorted(told) == sorted(machine_name(machine) for machine in machines if boot(before, machine) != boot(after, machine))


def boot(side: State, machine) -> str | None:
    group = select(best_first(side.groups[name] for name in sorted(side.groups)), dict(machine))
    return side.profiles.get(group.profile) if group else None


def test_few_of_many_are_named():
    found = [Difference("a", "b", [f"serial={number}" for number in range(SHOWN + 3)]), Difference("b", "b", ["x=1"])]
    assert shown(found, past=True).splitlines()[SHOWN - 1 :] == [f"serial={SHOWN - 1} boots a", "3 more boots a", "x=1 boots b"]
    assert shown(found, past=False).splitlines()[SHOWN:] == ["3 more boots b", "x=1 boots b, changed"]
    assert found[0].result() == {"before": "a", "after": "b", "count": SHOWN + 3, "machines": found[0].machines[:SHOWN]}
