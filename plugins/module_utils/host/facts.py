# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a boot host's own programs and files say of it, as values. Pure; :mod:`.survey` asks them."""

from __future__ import annotations

import re
import shlex
import typing as t

from . import nft


def parse_interfaces(entries: list[dict]) -> dict[str, dict]:
    """Interfaces by name, from ``ip -json address show``: ``{"name", "mac", "up", "addresses": [{"address", "prefix"}]}``.

    ``up`` means that it is switched on and has a carrier.
    """
    interfaces = {}
    for entry in entries:
        if "ifname" in entry:
            interfaces[entry["ifname"]] = {
                "name": entry["ifname"],
                "mac": entry.get("address", ""),
                "up": {"UP", "LOWER_UP"} <= set(entry["flags"]),
                "addresses": [{"address": info["local"], "prefix": info["prefixlen"]} for info in entry["addr_info"] if info.get("family") == "inet"],
            }
    return interfaces


def addresses_elsewhere(entries: list[dict], name: str) -> set[str]:
    """The addresses, of both families, of all interfaces but ``name`` and the loopback, from ``ip -json address show``."""
    return {info["local"] for entry in entries if entry.get("ifname") not in (name, "lo") for info in entry.get("addr_info", []) if "local" in info}


def parse_os_release(text: str) -> dict:
    """``/etc/os-release`` as ``{"id", "version", "codename", "like", "name"}``; ``like`` is a list."""
    values = dict(word.partition("=")[::2] for word in shlex.split(text, comments=True) if "=" in word)
    return {
        "id": values.get("ID", "linux"),
        "version": values.get("VERSION_ID", ""),
        "codename": values.get("VERSION_CODENAME", ""),
        "like": values.get("ID_LIKE", "").split(),
        "name": values.get("PRETTY_NAME", ""),
    }


def parse_packages(text: str, wanted: list[str]) -> dict[str, list[str]]:
    """``wanted`` divided into ``installed`` and ``missing``, from ``dpkg-query --show --showformat='${Package} ${db:Status-Status}\\n'``."""
    there = {line.partition(" ")[0] for line in text.splitlines() if line.endswith(" installed")}
    return {"installed": [name for name in wanted if name in there], "missing": [name for name in wanted if name not in there]}


def parse_active_units(text: str) -> set[str]:
    """The names of the active units in the answer of ``systemctl show --property=Id,ActiveState UNIT…``."""
    return set(re.findall(r"^Id=(.+)\nActiveState=active$", text, re.MULTILINE))


def firewall(active_units: t.Collection[str], ufw_conf: str, ruleset: dict | None) -> dict:
    """Which firewalls of the host may keep machines out.

    ``ruleset`` is the answer of ``nft --json list ruleset``, None where nft cannot be asked. ``dropping_chains`` are the input
    chains that neither firewalld nor ufw made and that drop or reject something.
    """
    firewalld = "firewalld.service" in active_units
    # The unit ufw.service may be inactive although the rules are there: `ufw enable` does not start it.
    ufw = bool(re.search(r"^\s*ENABLED\s*=\s*[\"']?yes", ufw_conf, re.MULTILINE | re.IGNORECASE))
    made_by_others = [chain for chain in _dropping_chains(ruleset) if not _is_made_by(chain, firewalld=firewalld, ufw=ufw)]
    nftables_service = "nftables.service" in active_units
    names = {"firewalld": firewalld, "ufw": ufw, "nftables": nftables_service or bool(made_by_others)}
    return {
        "backends": [name for name, there in names.items() if there],
        "dropping_chains": made_by_others,
        "nftables_service": nftables_service,
        "ruleset_known": ruleset is not None,
    }


def _dropping_chains(ruleset: dict | None) -> list[str]:
    """``inet filter input`` and the like: the chains into which an opening would have to be put."""
    if ruleset is None:
        return []
    anything = nft.openings([{"protocol": "tcp", "ports": [80]}])
    return sorted({line.partition(": ")[0] for line in nft.plan(ruleset, anything).after})


def _is_made_by(chain: str, *, firewalld: bool, ufw: bool) -> bool:
    return (firewalld and chain.startswith("inet firewalld ")) or (ufw and chain.startswith("ip filter "))
