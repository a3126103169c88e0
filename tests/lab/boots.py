"""How far machines have come since they were powered on, read from what others noted about them.

A machine is known by its MAC address to dnsmasq, by the address that dnsmasq gave it to nginx, and by its UUID to the lab Omni.
"""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Iterable, Mapping

from .clients import Client
from .hosts import Host
from .omni.machines import token_hash
from .site import Site
from .system import read

STEPS = ("address", "iPXE", "kernel", "initramfs", "registered")
FILES = {"boot.ipxe": "iPXE", "vmlinuz": "kernel", "initramfs.xz": "initramfs"}
PARAMETERS = ("siderolink.api", "talos.events.sink", "talos.logging.kernel")

ACCESS_LOG = "var/log/nginx/omni-matchbox.log"
UNITS = ("omni-matchbox-dnsmasq", "nginx", "matchbox")

# journalctl --output=short-unix; dnsmasq names itself once more.
ACKNOWLEDGED = re.compile(r"^([\d.]+) .*DHCPACK\(\S+\) (\S+) (\S+)", re.MULTILINE)
# Its end is what the gateway adds to nginx' usual format: when the answer was complete, and how long it took.
FETCHED = re.compile(r'^(\S+) \S+ \S+ \[[^]]*\] "GET ([^ ?"]*)[^"]*" (\d+) (\d+) .* ([\d.]+) ([\d.]+)$', re.MULTILINE)
LAG = 2  # seconds until all that happened has been noted


@dataclasses.dataclass(frozen=True)
class Step:
    """A step that a machine has done; ``time`` in seconds since the epoch."""

    name: str
    time: float
    what: str


def leases(journal: str, mac: str, since: float) -> list[Step]:
    """The leases that dnsmasq's journal says a machine was given."""
    found = ((float(moment), address) for moment, address, its in ACKNOWLEDGED.findall(journal) if its == mac)
    return [Step("address", moment, address) for moment, address in found if moment >= since]


def fetches(access_log: str, addresses: Iterable[str], since: float) -> list[Step]:
    """The boot files that nginx' log says were sent whole to these addresses."""
    steps = []
    for address, path, status, size, moment, duration in FETCHED.findall(access_log):
        name = FILES.get(path.rpartition("/")[2])
        if name and status == "200" and address in addresses and float(moment) >= since:
            what = path if name == "iPXE" else f"{path}, {int(size) / 1e6:.1f} MB in {float(duration):.1f} s"
            steps.append(Step(name, float(moment), what))
    return steps


def registrations(joins: Iterable[Mapping]) -> list[Step]:
    """The registrations that the lab Omni accepted, of records of one machine."""
    return [Step("registered", join["time"], f"with the lab Omni, token {join['token_hash']}") for join in joins if join["accepted"]]


def parameters(cmdline: str) -> list[str]:
    """The kernel parameters by which a machine joins, in the order in which it was given them."""
    return [word for word in cmdline.split() if word.partition("=")[0] in PARAMETERS]


def without_tokens(text: str, tokens: Iterable[str]) -> str:
    """The text with the short hash of each token in its place."""
    for token in tokens:
        text = text.replace(token, token_hash(token))
    return text


def host_evidence(host: Host) -> dict[str, list[str]]:
    """What the boot host says of the services that a boot needs, and its boot engine's last lines."""
    states = host.exec(["systemctl", "is-active", *UNITS], check=False).stdout.split()
    engine = ["journalctl", "--unit=matchbox", "--lines=6", "--output=short-iso", "--no-pager"]
    return {
        "services": [", ".join(f"{unit} is {state}" for unit, state in zip(UNITS, states))],
        "boot engine": host.exec(engine, check=False).stdout.splitlines(),
    }


class Boot:
    """One boot of a machine from a boot host, watched until the machine has registered or has a ``problem``."""

    def __init__(self, site: Site, host: Host, client: Client, timeout: float):
        self.site, self.host, self.client, self.timeout = site, host, client, timeout
        self.since = 0.0
        self.steps: dict[str, Step] = {}
        self.addresses: set[str] = set()
        self.problem = ""
        self._ailing_since = 0.0

    def power_on(self) -> None:
        """Turns the machine on."""
        self.since = time.time()
        self.client.power_on()

    @property
    def next_step(self) -> str:
        """The first step that was not done; empty after the last."""
        return next((name for name in STEPS if name not in self.steps), "")

    @property
    def under_way(self) -> bool:
        """Whether there is more to come."""
        return bool(self.next_step) and not self.problem

    @property
    def joins(self) -> list[dict]:
        """What the machine told the lab Omni's machine API in this boot."""
        return self.site.joins(self.client.uuid, self.since)

    def seconds(self, step: Step) -> float:
        """From power on to a step."""
        return step.time - self.since

    def look(self, journal: str) -> list[Step]:
        """What the machine has done since the last look; ``journal`` is what dnsmasq has noted."""
        given = leases(journal, self.client.mac, self.since)
        self.addresses = {step.what for step in given}
        sent = fetches(read(self.host.root / ACCESS_LOG), self.addresses, self.since)
        new = {}
        for step in [*given, *sent, *registrations(self.joins)]:
            if step.name not in self.steps:
                new.setdefault(step.name, step)
        self.steps.update(new)
        if self.next_step and (symptom := self._symptom()):
            self._ailing_since = self._ailing_since or time.time()
            self.problem = symptom if time.time() - self._ailing_since > LAG else ""
        return list(new.values())

    def _symptom(self) -> str:
        if self.joins and not self.joins[-1]["accepted"]:
            return f"the lab Omni refused its token {self.joins[-1]['token_hash']}"
        if self.client.gave_up:
            return f"its firmware gave up: {self.client.gave_up}"
        if not self.client.is_on:
            return "it has turned itself off"
        if time.time() - max([self.since, *(step.time for step in self.steps.values())]) > self.timeout:
            return f"nothing for {self.timeout:.0f} s"
        return ""

    def evidence(self, journal: str) -> dict[str, list[str]]:
        """What was noted about the step that failed: where → its last lines."""
        found = {}
        if self.next_step in ("address", "iPXE"):
            found["dnsmasq"] = [line for line in journal.splitlines() if self.client.mac in line][-6:]
        if self.next_step != "address":
            log = read(self.host.root / ACCESS_LOG).splitlines()
            found["nginx"] = [line for line in log if line.split(" ")[0] in self.addresses][-6:]
        if self.next_step == "registered":
            found["lab Omni"] = [line for line in read(self.site.omni.directory / "omni.log").splitlines() if self.client.uuid in line]
        found["console"] = [line for line in self.client.screen if line.strip()][-12:]
        return found
