"""Matchbox releases that a key of the tests has signed."""

from __future__ import annotations

import functools
import io
import pathlib
import subprocess
import sys
import tarfile

import pysequoia
from lab.clock import environment

PATH = "poseidon/matchbox/releases/download"


def program(architecture: str = "amd64", text: bytes = b"matchbox") -> bytes:
    """A Linux program, as far as the first bytes go."""
    machine = {"amd64": 62, "arm64": 183}[architecture]
    return b"\x7fELF" + bytes(14) + machine.to_bytes(2, "little") + text


def archive(members: dict[str, bytes | str]) -> bytes:
    """A ``.tar.gz``: name → content of a file, or (text) the target of a symbolic link."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as target:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            if isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
                target.addfile(member)
            else:
                member.size = len(content)
                target.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@functools.cache
def _old_key() -> bytes:
    make = "import pysequoia, sys; sys.stdout.buffer.write(bytes(pysequoia.Tsk.generate('Releases of the tests <releases@example.com>')))"
    return subprocess.run([sys.executable, "-c", make], capture_output=True, check=True, env=environment("-2d")).stdout


class Publisher:
    """Publishes releases below ``root`` as the project does, signed with a key of two days ago whose public half is in ``key``."""

    def __init__(self, root: pathlib.Path):
        self.root = root
        self.secret = pysequoia.Tsk.from_bytes(_old_key())
        self.certificate = self.secret.extract_certificate()
        self.fingerprint = self.certificate.fingerprint.upper()
        self.key = root / "key.asc"
        self.key.write_text(str(self.certificate))

    def publish(self, version: str = "v0.11.0", architecture: str = "amd64", content: bytes | None = None) -> pathlib.Path:
        """The archive of a release, by default one as it should be."""
        name = f"matchbox-{version}-linux-{architecture}"
        file = self.root / PATH / version / f"{name}.tar.gz"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content or archive({f"{name}/README.md": b"read me", f"{name}/matchbox": program(architecture, version.encode())}))
        self.sign(file)
        return file

    def sign(self, file: pathlib.Path, secret: pysequoia.Tsk | None = None) -> None:
        """A detached signature, armored as the project's are."""
        signature = pysequoia.sign((secret or self.secret).signer(), file.read_bytes(), mode=pysequoia.SignatureMode.DETACHED)
        file.with_name(f"{file.name}.asc").write_bytes(signature)
