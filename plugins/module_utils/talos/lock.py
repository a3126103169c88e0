# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock file of a boot host: which images it has, and what loosely named versions meant. Pure.

It lies at :data:`LOCK_PATH` below the assets and is JSON, sorted, so that it can be kept in git::

    {
      "images": [
        {
          "architecture": "amd64",
          "files": {"initramfs.xz": {"sha256": "5a9c…", "size": 73400320}, "vmlinuz": {"sha256": "1c5d…", "size": 18857984}},
          "image": "stock",
          "version": "v1.11.4"
        }
      ],
      "versions": {"omni": "v1.12.0", "v1.11": "v1.11.4"}
    }

``image`` is ``stock`` or an image key. People may write it by hand, also as a variable: everything is checked.
"""

from __future__ import annotations

import dataclasses
import json
import re

from ..common.errors import InputError
from .version import ARCHITECTURES, LooseVersion, Version, parse_wanted

LOCK_PATH = "talos/images.lock"
STOCK = "stock"
_IMAGE = re.compile(rf"{STOCK}|[0-9a-f]{{16}}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


@dataclasses.dataclass(frozen=True, order=True)
class LockedImage:
    """Which image: its version (``v1.11.4``), architecture, and :data:`STOCK` or its image key."""

    version: str
    architecture: str
    image: str = STOCK


@dataclasses.dataclass(frozen=True, order=True)
class LockedFile:
    """What a file must be; ``size`` in bytes."""

    sha256: str
    size: int | None


@dataclasses.dataclass(frozen=True)
class Lock:
    """``images``: image → file name → file; ``versions``: ``v1.11`` → ``v1.11.4``."""

    images: dict[LockedImage, dict[str, LockedFile]] = dataclasses.field(default_factory=dict)
    versions: dict[str, str] = dataclasses.field(default_factory=dict)

    def data(self) -> dict:
        """What the file says, as dictionaries and lists in a fixed order."""
        images = [
            {**dataclasses.asdict(image), "files": {name: dataclasses.asdict(file) for name, file in sorted(files.items())}}
            for image, files in sorted(self.images.items())
        ]
        return {"images": images, "versions": dict(sorted(self.versions.items()))}

    def text(self) -> str:
        """The content of the file."""
        return json.dumps(self.data(), indent=2, sort_keys=True) + "\n"


def read_lock(text: str, where: str) -> Lock:
    """The lock in the content of a file; ``where`` (its path) is named in errors."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise InputError(f"{where}: this is no JSON ({error}); correct it, or remove the file to trust what is there now") from None
    return parse_lock(data, where)


def parse_lock(data: object, where: str) -> Lock:
    """The lock in ``data``, as :meth:`Lock.data` gives it; either half may be missing. :class:`InputError` for what is wrong."""
    fields = _fields(data, where, {"images", "versions"})
    return Lock(_images(fields.get("images") or [], f"{where}: images"), _versions(fields.get("versions") or {}, f"{where}: versions"))


def _images(data: object, where: str) -> dict[LockedImage, dict[str, LockedFile]]:
    if not isinstance(data, list):
        raise InputError(f"{where} is a list, not {data!r}")
    images: dict[LockedImage, dict[str, LockedFile]] = {}
    for number, entry in enumerate(data, 1):
        place = f"{where}: number {number}"
        fields = _fields(entry, place, {"version", "architecture", "image", "files"})
        image = _image(fields, place)
        if image in images:
            raise InputError(f"{place}: {image.version} {image.architecture} {image.image} is there twice; remove one")
        files = _fields(fields.get("files"), f"{place}: files", None)
        images[image] = {name: _file(name, file, f"{place}: {name}") for name, file in files.items()}
    return images


def _image(fields: dict, place: str) -> LockedImage:
    try:
        version = str(Version.parse(fields.get("version")))
    except InputError as error:
        raise InputError(f"{place}: {error}") from None
    if fields.get("architecture") not in ARCHITECTURES:
        raise InputError(f"{place}: architecture {fields.get('architecture')!r} is none of {', '.join(ARCHITECTURES)}")
    image = fields.get("image", STOCK)
    if not isinstance(image, str) or not _IMAGE.fullmatch(image):
        raise InputError(f"{place}: image {image!r} is neither {STOCK} nor an image key (16 hexadecimal digits)")
    return LockedImage(version, fields["architecture"], image)


def _file(name: object, data: object, place: str) -> LockedFile:
    if not isinstance(name, str) or not _FILE.fullmatch(name):
        raise InputError(f"{place} is no file name; use letters, digits, '-', '.' and '_'")
    fields = _fields(data, place, {"sha256", "size"})
    digest, size = fields.get("sha256"), fields.get("size")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise InputError(f"{place}: sha256 {digest!r} is not 64 hexadecimal digits in lower case")
    if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < 0):
        raise InputError(f"{place}: size {size!r} is no number of bytes")
    return LockedFile(digest, size)


def _versions(data: object, where: str) -> dict[str, str]:
    versions: dict[str, str] = {}
    for name, meant in _fields(data, where, None).items():
        try:
            wanted, version = parse_wanted(name), Version.parse(meant)
        except InputError as error:
            raise InputError(f"{where}: {name}: {error}") from None
        if not isinstance(wanted, LooseVersion) or wanted.newest([dataclasses.replace(version, prerelease=())]) is None:
            raise InputError(f"{where}: {name} cannot mean {version}; write v1.11 or omni, and an exact version of that")
        versions[str(wanted)] = str(version)
    return versions


def _fields(data: object, where: str, known: set[str] | None) -> dict:
    """``data`` if it is an object with ``known`` fields (``None``: any)."""
    if not isinstance(data, dict):
        raise InputError(f"{where}: expected an object, got {data!r}")
    unknown = sorted(str(name) for name in data if known is not None and name not in known)
    if unknown:
        raise InputError(f"{where}: unknown field {unknown[0]!r}; known are {', '.join(sorted(known))}")
    return data
