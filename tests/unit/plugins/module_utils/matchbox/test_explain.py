"""What one machine gets, and the sentence that says why."""

from __future__ import annotations

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import InputError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.explain import answer, request_query
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.model import LABELS, Boot, Group, Profile
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.reader import UnreadableError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.select import Index
from hypothesis import given
from hypothesis import strategies as st

PROFILES = {"p": Profile(id="p", boot=Boot("/k", ["/i"], ["a"])), "bare": Profile(id="bare")}
MACHINE = {**dict.fromkeys(LABELS), "labels": {}}


def load(name: str) -> Profile:
    if name not in PROFILES:
        raise UnreadableError("No such file or directory")
    return PROFILES[name]


def groups(*selectors, **named) -> dict[str, Group]:
    numbered = {f"g{number:02}": Group(profile="p", selector=selector) for number, selector in enumerate(selectors)}
    return {**numbered, **{name: Group(profile=profile) for name, profile in named.items()}}


def ask(found: dict[str, Group], loader: str = "ipxe", **machine) -> dict:
    return answer(request_query({**MACHINE, **machine}), found, load, loader)


@pytest.mark.parametrize(
    ("machine", "query"),
    [
        ({}, "uuid=&mac=&domain=&hostname=&serial=&arch="),
        ({"mac": "52:54:00:AB:CD:EF"}, "uuid=&mac=52-54-00-ab-cd-ef&domain=&hostname=&serial=&arch="),
        ({"uuid": "4C4C4544-0051-3510-8052-B4C04F4E3333"}, "uuid=4c4c4544-0051-3510-8052-b4c04f4e3333&mac=&domain=&hostname=&serial=&arch="),
        ({"serial": "J 1&2", "labels": {"os": "installed"}}, "uuid=&mac=&domain=&hostname=&serial=J+1%262&arch=&os=installed"),
    ],
)
def test_the_request(machine, query):
    assert request_query({**MACHINE, **machine}).decode() == query


@pytest.mark.parametrize(
    ("machine", "message"),
    [
        ({"mac": "52:54"}, "mac: '52:54' is no MAC address; write it as '52:54:00:12:34:56'"),
        ({"uuid": "1"}, "uuid: '1' is no UUID; write it as '4c4c4544-0051-3510-8052-b4c04f4e3333'"),
        ({"labels": {"mac": "x"}}, "labels.mac: every machine sends this one; give it as mac"),
        ({"labels": {"slot": 7}}, "labels.slot: is no text; write it in quotes"),
    ],
)
def test_no_machine(machine, message):
    with pytest.raises(InputError) as caught:
        request_query({**MACHINE, **machine})
    assert str(caught.value) == message


MAC, SERIAL = {"mac": "52:54:00:12:34:56"}, {"serial": "1"}


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ({}, "No group matches, and none is that of every machine."),
        (groups({"serial": "2"}), "No group matches, and none is that of every machine."),
        (groups(MAC), "Group g00 is the only one that matches."),
        (groups({}, MAC), "Group g01 has the most selectors of the 2 groups that match: mac=52:54:00:12:34:56."),
        (groups(MAC, SERIAL), "Groups g01 and g00 have equally many selectors; serial=1 is later in the alphabet than mac=52:54:00:12:34:56."),
        (groups(MAC, MAC), "Group g00 selects the same as group g01 does; its name is the first."),
        (groups(*[MAC] * 12), "Group g00 selects the same as group g01 does; its name is the first."),
        (groups(*[MAC] * 13), "Group g00 selects the same as group g01 does; with more than 12 groups Matchbox may take either."),
        (groups(only=""), "Group only is the only one that matches. It names no profile; the machine gets 404, no other group takes it."),
        (
            groups(only="x"),
            "Group only is the only one that matches. Its profile x is not there: No such file or directory; the machine gets 404, no other group takes it.",
        ),
        (groups(only="bare"), "Group only is the only one that matches. Its profile bare has no boot; the machine gets 404."),
    ],
)
def test_the_reason(found, reason):
    assert ask(found, mac="52-54-00-12-34-56", serial="1")["reason"] == reason


def test_all_of_an_answer():
    result = ask(
        {**groups({}, MAC), "hostile": Group(profile="p", selector={"serial": "2"}, metadata={"rack": "r1"})}, mac="52-54-00-12-34-56", labels={"os": "x"}
    )
    assert (result["group"], result["profile"]) == ("g01", "p")
    assert result["groups"] == [{"id": "g01", "selector": MAC, "profile": "p"}, {"id": "g00", "selector": {}, "profile": "p"}]
    assert result["labels"] == {**MAC, "os": "x"}
    assert result["script"] == "#!ipxe\nkernel /k a\ninitrd /i\nboot\n"
    assert {"MAC=52:54:00:12:34:56", "REQUEST_QUERY_OS=x"} < set(result["metadata"])


def test_metadata_needs_no_profile_and_a_value_may_hold_any_separator():
    (group,) = groups(only="missing").values()
    result = ask({"only": Group(profile=group.profile, metadata={"a": "x\u2028y"})})
    assert (result["script"], result["metadata"][0]) == (None, "A=x\u2028y")


def test_grub():
    assert 'linuxefi "/k" a' in ask(groups({}), loader="grub")["script"]


@given(
    st.lists(st.dictionaries(st.sampled_from(["serial", "domain", "os"]), st.sampled_from(["", "1", "2"])), max_size=8),
    st.dictionaries(st.sampled_from(["serial", "domain"]), st.sampled_from(["1", "2"])),
)
def test_the_winner_is_the_one_that_the_engine_chooses(selectors, machine):
    found = groups(*selectors)
    chosen = Index(found.values()).select(machine)
    result = ask(found, **machine)
    assert (None if result["group"] is None else found[result["group"]]) is chosen
