# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at a boot host before anything is changed: what is there, and what would be in the way."""

from __future__ import annotations

import json
import os
import shutil
import time

from . import facts
from .certificate import given_pair_problems
from .commands import CommandMissing, check, run
from .dhcp import offer_problems
from .listeners import Listener, Need, hinders, parse_socket_units, parse_sockets, port_problems, unit_of_cgroup

CLOCK_TOLERANCE = 300  # seconds; beyond these Omni refuses what the controller signs, if that is the clock that is wrong
FIREWALL_UNITS = ("firewalld.service", "nftables.service")


class Survey:
    """The answers to the options of ``boot_host_info``, and the ``problems`` and ``warnings`` that were met on the way, a line each."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.warnings: list[str] = []
        self._elsewhere: set[str] = set()

    def systemd(self) -> dict:
        """Whether systemd is there and runs this host."""
        present, running = shutil.which("systemctl") is not None, os.path.isdir("/run/systemd/system")
        if not running:
            self.problems.append("systemd does not run this host, and the services of a boot host are systemd units: take a host with systemd")
        return {"present": present, "running": running}

    def interface(self, name: str | None) -> dict:
        """The interface called ``name`` and the names of all; ``{}`` for one that does not exist."""
        try:
            entries = json.loads(check("ip", "-json", "address", "show"))
        except CommandMissing as error:
            self.problems.append(f"{error}: install iproute2")
            return {"interface": {}, "interfaces": []}
        interfaces = facts.parse_interfaces(entries)
        self._elsewhere = facts.addresses_elsewhere(entries, name or "")
        found = interfaces.get(name, {})
        names = sorted(set(interfaces) - {"lo"})
        if name and not found:
            self.problems.append(f"this host has no interface {name}, it has {', '.join(names) or 'none'}: set omni_matchbox_interface")
        if found and not found["addresses"]:
            self.problems.append(f"the interface {name} has no IPv4 address: give it a fixed one")
        return {"interface": found, "interfaces": names}

    def ports(self, needs: list[Need], interface: str) -> list[dict]:
        """For each of ``needs`` who listens there, and whether that hinders it. To be asked after :meth:`interface`."""
        if not needs:
            return []
        try:
            sockets = check("ss", "--no-header", "--listening", "--numeric", "--tcp", "--udp", "--processes")
        except CommandMissing as error:
            self.problems.append(f"{error}: install iproute2")
            return []
        wanted = {(need.protocol, need.port) for need in needs}
        listeners = _with_units([listener for listener in parse_sockets(sockets) if (listener.protocol, listener.port) in wanted])
        answers = []
        for need in needs:
            here = [listener for listener in listeners if (listener.protocol, listener.port) == (need.protocol, need.port)]
            hindering = [listener for listener in here if hinders(listener, need, interface, self._elsewhere)]
            self.problems += port_problems(need, hindering)
            shown = [_shown(listener, conflict=listener in hindering) for listener in here]
            answers.append({"protocol": need.protocol, "port": need.port, "purpose": need.purpose, "listeners": shown})
        return answers

    def space(self, paths: list[dict]) -> list[dict]:
        """Free and needed bytes for each of ``paths``; paths on one file system have to share it."""
        answers, devices = [], {}
        for entry in paths:
            place = _existing(entry["path"])
            status = os.statvfs(place)
            free = status.f_bavail * status.f_frsize
            answers.append({"path": entry["path"], "existing": place, "free": free, "needed": entry["bytes"]})
            devices.setdefault(os.stat(place).st_dev, []).append(answers[-1])
        for shared in devices.values():
            needed, free = sum(answer["needed"] for answer in shared), shared[0]["free"]
            if needed > free:
                names = ", ".join(answer["path"] for answer in shared)
                self.problems.append(f"too little space for {names}: {_size(needed)} needed, {_size(free)} free on the file system of {shared[0]['existing']}")
        return answers

    def clock(self, controller: float | None) -> dict:
        """By how many seconds this host's clock is ahead of the controller's, None if nobody said what time it is there."""
        if controller is None:
            return {"skew": None}
        here = time.time()
        skew = round(here - controller, 1)
        if abs(skew) > CLOCK_TOLERANCE:
            times = f"it is {_utc(here)} on this host and {_utc(controller)} on the controller"
            self.problems.append(f"the clocks are {abs(skew):.0f} seconds apart, {times}: set the one that is wrong, best by a time server (NTP)")
        return {"skew": skew}

    def distribution(self, wanted: dict | None) -> dict:
        """What this host runs on; ``wanted`` (the option ``distribution``) says what it should."""
        found = facts.parse_os_release(_text("/etc/os-release"))
        if wanted:
            problem, warning = facts.judge_distribution(found, wanted["family"], wanted["tested"], allow_untested=wanted["allow_untested"])
            self.problems += [problem] if problem else []
            self.warnings += [warning] if warning else []
        return found

    def certificate(self, certificate: str | None, private_key: str | None) -> None:
        """Whether a certificate that was brought is there with its key."""
        self.problems += given_pair_problems(certificate or "", private_key or "", os.path.isfile)

    def dhcp(self, offer: dict | None, interface: dict) -> None:
        """Whether ``offer`` (the option ``dhcp``) suits ``interface``, which is what :meth:`interface` told of it."""
        if offer:
            self.problems += offer_problems(offer, interface.get("name", ""), interface.get("addresses", []))

    def packages(self, names: list[str]) -> dict:
        """Which of ``names`` are installed; none where there is no dpkg."""
        try:
            output = run("dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", "--", *names).out if names else ""
        except CommandMissing:
            output = ""
        return facts.parse_packages(output, names)

    def firewall(self) -> dict:
        """Which firewalls may keep machines out."""
        units = _said("systemctl", "show", "--property=Id,ActiveState", *FIREWALL_UNITS)
        iptables = _said("iptables", "--wait", "--list-rules")
        return facts.firewall(facts.parse_active_units(units), _text("/etc/ufw/ufw.conf"), iptables, _ruleset())


def _said(*argv: str) -> str:
    """What a program printed; nothing where there is no such program."""
    try:
        return run(*argv).out
    except CommandMissing:
        return ""


def _ruleset() -> dict | None:
    """The rules in the kernel; None where there is no nft or it may not ask."""
    try:
        output = run("nft", "--json", "--handle", "list", "ruleset")
    except CommandMissing:
        return None
    return None if output.code else json.loads(output.out)


def _with_units(listeners: list[Listener]) -> list[Listener]:
    """The same with the unit of each process. For a socket that systemd itself holds it is the socket unit."""
    by_systemd = any(holder.pid == 1 for listener in listeners for holder in listener.holders)
    socket_units = parse_socket_units(run("systemctl", "show", "--property=Id,Listen", "*.socket").out) if by_systemd else {}
    named = []
    for listener in listeners:
        holders = tuple(
            holder._replace(
                unit=socket_units.get((listener.protocol, listener.port), "") if holder.pid == 1 else unit_of_cgroup(_text(f"/proc/{holder.pid}/cgroup"))
            )
            for holder in listener.holders
        )
        named.append(Listener(listener.protocol, listener.address, listener.interface, listener.port, holders))
    return named


def _shown(listener: Listener, *, conflict: bool) -> dict:
    holders = [holder._asdict() for holder in listener.holders]
    return {"address": listener.address, "interface": listener.interface, "holders": holders, "conflict": conflict}


def _existing(path: str) -> str:
    """``path`` or the nearest directory above it that exists."""
    path = os.path.abspath(path)
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return path


def _utc(seconds: float) -> str:
    """Seconds since the epoch, for people."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))


def _size(count: float) -> str:
    """Bytes in the unit that people would choose."""
    for unit in ("bytes", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
