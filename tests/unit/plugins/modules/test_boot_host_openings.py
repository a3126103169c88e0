"""The module boot_host_openings, with the real nft in a network namespace of the test's own."""

from __future__ import annotations

import subprocess
import sys
import uuid

import pytest

FOREIGN = """
table inet filter {
    chain input { type filter hook input priority 0; policy drop; tcp dport 22 accept; }
}
"""
OPENINGS = [{"protocol": "tcp", "ports": [80, 443]}, {"protocol": "udp", "ports": [67, 69], "interface": "eth0"}]


@pytest.fixture
def inside(modules):
    """Runs the module and nft in a new network namespace with foreign rules."""
    namespace = f"omt-{uuid.uuid4().hex[:8]}"
    enter = ["ip", "netns", "exec", namespace]
    subprocess.run(["ip", "netns", "add", namespace], check=True)
    try:
        subprocess.run([*enter, "nft", "--file", "-"], input=FOREIGN, text=True, check=True)
        modules.interpreter = [*enter, sys.executable]
        yield lambda: subprocess.run([*enter, "nft", "list", "ruleset"], check=True, capture_output=True, text=True).stdout
    finally:
        subprocess.run(["ip", "netns", "del", namespace], check=True)


def test_lets_in_predicts_and_repeats(modules, inside):
    result = modules.converge("boot_host_openings", {"openings": OPENINGS})
    assert result["changed"]
    assert len(result["commands"]) == 2
    assert result["diff"]["before"] == ""
    assert inside().count("omni-matchbox") == 2


def test_closes_what_is_not_wanted_any_more(modules, inside):
    before = inside()
    modules.run("boot_host_openings", {"openings": OPENINGS})
    assert modules.converge("boot_host_openings", {"openings": []})["changed"]
    assert inside() == before


def test_what_nft_refuses_is_told_in_a_line(modules, inside):
    before = inside()
    result = modules.run("boot_host_openings", {"openings": [{"protocol": "tcp", "ports": [99999]}]})
    assert result["msg"].startswith("nft refused: ")
    assert "\n" not in result["msg"]
    assert inside() == before


def test_a_host_without_nft_is_told_what_to_install(modules):
    hide = 'for directory in /usr/sbin /sbin /usr/bin /bin; do [ ! -e $directory/nft ] || mount --bind /dev/null $directory/nft; done; exec "$@"'
    modules.interpreter = ["unshare", "--mount", "sh", "-c", hide, "sh", sys.executable]
    result = modules.run("boot_host_openings", {"openings": OPENINGS})
    assert result["failed"]
    assert result["msg"] == "nft does not run on this host (Permission denied): install the package nftables"
