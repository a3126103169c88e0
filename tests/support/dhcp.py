"""A DHCP client that asks whatever it is told to and tells what came back. Its sockets are made where it is called."""

from __future__ import annotations

import dataclasses
import secrets
import select
import socket
import struct
import time
from collections.abc import Collection

from lab.clients import random_mac

SERVER, CLIENT, PROXY = 67, 68, 4011
DISCOVER, OFFER, REQUEST, ACK = 1, 2, 3, 5
MAGIC = b"\x63\x82\x53\x63"
HEADER = struct.Struct("!BBBB4sHH4s4s4s4s16s64s128s4s")

# Option numbers.
ROUTER, NAME_SERVER, VENDOR, MESSAGE_TYPE, WANTED, VENDOR_CLASS, BOOT_FILE, USER_CLASS, ARCHITECTURE, IPXE = 3, 6, 43, 53, 55, 60, 67, 77, 93, 175
# Within the vendor option of PXE: the servers to choose from, and the choice.
BOOT_SERVERS, BOOT_ITEM = 8, 71


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a server said. ``address`` is the one it gives, empty if it gives none; ``file`` is what the client shall load."""

    type: int
    address: str
    next_server: str
    file: str
    options: dict[int, bytes]


def boot_options(architecture: int | None, *, vendor: str = "PXEClient", more: dict[int, bytes] | None = None) -> dict[int, bytes]:
    """The options by which a machine that boots says what it can run; ``architecture`` is that of option 93."""
    options = {WANTED: bytes([1, 3, 6, 12, 15, 43, 54, 60, 66, 67])}
    if architecture is not None:
        options[VENDOR_CLASS] = f"{vendor}:Arch:{architecture:05}:UNDI:003001".encode()
        options[ARCHITECTURE] = struct.pack("!H", architecture)
    return {**options, **(more or {})}


def choice(offer: Answer) -> dict[int, bytes]:
    """The option by which a machine takes the first entry of a proxy's menu; none if there is no menu."""
    servers = _options(offer.options.get(VENDOR, b"")).get(BOOT_SERVERS)
    return {VENDOR: bytes([BOOT_ITEM, 4]) + servers[:2] + b"\0\0\xff"} if servers else {}


def ask(
    kind: int, options: dict[int, bytes], servers: Collection[str], *, to: str = "", port: int = SERVER, own: str = "", patience: float = 3
) -> dict[str, Answer]:
    """What each server said, by its address.

    Asks all of them (or the one at ``to``) until those at the addresses ``servers`` have answered or patience, in seconds, is over.
    ``own`` is the client's address, if it has one.
    """
    transaction, mac = secrets.token_bytes(4), bytes.fromhex(random_mac().replace(":", ""))
    until, answers = time.monotonic() + patience, {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
        client.bind(("", CLIENT))
        client.sendto(request(kind, transaction, mac, own, options), (to or "255.255.255.255", port))
        while set(servers) - set(answers) and select.select([client], [], [], max(0, until - time.monotonic()))[0]:
            message, (source, _port) = client.recvfrom(4096)
            if message[4:8] == transaction:
                answers[source] = parse(message)
    return answers


def request(kind: int, transaction: bytes, mac: bytes, own: str, options: dict[int, bytes]) -> bytes:
    """A client's message; it wants its answer by broadcast unless it has an address."""
    nobody = bytes(4)
    address, flags = (socket.inet_aton(own), 0) if own else (nobody, 0x8000)
    header = HEADER.pack(1, 1, 6, 0, transaction, 0, flags, address, nobody, nobody, nobody, mac, b"", b"", MAGIC)
    options = {MESSAGE_TYPE: bytes([kind]), **options}
    return header + b"".join(bytes([number, len(value)]) + value for number, value in options.items()) + b"\xff"


def parse(message: bytes) -> Answer:
    """A server's message."""
    fields = HEADER.unpack_from(message)
    options = _options(message[HEADER.size :])
    given, next_server = socket.inet_ntoa(fields[8]), socket.inet_ntoa(fields[9])
    file = options.get(BOOT_FILE) or fields[13]
    return Answer(options[MESSAGE_TYPE][0], "" if given == "0.0.0.0" else given, next_server, file.rstrip(b"\0").decode(), options)


def _options(rest: bytes) -> dict[int, bytes]:
    options = {}
    while rest and rest[0] != 255:
        if rest[0] == 0:
            rest = rest[1:]
            continue
        options[rest[0]] = rest[2 : 2 + rest[1]]
        rest = rest[2 + rest[1] :]
    return options
