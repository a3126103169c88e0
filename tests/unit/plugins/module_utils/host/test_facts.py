"""What a boot host's programs and files say of it."""

from __future__ import annotations

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.host import facts

# As ip of iproute2 6.1 prints it, shortened.
ADDRESSES = [
    {
        "ifname": "lo",
        "flags": ["LOOPBACK", "UP", "LOWER_UP"],
        "address": "00:00:00:00:00:00",
        "addr_info": [{"family": "inet", "local": "127.0.0.1", "prefixlen": 8}],
    },
    {
        "ifname": "eth0",
        "flags": ["BROADCAST", "MULTICAST", "UP", "LOWER_UP"],
        "address": "52:54:00:12:34:56",
        "addr_info": [
            {"family": "inet", "local": "192.168.1.8", "prefixlen": 24},
            {"family": "inet", "local": "10.1.0.8", "prefixlen": 16},
            {"family": "inet6", "local": "fe80::1", "prefixlen": 64},
        ],
    },
    {"ifname": "eth1", "flags": ["NO-CARRIER", "BROADCAST", "UP"], "address": "52:54:00:12:34:57", "addr_info": [{"family": "inet6", "local": "fd00::1"}]},
    {"ifname": "tun0", "flags": ["POINTOPOINT", "UP", "LOWER_UP"], "addr_info": [{"family": "inet", "local": "10.9.0.1", "prefixlen": 32}]},
]


def test_interfaces_have_their_ipv4_addresses():
    interfaces = facts.parse_interfaces(ADDRESSES)
    addresses = [{"address": "192.168.1.8", "prefix": 24}, {"address": "10.1.0.8", "prefix": 16}]
    assert interfaces["eth0"] == {"name": "eth0", "mac": "52:54:00:12:34:56", "up": True, "addresses": addresses}
    assert interfaces["eth1"] == {"name": "eth1", "mac": "52:54:00:12:34:57", "up": False, "addresses": []}
    assert interfaces["tun0"]["mac"] == ""


def test_addresses_of_other_interfaces_are_told_apart():
    assert facts.addresses_elsewhere(ADDRESSES, "eth0") == {"fd00::1", "10.9.0.1"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\nID=debian\n',
            {"id": "debian", "version": "12", "codename": "bookworm", "like": [], "name": "Debian GNU/Linux 12 (bookworm)"},
        ),
        (
            "# a derivative\nID=ubuntu\nID_LIKE='debian other'\nVERSION_ID=\"24.04\"\n",
            {"id": "ubuntu", "version": "24.04", "codename": "", "like": ["debian", "other"], "name": ""},
        ),
        ("", {"id": "linux", "version": "", "codename": "", "like": [], "name": ""}),
    ],
)
def test_os_release_names_the_distribution(text, expected):
    assert facts.parse_os_release(text) == expected


TESTED = {"Debian": {"debian": ["12", "13"]}}
UBUNTU = {"id": "ubuntu", "version": "24.04", "name": "Ubuntu 24.04.1 LTS"}
FEDORA = {"id": "fedora", "version": "41", "name": "Fedora Linux 41 (Server Edition)"}


@pytest.mark.parametrize(
    ("found", "family", "allow", "problem", "warning"),
    [
        ({"id": "debian", "version": "12", "name": "Debian GNU/Linux 12"}, "Debian", False, "", ""),
        ({"id": "debian", "version": "13.2", "name": ""}, "Debian", False, "", ""),
        (UBUNTU, "Debian", False, "", "Ubuntu 24.04.1 LTS was not tested as a boot host (Debian 12 and 13 were); going on, since it is akin to them"),
        ({"id": "debian", "version": "", "name": ""}, "Debian", False, "", "debian was not tested as a boot host"),
        (FEDORA, "RedHat", False, "boot hosts are tested with Debian 12 and 13, and this one runs Fedora Linux 41 (Server Edition): take one of these", ""),
        (FEDORA, "RedHat", True, "", "Fedora Linux 41 (Server Edition) was not tested as a boot host (Debian 12 and 13 were); going on, since that was"),
    ],
)
def test_a_distribution_is_taken_warned_of_or_refused(found, family, allow, problem, warning):
    told = facts.judge_distribution(found, family, TESTED, allow_untested=allow)
    assert [bool(text) for text in told] == [bool(problem), bool(warning)]
    assert told[0].startswith(problem)
    assert told[1].startswith(warning)


