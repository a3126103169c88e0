# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Matchbox's own releases: fetched on the controller, believed only with the project's signature.

A release has no checksums; each archive has a detached OpenPGP signature. The archive's one folder is named after product, version
and architecture, so the signature also proves that an archive is not another (older) one under a new name. An archive that lies
elsewhere is believed with a signature too, or with its digest.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import gzip
import hashlib
import json
import os
import re
import shutil
import sys
import tarfile
import tempfile
import typing as t
import zlib

from ..common.download import Access, DownloadError, NotFound, read, save
from ..common.errors import InputError, OmniMatchboxError
from ..common.urls import folder_url, source_url

try:
    import pysequoia
except ImportError:
    pysequoia = None

RELEASES = "https://github.com/poseidon/matchbox/releases/download"
# Who signs Matchbox's releases, as its documentation says (docs/deployment.md).
FINGERPRINT = "2E3D92BF07D9DDCCB3BAE4A48F515AD1602065C8"
ELF_MACHINES = {"amd64": 62, "arm64": 183}
_VERSION = re.compile(r"v?([0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?)")
_FINGERPRINT = re.compile(r"[0-9A-F]{40}([0-9A-F]{24})?")
_SHA256 = re.compile(r"([0-9a-f]{64})?")


@dataclasses.dataclass(frozen=True)
class Release:
    """A release to have, and what proves it; ``archive``, ``signature`` and ``key`` are URLs, ``fingerprint`` is that of the key.

    Without a signature the digest ``archive_sha256`` proves it, and key and fingerprint are empty.
    """

    version: str
    architecture: str
    archive: str
    archive_sha256: str = ""
    signature: str = ""
    key: str = ""
    fingerprint: str = ""

    @classmethod
    def from_params(cls, params: dict) -> Release:
        """What the module's options say."""
        version = _version(params["version"])
        archive, signature = _places(params, f"matchbox-{version}-linux-{params['architecture']}.tar.gz", version)
        digest = (params["archive_sha256"] or "").lower()
        if not _SHA256.fullmatch(digest):
            raise InputError("archive_sha256: write all 64 hexadecimal digits of the SHA-256 digest of the archive")
        if not (digest or signature):
            raise InputError("archive_sha256: nothing proves the archive; give its SHA-256 digest, or its signature with archive_signature")
        release = cls(version, params["architecture"], archive, digest)
        if not signature:
            return release
        key = source_url(params["key"] or "", "key")
        return dataclasses.replace(release, signature=signature, key=key, fingerprint=_fingerprint(params["fingerprint"]))

    @property
    def member(self) -> str:
        """The program's name in the archive."""
        return f"matchbox-{self.version}-linux-{self.architecture}/matchbox"


def _version(text: str) -> str:
    """The version with its ``v``."""
    match = _VERSION.fullmatch(text)
    if not match:
        raise InputError(f"version: {text!r} is no version of Matchbox; write it in full, such as v0.11.0")
    return f"v{match.group(1)}"


def _fingerprint(text: str) -> str:
    """The digits of a fingerprint, which people write in groups."""
    fingerprint = re.sub(r"\s", "", text).upper()
    if not _FINGERPRINT.fullmatch(fingerprint):
        raise InputError("fingerprint: write all 40 hexadecimal digits (64 of a version 6 key), a short key id proves nothing")
    return fingerprint


def _places(params: dict, name: str, version: str) -> tuple[str, str]:
    """The URLs of the archive and of its signature: of an archive of one's own, or as releases are laid out."""
    if params["archive"] is None:
        archive = f"{folder_url(params['release_url'], 'release_url')}/{version}/{name}"
        return archive, f"{archive}.asc"
    given = params["archive_signature"]
    return source_url(params["archive"], "archive"), source_url(given, "archive_signature") if given else ""


@dataclasses.dataclass(frozen=True)
class Stamp:
    """What is installed and what proved it; kept beside the program as JSON. ``sha256`` is the program's."""

    version: str
    architecture: str
    fingerprint: str
    archive_sha256: str
    sha256: str

    @classmethod
    def of(cls, release: Release, program: str) -> Stamp:
        """The stamp of the ``program`` of ``release``."""
        return cls(release.version, release.architecture, release.fingerprint, release.archive_sha256, _sha256(program))

    def fits(self, release: Release) -> bool:
        """Whether this is ``release``."""
        return all(getattr(self, name) == getattr(release, name) for name in ("version", "architecture", "fingerprint", "archive_sha256"))


def stamp_path(dest: str) -> str:
    """The file of the :class:`Stamp` of the program at ``dest``."""
    return f"{dest}.release.json"


def read_stamp(dest: str) -> Stamp | None:
    """What is installed at ``dest``; ``None`` if nothing is or the program is not the one of the stamp."""
    try:
        with open(stamp_path(dest), encoding="utf-8") as file:
            stamp = Stamp(**json.load(file))
        return stamp if _sha256(dest) == stamp.sha256 else None
    except (OSError, ValueError, TypeError):
        return None


@contextlib.contextmanager
def verified_program(release: Release, access: Access) -> t.Iterator[tuple[str, Stamp]]:
    """Fetch and prove ``release``; the program's path in a folder that goes away afterwards, and its stamp."""
    if release.signature:
        _require_pysequoia()
    with tempfile.TemporaryDirectory(prefix="matchbox-release-") as folder:
        archive, program = os.path.join(folder, "archive"), os.path.join(folder, "matchbox")
        with _disk_errors(folder):
            _fetch(release, archive, access)
            _extract(archive, program, release)
        yield program, Stamp.of(release, program)


