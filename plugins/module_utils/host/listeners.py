# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who listens on a port of a boot host, and whether that hinders a service of ours. Pure, on what ``ss`` and ``systemctl`` print."""

from __future__ import annotations

import dataclasses
import re
import typing as t

ANY = ("0.0.0.0", "*")  # ss writes * for an IPv6 socket that takes IPv4 as well, [::] for one that does not
PUBLISHERS = ("docker-proxy", "conmon", "rootlessport")  # listen for a container


class Holder(t.NamedTuple):
    """A process that holds a socket. ``unit`` is the systemd unit in whose cgroup it is, or the socket unit that systemd holds it for."""

    pid: int
    process: str
    unit: str = ""

    def __str__(self) -> str:
        return f"{self.process} (pid {self.pid}{', ' if self.unit else ''}{self.unit})"


@dataclasses.dataclass(frozen=True)
class Listener:
    """A listening socket. ``interface`` is the one it is bound to (SO_BINDTODEVICE), empty if it hears them all."""

    protocol: str
    address: str
    interface: str
    port: int
    holders: tuple[Holder, ...] = ()

    @property
    def place(self) -> str:
        """Where it listens, as people write it."""
        return f"{self.address}{'%' if self.interface else ''}{self.interface}"


class Need(t.NamedTuple):
    """A port that a service of ours will listen on.

    ``bind``: ``any`` (all addresses), ``interface`` (the boot interface alone) or ``loopback``. ``allowed``: units and processes
    that may have it already, since they are ours.
    """

    protocol: str
    port: int
    purpose: str = ""
    bind: str = "any"
    allowed: tuple[str, ...] = ()


def parse_sockets(text: str) -> list[Listener]:
    """The answer of ``ss --no-header --listening --numeric --tcp --udp --processes``."""
    listeners = []
    for line in text.splitlines():
        protocol, _state, _received, _sent, local = line.split()[:5]
        place, _colon, port = local.rpartition(":")
        # 0.0.0.0%eth0, *%eth0, [::], [fe80::1]%eth0
        address, _percent, interface = place.replace("[", "").replace("]", "").partition("%")
        holders = {Holder(int(pid), name) for name, pid in re.findall(r'\("(.*?)",pid=(\d+),fd=\d+\)', line)}
        listeners.append(Listener(protocol, address, interface, int(port), tuple(sorted(holders))))
    return listeners


def parse_socket_units(text: str) -> dict[tuple[str, int], str]:
    """(protocol, port) to unit, from ``systemctl show --property=Id,Listen '*.socket'``."""
    units = {}
    for block in text.split("\n\n"):
        name = re.search(r"^Id=(.+)$", block, re.MULTILINE)
        for port, kind in re.findall(r"^Listen=.*:(\d+) \((Stream|Datagram)\)$", block, re.MULTILINE):
            units["tcp" if kind == "Stream" else "udp", int(port)] = name.group(1)
    return units


def unit_of_cgroup(text: str) -> str:
    """The innermost unit in ``/proc/PID/cgroup``, empty for a process outside of all."""
    for line in text.splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0" or controllers == "name=systemd":
            units = [part for part in path.split("/") if part.endswith((".service", ".scope", ".socket"))]
            if units:
                return units[-1]
    return ""


def hinders(listener: Listener, need: Need, interface: str, elsewhere: t.Collection[str]) -> bool:
    """Whether the kernel would refuse ``need`` because of ``listener``; ``elsewhere`` are the addresses of all interfaces but
    ``interface`` and the loopback.

    A listener on any one address keeps a service off *all* addresses. Even one that serves a single interface wants the
    loopback's addresses beside it: dnsmasq takes them with every ``interface=``.
    """
    if (listener.protocol, listener.port) != (need.protocol, need.port) or is_allowed(listener, need):
        return False
    if need.bind == "any":
        return True
    if need.bind == "loopback":
        return listener.interface in ("", "lo") and listener.address in (*ANY, "127.0.0.1")
    if listener.interface:
        return listener.interface in (interface, "lo")
    return listener.address not in elsewhere


def is_allowed(listener: Listener, need: Need) -> bool:
    """Whether one of the processes that hold the socket is ours."""
    names = {name for holder in listener.holders for name in (holder.process, holder.unit, holder.unit.rpartition(".")[0])}
    return bool(names.intersection(need.allowed))


def port_problems(need: Need, listeners: t.Iterable[Listener]) -> list[str]:
    """A line for each process in the way, with what to do; ``listeners`` are those that hinder ``need``."""
    places: dict[tuple[Holder, ...], list[str]] = {}
    for listener in listeners:
        places.setdefault(listener.holders, []).append(listener.place)
    what = f"{need.protocol} port {need.port}{f' ({need.purpose})' if need.purpose else ''}"
    problems = []
    for holders, where in places.items():
        # One of each kind: the workers of a web server all hold its socket.
        kinds = {(holder.process, holder.unit): str(holder) for holder in reversed(holders)}
        who = ", ".join(sorted(kinds.values())) or "a process that cannot be seen"
        problems.append(f"{what} is taken on {', '.join(sorted(set(where)))} by {who}: {_advice(holders)}")
    return problems


def _advice(holders: tuple[Holder, ...]) -> str:
    if any(holder.process in PUBLISHERS for holder in holders):
        return "a container publishes it; stop the container or publish another port"
    units = " ".join(sorted({holder.unit for holder in holders if holder.unit.endswith((".service", ".socket"))}))
    stop = f"stop it (systemctl disable --now {units})" if units else "stop it"
    return f"{stop} or let it listen elsewhere"
