# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One file with all that a site without the internet needs to boot machines: images, their lock, and Matchbox's release.

It is a tar file that is not compressed (its content is)::

    archive.json                              what is in it, first, so that it can be looked at without reading the rest
    assets/talos/images.lock                  the images' digests, and what loosely named versions meant
    assets/talos/v1.11.4/vmlinuz              laid out like the assets of a boot host
    matchbox/v0.11.0/matchbox-…-amd64.tar.gz  laid out like Matchbox's releases, with their signatures
    matchbox/key.asc                          the key that signs them

Images of the Image Factory hold the join token, so the file is its owner's only. It tells the token's hash and no schematic.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import json
import os
import re
import shutil
import tarfile
import tempfile
import typing as t

from ..common.errors import InputError, OmniMatchboxError
from .lock import LOCK_PATH, Lock, parse_lock
from .prune import image_folder

CONTENTS = "archive.json"
ASSETS, MATCHBOX, KEY_NAME = "assets", "matchbox", "key.asc"
_LOCK = f"{ASSETS}/{LOCK_PATH}"
_FORMAT = 1
_BLOCK = 1 << 20
_MEMBER = re.compile(rf"({ASSETS}|{MATCHBOX})(/[A-Za-z0-9_][A-Za-z0-9._-]*)+")


@dataclasses.dataclass(frozen=True)
class Archive:
    """What is in an archive.

    ``lock`` is that of its images, ``token`` the hash of the join token in them (empty if in none), ``matchbox`` path → sha256, ``kernel_args``
    the images' own arguments, by folder: where there is no Image Factory, nobody can be asked for them.
    """

    lock: Lock
    token: str
    matchbox: dict[str, str]
    kernel_args: dict[str, list[str]]

    def text(self) -> str:
        """The content of ``archive.json``."""
        content = {"format": _FORMAT, "lock": self.lock.data(), "token": self.token, "matchbox": self.matchbox, "kernel_args": self.kernel_args}
        return json.dumps(content, indent=2, sort_keys=True) + "\n"

    def packed(self) -> dict[str, str]:
        """Member → sha256, of the files that lie somewhere before they are packed."""
        images = {f"{ASSETS}/{image_folder(image)}/{name}": file.sha256 for image, files in self.lock.images.items() for name, file in files.items()}
        return {**images, **{f"{MATCHBOX}/{path}": digest for path, digest in self.matchbox.items()}}

    def digests(self) -> dict[str, str]:
        """Member → sha256, of all but :data:`CONTENTS`."""
        return {_LOCK: hashlib.sha256(self.lock.text().encode()).hexdigest(), **self.packed()}

    def check_token(self, token: str, path: str) -> None:
        """Refuse images that were made for another join token than the site has: machines would boot them and not be let in."""
        if self.token and self.token != token:
            raise InputError(f"{path} has images with the join token {self.token}, the site's is {token or 'not known'}; export it anew")


def read_archive(path: str) -> Archive:
    """What the archive at ``path`` says is in it."""
    try:
        with tarfile.open(path, "r:") as tar:
            first = tar.next()
            if first is None or first.name != CONTENTS or not first.isfile():
                raise InputError(f"{path} is not an archive that assets_export.yml made")
            return _parse(tar.extractfile(first).read(), path)
    except tarfile.TarError as error:
        raise InputError(f"{path} is not an archive that assets_export.yml made ({error})") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None


def _parse(content: bytes, path: str) -> Archive:
    try:
        data = json.loads(content)
        if data["format"] != _FORMAT:
            raise InputError(f"{path} is of format {data['format']}, this version of the collection reads {_FORMAT}; export it anew")
        return Archive(parse_lock(data["lock"], path), str(data["token"]), dict(data["matchbox"]), dict(data["kernel_args"]))
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path}: what {CONTENTS} in it says is not to be understood; export it anew") from None


