"""A download server of the lab: static files over HTTP or HTTPS, a log of every request, and faults on demand.

It stands in for GitHub's releases, a mirror or any other web server that files are fetched from. In a test::

    with Downloads(tmp_path) as server:
        server.fault("/talos/vmlinuz", "reset")

As a program: python -m lab.downloads --root DIR --address A --port P [--certificate C --key K] --log FILE; it prints ``ready URL``.
Faults are then set by PUT of {"/path": {"kind": "reset"}} to /_lab/faults, which replaces all earlier ones.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import struct
import threading
import time
import typing as t
import urllib.parse

BLOCK = 256 * 1024
FAULTS_PATH = "/_lab/faults"
TALOS_RELEASES = "siderolabs/talos/releases/download"
ON_GET = ("reset", "short", "corrupt", "slow", "stall")
WEB_PAGE = b"<!DOCTYPE html>\n<html><head><title>Please sign in</title></head></html>\n"


@dataclasses.dataclass
class Fault:
    """What goes wrong with one path.

    On every request: ``status`` (answer ``status``), ``redirect`` (to ``location``), ``page`` (a web page, with 200), ``unsized`` (no
    Content-Length), ``rangeless`` (all of the file, whatever range is asked for).
    On GET only: ``reset`` (half of the file, then the connection is reset), ``short`` (half of what Content-Length says),
    ``corrupt`` (one bit is wrong), ``slow`` (a pause of ``seconds`` after every 256 KiB until the fault is gone), ``stall`` (half of the
    file, then silence until the fault is gone).
    ``at`` is the byte of the answer at which it happens instead of its half, ``times`` how often it happens before all is well.
    """

    kind: str
    status: int = 503
    location: str = ""
    seconds: float = 0.1
    at: int | None = None
    times: int | None = None


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    downloads: Downloads

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away and TLS that is refused are part of what is tested."""


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers one connection. Whoever serves more than files overrides :meth:`serve`, :meth:`content` or :meth:`file`."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def do_HEAD(self) -> None:
        self.serve()

    def do_GET(self) -> None:
        self.serve()

    def do_PUT(self) -> None:
        """Set the faults."""
        if self.path != FAULTS_PATH:
            self.answer(404)
            return
        wanted = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.downloads.faults = {path: Fault(**fault) for path, fault in wanted.items()}
        self.answer(204)

    def log_message(self, *_: object) -> None:
        """The log is the one of :meth:`Downloads.record`."""

    def serve(self) -> None:
        """Answer HEAD or GET."""
        fault = self.server.downloads.take_fault(self.path, self.command)
        kind = fault.kind if fault else None
        if kind == "status":
            self.answer(fault.status)
        elif kind == "redirect":
            self.answer(302, headers={"Location": fault.location})
        elif kind == "page":
            self.answer(200, WEB_PAGE, {"Content-Type": "text/html"})
        elif (content := self.content()) is None:
            self.answer(404, b"not found\n")
        else:
            with content:
                self._send(content, fault)

    def content(self) -> t.BinaryIO | None:
        """What is at the path."""
        path = self.file()
        return path.open("rb") if path else None

    def file(self) -> pathlib.Path | None:
        """The file that the path names, if there is one below the root."""
        root = self.server.downloads.root
        file = (root / urllib.parse.unquote(self.path.split("?")[0]).lstrip("/")).resolve()
        return file if file.is_file() and root in file.parents else None

    def answer(self, status: int, body: bytes = b"", headers: dict | None = None) -> None:
        """The whole answer, and a line in the log."""
        self._begin(status, {**(headers or {}), "Content-Length": len(body)})
        if self.command != "HEAD":
            self.wfile.write(body)

    def _begin(self, status: int, headers: dict) -> None:
        self.server.downloads.record(
            {
                "time": round(time.time(), 3),
                "method": self.command,
                "path": self.path,
                "status": status,
                "range": self.headers.get("Range"),
                "authorized": "Authorization" in self.headers,
                "client": self.client_address[0],
            }
        )
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()

    def _send(self, file, fault: Fault | None) -> None:
        size = file.seek(0, os.SEEK_END)
        asked = None if fault and fault.kind == "rangeless" else self.headers.get("Range")
        wanted = _range(asked, size)
        if wanted is None:
            self.answer(416, headers={"Content-Range": f"bytes */{size}"})
            return
        start, end = wanted
        headers = {"Accept-Ranges": "bytes", "Content-Length": end - start, "Content-Type": "application/octet-stream"}
        if asked:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        if fault and fault.kind == "unsized":
            del headers["Content-Length"]
            headers["Connection"] = "close"
        self._begin(206 if asked else 200, headers)
        if self.command == "GET":
            self._send_body(file, start, end, fault)

    def _send_body(self, file, start: int, end: int, fault: Fault | None) -> None:
        kind = fault.kind if fault else None
        place = start + (fault.at if fault and fault.at is not None else (end - start) // 2)
        if kind in ("reset", "short", "stall"):
            end = min(place, end)
            self.close_connection = True
        file.seek(start)
        while (position := file.tell()) < end:
            block = bytearray(file.read(min(BLOCK, end - position)))
            if kind == "corrupt" and position <= place < position + len(block):
                block[place - position] ^= 1
            self.wfile.write(block)
            if kind == "slow" and self._lasts(fault):
                time.sleep(fault.seconds)
        if kind == "stall":
            self._stall(fault)
        if kind == "reset":
            self._reset()

    def _stall(self, fault: Fault) -> None:
        while not self.server.downloads.stopping and self._lasts(fault):
            time.sleep(0.05)

    def _lasts(self, fault: Fault) -> bool:
        """Whether a fault goes on; nobody takes back one that is counted."""
        return fault.times is not None or self.server.downloads.faults.get(self.path) is fault

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())


