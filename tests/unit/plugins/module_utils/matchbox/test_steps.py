"""In which order the files of a change are written."""

from __future__ import annotations

from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.model import Group
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.steps import Change, in_order
from hypothesis import given
from hypothesis import strategies as st


def group(name: str, **selector: str) -> Group:
    return Group(name, "", "p", selector)


CHANGES = [
    Change("profiles", "b", None, "x"),
    Change("profiles", "a", "y", "x"),
    Change("groups", "two", None, "x", group("two", domain="d", arch="x")),
    Change("groups", "uuid", "y", "x", group("uuid", uuid="u")),
    Change("groups", "mac", None, "x", group("mac", mac="m")),
    Change("groups", "default", "y", "x", group("default")),
    Change("groups", "broken", "y", None),
    Change("groups", "old-default", "y", None, group("old-default")),
    Change("groups", "old-mac", "y", None, group("old-mac", mac="m")),
    Change("groups", "old-uuid", "y", None, group("old-uuid", uuid="u")),
    Change("profiles", "old", "y", None),
]


@given(st.permutations(CHANGES))
def test_profiles_groups_and_removals_in_their_order(changes):
    assert [change.key for change in in_order(changes)] == [
        "profiles/a",
        "profiles/b",
        "groups/two",
        "groups/uuid",
        "groups/mac",
        "groups/default",
        "groups/broken",
        "groups/old-default",
        "groups/old-mac",
        "groups/old-uuid",
        "profiles/old",
    ]
