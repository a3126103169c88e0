"""Network namespaces and what connects them."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import pathlib
from collections.abc import Iterator

from .system import LabError, command

NAMED = pathlib.Path("/run/netns")
CONFIGURATION = pathlib.Path("/etc/netns")  # `ip netns exec` shows /etc/netns/NAME/resolv.conf as /etc/resolv.conf
CLONE_NEWNET = 0x40000000


def interface(name: str) -> str:
    """The interface of ``name`` on the bridge: a hash, since Linux allows 15 characters."""
    return "p" + hashlib.sha256(name.encode()).hexdigest()[:10]


def exists(namespace: str) -> bool:
    """Whether there is a network namespace of that name."""
    return (NAMED / namespace).exists()


def add(namespace: str) -> None:
    """Makes an empty network namespace."""
    command("ip", "netns", "add", namespace)
    command("ip", "-n", namespace, "link", "set", "lo", "up")


def delete(namespace: str) -> None:
    """Removes a network namespace with the ends of its veths and its taps, if it is there."""
    if exists(namespace):
        command("ip", "netns", "del", namespace)


def named(prefix: str) -> list[str]:
    """The network namespaces whose name begins with ``prefix``."""
    return sorted(path.name for path in NAMED.glob(f"{prefix}*"))


def plug(namespace: str, bridge_namespace: str, address: str, router: str) -> None:
    """Gives ``namespace`` an eth0 on br0 of ``bridge_namespace``, with an address of its /24 and the way out."""
    port = interface(namespace)
    command("ip", "link", "add", port, "netns", bridge_namespace, "type", "veth", "peer", "name", "eth0", "netns", namespace)
    command("ip", "-n", bridge_namespace, "link", "set", port, "master", "br0", "up")
    command("ip", "-n", namespace, "addr", "add", f"{address}/24", "dev", "eth0")
    command("ip", "-n", namespace, "link", "set", "eth0", "up")
    command("ip", "-n", namespace, "route", "add", "default", "via", router)


def unplug(name: str, bridge_namespace: str) -> None:
    """Removes the interface of ``name`` from the bridge, if it is there."""
    with contextlib.suppress(LabError):
        command("ip", "-n", bridge_namespace, "link", "del", interface(name))


@contextlib.contextmanager
def entered(namespace: str) -> Iterator[None]:
    """While it lasts, the sockets that this thread makes belong to a network namespace; they stay there afterwards."""
    with open("/proc/thread-self/ns/net") as own, open(NAMED / namespace) as other:
        _enter(other.fileno())
        try:
            yield
        finally:
            _enter(own.fileno())


def _enter(descriptor: int) -> None:
    """os.setns came with Python 3.12."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
