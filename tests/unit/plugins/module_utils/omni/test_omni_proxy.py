"""Omni through an HTTP proxy, as the environment names it, and past it."""

from __future__ import annotations

import contextlib
import socket
import threading

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni import errors
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.resources import create_resource, list_resources
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.watch import Watch

pytest_plugins = ["support.omni"]

LABELS = "MachineLabels.omni.sidero.dev"


class Proxy:
    """Connects whoever asks with CONNECT, or refuses everybody."""

    def __init__(self, refuses: bool = False):
        self.asked: list[str] = []
        self._refuses = refuses
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def stop(self) -> None:
        # Only this ends the accept() of the other thread.
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _address = self._listening.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            request += client.recv(4096)
        target = request.split(b" ")[1].decode()
        self.asked.append(target)
        if self._refuses:
            client.sendall(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")
            client.close()
            return
        host, port = target.rsplit(":", 1)
        server = socket.create_connection((host, int(port)))
        client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        threading.Thread(target=_pass, args=(server, client), daemon=True).start()
        _pass(client, server)


def _pass(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@pytest.fixture
def proxied(monkeypatch):
    """Makes a proxy that the environment names."""
    made = []

    def start(**options) -> Proxy:
        made.append(Proxy(**options))
        for name in ("NO_PROXY", "no_proxy", "https_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HTTPS_PROXY", made[-1].url)
        return made[-1]

    yield start
    for proxy in made:
        with contextlib.suppress(OSError):
            proxy.stop()


def test_all_goes_through_the_proxy(omni, proxied):
    proxy = proxied()
    client = omni.client()
    assert list_resources(client, LABELS) == []
    create_resource(client, {"metadata": {"namespace": "default", "type": LABELS, "id": "m1"}, "spec": {}})
    assert next(iter(Watch(client, LABELS))).after["metadata"]["id"] == "m1"
    # One tunnel, and one more at most for the stream.
    assert set(proxy.asked) == {omni.server.endpoint.removeprefix("https://")}
    assert len(proxy.asked) <= 2


def test_not_for_those_that_are_reached_without(omni, proxied, monkeypatch):
    proxy = proxied()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert list_resources(omni.client(), LABELS) == []
    assert proxy.asked == []


def test_a_proxy_that_refuses(omni, proxied):
    """Nothing has reached Omni then: also a change is tried again."""
    proxy = proxied(refuses=True)
    with pytest.raises(errors.UnreachableError, match="check that Omni runs, .* and firewall and proxy in between") as caught:
        create_resource(omni.client(), {"metadata": {"namespace": "default", "type": LABELS, "id": "m1"}, "spec": {}})
    assert not caught.value.sent
    assert len(proxy.asked) == 4


def test_a_proxy_that_is_not_there(omni, proxied):
    proxied().stop()
    with pytest.raises(errors.UnreachableError) as caught:
        create_resource(omni.client(), {"metadata": {"namespace": "default", "type": LABELS, "id": "m1"}, "spec": {}})
    assert not caught.value.sent
