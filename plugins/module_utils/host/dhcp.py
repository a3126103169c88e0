# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a DHCP server is going to tell machines, held against the network that they are in. Pure."""

from __future__ import annotations

import ipaddress
import re

RANGE_FIELDS = ("start", "end", "netmask", "lease")
_LEASE = re.compile(r"[0-9]+[smhdw]?|infinite")
_WHY_ALL = "without it a machine would get an address and no way out; set it, or leave addresses to the server that is there (omni_matchbox_dhcp_mode: proxy)"


def offer_problems(offer: dict, interface: str, addresses: list[dict]) -> list[str]:
    """What is wrong with ``offer`` (``{"range": {"start", "end", "netmask", "lease"}, "router", "name_servers"}``), a line each.

    ``addresses`` are those of ``interface`` on this host (``[{"address", "prefix"}]``); without any, nothing is compared with them.
    """
    missing = _missing(offer)
    if missing:
        return [f"DHCP needs {', '.join(missing)}: {_WHY_ALL}"]
    problems = _malformed(offer)
    if problems or not addresses:
        return problems
    networks = [ipaddress.IPv4Interface(f"{entry['address']}/{entry['prefix']}").network for entry in addresses]
    return _misplaced(offer, interface, networks)


def _missing(offer: dict) -> list[str]:
    wanted = {
        "omni_matchbox_dhcp_range with start and end": offer["range"].get("start") and offer["range"].get("end"),
        "omni_matchbox_dhcp_router": offer["router"],
        "omni_matchbox_dhcp_name_servers": offer["name_servers"],
    }
    return [name for name, value in wanted.items() if not value]


def _malformed(offer: dict) -> list[str]:
    """What is not written as it should be, wherever the machines are."""
    given = offer["range"]
    unknown = [name for name in given if name not in RANGE_FIELDS]
    problems = [f"omni_matchbox_dhcp_range has the unknown setting {name!r}: known are {', '.join(RANGE_FIELDS)}" for name in unknown]
    named = [(f"omni_matchbox_dhcp_range, {name}", given[name]) for name in RANGE_FIELDS[:3] if given.get(name) is not None]
    named += [("omni_matchbox_dhcp_router", offer["router"])]
    named += [("omni_matchbox_dhcp_name_servers", server) for server in offer["name_servers"]]
    problems += [f"{name}: {value!r} is no IPv4 address: write it like 192.168.1.100" for name, value in named if not _is_address(value)]
    if given.get("lease") is not None and not _LEASE.fullmatch(str(given["lease"])):
        problems.append(f"omni_matchbox_dhcp_range, lease: {given['lease']!r} is no time: write it like 12h, 90m or infinite")
    return problems


def _misplaced(offer: dict, interface: str, networks: list[ipaddress.IPv4Network]) -> list[str]:
    """What is well written and does not fit the network, or itself."""
    start, end, router = (ipaddress.IPv4Address(text) for text in (offer["range"]["start"], offer["range"]["end"], offer["router"]))
    network = next((network for network in networks if start in network), None)
    if network is None or end not in network:
        known = " and ".join(map(str, networks))
        return [f"omni_matchbox_dhcp_range: {start} to {end} is not in {known}, the network of {interface}: choose addresses there"]
    problems = []
    if start > end:
        problems.append(f"omni_matchbox_dhcp_range: its start {start} comes after its end {end}: exchange them")
    elif start <= router <= end:
        problems.append(f"omni_matchbox_dhcp_router: {router} lies between {start} and {end}, which are given to machines: leave it out of the range")
    if router not in network:
        problems.append(f"omni_matchbox_dhcp_router: {router} is not in {network}, so machines there cannot reach it: give the router of this network")
    if offer["range"].get("netmask") not in (None, str(network.netmask)):
        problems.append(f"omni_matchbox_dhcp_range, netmask: {interface} has {network.netmask}, not {offer['range']['netmask']}: leave netmask out")
    return problems


def _is_address(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(ipaddress.IPv4Address(value))
    except ValueError:
        return False
