"""What a DHCP server would tell machines, held against their network."""

from __future__ import annotations

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.host.dhcp import offer_problems

ADDRESSES = ({"address": "192.168.1.8", "prefix": 24},)
RANGE = {"start": "192.168.1.100", "end": "192.168.1.199"}


def problems(addresses=ADDRESSES, **changes) -> list[str]:
    offer = {"range": RANGE, "router": "192.168.1.1", "name_servers": ["192.168.1.1", "9.9.9.9"], **changes}
    return offer_problems(offer, "eth0", addresses)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"range": {"start": "192.168.1.1", "end": "192.168.1.1"}, "router": "192.168.1.254"},
        {"range": {**RANGE, "netmask": "255.255.255.0", "lease": "90m"}},
        {"range": {**RANGE, "lease": "infinite"}},
        {"range": {**RANGE, "lease": 3600}},
    ],
)
def test_what_suits_the_network_is_no_problem(changes):
    assert problems(**changes) == []


def test_an_interface_may_have_several_addresses():
    assert problems([{"address": "10.1.0.8", "prefix": 16}, *ADDRESSES]) == []


NOT_ALL = "without it a machine would get an address and no way out; set it, or leave addresses to the server that is there"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"range": {}}, f"DHCP needs omni_matchbox_dhcp_range with start and end: {NOT_ALL}"),
        ({"range": {"start": "192.168.1.100"}}, f"DHCP needs omni_matchbox_dhcp_range with start and end: {NOT_ALL}"),
        ({"router": ""}, f"DHCP needs omni_matchbox_dhcp_router: {NOT_ALL}"),
        ({"name_servers": []}, f"DHCP needs omni_matchbox_dhcp_name_servers: {NOT_ALL}"),
        ({"router": "", "name_servers": []}, "DHCP needs omni_matchbox_dhcp_router, omni_matchbox_dhcp_name_servers: "),
        ({"range": {**RANGE, "first": "192.168.1.2"}}, "omni_matchbox_dhcp_range has the unknown setting 'first': known are start, end, netmask, lease"),
        ({"range": {**RANGE, "start": "192.168.1.300"}}, "omni_matchbox_dhcp_range, start: '192.168.1.300' is no IPv4 address"),
        ({"range": {**RANGE, "end": 199}}, "omni_matchbox_dhcp_range, end: 199 is no IPv4 address"),
        ({"range": {**RANGE, "netmask": "/24"}}, "omni_matchbox_dhcp_range, netmask: '/24' is no IPv4 address"),
        ({"router": "192.168.1.1\ndhcp-script=x"}, "omni_matchbox_dhcp_router: '192.168.1.1\\ndhcp-script=x' is no IPv4 address"),
        ({"name_servers": ["9.9.9.9", "dns"]}, "omni_matchbox_dhcp_name_servers: 'dns' is no IPv4 address"),
        ({"range": {**RANGE, "lease": "a day"}}, "omni_matchbox_dhcp_range, lease: 'a day' is no time: write it like 12h"),
        ({"range": {**RANGE, "start": "10.0.0.1"}}, "omni_matchbox_dhcp_range: 10.0.0.1 to 192.168.1.199 is not in 192.168.1.0/24, the network of eth0"),
        ({"range": {**RANGE, "end": "192.168.2.9"}}, "omni_matchbox_dhcp_range: 192.168.1.100 to 192.168.2.9 is not in 192.168.1.0/24"),
        ({"range": {"start": RANGE["end"], "end": RANGE["start"]}}, "omni_matchbox_dhcp_range: its start 192.168.1.199 comes after its end 192.168.1.100"),
        ({"router": "192.168.1.150"}, "omni_matchbox_dhcp_router: 192.168.1.150 lies between 192.168.1.100 and 192.168.1.199"),
        ({"router": "192.168.2.1"}, "omni_matchbox_dhcp_router: 192.168.2.1 is not in 192.168.1.0/24, so machines there cannot reach it"),
        ({"range": {**RANGE, "netmask": "255.255.0.0"}}, "omni_matchbox_dhcp_range, netmask: eth0 has 255.255.255.0, not 255.255.0.0"),
    ],
)
def test_what_does_not_is_told_in_a_line(changes, text):
    (problem,) = problems(**changes)
    assert problem.startswith(text)
    assert "\n" not in problem


def test_without_an_interface_only_the_writing_is_looked_at():
    assert problems([], router="10.0.0.1") == []
    assert len(problems([], router="10.0.0.256")) == 1
