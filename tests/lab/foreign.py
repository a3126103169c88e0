"""A DHCP server that is not ours: the one a site already has, which says nothing about booting."""

from __future__ import annotations

from .run import Run, Service
from .segment import DNSMASQ, NETWORK, ROUTER, Segment

ADDRESS = f"{NETWORK}.2"
FIRST, LAST = f"{NETWORK}.150", f"{NETWORK}.199"


def start(run: Run, segment: Segment) -> Service:
    """Starts it on the segment; ``.output`` of the service names each lease, ``.stop()`` ends it."""
    endpoint = segment.endpoint("dhcp", ADDRESS)
    argv = [*DNSMASQ, "--port=0", "--interface=eth0", "--log-dhcp", "--no-ping", f"--dhcp-leasefile={run.state}/dhcp.leases"]
    argv += [f"--dhcp-range={FIRST},{LAST},255.255.255.0,10m", f"--dhcp-option=option:router,{ROUTER}"]
    argv += [f"--dhcp-option=option:dns-server,{ROUTER}", "--dhcp-authoritative"]
    return run.service("dhcp", argv, namespace=endpoint.namespace)
