"""What a site wants in its data directory: its boot plan, and the objects that are given whole."""

from __future__ import annotations

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import InputError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.wanted import wanted_site

JOIN_ARGS = [
    "siderolink.api=grpc://192.168.1.8:8090?jointoken=w7uVuW3zbVKIYQuzEcyetAHeYMeo5q2L9RvkAVfCfSCD",
    "talos.events.sink=[fdae:41e4:649b:9303::1]:8091",
    "talos.logging.kernel=tcp://[fdae:41e4:649b:9303::1]:8092",
]
RESCUE = {"id": "rescue", "boot": {"kernel": "/k", "args": ["host=${serial}", "@join_args@"]}}
GROUP = {"id": "g", "profile": "talos"}


def site(**options) -> dict:
    given = {"classes": {"talos": {"version": "v1.11.4"}}, "machines": {}, "images": None, "profiles": [], "groups": []}
    return {**given, "join_args": JOIN_ARGS, "scope": "site", **options}


def kernel_args(*args) -> dict:
    return {"classes": {"talos": {"version": "v1.11.4", "kernel_args": list(args)}}}


def test_the_plan_and_what_is_given_whole():
    wanted = wanted_site(site(profiles=[RESCUE], groups=[{"id": "g", "profile": "rescue", "selector": {"serial": "1"}}]))
    assert list(wanted.objects()) == ["profiles/talos", "profiles/rescue", "groups/default", "groups/g"]
    assert wanted.profiles[0].boot.args[-3:] == JOIN_ARGS
    assert wanted.profiles[1].boot.args == ["host=${serial}", *JOIN_ARGS]


def test_no_join_arguments_where_nothing_asks_for_them():
    wanted = wanted_site(site(classes={}, join_args=None, profiles=[{"id": "a"}, {"id": "b", "boot": {"kernel": "/k"}}]))
    assert [profile.id for profile in wanted.profiles] == ["a", "b"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"join_args": []}, "profile talos: @join_args@ stands for Omni's join arguments; give them as join_args"),
        ({"join_args": JOIN_ARGS[:2]}, "join arguments: talos.logging.kernel missing"),
        ({"classes": {"Talos": {"version": "v1.11.4"}}}, "class Talos: 'Talos' cannot be a name"),
        (kernel_args("a ; b"), "profile talos: boot.args number 11 has the word ;, where iPXE ends the command"),
        (kernel_args("host=${serial}"), "profile talos: boot.args number 11 (host=...) has ${...}"),
        (kernel_args("x@join_args@"), "profile talos: @join_args@ is part of a longer text; make it an argument of its own"),
        ({"machines": {"node1": {"mac": 41138123456}}}, "machine node1: the MAC address was read as the number 41138123456; put it in quotes"),
        ({"groups": [{**GROUP, "selector": {"mac": 41138123456}}]}, "group g: selector.mac is the number 41138123456"),
        ({"groups": [{**GROUP, "id": "default", "selector": {"serial": "1"}}]}, "group default: is given 2 times; rename or remove one"),
        ({"profiles": [{"id": "talos"}]}, "profile talos: is given 2 times; rename or remove one"),
        ({"groups": [GROUP]}, "group g: selects every machine, as group default does; change or remove one"),
        (
            {"groups": [{**GROUP, "selector": {"mac": "52-54-00-12-34-56"}}], "machines": {"node1": {"mac": "52:54:00:12:34:56"}}},
            "group g: selects mac=52:54:00:12:34:56, as group node1 does; change or remove one",
        ),
        ({"profiles": [RESCUE, {}]}, "profiles: number 2: id is missing; give an id such as 'talos'"),
        ({"groups": [{"id": "g"}]}, "group g: profile is missing; give an id such as 'talos'"),
    ],
)
def test_refused(options, message):
    with pytest.raises(InputError) as refused:
        wanted_site(site(**options))
    assert str(refused.value).startswith(message)
