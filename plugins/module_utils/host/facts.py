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


def judge_distribution(found: dict, family: str, tested: dict, *, allow_untested: bool) -> tuple[str, str]:
    """The problem and the warning about a distribution (as :func:`parse_os_release` tells it), empty if there is none.

    ``tested`` maps families to distributions to versions: ``{"Debian": {"debian": ["12", "13"]}}``. Within a family packages and
    paths are alike.
    """
    if found["version"].partition(".")[0] in tested.get(family, {}).get(found["id"], []):
        return "", ""
    known = ", ".join(f"{name.title()} {' and '.join(versions)}" for members in tested.values() for name, versions in members.items())
    name = found["name"] or f"{found['id']} {found['version']}".strip()
    if family in tested or allow_untested:
        return "", f"{name} was not tested as a boot host ({known} were); going on, since {'it is akin to them' if family in tested else 'that was asked for'}"
    return f"boot hosts are tested with {known}, and this one runs {name}: take one of these, or set omni_matchbox_allow_untested to true and try", ""


def parse_packages(text: str, wanted: list[str]) -> dict[str, list[str]]:
    """``wanted`` divided into ``installed`` and ``missing``, from ``dpkg-query --show --showformat='${Package} ${db:Status-Status}\\n'``."""
    there = {line.partition(" ")[0] for line in text.splitlines() if line.endswith(" installed")}
    return {"installed": [name for name in wanted if name in there], "missing": [name for name in wanted if name not in there]}


def parse_active_units(text: str) -> set[str]:
    """The names of the active units in the answer of ``systemctl show --property=Id,ActiveState UNIT…``."""
    return set(re.findall(r"^Id=(.+)\nActiveState=active$", text, re.MULTILINE))


def firewall(active_units: t.Collection[str], ufw_conf: str, iptables: str, ruleset: dict | None) -> dict:
    """Which firewalls of the host may keep machines out.

    ``iptables`` is the answer of ``iptables --list-rules``, ``ruleset`` that of ``nft --json list ruleset``, None where nft cannot be
    asked. ``dropping_chains`` are the input chains of nftables itself that drop or reject something; those of firewalld, ufw and
    iptables are theirs.
    """
    # The unit ufw.service may be inactive although the rules are there: `ufw enable` does not start it.
    ufw = bool(re.search(r"^\s*ENABLED\s*=\s*[\"']?yes", ufw_conf, re.MULTILINE | re.IGNORECASE))
    firewalld = "firewalld.service" in active_units
    chains = nft.dropping_chains(ruleset) if ruleset else []
    names = {
        "firewalld": firewalld,
        "ufw": ufw,
        "iptables": not (firewalld or ufw) and iptables_drops(iptables),
        "nftables": "nftables.service" in active_units or bool(chains),
    }
    return {
        "backends": [name for name, there in names.items() if there],
        "dropping_chains": chains,
        "nftables_service": "nftables.service" in active_units,
        "ruleset_known": ruleset is not None,
    }


def iptables_drops(text: str) -> bool:
    """Whether iptables (``iptables --list-rules``) refuses newcomers. A rule about one source, or about a state, refuses others."""
    chains: dict[str, list[list[str]]] = {}
    for words in (shlex.split(line) for line in text.splitlines()):
        if words[0] == "-A":
            chains.setdefault(words[1], []).append(words)
        elif words == ["-P", "INPUT", "DROP"]:
            return True
    todo, seen = ["INPUT"], set()
    while todo:
        chain = todo.pop()
        seen.add(chain)
        for words in chains.get(chain, []):
            target = _iptables_target(words)
            if target in ("DROP", "REJECT"):
                return True
            if target not in seen:
                todo.append(target)
    return False


def _iptables_target(words: list[str]) -> str:
    """Where a rule sends newcomers; nowhere if it is about others."""
    pairs = dict(zip(words, words[1:]))
    about_source = "-s" in words and words[words.index("-s") - 1] != "!"
    about_state = "NEW" not in pairs.get("--ctstate", pairs.get("--state", "NEW")).split(",")
    return "" if about_source or about_state else pairs.get("-j", pairs.get("-g", ""))
