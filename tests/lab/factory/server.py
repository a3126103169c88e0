"""The server; its interface is told by the package."""

from __future__ import annotations

import io
import json
import pathlib
import re
import threading
import time
import typing as t
import urllib.parse

from ..downloads import TALOS_RELEASES, Downloads, Handler
from . import images
from .schematics import canonical, parse, schematic_id

_IMAGE = re.compile(r"/image/([0-9a-f]{64})/(v[0-9][^/]*)/([^/]+)")
_FILE = re.compile(r"(kernel|initramfs|cmdline-metal)-(amd64|arm64)(\.xz|-secureboot|)")
_PAID = (".sha256", ".sha512", ".sigstore.json")
_EXTENSIONS = ("siderolabs/iscsi-tools", "siderolabs/util-linux-tools")


class _Handler(Handler):
    def do_POST(self) -> None:
        """Create a schematic."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path != "/schematics":
            self.answer(404)
            return
        try:
            schematic = parse(body)
        except ValueError as error:
            self.answer(400, f"{error}\n".encode())
            return
        created = {"id": self.server.downloads.create(schematic), "schematic": canonical(schematic)}
        self.answer(201, json.dumps(created).encode(), {"Content-Type": "application/json"})

    def serve(self) -> None:
        """What the Factory has besides files; a path that has a fault has that."""
        factory = self.server.downloads
        path = self.path.partition("?")[0]
        if self.path in factory.faults:
            super().serve()
        elif path.startswith("/image/") and path.endswith(_PAID):
            self.answer(402, b"checksums are available in the Enterprise edition only\n")
        elif factory.cdn and self.command == "GET" and factory.image(path):
            self.answer(302, headers={"Location": factory.cdn + path})
        else:
            super().serve()

    def content(self) -> t.BinaryIO | None:
        """Lists are composed, images made, when they are asked for."""
        factory = self.server.downloads
        parts = urllib.parse.urlsplit(self.path)
        if parts.path == "/versions":
            broken = urllib.parse.parse_qs(parts.query).get("broken") == ["true"]
            return io.BytesIO(json.dumps(factory.broken if broken else factory.versions()).encode())
        if match := re.fullmatch(r"/version/(v[^/]+)/extensions/official", parts.path):
            return io.BytesIO(json.dumps([{"name": name, "ref": f"ghcr.io/{name}:{match.group(1)}"} for name in _EXTENSIONS]).encode())
        return super().content()

    def file(self) -> pathlib.Path | None:
        """An image, or what is below the root."""
        return self.server.downloads.image(self.path.partition("?")[0]) if self.path.startswith("/image/") else super().file()


class Factory(Downloads):
    """See the package. ``listed``, ``broken``, ``build_seconds``, ``cdn`` and ``schematics`` (by id) may be changed while it runs."""

    handler = _Handler

    def __init__(self, root, *, listed=(), broken=(), build_seconds: float = 0, cdn: str = "", **options):
        super().__init__(root, **options)
        self.listed, self.broken = list(listed), list(broken)
        self.build_seconds, self.cdn = build_seconds, cdn
        self.schematics: dict[str, dict] = {}
        self.create({})
        self._building = threading.Lock()

    def create(self, schematic: dict) -> str:
        """Have a schematic; its id."""
        self.schematics[schematic_id(schematic)] = schematic
        return schematic_id(schematic)

    def versions(self) -> list[str]:
        """All versions, pre-releases and broken ones among them, in no useful order."""
        releases = [folder.name for folder in (self.root / TALOS_RELEASES).glob("v*")]
        return sorted({*releases, *self.listed, *self.broken})

    def image(self, path: str) -> pathlib.Path | None:
        """The file at this path of an URL, made if need be; ``None`` if there is no such schematic, version or file."""
        match = _IMAGE.fullmatch(path)
        parts = _FILE.fullmatch(match.group(3)) if match else None
        if not parts or match.group(1) not in self.schematics:
            return None
        schematic, version, name = match.groups()
        place = self.root / "image" / schematic / version / name
        with self._building:
            if not place.exists():
                content = self._make(self.schematics[schematic], version, *parts.groups())
                if content is None:
                    return None
                time.sleep(self.build_seconds)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(content)
        return place

    def _make(self, schematic: dict, version: str, kind: str, architecture: str, ending: str) -> bytes | None:
        release = self.root / TALOS_RELEASES / version
        kernel, initramfs = release / f"vmlinuz-{architecture}", release / f"initramfs-{architecture}.xz"
        if not kernel.is_file():
            return None
        if kind == "cmdline-metal" and ending in ("", "-secureboot"):
            return images.cmdline(schematic, version, architecture, ending == "-secureboot").encode()
        if (kind, ending) == ("initramfs", ".xz"):
            return images.initramfs(initramfs.read_bytes(), schematic)
        return kernel.read_bytes() if (kind, ending) == ("kernel", "") else None
