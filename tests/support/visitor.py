"""Another computer on the segment: what a boot host looks like from outside."""

from __future__ import annotations

import dataclasses
import http.client
import pathlib
import socket
import ssl
from collections.abc import Collection

from lab import bases, namespaces
from lab.segment import NETWORK, Segment

from . import dhcp, scan, tftp

PATIENCE = 3  # seconds
SSH = ("BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "ControlPath=none", "ConnectTimeout=10")


@dataclasses.dataclass(frozen=True)
class Reply:
    """An answer over HTTP; ``headers`` by lower-case name."""

    status: int
    headers: dict[str, str]
    body: bytes


class Visitor:
    """A network namespace on the segment with an address of its own, from which hosts are asked."""

    def __init__(self, segment: Segment, name: str = "visitor", address: str = f"{NETWORK}.9"):
        self.segment, self.address = segment, address
        self.namespace = segment.endpoint(name, address).namespace

    def scan(self, address: str) -> scan.Scan:
        """Every TCP port of a host."""
        with namespaces.entered(self.namespace):
            return scan.scan(address, self.address)

    def get(self, address: str, path: str, *, method: str = "GET", port: int = 80, headers: dict | None = None, patience: float = PATIENCE) -> Reply:
        """A request over HTTP. The path goes as it is given; OSError if there is no answer."""
        return self._ask(http.client.HTTPConnection(address, port, timeout=patience), path, method, headers)

    def get_securely(self, name: str, path: str, certificate: pathlib.Path, *, address: str = "", patience: float = PATIENCE) -> Reply:
        """The same over TLS with a host that is at ``address`` and, by this certificate, called ``name``; ssl.SSLError if it is not."""
        context = ssl.create_default_context(cafile=certificate)
        connection = http.client.HTTPSConnection(name, timeout=patience, context=context)
        connection._create_connection = lambda _name, timeout, source: socket.create_connection((address or name, 443), timeout, source)
        return self._ask(connection, path, "GET", None)

    def _ask(self, connection: http.client.HTTPConnection, path: str, method: str, headers: dict | None) -> Reply:
        try:
            with namespaces.entered(self.namespace):
                connection.connect()
            connection.request(method, path, headers=headers or {})
            answer = connection.getresponse()
            return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def shake_hands(self, address: str, version: ssl.TLSVersion) -> str:
        """The version that a host agrees to when it is offered that one alone; ssl.SSLError with its alert if it refuses."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")  # or this side would not offer the old ones at all
        context.minimum_version = context.maximum_version = version
        with namespaces.entered(self.namespace), socket.create_connection((address, 443), PATIENCE) as connection:
            return context.wrap_socket(connection).version()

    def fetch(self, address: str, name: str, *, patience: float = PATIENCE) -> bytes:
        """A file over TFTP."""
        with namespaces.entered(self.namespace):
            return tftp.fetch(address, name, patience)

    def discover(self, options: dict[int, bytes], servers: Collection[str], *, patience: float = PATIENCE) -> dict[str, dhcp.Answer]:
        """What each DHCP server of the segment offers, by its address, until all ``servers`` have answered or patience (s) is over."""
        with namespaces.entered(self.namespace):
            return dhcp.ask(dhcp.DISCOVER, options, servers, patience=patience)

    def proxy_program(self, address: str, options: dict[int, bytes], *, patience: float = PATIENCE) -> str:
        """What a machine with these options shall load, by the word of the proxy DHCP server at ``address``: its offer, then its port 4011."""
        offer = self.discover(options, [address], patience=patience).get(address)
        if not offer:
            return ""
        with namespaces.entered(self.namespace):
            more = {"to": address, "port": dhcp.PROXY, "own": self.address, "patience": patience}
            answers = dhcp.ask(dhcp.REQUEST, {**options, **dhcp.choice(offer)}, [address], **more)
        return answers[address].file if answers else ""

    def resolve(self, server: str, name: str) -> str:
        """The IPv4 address that a name server gives for a name."""
        labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
        question = bytes.fromhex("1234 0100 0001 0000 0000 0000") + labels + bytes.fromhex("00 0001 0001")
        with namespaces.entered(self.namespace), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(PATIENCE)
            client.sendto(question, (server, 53))
            answer = client.recv(512)
        assert answer[6:8] == b"\0\1", f"{server} does not give one address for {name}"
        return socket.inet_ntoa(answer[-4:])

    def ssh(self, address: str, *words: str) -> str:
        """What a command in the host prints, over a connection made for it."""
        key = bases.ssh_key(self.segment.run)
        argv = ["nsenter", f"--net={namespaces.NAMED / self.namespace}", "ssh", "-i", key, *(f"-o{option}" for option in SSH), f"root@{address}", *words]
        return self.segment.run.command("visitor", argv, capture_output=True, text=True).stdout
