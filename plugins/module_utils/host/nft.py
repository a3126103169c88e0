# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Openings in an nftables firewall that somebody else wrote.

An accept in one nftables table cannot undo a drop in another, so an own table could not open anything: the openings are
rules at the head of every foreign input chain that drops, each marked by a comment with the hash of its text. What has our
mark and is not wanted any more is removed; nothing else is touched.

The file is also installed on the boot host and run by a unit of its own, because `nftables.service` throws the openings
away whenever it reloads. So it uses the standard library alone::

    nft.py apply FILE      FILE holds the wanted openings as JSON
    nft.py remove
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import subprocess
import sys
import typing as t

MARK = "omni-matchbox"


@dataclasses.dataclass(frozen=True)
class Opening:
    """One rule: ``protocol`` is ``tcp`` or ``udp``; without an ``interface`` it holds on all of them."""

    protocol: str
    ports: tuple[int, ...]
    interface: str = ""

    @property
    def rule(self) -> str:
        """The rule as nft reads it, with its mark."""
        match = f'iifname "{self.interface}" ' if self.interface else ""
        text = f"{match}{self.protocol} dport {{ {', '.join(str(port) for port in sorted(self.ports))} }} accept"
        return f'{text} comment "{MARK} {hashlib.sha256(text.encode()).hexdigest()[:12]}"'

    @property
    def mark(self) -> str:
        """What the comment says: the same text, the same mark."""
        return self.rule.rpartition('comment "')[2].rstrip('"')


class Change(t.NamedTuple):
    """What nft has to do, and what people see of it."""

    commands: list[str]
    before: list[str]
    after: list[str]


def openings(wanted: list[dict]) -> list[Opening]:
    """``[{"protocol": "tcp", "ports": [80], "interface": "eth0"}]`` as openings."""
    return [Opening(item["protocol"], tuple(item["ports"]), item.get("interface") or "") for item in wanted]


def plan(ruleset: dict, wanted: list[Opening]) -> Change:
    """What to change in ``ruleset`` (the answer of ``nft --json --handle list ruleset``) so that ``wanted`` gets in."""
    entries = ruleset["nftables"]
    commands, before, after = [], [], []
    for chain in _input_chains(entries):
        place = f"{chain['family']} {chain['table']} {chain['name']}"
        ours = [rule for rule in _rules(entries, chain) if rule.get("comment", "").startswith(MARK + " ")]
        needed = {opening.mark: opening for opening in wanted} if _drops(entries, chain) else {}
        present = {rule["comment"] for rule in ours}
        commands += [f"delete rule {place} handle {rule['handle']}" for rule in ours if rule["comment"] not in needed]
        commands += [f"insert rule {place} {opening.rule}" for mark, opening in needed.items() if mark not in present]
        before += [f"{place}: {rule['comment']}" for rule in ours]
        after += [f"{place}: {mark}" for mark in needed]
    return Change(commands, sorted(before), sorted(after))


def _input_chains(entries: list[dict]) -> list[dict]:
    """The chains that see what comes in over IPv4; nft gives them a hook, and iptables' own tables are not ours to edit."""
    chains = [entry["chain"] for entry in entries if "chain" in entry]
    return [chain for chain in chains if chain.get("hook") == "input" and chain.get("type") == "filter" and chain["family"] in ("inet", "ip")]


def _rules(entries: list[dict], chain: dict) -> list[dict]:
    place = (chain["family"], chain["table"], chain["name"])
    rules = [entry["rule"] for entry in entries if "rule" in entry]
    return [rule for rule in rules if (rule["family"], rule["table"], rule["chain"]) == place]


def _drops(entries: list[dict], chain: dict) -> bool:
    """Whether the chain can refuse something: by its policy, by a rule, or in a chain that it calls."""
    if chain.get("policy") == "drop":
        return True
    chains = {(entry["chain"]["family"], entry["chain"]["table"], entry["chain"]["name"]): entry["chain"] for entry in entries if "chain" in entry}
    todo, seen = [chain], set()
    while todo:
        current = todo.pop()
        place = (current["family"], current["table"], current["name"])
        if place in seen:
            continue
        seen.add(place)
        for statement in (statement for rule in _rules(entries, current) for statement in rule["expr"]):
            if "drop" in statement or "reject" in statement:
                return True
            for verdict in ("jump", "goto"):
                if verdict in statement:
                    todo.append(chains[(*place[:2], statement[verdict]["target"])])
    return False


def read_ruleset() -> dict:
    """The host's rules, with handles."""
    return json.loads(subprocess.run(["nft", "--json", "--handle", "list", "ruleset"], check=True, capture_output=True, text=True).stdout)


def apply(change: Change) -> None:
    """All commands in one transaction: every opening is made, or none."""
    if change.commands:
        subprocess.run(["nft", "--file", "-"], input="\n".join(change.commands) + "\n", check=True, capture_output=True, text=True)


def main(arguments: list[str]) -> None:
    """The command that the unit runs."""
    wanted = []
    if arguments[0] == "apply":
        with open(arguments[1], encoding="utf-8") as file:
            wanted = openings(json.load(file))
    apply(plan(read_ruleset(), wanted))


if __name__ == "__main__":
    main(sys.argv[1:])
