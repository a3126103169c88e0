"""Which TCP ports of a host let somebody in: a SYN to each of the 65,535, from a raw socket.

Whoever answers SYN-ACK is open. What is refused says RST, what a firewall drops says nothing: that is asked again, since a packet
may be lost. The kernel here resets what has been opened, as it knows of no such connection.
"""

from __future__ import annotations

import dataclasses
import select
import socket
import struct
import time

PORTS = range(1, 65536)
OWN_PORT = 40000
SYN, SYN_ACK, RST = 0x02, 0x12, 0x04
TRIES = 3
BURST = 500  # what is in flight at once; a receive buffer holds more
QUIET = 0.3  # seconds without an answer after which no more will come
SO_RCVBUFFORCE = 33  # not among the constants of the module
BUFFER = 32 << 20


@dataclasses.dataclass(frozen=True)
class Scan:
    """The ports that let in, those that refused, and those that never answered."""

    open: set[int]
    refused: set[int]

    @property
    def silent(self) -> set[int]:
        """The ports from which nothing came."""
        return set(PORTS) - self.open - self.refused


def scan(address: str, own: str) -> Scan:
    """Try every TCP port of ``address`` from this thread's network, where ``own`` is the address of this side."""
    open_ports, refused = set(), set()
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as raw:
        raw.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        for _try in range(TRIES):
            waiting = [port for port in PORTS if port not in open_ports and port not in refused]
            for first in range(0, len(waiting), BURST):
                for port in waiting[first : first + BURST]:
                    raw.sendto(syn(own, address, port), (address, 0))
                _collect(raw, address, open_ports, refused, 0)
            _collect(raw, address, open_ports, refused, QUIET)
    return Scan(open_ports, refused)


def _collect(raw: socket.socket, address: str, open_ports: set[int], refused: set[int], quiet: float) -> None:
    until = time.monotonic() + quiet
    while select.select([raw], [], [], max(0, until - time.monotonic()))[0]:
        packet, (source, _protocol) = raw.recvfrom(256)
        segment = packet[(packet[0] & 15) * 4 :]
        port, to, flags = *struct.unpack_from("!HH", segment), segment[13]
        if source != address or to != OWN_PORT:
            continue
        until = time.monotonic() + quiet
        if flags & SYN_ACK == SYN_ACK:
            open_ports.add(port)
        elif flags & RST:
            refused.add(port)


def syn(own: str, address: str, port: int) -> bytes:
    """The segment that asks for a connection."""
    segment = struct.pack("!HHIIBBHHH", OWN_PORT, port, port, 0, 5 << 4, SYN, 1024, 0, 0)
    pseudo = socket.inet_aton(own) + socket.inet_aton(address) + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(segment))
    return segment[:16] + struct.pack("!H", checksum(pseudo + segment)) + segment[18:]


def checksum(data: bytes) -> int:
    """The Internet checksum of an even number of bytes."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
