"""boot_host_info against real sockets, interfaces and rules, in a network namespace of the test's own."""

from __future__ import annotations

import ctypes
import os
import re
import socket
import subprocess
import sys
import time

import pytest
from support.modules import warnings

MODULE = "boot_host_info"
NEW_NETWORK = 0x40000000  # CLONE_NEWNET
SO_BINDTODEVICE = 25
INTERFACES = """
link set lo up
link add boot type veth peer name other
link set boot up
link set other up
addr add 192.0.2.8/24 dev boot
addr add 198.51.100.8/25 dev other
"""
RULES = """
table inet filter {
    chain input { type filter hook input priority 0; policy accept; tcp dport 22 accept; counter drop; }
    chain output { type filter hook output priority 0; policy drop; }
}
"""


@pytest.fixture
def network(modules):
    """Puts this process, and the modules that it runs, into a network namespace with the interfaces ``boot`` (192.0.2.8) and ``other``."""
    modules.interpreter = [sys.executable]
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net") as former:
        assert libc.unshare(NEW_NETWORK) == 0, os.strerror(ctypes.get_errno())
        try:
            subprocess.run(["ip", "-batch", "-"], input=INTERFACES, text=True, check=True)
            yield
        finally:
            libc.setns(former.fileno(), NEW_NETWORK)


@pytest.fixture
def listen(network):
    """Opens listening sockets: ``listen("tcp", "0.0.0.0", 80)``."""
    sockets = []

    def listen(protocol: str, address: str, port: int, interface: str = "") -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sockets.append(socket.socket(family, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM))
        if interface:
            sockets[-1].setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, interface.encode())
        sockets[-1].bind((address, port))
        if protocol == "tcp":
            sockets[-1].listen()

    yield listen
    for opened in sockets:
        opened.close()


def look(modules, **options) -> dict:
    result = modules.run(MODULE, options)
    assert not result.get("failed"), result
    assert not result["changed"]
    return result


def problems(result: dict) -> list[str]:
    """All but what the machine of the tests may lack."""
    return [problem for problem in result["problems"] if "systemd does not run" not in problem]


def port(protocol: str, number: int, **values) -> dict:
    return {"protocol": protocol, "port": number, "purpose": "a test", **values}


needs_namespace = pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a network namespace")


def test_nothing_is_asked_and_nothing_is_in_the_way(modules):
    result = modules.converge(MODULE, {})
    assert problems(result) == []
    assert (result["ports"], result["paths"], result["interface"], result["clock"]) == ([], [], {}, {"skew": None})
    assert result["distribution"]["id"]
    assert result["systemd"]["running"] is os.path.isdir("/run/systemd/system")


@needs_namespace
def test_an_interface_is_described(modules, network):
    result = look(modules, interface="boot")
    described = result["interface"]
    assert described.pop("mac").count(":") == 5
    assert described == {"name": "boot", "up": True, "addresses": [{"address": "192.0.2.8", "prefix": 24}]}
    assert (result["interfaces"], problems(result)) == (["boot", "other"], [])


@needs_namespace
def test_an_interface_that_is_missing_or_has_no_address_is_a_problem(modules, network):
    assert problems(look(modules, interface="eth7")) == ["this host has no interface eth7, it has boot, other: set omni_matchbox_interface"]
    subprocess.run(["ip", "addr", "flush", "dev", "boot"], check=True)
    assert problems(look(modules, interface="boot")) == ["the interface boot has no IPv4 address: give it a fixed one"]


@needs_namespace
def test_a_port_that_is_taken_is_told_with_the_process_that_has_it(modules, listen):
    listen("tcp", "0.0.0.0", 80)
    listen("tcp", "::1", 80)
    (problem,) = problems(look(modules, ports=[port("tcp", 80), port("udp", 80), port("tcp", 81)]))
    assert problem.startswith("tcp port 80 (a test) is taken on 0.0.0.0, ::1 by ")
    assert f"(pid {os.getpid()}" in problem


MEETINGS = [
    ("any", "198.51.100.8", "", True),
    ("any", "0.0.0.0", "other", True),
    ("interface", "0.0.0.0", "", True),
    ("interface", "127.0.0.1", "", True),
    ("interface", "192.0.2.8", "", True),
    ("interface", "0.0.0.0", "boot", True),
    ("interface", "0.0.0.0", "other", False),
    ("interface", "198.51.100.8", "", False),
    ("loopback", "0.0.0.0", "", True),
    ("loopback", "192.0.2.8", "", False),
]


@needs_namespace
def test_a_socket_is_in_the_way_where_it_and_ours_would_meet(modules, listen):
    for number, (_bind, address, interface, _conflict) in enumerate(MEETINGS, 67):
        listen("udp", address, number, interface)
    result = look(modules, interface="boot", ports=[port("udp", number, bind=case[0]) for number, case in enumerate(MEETINGS, 67)])
    found = [(answer["listeners"][0]["address"], answer["listeners"][0]["interface"], answer["listeners"][0]["conflict"]) for answer in result["ports"]]
    assert found == [case[1:] for case in MEETINGS]
    in_the_way = [f"udp port {number}" for number, case in enumerate(MEETINGS, 67) if case[3]]
    assert [problem.partition(" (")[0] for problem in problems(result)] == in_the_way


