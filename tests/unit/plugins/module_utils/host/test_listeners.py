"""Who listens where, and whom that hinders."""

from __future__ import annotations

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.host.listeners import (
    Holder,
    Listener,
    Need,
    hinders,
    parse_socket_units,
    parse_sockets,
    port_problems,
    unit_of_cgroup,
)

# As ss of iproute2 6.1 prints it.
SOCKETS = """\
udp UNCONN 0      0                         0.0.0.0%eth0:67 0.0.0.0:* users:(("dnsmasq",pid=533,fd=4))
udp UNCONN 0      0      [fe80::a87c:dff:fe24:79ad]%eth0:69    [::]:* users:(("dnsmasq",pid=533,fd=8))
tcp LISTEN 0      511                              [::]:443    [::]:* users:(("nginx",pid=307,fd=6),("nginx",pid=306,fd=6))
tcp LISTEN 0      128                                 *:8080      *:* users:(("a (b),c",pid=7,fd=3),("systemd",pid=1,fd=44))
tcp LISTEN 0      64                            0.0.0.0:2049 0.0.0.0:*
"""
SOCKET_UNITS = """Listen=/run/dbus/system_bus_socket (Stream)
Id=dbus.socket

Listen=[::]:69 (Datagram)
Listen=127.0.0.1:6969 (Stream)
Id=tftpd.socket
"""


def test_the_answer_of_ss_is_understood():
    assert parse_sockets(SOCKETS) == [
        Listener("udp", "0.0.0.0", "eth0", 67, (Holder(533, "dnsmasq"),)),
        Listener("udp", "fe80::a87c:dff:fe24:79ad", "eth0", 69, (Holder(533, "dnsmasq"),)),
        Listener("tcp", "::", "", 443, (Holder(306, "nginx"), Holder(307, "nginx"))),
        Listener("tcp", "*", "", 8080, (Holder(1, "systemd"), Holder(7, "a (b),c"))),
        Listener("tcp", "0.0.0.0", "", 2049),
    ]


def test_sockets_of_systemd_have_a_unit():
    assert parse_socket_units(SOCKET_UNITS) == {("udp", 69): "tftpd.socket", ("tcp", 6969): "tftpd.socket"}


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("0::/system.slice/nginx.service\n", "nginx.service"),
        ("9:cpu:/x.service\n1:name=systemd:/system.slice/nginx.service\n0::/\n", "nginx.service"),
        ("0::/user.slice/user-0.slice/session-3.scope\n", "session-3.scope"),
        ("0::/user.slice/user-1.slice/user@1.service/app.slice/web.service/worker\n", "web.service"),
        ("0::/\n", ""),
        ("", ""),
    ],
)
def test_the_innermost_unit_of_a_process_is_found(text, unit):
    assert unit_of_cgroup(text) == unit


DNSMASQ = (Holder(533, "dnsmasq", "dnsmasq.service"),)
ELSEWHERE = {"10.0.0.1", "fd00::1"}


def listener(address: str, interface: str = "") -> Listener:
    return Listener("udp", address, interface, 67, DNSMASQ)


@pytest.mark.parametrize(
    ("bind", "place", "expected"),
    [
        ("any", listener("0.0.0.0"), True),
        ("any", listener("10.0.0.1"), True),
        ("any", listener("0.0.0.0", "virbr0"), True),
        ("any", listener("::"), True),
        ("interface", listener("0.0.0.0"), True),
        ("interface", listener("*"), True),
        ("interface", listener("::"), True),
        ("interface", listener("127.0.0.1"), True),
        ("interface", listener("192.168.1.8"), True),
        ("interface", listener("0.0.0.0", "eth0"), True),
        ("interface", listener("0.0.0.0", "virbr0"), False),
        ("interface", listener("10.0.0.1"), False),
        ("interface", listener("fd00::1"), False),
        ("loopback", listener("0.0.0.0"), True),
        ("loopback", listener("*"), True),
        ("loopback", listener("127.0.0.1"), True),
        ("loopback", listener("127.0.0.1", "lo"), True),
        ("loopback", listener("127.0.0.53"), False),
        ("loopback", listener("::"), False),
        ("loopback", listener("192.168.1.8"), False),
        ("loopback", listener("0.0.0.0", "eth0"), False),
    ],
)
def test_a_listener_hinders_whom_the_kernel_would_refuse(bind, place, expected):
    assert hinders(place, Need("udp", 67, bind=bind), "eth0", ELSEWHERE) is expected


@pytest.mark.parametrize("need", [Need("tcp", 67), Need("udp", 68)])
def test_another_port_or_protocol_hinders_nobody(need):
    assert not hinders(listener("0.0.0.0"), need, "eth0", ELSEWHERE)


@pytest.mark.parametrize(("name", "ours"), [("dnsmasq", True), ("dnsmasq.service", True), ("omni-matchbox-dnsmasq", False), ("", False)])
def test_what_is_ours_may_listen(name, ours):
    assert hinders(listener("0.0.0.0"), Need("udp", 67, allowed=(name,)), "eth0", ELSEWHERE) is not ours


NGINX = tuple(Holder(pid, "nginx", "nginx.service") for pid in (306, 351, 352))


@pytest.mark.parametrize(
    ("need", "listeners", "problems"),
    [
        (Need("udp", 67), [], []),
        (
            Need("udp", 67, "DHCP"),
            [listener("0.0.0.0"), listener("0.0.0.0", "eth0")],
            [
                "udp port 67 (DHCP) is taken on 0.0.0.0, 0.0.0.0%eth0 by dnsmasq (pid 533, dnsmasq.service): "
                "stop it (systemctl disable --now dnsmasq.service) or let it listen elsewhere"
            ],
        ),
        (
            Need("tcp", 80),
            [Listener("tcp", "0.0.0.0", "", 80, NGINX)],
            ["tcp port 80 is taken on 0.0.0.0 by nginx (pid 306, nginx.service): stop it (systemctl disable --now nginx.service) or let it listen elsewhere"],
        ),
        (
            Need("udp", 69),
            [Listener("udp", "*", "", 69, (Holder(1, "systemd", "tftpd.socket"), Holder(9, "in.tftpd", "tftpd.service")))],
            [
                "udp port 69 is taken on * by in.tftpd (pid 9, tftpd.service), systemd (pid 1, tftpd.socket): "
                "stop it (systemctl disable --now tftpd.service tftpd.socket) or let it listen elsewhere"
            ],
        ),
        (
            Need("tcp", 80),
            [Listener("tcp", "0.0.0.0", "", 80, (Holder(5, "docker-proxy", "docker.service"),))],
            ["tcp port 80 is taken on 0.0.0.0 by docker-proxy (pid 5, docker.service): a container publishes it; stop the container or publish another port"],
        ),
        (
            Need("tcp", 80),
            [Listener("tcp", "0.0.0.0", "", 80, (Holder(5, "python3", "session-3.scope"),)), Listener("tcp", "::1", "", 80)],
            [
                "tcp port 80 is taken on 0.0.0.0 by python3 (pid 5, session-3.scope): stop it or let it listen elsewhere",
                "tcp port 80 is taken on ::1 by a process that cannot be seen: stop it or let it listen elsewhere",
            ],
        ),
    ],
)
def test_a_problem_says_who_where_and_what_to_do(need, listeners, problems):
    assert port_problems(need, listeners) == problems
