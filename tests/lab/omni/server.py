"""The lab Omni's two servers: the API over HTTPS and the machine API over plain HTTP, each connection in a thread of its own."""

from __future__ import annotations

import contextlib
import gzip
import http.server
import json
import pathlib
import select
import socket
import ssl
import struct
import sys
import threading
import time
import typing as t

from . import api, faults, machines
from .state import State

METADATA = "grpc-metadata-"


class LabOmni:
    """The lab Omni in this process. Use it as a context, or :meth:`start` and :meth:`stop`.

    Port 0 takes a free one. ``connections`` counts those over TLS. It has the faults of :mod:`.faults`.
    """

    def __init__(self, state: State, certificate: pathlib.Path, key: pathlib.Path, *, address: str = "127.0.0.1", port: int = 0, machine_port: int = 0):
        self.state = state
        self.connections = 0
        self.stopped = False
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._servers = [_Server((address, port), _Api, self, context), _Server((address, machine_port), _MachineApi, self)]
        self._threads = [threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True) for server in self._servers]
        self.endpoint = f"https://{address}:{self._servers[0].server_port}"
        self.machine_url = f"http://{address}:{self._servers[1].server_port}"

    def start(self) -> LabOmni:
        """Answer requests from now on."""
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        """End both servers and all streams, and free their ports."""
        self.stopped = True
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def __enter__(self) -> LabOmni:
        return self.start()

    def __exit__(self, *_exception) -> None:
        self.stop()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type, omni: LabOmni, context: ssl.SSLContext | None = None):
        self.omni = omni
        self.context = context
        super().__init__(address, handler)

    def finish_request(self, request: socket.socket, client_address: tuple) -> None:
        """The handshake is made here, in the connection's own thread: nobody waits for a client that does not speak."""
        request.settimeout(60)
        if not self.context:
            super().finish_request(request, client_address)
            return
        self.omni.connections += 1
        with self.context.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)
            with contextlib.suppress(OSError):
                secured.shutdown(socket.SHUT_RDWR)

    def shutdown_request(self, request: socket.socket) -> None:
        """Wrapping a socket takes it over; what is left of it here cannot be shut down any more."""
        if request.fileno() >= 0:
            super().shutdown_request(request)

    def handle_error(self, request: socket.socket, client_address: tuple) -> None:
        """Clients that leave in the middle, or do not trust the certificate, are no errors of the server."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    # Headers and body leave together: apart, each answer would wait for the client's delayed acknowledgement.
    wbufsize = 65536

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The ``Date`` header is by the lab Omni's own clock."""
        return super().date_time_string(self.server.omni.state.clock() if timestamp is None else timestamp)

    def log_message(self, *_arguments) -> None:
        """Requests are in ``requests.jsonl``."""

    def body(self) -> str:
        """The request's body, by its length."""
        return self.rfile.read(int(self.headers.get("Content-Length", 0))).decode(errors="replace")

    def reply(self, status: int, content_type: str, text: str, headers: dict | None = None) -> None:
        """Send an answer, compressed for whoever takes that."""
        data = text.encode()
        self.send_response(status)
        if "gzip" in self.headers.get("Accept-Encoding", "") and data:
            data = gzip.compress(data, 1)
            self.send_header("Content-Encoding", "gzip")
        for name, value in {"Content-Type": content_type, "Vary": "Accept-Encoding", "Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


class _Api(_Handler):
    def log_request(self, code: int | str = "-", _size: int | str = "-") -> None:
        """A line as a web server writes it."""
        self.server.omni.state.append("access.log", f'{self.client_address[0]} "{self.requestline}" {code}')

    def do_GET(self) -> None:
        if self.path == "/healthz":
            self.reply(200, "text/plain", "")
        elif self.path.startswith("/api/"):
            self._json(501, {"code": 12, "message": "Method Not Allowed"})
        else:
            self.reply(200, "text/html; charset=utf-8", "<!doctype html><title>lab Omni</title><p>This is the lab's stand-in for Omni, not Omni.\n")

    def do_POST(self) -> None:
        text, state = self.body(), self.server.omni.state
        method = self.path.removeprefix("/api")
        fault = faults.take(state, method) or faults.Fault("")
        if fault.kind in ("answer", "reset"):
            state.append("requests.jsonl", {"time": state.clock(), "method": "fault", "account": "", "status": fault.status})
        if fault.kind == "answer":
            self.reply(fault.status, "application/json", fault.text, fault.headers)
        elif fault.kind == "reset":
            self._reset()
        elif not self.path.startswith("/api/"):
            self.reply(405, "text/plain; charset=utf-8", "read-only\n")
        else:
            time.sleep(fault.seconds)
            self._answer(method, text, fault)

    def _answer(self, method: str, text: str, fault: faults.Fault) -> None:
        state = self.server.omni.state
        status, content, account = api.answer(state, method, self._metadata(), text)
        state.append("requests.jsonl", {"time": state.clock(), "method": method, "account": account, "status": status})
        if fault.kind == "reset-after":
            self._reset()
        elif not isinstance(content, dict):
            self._stream(content, fault.events if fault.kind == "truncate" else -1)
        elif fault.kind == "truncate":
            self._half(json.dumps(content))
        else:
            self._json(status, content)

    def _reset(self) -> None:
        """End the connection so that the other side sees an error, and no orderly end."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def _half(self, text: str) -> None:
        """Announce an answer, and send half of it."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text[: len(text) // 2].encode())
        self.close_connection = True

    def _stream(self, events: t.Iterator[dict | None], cut_after: int) -> None:
        """Send one line for each event until the client leaves; after ``cut_after`` of them, half a line and no more."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.close_connection = True
        for event in events:
            if event is None:
                self.wfile.flush()
                if self.server.omni.stopped or select.select([self.connection], [], [], 0)[0]:
                    return
                continue
            line = json.dumps({"result": event}).encode() + b"\n"
            if cut_after == 0:
                self._chunk(line[: len(line) // 2])
                return
            self._chunk(line)
            cut_after -= 1

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def _metadata(self) -> dict[str, list[str]]:
        """What gRPC gets of the headers: those with the prefix, and Authorization in any case."""
        found: dict[str, list[str]] = {}
        for name, value in self.headers.items():
            if name.lower().startswith(METADATA) or name.lower() == "authorization":
                found.setdefault(name.lower().removeprefix(METADATA), []).append(value)
        return found

    def _json(self, status: int, content: dict) -> None:
        self.reply(status, "application/json", json.dumps(content), {"Grpc-Metadata-Content-Type": "application/grpc"} if status == 200 else {})


class _MachineApi(_Handler):
    def do_POST(self) -> None:
        status, text = machines.handle(self.server.omni.state, self.path, self.body())
        self.reply(status, "text/plain", text + "\n", {"Connection": "close"})
        self.close_connection = True