def install(program: str, stamp: Stamp, dest: str) -> None:
    """Put the program and then its stamp in place; killed in between, the next run does it again.

    Runs for several boot hosts do this at the same time, each with files of its own until the rename.
    """
    content = json.dumps(dataclasses.asdict(stamp), indent=2) + "\n"
    with _disk_errors(dest):
        os.makedirs(os.path.dirname(dest), exist_ok=True)
        with _replacing(dest, 0o755) as file, open(program, "rb") as source:
            shutil.copyfileobj(source, file)
        with _replacing(stamp_path(dest), 0o644) as file:
            file.write(content.encode())


@contextlib.contextmanager
def _replacing(place: str, mode: int) -> t.Iterator[t.BinaryIO]:
    """A new file that takes its place when it is complete, and goes away if it does not get there."""
    descriptor, staged = tempfile.mkstemp(prefix=f".{os.path.basename(place)}.", dir=os.path.dirname(place))
    try:
        with open(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        os.replace(staged, place)
    except BaseException:
        os.unlink(staged)
        raise


@contextlib.contextmanager
def _disk_errors(path: str) -> t.Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OmniMatchboxError(f"{error.filename or path} cannot be written: {error.strerror}") from None


def _fetch(release: Release, archive: str, access: Access) -> None:
    """Save the archive, if it is proven."""
    certificate = _certificate(release, access) if release.signature else None
    try:
        received = save(release.archive, archive, access)
        signature = read(release.signature, access) if release.signature else b""
    except NotFound as error:
        what = f"Matchbox {release.version} for {release.architecture}"
        raise NotFound(f"{what} is not there: {error}; correct version, release_url or archive") from None
    if release.archive_sha256 not in ("", received.sha256):
        raise DownloadError(
            f"{release.archive} is not used: its SHA-256 digest is {received.sha256}, not {release.archive_sha256};"
            " it was damaged or replaced, or archive_sha256 is that of another"
        )
    if certificate:
        _verify(archive, signature, certificate, release)


def _require_pysequoia() -> None:
    if pysequoia is None:
        raise OmniMatchboxError(
            f"{sys.executable} has no pysequoia, which checks the signature of the release; install with: {sys.executable} -m pip install 'pysequoia>=0.1.35'"
        )


def _certificate(release: Release, access: Access) -> t.Any:
    """The pinned key out of what ``key`` names, which may hold others too."""
    content = read(release.key, access)
    try:
        certificates = pysequoia.Cert.split_bytes(content)
    except Exception:
        raise InputError(f"key: {release.key} is no OpenPGP public key") from None
    by_fingerprint = {certificate.fingerprint.upper(): certificate for certificate in certificates}
    if release.fingerprint not in by_fingerprint:
        found = ", ".join(by_fingerprint) or "none"
        raise InputError(f"key: {release.key} has the key {found}, not the expected {release.fingerprint}; give the project's key or its fingerprint")
    certificate = by_fingerprint[release.fingerprint]
    try:
        certificate.expiration  # noqa: B018 - asks for a self-signature that today's rules accept
    except Exception as error:
        raise InputError(f"key: {release.key} cannot be used: {_first_line(error)}; get a current copy of the key") from None
    return certificate


def _first_line(error: Exception) -> str:
    """What pysequoia says, without the stack that it appends."""
    return str(error).partition("\n")[0]


def _verify(archive: str, signature: bytes, certificate: t.Any, release: Release) -> None:
    """Raise :class:`DownloadError` unless the key has signed just this archive, and the signature still holds."""
    try:
        proof = pysequoia.Sig.from_bytes(signature)
    except Exception:
        raise DownloadError(f"{release.signature} is no OpenPGP signature") from None
    try:
        pysequoia.verify(file=archive, store=lambda issuers: [certificate], signature=proof)
    except Exception:
        raise DownloadError(f"{release.archive} is not used: {_refusal(proof, certificate)}") from None


def _refusal(proof: t.Any, certificate: t.Any) -> str:
    """Why a signature does not hold, as far as it tells."""
    now = datetime.datetime.now(datetime.timezone.utc)
    if certificate.is_revoked:
        return "the key is revoked"
    if proof.expiration and proof.expiration <= now:
        return f"its signature expired on {proof.expiration:%Y-%m-%d}"
    if certificate.expiration and certificate.expiration <= proof.created:
        return f"the key expired on {certificate.expiration:%Y-%m-%d}, before it was signed; get a current copy of the key"
    signer = (proof.issuer_fingerprint or proof.issuer_key_id or "unknown").upper()
    return f"it is not what the key {certificate.fingerprint.upper()} signed (its signature names the key {signer}); it was damaged or replaced"


def _extract(archive: str, program: str, release: Release) -> None:
    """Copy the program out of the archive: by its exact name, and no path of the archive is ever written to."""
    try:
        with tarfile.open(archive, "r:gz") as content:
            member = content.getmember(release.member)
            if not member.isfile():
                raise KeyError(release.member)
            with content.extractfile(member) as source, open(program, "xb") as target:
                shutil.copyfileobj(source, target)
    except KeyError:
        raise DownloadError(f"{release.archive} has no file {release.member}, so it is another release under this name") from None
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DownloadError(f"{release.archive} cannot be unpacked: {error}") from None
    with open(program, "rb") as file:
        head = file.read(20)
    if head[:4] != b"\x7fELF" or int.from_bytes(head[18:20], "little") != ELF_MACHINES[release.architecture]:
        raise DownloadError(f"{release.member} of {release.archive} is no Linux program for {release.architecture}")


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1024 * 1024), b""):
            digest.update(block)
    return digest.hexdigest()
