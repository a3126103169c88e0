# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Openings in an nftables firewall that somebody else wrote.

An accept in one nftables table cannot undo a drop in another, so an own table could not open anything: the openings are
rules in every foreign input chain that drops, before the rule that would refuse a newcomer. Whom a chain refuses in
particular, by address, stays refused. Each opening is marked by a comment with the hash of its text. What has our mark and
is not wanted any more is removed; nothing else is touched.

The file is also installed on the boot host and run by a unit of its own, because `nftables.service` throws the openings
away whenever it reloads. So it uses the standard library alone::

    nft.py apply FILE      FILE holds the wanted openings as JSON
    nft.py remove
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import subprocess
import sys
import typing as t

MARK = "omni-matchbox"

Place = tuple[str, str, str]
FIREWALLD_TABLE = "firewalld"
IPTABLES: Place = ("ip", "filter", "INPUT")


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
    rules = _Ruleset(ruleset)
    commands, before, after = [], [], []
    for chain in rules.foreign_input_chains():
        place = " ".join(chain)
        ours = [rule for rule in rules.rules(chain) if rule.get("comment", "").startswith(MARK + " ")]
        needed = {opening.mark: opening for opening in wanted} if rules.drops(chain) else {}
        present = {rule["comment"] for rule in ours}
        commands += [f"delete rule {place} handle {rule['handle']}" for rule in ours if rule["comment"] not in needed]
        commands += [f"{rules.insertion(chain)} {opening.rule}" for mark, opening in needed.items() if mark not in present]
        before += [f"{place}: {rule['comment']}" for rule in ours]
        after += [f"{place}: {mark}" for mark in needed]
    return Change(commands, sorted(before), sorted(after))


def dropping_chains(ruleset: dict) -> list[str]:
    """The input chains that keep out who is nobody in particular, as ``inet filter input``: where an opening has to be put."""
    rules = _Ruleset(ruleset)
    return sorted(" ".join(chain) for chain in rules.foreign_input_chains() if rules.drops(chain))


class _Ruleset:
    """The kernel's rules; a chain is named by (family, table, name)."""

    def __init__(self, ruleset: dict):
        entries = ruleset["nftables"]
        self.chains = {_place(entry["chain"], "name"): entry["chain"] for entry in entries if "chain" in entry}
        self._maps = {_place(entry["map"], "name"): entry["map"].get("elem", []) for entry in entries if "map" in entry}
        self._rules: dict[Place, list[dict]] = {place: [] for place in self.chains}
        for rule in (entry["rule"] for entry in entries if "rule" in entry):
            self._rules[_place(rule, "chain")].append(rule)

    def rules(self, chain: Place) -> list[dict]:
        """The rules of a chain, in their order."""
        return self._rules[chain]

    def foreign_input_chains(self) -> list[Place]:
        """The chains that see what comes in over IPv4, without those that firewalld or iptables would not know again."""
        hooked = [place for place, chain in self.chains.items() if chain.get("hook") == "input" and chain.get("type") == "filter"]
        return [place for place in hooked if place[0] in ("inet", "ip") and place[1] != FIREWALLD_TABLE and place != IPTABLES]

    def drops(self, chain: Place) -> bool:
        """Whether the chain refuses newcomers, by its policy or by a rule."""
        return self.chains[chain].get("policy") == "drop" or self._refusing_rule(chain) is not None

    def insertion(self, chain: Place) -> str:
        """The command that puts a rule before the one that would refuse newcomers, after those that refuse somebody in particular."""
        refusing = self._refusing_rule(chain)
        place = " ".join(chain)
        return f"insert rule {place} position {refusing['handle']}" if refusing else f"add rule {place}"

    def _refusing_rule(self, chain: Place) -> dict | None:
        return next((rule for rule in self._rules[chain] if self._refuses(rule, {chain})), None)

    def _refuses(self, rule: dict, seen: set[Place]) -> bool:
        """Whether a newcomer may be refused by the rule, or in a chain to which it leads."""
        verdicts = []
        for statement in rule["expr"]:
            if "match" in statement and _is_about_others(statement["match"]):
                return False
            verdicts += self._mapped_verdicts(rule, statement["vmap"]) if "vmap" in statement else [statement]
        for verdict in verdicts:
            if "drop" in verdict or "reject" in verdict:
                return True
            target = (verdict.get("jump") or verdict.get("goto") or {}).get("target")
            chain = (rule["family"], rule["table"], target)
            if target and chain not in seen:
                seen.add(chain)
                if any(self._refuses(called, seen) for called in self._rules[chain]):
                    return True
        return False

    def _mapped_verdicts(self, rule: dict, vmap: dict) -> list[dict]:
        """The verdicts of ``ct state vmap { invalid : drop }`` or of a map with a name, as far as newcomers get them."""
        data = vmap["data"]
        pairs = self._maps[rule["family"], rule["table"], data[1:]] if isinstance(data, str) else data["set"]
        return [verdict for key, verdict in pairs if not _is_about_others({"op": "==", "left": vmap["key"], "right": key})]


def _place(entry: dict, name: str) -> Place:
    return entry["family"], entry["table"], entry[name]


def _is_about_others(match: dict) -> bool:
    """Whether what matches is no newcomer, or one in particular: by its address, as those who ban somebody write it."""
    left, right = match["left"], match["right"]
    if match["op"] not in ("==", "in") or not isinstance(left, dict):
        return False
    if left.get("ct", {}).get("key") == "state":
        states = right["set"] if isinstance(right, dict) else [right] if isinstance(right, str) else right
        return not {"new", "untracked"}.intersection(states)
    return left.get("payload", {}).get("field") == "saddr"


def read_ruleset() -> dict:
    """The host's rules, with handles."""
    return json.loads(_nft("--json", "--handle", "list", "ruleset"))


def apply(change: Change) -> None:
    """All commands in one transaction: every opening is made, or none."""
    if change.commands:
        _nft("--file", "-", text="\n".join(change.commands) + "\n")


def _nft(*words: str, text: str | None = None) -> str:
    """What nft printed; who becomes root does not always have the administrator's programs on the path."""
    environment = {**os.environ, "PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"}
    return subprocess.run(["nft", *words], input=text, check=True, capture_output=True, text=True, env=environment).stdout


def main(arguments: list[str]) -> None:
    """The command that the unit runs."""
    wanted = []
    if arguments[0] == "apply":
        with open(arguments[1], encoding="utf-8") as file:
            wanted = openings(json.load(file))
    apply(plan(read_ruleset(), wanted))


if __name__ == "__main__":
    main(sys.argv[1:])