def write_archive(path: str, archive: Archive, folders: dict[str, str]) -> None:
    """Make the archive at ``path`` from what lies in ``folders`` (:data:`ASSETS`, :data:`MATCHBOX`); an old one stays until it is whole."""
    with _writing(path), tempfile.NamedTemporaryFile(dir=os.path.dirname(path), prefix=".assets-", delete=False) as staged:
        try:
            with tarfile.open(fileobj=staged, mode="w:") as tar:
                _add(tar, CONTENTS, io.BytesIO(archive.text().encode()))
                _add(tar, _LOCK, io.BytesIO(archive.lock.text().encode()))
                for member, digest in archive.packed().items():
                    kind, _slash, rest = member.partition("/")
                    with open(os.path.join(folders[kind], rest), "rb") as file:
                        _check_unchanged(file, digest)
                        _add(tar, member, file)
            staged.flush()
            os.fsync(staged.fileno())
            os.replace(staged.name, path)
        except BaseException:
            os.unlink(staged.name)
            raise


def _check_unchanged(file: t.BinaryIO, expected: str) -> None:
    """Where the archive is opened, nothing can be fetched again."""
    digest = hashlib.sha256()
    for block in iter(lambda: file.read(_BLOCK), b""):
        digest.update(block)
    if digest.hexdigest() != expected:
        raise OmniMatchboxError(f"{file.name} was damaged since it came: its sha256 is not the one noted; run again with talos_assets_verify: true")


def _add(tar: tarfile.TarFile, name: str, content: t.BinaryIO) -> None:
    """No times and owners, so that the same content gives the same archive."""
    member = tarfile.TarInfo(name)
    member.size, member.mode = content.seek(0, os.SEEK_END), 0o600
    content.seek(0)
    tar.addfile(member, content)


@contextlib.contextmanager
def _writing(path: str) -> t.Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OmniMatchboxError(f"{error.filename or path} cannot be written: {error.strerror}") from None


def unpack(path: str, archive: Archive, folder: str) -> str:
    """Where the archive's content lies below ``folder``, proven and for this user only. It is unpacked unless all of it was before."""
    place = os.path.join(folder, hashlib.sha256(archive.text().encode()).hexdigest()[:16])
    members = archive.digests()
    if all(os.path.isfile(os.path.join(place, member)) for member in members):
        return place
    with _writing(folder):
        for private in (folder, place):
            os.makedirs(private, mode=0o700, exist_ok=True)
        staged = tempfile.mkdtemp(dir=place, prefix=".new-")
        try:
            _extract(path, members, staged)
            # One by one, since the runs for several hosts may do the same at the same time.
            for member in members:
                os.makedirs(os.path.dirname(os.path.join(place, member)), exist_ok=True)
                os.replace(os.path.join(staged, member), os.path.join(place, member))
        except tarfile.TarError as error:
            raise OmniMatchboxError(f"{path} is not whole: {error}; copy it again") from None
        finally:
            shutil.rmtree(staged, ignore_errors=True)
    return place


def _extract(path: str, digests: dict[str, str], folder: str) -> None:
    """Only files that the archive says it has, under plain names, and as they should be."""
    expected = dict(digests)
    with tarfile.open(path, "r:") as tar:
        for member in tar:
            if not member.isfile() or member.name not in expected or not _MEMBER.fullmatch(member.name):
                continue
            target = os.path.join(folder, member.name)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            if _copy(tar.extractfile(member), target) != expected.pop(member.name):
                raise OmniMatchboxError(f"{path} is damaged: {member.name} in it has another sha256 than it should; copy it again")
    if expected:
        raise OmniMatchboxError(f"{path} is not whole: {next(iter(expected))} is missing; copy it again")


def _copy(content: t.BinaryIO, target: str) -> str:
    """The digest of what is now in the new file ``target``."""
    digest = hashlib.sha256()
    with open(target, "xb") as file:
        for block in iter(lambda: content.read(_BLOCK), b""):
            file.write(block)
            digest.update(block)
    return digest.hexdigest()
