"""Several boot hosts on one segment, of which only one answers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from lab.site import Site

DNSMASQ = "omni-matchbox-dnsmasq.service"


@contextlib.contextmanager
def alone(site: Site, name: str) -> Iterator[None]:
    """While it lasts, only this host answers machines that boot."""
    others = [host for host in site.hosts.values() if host.name != name]
    for host in others:
        host.exec(["systemctl", "stop", DNSMASQ])
    try:
        yield
    finally:
        for host in others:
            host.exec(["systemctl", "start", DNSMASQ])
