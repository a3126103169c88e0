"""The network segment of a run: a bridge in a namespace of its own, with a way out, names and router advertisements.

The addresses are the same in every run, 10.77.0.0/24 with router and name server at .1; the bridges know nothing of each other.
"""

from __future__ import annotations

import dataclasses
import subprocess
from collections.abc import Sequence

from . import namespaces
from .run import Run, Service
from .system import LabError, command, eventually, last_line

NETWORK = "10.77.0"
ROUTER = f"{NETWORK}.1"
UPSTREAM_DNS = "10.0.2.3"  # slirp4netns answers there with what the machine's own resolver says

# With nothing of the machine's own dnsmasq.
DNSMASQ = ("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--pid-file=", "--user=root", "--log-facility=-")
DNSMASQ += ("--bind-interfaces",)

MASQUERADE = 'table ip nat { chain post { type nat hook postrouting priority 100; oifname "out" masquerade; }; }'


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """A network namespace on the segment, to run a service in."""

    namespace: str
    address: str


class Segment:
    """The segment of a run. What is up is found again by another process that makes the object for the same run."""

    def __init__(self, run: Run):
        self.run = run
        self.namespace = run.label("switch")

    @property
    def is_up(self) -> bool:
        """Whether the bridge and the way out are there."""
        return namespaces.exists(self.namespace) and "out" in self._ip("route", "show", "default")

    def up(self, *, advertise: bool = True) -> Segment:
        """Makes bridge, way out, name server and, if ``advertise``, IPv6 router advertisements.

        Without any advertisement iPXE waits 12 seconds at each boot.
        """
        self._add(self.namespace)
        # No snooping, no spanning tree: the first DHCP packet of a booting machine must get through.
        self._ip("link", "add", "br0", "type", "bridge", "stp_state", 0, "forward_delay", 0, "mcast_snooping", 0)
        self._ip("addr", "add", f"{ROUTER}/24", "dev", "br0")
        self._ip("addr", "add", "fd77::1/64", "dev", "br0", "nodad")
        self._ip("link", "set", "br0", "up")
        enter = ["nsenter", f"--net={namespaces.NAMED / self.namespace}"]
        # Frames on the bridge must not pass the namespace's own packet filter; unknown where nobody loaded that module.
        command(*enter, "sysctl", "-e", "-q", "-w", "net.ipv4.ip_forward=1", "net.bridge.bridge-nf-call-iptables=0")
        command(*enter, "nft", MASQUERADE)
        self._use_own_names()
        services = [self._start_dnsmasq(advertise), self._start_way_out()]
        eventually(lambda: self.is_up or not all(service.running for service in services), timeout=10)
        for service in services:
            if not service.running or not self.is_up:
                raise LabError(f"the segment is not up: {last_line(service.output)} ({service.log})")
        return self

    def _start_way_out(self) -> Service:
        path = namespaces.NAMED / self.namespace
        return self.run.service("slirp", ["slirp4netns", "--configure", "--mtu=1500", "--netns-type=path", path, "out"])

    def _start_dnsmasq(self, advertise: bool) -> Service:
        names = self.run.state / "names"
        names.mkdir(exist_ok=True)
        advertisements = ["--enable-ra", "--dhcp-range=fd77::,ra-only,64,10m"] if advertise else []
        known = ["--no-hosts", f"--hostsdir={names}", "--no-resolv", f"--server={UPSTREAM_DNS}"]
        return self.run.service("dns", [*DNSMASQ, "--interface=br0", *known, *advertisements], namespace=self.namespace)

    def add_name(self, name: str, address: str) -> None:
        """Makes a DNS name known on the segment: to the controller, to hosts, endpoints and booted machines."""
        (self.run.state / "names" / name).write_text(f"{address} {name}\n")  # dnsmasq watches the directory

    def attach(self, namespace: str, address: str) -> None:
        """Makes a network namespace with an eth0 on the bridge; one of that name is replaced."""
        namespaces.delete(namespace)
        namespaces.unplug(namespace, self.namespace)
        self._add(namespace)
        namespaces.plug(namespace, self.namespace, address, ROUTER)

    def _add(self, namespace: str) -> None:
        """Makes an empty network namespace. In a cgroup, since one made after the cleaning of a killed run would stay."""
        self.run.command("namespaces", ["ip", "netns", "add", namespace], text=True, capture_output=True)
        command("ip", "-n", namespace, "link", "set", "lo", "up")

    def endpoint(self, name: str, address: str) -> Endpoint:
        """A namespace with an address, to run a service in: ``run.service(name, argv, namespace=endpoint.namespace)``."""
        namespace = self.run.label(name)
        self.attach(namespace, address)
        return Endpoint(namespace, address)

    def command(self, argv: Sequence[object]) -> list[str]:
        """The command line that runs ``argv`` on the segment, at the router's address, with the segment's name server."""
        return ["ip", "netns", "exec", self.namespace, *map(str, argv)]

    def exec(self, argv: Sequence[object], *, check: bool = True, **options: object) -> subprocess.CompletedProcess:
        """Runs a command on the segment, as the controller does; ``options`` are those of subprocess.run."""
        return self.run.command("exec", self.command(argv), check=check, **options)

    def _ip(self, *words: object) -> str:
        return command("ip", "-n", self.namespace, *words)

    def _use_own_names(self) -> None:
        directory = namespaces.CONFIGURATION / self.namespace
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "resolv.conf").write_text(f"nameserver {ROUTER}\n")
