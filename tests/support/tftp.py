"""A TFTP client that reads. Its socket is made where it is called."""

from __future__ import annotations

import socket
import struct

PORT = 69
READ, DATA, ACKNOWLEDGE, ERROR = 1, 3, 4, 5
BLOCK = 512
TRIES = 3


class TftpError(Exception):
    """What the server refused, in its words."""


def fetch(address: str, name: str, patience: float) -> bytes:
    """The file ``name`` of the server at ``address``.

    TftpError if it refuses, TimeoutError if nobody answers to three packets within ``patience`` seconds each.
    """
    received, number = bytearray(), 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(patience)
        message, to = struct.pack("!H", READ) + name.encode() + b"\0octet\0", (address, PORT)
        while True:
            answer, to = _exchange(client, message, to)
            kind, block = struct.unpack_from("!HH", answer)
            if kind == ERROR:
                raise TftpError(answer[4:].rstrip(b"\0").decode())
            if block == number & 0xFFFF:
                received += answer[4:]
                number += 1
            message = struct.pack("!HH", ACKNOWLEDGE, block)
            if len(answer) < 4 + BLOCK:
                client.sendto(message, to)
                return bytes(received)


def _exchange(client: socket.socket, message: bytes, to: tuple[str, int]) -> tuple[bytes, tuple[str, int]]:
    """Send until something comes; the server answers from a port of its own choice."""
    for _try in range(TRIES - 1):
        client.sendto(message, to)
        try:
            return client.recvfrom(4 + BLOCK)
        except TimeoutError:
            continue
    client.sendto(message, to)
    return client.recvfrom(4 + BLOCK)
