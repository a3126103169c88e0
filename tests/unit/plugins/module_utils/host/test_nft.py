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

    def run(argv, **kwargs):
        return real_run(["ip", "netns", "exec", namespace, *argv], **kwargs)

    try:
        monkeypatch.setattr(nft.subprocess, "run", run)
        run(["nft", "--file", "-"], input=FOREIGN, text=True, check=True)
        yield lambda: run(["nft", "list", "ruleset"], check=True, capture_output=True, text=True).stdout
    finally:
        real_run(["ip", "netns", "del", namespace], check=True)


def test_openings_head_every_chain_that_drops_and_no_other(rules):
    before = rules()
    change = nft.plan(nft.read_ruleset(), WANTED)
    nft.apply(change)
    after = rules()
    heads = [block.splitlines()[2].strip() for block in after.split("chain ")[1:] if "hook input" in block and "omni-matchbox" in block]
    assert len(heads) == 2
    assert all(head.startswith(("iifname", "tcp dport { 80, 443 }")) for head in heads)
    assert [line for line in after.splitlines() if "omni-matchbox" not in line] == before.splitlines()
    assert nft.plan(nft.read_ruleset(), WANTED).commands == []


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