@needs_namespace
def test_a_process_of_ours_may_have_the_port(modules, listen):
    listen("udp", "0.0.0.0", 69)
    with open("/proc/self/comm") as file:
        name = file.read().strip()
    result = look(modules, ports=[port("udp", 69, allowed=["something", name])])
    assert problems(result) == []
    assert result["ports"][0]["listeners"][0]["holders"][0]["process"] == name


@needs_namespace
def test_chains_that_drop_are_a_firewall(modules, network):
    assert look(modules)["firewall"]["dropping_chains"] == []
    subprocess.run(["nft", "--file", "-"], input=RULES, text=True, check=True)
    found = look(modules)["firewall"]
    assert (found["backends"], found["dropping_chains"], found["ruleset_known"]) == (["nftables"], ["inet filter input"], True)


def test_space_is_shared_by_paths_of_one_file_system(modules, tmp_path):
    status = os.statvfs(tmp_path)
    half = status.f_bavail * status.f_frsize * 2 // 3
    paths = [{"path": str(tmp_path / name), "bytes": half} for name in ("a/b", "c")]
    assert problems(look(modules, paths=paths[:1])) == []
    result = look(modules, paths=paths)
    (problem,) = problems(result)
    assert problem.startswith(f"too little space for {tmp_path}/a/b, {tmp_path}/c: ")
    assert [entry["existing"] for entry in result["paths"]] == [str(tmp_path)] * 2
    assert all(entry["free"] > half == entry["needed"] for entry in result["paths"])


@pytest.mark.parametrize("minutes", [0, 4.5, -4.5])
def test_a_clock_may_be_off_by_less_than_five_minutes(modules, minutes):
    result = look(modules, clock=time.time() + minutes * 60)
    assert round(result["clock"]["skew"] / 30) == -minutes * 2
    assert problems(result) == []


@pytest.mark.parametrize("minutes", [6, -1440])
def test_a_clock_that_is_off_by_more_is_a_problem(modules, minutes):
    """Five minutes are what Omni allows between its clock and that of whoever signs."""
    result = look(modules, clock=time.time() + minutes * 60)
    assert round(result["clock"]["skew"] / 60) == -minutes
    (problem,) = problems(result)
    assert re.match(r"the clocks are \d+ seconds apart, it is [\d-]+ [\d:]+ UTC on this host and [\d-]+ [\d:]+ UTC on the controller: set the one", problem)


def test_an_untested_distribution_is_a_warning_or_a_problem(modules):
    found = look(modules)["distribution"]
    tested = {"This": {found["id"]: [found["version"].partition(".")[0]]}}
    same, kin, stranger = ({"family": family, "tested": known} for family, known in (("This", tested), ("This", {"This": {}}), ("Other", tested)))
    assert (warnings(look(modules, distribution=same)), problems(look(modules, distribution=same))) == ([], [])
    (warning,) = warnings(look(modules, distribution=kin))
    assert found["name"] in warning
    assert problems(look(modules, distribution=kin)) == []
    (problem,) = problems(look(modules, distribution=stranger))
    assert problem.endswith("set omni_matchbox_allow_untested to true and try")
    assert problems(look(modules, distribution={**stranger, "allow_untested": True})) == []


@needs_namespace
def test_what_dhcp_would_tell_machines_is_held_against_the_interface(modules, network):
    offer = {"range": {"start": "192.0.2.100", "end": "192.0.2.150"}, "router": "192.0.2.1", "name_servers": ["192.0.2.1"]}
    assert problems(look(modules, interface="boot", dhcp=offer)) == []
    (problem,) = problems(look(modules, interface="other", dhcp=offer))
    assert "192.0.2.100 to 192.0.2.150 is not in 198.51.100.0/25, the network of other" in problem
    assert problems(look(modules, interface="boot", dhcp={}))[0].startswith("DHCP needs omni_matchbox_dhcp_range with start and end, ")


def test_a_certificate_that_was_brought_is_looked_for(modules, tmp_path):
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    assert len(problems(look(modules, certificate=str(certificate)))) == 1
    assert len(problems(look(modules, certificate=str(certificate), private_key=str(key)))) == 2
    certificate.touch()
    key.touch()
    assert problems(look(modules, certificate=str(certificate), private_key=str(key))) == []


def test_packages_are_looked_up(modules):
    assert look(modules, packages=["dpkg", "no-such-package"])["packages"] == {"installed": ["dpkg"], "missing": ["no-such-package"]}


def test_what_a_host_lacks_does_not_fail_the_task(modules):
    modules.environment["PATH"] = "/nowhere"
    result = look(modules, ports=[port("tcp", 80)], packages=["dpkg"])
    assert "the program ss is not installed on this host: install iproute2" in problems(result)
    assert (result["ports"], result["packages"], result["systemd"]["present"]) == ([], {"installed": [], "missing": ["dpkg"]}, False)
