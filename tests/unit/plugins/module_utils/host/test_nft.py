"""Openings in foreign nftables rules, against the real nft in a network namespace of the test's own."""

from __future__ import annotations

import json
import subprocess
import uuid

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.host import nft

FOREIGN = """
table ip called {
    chain refuses { drop; }
    chain entry { type filter hook input priority 10; jump refuses; }
}
table inet filter {
    chain input { type filter hook input priority 0; policy drop; ct state established accept; tcp dport 22 accept; }
    chain output { type filter hook output priority 0; policy drop; }
}
table ip open {
    chain entry { type filter hook input priority 20; accept; }
}
"""
WANTED = nft.openings([{"protocol": "tcp", "ports": [443, 80]}, {"protocol": "udp", "ports": [67, 69], "interface": "eth0"}])


@pytest.fixture
def rules(monkeypatch):
    """Runs nft in a new namespace; the foreign rules are there already."""
    namespace = f"omt-{uuid.uuid4().hex[:8]}"
    real_run = subprocess.run
    real_run(["ip", "netns", "add", namespace], check=True)

    def run(argv, *, check=False, **options):
        return real_run(["ip", "netns", "exec", namespace, *argv], check=check, **options)

    try:
        monkeypatch.setattr(nft.subprocess, "run", run)
        run(["nft", "--file", "-"], input=FOREIGN, text=True, check=True)
        yield lambda: run(["nft", "list", "ruleset"], check=True, capture_output=True, text=True).stdout
    finally:
        real_run(["ip", "netns", "del", namespace], check=True)


def test_every_chain_that_drops_is_opened_and_no_other(rules):
    before = rules()
    assert nft.dropping_chains(nft.read_ruleset()) == ["inet filter input", "ip called entry"]
    change = nft.plan(nft.read_ruleset(), WANTED)
    nft.apply(change)
    after = rules()
    opened = [block for block in after.split("chain ")[1:] if "omni-matchbox" in block]
    assert [block.partition(" ")[0] for block in opened] == ["entry", "input"]
    assert all(block.count("omni-matchbox") == 2 for block in opened)
    assert [line for line in after.splitlines() if "omni-matchbox" not in line] == before.splitlines()
    assert nft.plan(nft.read_ruleset(), WANTED).commands == []


@pytest.mark.parametrize(
    ("policy", "chain", "ahead"),
    [
        ("accept", [], None),
        ("drop", [], 0),
        ("drop", ["tcp dport 22 accept", "ip saddr 192.0.2.7 drop"], 2),
        ("drop", ["ct state invalid drop", "ct state { established, related } accept", "ip saddr @banned drop", "tcp dport 22 accept"], 4),
        ("drop", ["ct state vmap { established : accept, invalid : drop }", "iifname vmap { lo : accept, eth9 : jump refuses }"], 1),
        ("accept", ["ip saddr @banned reject", "ct state invalid drop", "ether saddr 52:54:00:12:34:56 drop"], None),
        ("accept", ["tcp dport 22 accept", "ip saddr 192.0.2.7 jump refuses", "drop"], 2),
        ("accept", ["ip saddr 192.0.2.7 drop", "ip saddr != 192.0.2.0/24 drop"], 1),
        ("accept", ["ct state { new, established } tcp dport 81 reject with tcp reset"], 0),
        ("accept", ["tcp dport vmap { 22 : accept, 80 : drop }"], 0),
        ("accept", ["ct state vmap { new : goto refuses, established : accept }"], 0),
        ("accept", ["udp dport vmap @ports"], 0),
        ("accept", ["jump loops"], None),
        ("accept", ["jump refuses", "accept"], 0),
    ],
)
def test_newcomers_are_let_in_before_they_are_refused_and_who_is_refused_by_name_stays_so(rules, policy, chain, ahead):
    text = f"""
        flush ruleset
        table inet filter {{
            set banned {{ type ipv4_addr; elements = {{ 192.0.2.9 }}; }}
            map ports {{ type inet_service : verdict; elements = {{ 67 : drop }}; }}
            chain refuses {{ drop; }}
            chain loops {{ tcp dport 22 accept; jump again; }}
            chain again {{ tcp dport 23 accept; }}
            chain input {{ type filter hook input priority 0; policy {policy}; {"; ".join(chain)}; }}
        }}"""
    nft.subprocess.run(["nft", "--file", "-"], input=text, text=True, check=True)
    nft.apply(nft.plan(nft.read_ruleset(), WANTED[:1]))
    lines = rules().partition("chain input")[2].splitlines()[2:]
    places = [place for place, line in enumerate(lines) if "omni-matchbox" in line]
    assert places == ([] if ahead is None else [ahead])


def test_chains_of_iptables_and_firewalld_are_theirs(rules):
    text = """
        flush ruleset
        table ip filter { chain INPUT { type filter hook input priority 0; policy drop; }; }
        table inet firewalld { chain filter_INPUT { type filter hook input priority 10; policy accept; reject; }; }"""
    nft.subprocess.run(["nft", "--file", "-"], input=text, text=True, check=True)
    ruleset = nft.read_ruleset()
    assert nft.dropping_chains(ruleset) == []
    assert nft.plan(ruleset, WANTED).commands == []


def test_what_is_not_wanted_any_more_is_closed_and_foreign_rules_stay(rules):
    before = rules()
    nft.apply(nft.plan(nft.read_ruleset(), WANTED))
    nft.apply(nft.plan(nft.read_ruleset(), WANTED[:1]))
    assert "iifname" not in rules()
    nft.apply(nft.plan(nft.read_ruleset(), []))
    assert rules() == before


def test_the_installed_program_puts_openings_back(rules, tmp_path):
    file = tmp_path / "openings.json"
    file.write_text(json.dumps([{"protocol": "tcp", "ports": [80]}]))
    nft.main(["apply", str(file)])
    assert rules().count("omni-matchbox") == 2
    nft.main(["remove"])
    assert "omni-matchbox" not in rules()


def test_a_refused_transaction_changes_nothing(rules):
    before = rules()
    bad = nft.Change(["insert rule inet filter input tcp dport 80 accept", "delete rule inet filter input handle 999"], [], [])
    with pytest.raises(subprocess.CalledProcessError):
        nft.apply(bad)
    assert rules() == before
