"""Three boot hosts side by side: one without a firewall, one with firewalld, one with nftables rules of its owner's."""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
from collections.abc import Iterable

from lab.hosts import Host
from lab.run import Run
from lab.segment import NETWORK
from lab.site import Site
from lab.system import LabError
from support import dhcp
from support.visitor import Visitor

FIREWALLS = ("firewalld", "nftables")
NAMES = ("open", *FIREWALLS)
SERVED = {"ssh", "http", "https", "tftp", "proxy"}
CHAIN_SCRIPT = b"""#!ipxe
chain ipxe?uuid=${uuid}&mac=${mac:hexhyp}&domain=${domain}&hostname=${hostname}&serial=${serial}&arch=${buildarch:uristring}
"""

# What the owner of the hosts runs there: where it can be seen, and where a firewall hides it.
OWNERS_PORT, OWNERS_HIDDEN_PORT = 7070, 7071
OWNERS_SERVICE = """[Service]
ExecStart=/usr/bin/python3 -m http.server {port} --directory /usr/share/keyrings
[Install]
WantedBy=multi-user.target
"""
BANNED = f"{NETWORK}.66"
NFTABLES = f"""#!/usr/sbin/nft -f
flush ruleset
table inet filter {{
    chain input {{
        type filter hook input priority filter; policy drop;
        ct state established,related accept
        ct state invalid drop
        iif lo accept
        ip saddr {BANNED} counter drop comment "banned by the owner"
        tcp dport {{ 22, {OWNERS_PORT} }} accept comment "by the owner"
    }}
}}
"""


def certificate(host: Host) -> pathlib.Path:
    """The certificate of a host's port 443."""
    return host.root / "etc/nginx/omni-matchbox.crt"


def packaged(host: Host, name: str) -> bytes:
    """A network boot program as the host's distribution has it."""
    return (host.root / "usr/lib/ipxe" / name).read_bytes()


@dataclasses.dataclass
class BootHosts:
    """The three hosts, by their firewalls, and who looks at them."""

    site: Site
    visitor: Visitor

    @property
    def hosts(self) -> dict[str, Host]:
        return self.site.hosts

    def address(self, name: str) -> str:
        return self.hosts[name].address

    def answering(self, name: str, patience: float = 2) -> set[str]:
        """Which of the services of a host answer as they should."""
        services = {"ssh": self._ssh, "http": self._http, "https": self._https, "tftp": self._tftp, "proxy": self._proxy}
        return {service for service, answers in services.items() if answers(self.hosts[name], patience)}

    def _ssh(self, host: Host, _patience: float) -> bool:
        with contextlib.suppress(LabError):
            return self.visitor.ssh(host.address, "hostname") == f"{host.name}\n"
        return False

    def _http(self, host: Host, patience: float) -> bool:
        with contextlib.suppress(OSError):
            return self.visitor.get(host.address, "/boot.ipxe", patience=patience).body == CHAIN_SCRIPT
        return False

    def _https(self, host: Host, patience: float) -> bool:
        with contextlib.suppress(OSError):
            return self.visitor.get_securely(host.address, "/", certificate(host), patience=patience).status == 200
        return False

    def _tftp(self, host: Host, patience: float) -> bool:
        with contextlib.suppress(OSError):
            return self.visitor.fetch(host.address, "packaged/undionly.kpxe", patience=patience) == packaged(host, "undionly.kpxe")
        return False

    def _proxy(self, host: Host, patience: float) -> bool:
        return self.visitor.proxy_program(host.address, dhcp.boot_options(0), patience=patience) == "packaged/undionly.kpxe"


def make(run: Run, suites: Iterable[str]) -> BootHosts:
    """The hosts of these Debian releases with their firewalls and their owner's services, before site.yml has run."""
    site = Site(run).up(dict(zip(NAMES, suites)))
    firewalld, nftables = (site.hosts[name] for name in FIREWALLS)
    for host, packages in ((firewalld, ["firewalld", "netbase"]), (nftables, ["nftables"])):
        host.exec(["apt-get", "-qq", "update"])
        host.exec(["apt-get", "-qq", "-y", "install", "--no-install-recommends", *packages])
    firewalld.exec(["firewall-cmd", "--permanent", f"--add-port={OWNERS_PORT}/tcp"])
    firewalld.exec(["firewall-cmd", "--reload"])
    nftables.write("/etc/nftables.conf", NFTABLES)
    nftables.exec(["systemctl", "enable", "--now", "nftables"])
    for host in site.hosts.values():
        for port in (OWNERS_PORT, OWNERS_HIDDEN_PORT):
            host.write(f"/etc/systemd/system/owners-{port}.service", OWNERS_SERVICE.format(port=port))
            host.exec(["systemctl", "enable", "--now", f"owners-{port}"])
    return BootHosts(site, Visitor(site.segment))