def test_packages_are_installed_or_missing():
    text = "nginx installed\ndnsmasq config-files\n"
    assert facts.parse_packages(text, ["nginx", "dnsmasq", "nope"]) == {"installed": ["nginx"], "missing": ["dnsmasq", "nope"]}


def test_active_units_are_found():
    text = "Id=firewalld.service\nActiveState=active\n\nId=nftables.service\nActiveState=inactive\n"
    assert facts.parse_active_units(text) == {"firewalld.service"}


def ruleset(*chains: tuple[str, str, str]) -> dict:
    """Input chains that drop, as (family, table, name)."""
    hook = {"type": "filter", "hook": "input", "prio": 0, "policy": "drop"}
    return {"nftables": [{"chain": {"family": family, "table": table, "name": name, **hook}} for family, table, name in chains]}


FIREWALLD, UFW, OWN = ("inet", "firewalld", "filter_INPUT"), ("ip", "filter", "INPUT"), ("inet", "filter", "input")


IPTABLES_REJECTS = "-P INPUT ACCEPT\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n-A INPUT -j REJECT --reject-with icmp-port-unreachable\n"


@pytest.mark.parametrize(
    ("units", "ufw_conf", "iptables", "rules", "found"),
    [
        ([], "", "", ruleset(), ([], [])),
        ([], "", "", None, ([], [])),
        (["firewalld.service"], "", "", ruleset(FIREWALLD), (["firewalld"], [])),
        (["firewalld.service"], "", IPTABLES_REJECTS, None, (["firewalld"], [])),
        (["firewalld.service"], "", "", ruleset(FIREWALLD, OWN), (["firewalld", "nftables"], ["inet filter input"])),
        ([], "ENABLED=no\n", "", ruleset(), ([], [])),
        ([], "# comment\nENABLED=yes\n", "-P INPUT DROP\n", ruleset(UFW), (["ufw"], [])),
        ([], "", IPTABLES_REJECTS, ruleset(UFW), (["iptables"], [])),
        ([], "", IPTABLES_REJECTS, None, (["iptables"], [])),
        (["nftables.service"], "", "", ruleset(), (["nftables"], [])),
        ([], "", "", ruleset(OWN), (["nftables"], ["inet filter input"])),
    ],
)
def test_firewalls_are_told_apart_by_whose_chains_drop(units, ufw_conf, iptables, rules, found):
    told = facts.firewall(units, ufw_conf, iptables, rules)
    assert (told["backends"], told["dropping_chains"]) == found
    assert told["ruleset_known"] is (rules is not None)


@pytest.mark.parametrize(
    ("rules", "drops"),
    [
        ([], False),
        (["-P INPUT DROP"], True),
        (["-P INPUT ACCEPT", "-P FORWARD DROP"], False),
        (["-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT", "-A INPUT -j DROP"], True),
        (["-A INPUT -s 192.0.2.7/32 -j DROP", "-A INPUT -m conntrack --ctstate INVALID -j DROP"], False),
        (["-A INPUT -m state --state RELATED,ESTABLISHED -j own", "-A own -j DROP"], False),
        (["-A INPUT ! -s 192.0.2.0/24 -j REJECT"], True),
        (["-A INPUT -m conntrack --ctstate NEW -j own", "-N own", "-A own -j again", "-A again -g own", "-A again -j DROP"], True),
        (["-A INPUT -j ts-input", "-N ts-input", "-A ts-input -s 100.64.0.0/10 ! -i tailscale0 -j DROP", "-A ts-input -i tailscale0 -j ACCEPT"], False),
        (["-A FORWARD -j DROP", '-A INPUT -m comment --comment "a rule -j DROP" -j RETURN'], False),
    ],
)
def test_iptables_refuses_newcomers_or_others(rules, drops):
    assert facts.iptables_drops("".join(f"{rule}\n" for rule in rules)) is drops