class Downloads:
    """The server, in threads of this process from ``start()`` (or ``with``) to ``stop()``."""

    handler = Handler

    def __init__(
        self,
        root: str | os.PathLike,
        *,
        address: str = "127.0.0.1",
        port: int = 0,
        certificate: str | os.PathLike | None = None,
        key: str | os.PathLike | None = None,
        log: str | os.PathLike | None = None,
    ):
        self.root = pathlib.Path(root).resolve()
        self.log = pathlib.Path(log) if log else None
        self.faults: dict[str, Fault] = {}
        self.requests: list[dict] = []
        self.stopping = False
        self._lock = threading.Lock()
        self._server = _Server((address, port), self.handler)
        self._server.downloads = self
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"{'https' if certificate else 'http'}://{address}:{self._server.server_address[1]}"

    def start(self) -> Downloads:
        """Serve in the background."""
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def stop(self) -> None:
        """End the server and every stalled answer."""
        self.stopping = True
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Downloads:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def fault(self, path: str, kind: str, **details: object) -> None:
        """Have :class:`Fault` ``kind`` happen to ``path`` until ``faults`` no longer has it."""
        self.faults[path] = Fault(kind, **details)

    def take_fault(self, path: str, method: str) -> Fault | None:
        """The fault of this request, which is one less to come where they are counted."""
        with self._lock:
            fault = self.faults.get(path)
            if fault is None or (method == "HEAD" and fault.kind in ON_GET):
                return None
            if fault.times is not None:
                fault.times -= 1
                if fault.times < 1:
                    del self.faults[path]
            return fault

    def record(self, entry: dict) -> None:
        """Note a request, in ``requests`` and as a line of the log."""
        with self._lock:
            self.requests.append(entry)
            if self.log:
                with self.log.open("a") as log:
                    log.write(json.dumps(entry) + "\n")

    def methods(self, path: str | None = None) -> list[str]:
        """The methods of the requests so far, of all or of those for ``path``."""
        return [entry["method"] for entry in list(self.requests) if path in (None, entry["path"])]


def _range(header: str | None, size: int) -> tuple[int, int] | None:
    """First byte and the one after the last that ``header`` asks for: all of them without one, ``None`` if there are no such bytes."""
    if header is None:
        return 0, size
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", header)
    if not match or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    start = int(first) if first else max(0, size - int(last))
    end = min(size, int(last) + 1) if first and last else size
    return (start, end) if start < end else None


def put_talos_release(root: pathlib.Path, version: str, kernel: pathlib.Path, initramfs: pathlib.Path, architecture: str = "amd64") -> pathlib.Path:
    """Lay a pair of images below ``root`` as Talos publishes them, with a new ``sha256sum.txt``; the folder of the release."""
    folder = root / TALOS_RELEASES / version
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(kernel, folder / f"vmlinuz-{architecture}")
    shutil.copyfile(initramfs, folder / f"initramfs-{architecture}.xz")
    files = sorted(path for path in folder.iterdir() if path.name != "sha256sum.txt")
    (folder / "sha256sum.txt").write_text("".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files))
    return folder


def parser(prog: str, description: str) -> argparse.ArgumentParser:
    """The options of a server as a program."""
    options = argparse.ArgumentParser(prog=prog, description=description)
    options.add_argument("--root", required=True)
    options.add_argument("--address", default="127.0.0.1")
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--certificate")
    options.add_argument("--key")
    options.add_argument("--log", required=True)
    return options


def run(kind: type[Downloads], options: argparse.Namespace) -> None:
    """Serve until told to end (SIGTERM, SIGINT); a line on standard output says that it listens."""
    # Before any thread, so that none of them takes the signal.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    with kind(**vars(options)) as server:
        print(f"ready {server.url}", flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    run(Downloads, parser("lab.downloads", "A download server of the lab").parse_args())
