# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that images are made of: where they lie, where they come from, what they must be. Pure."""

from __future__ import annotations

import dataclasses

from ..common.errors import InputError
from ..common.urls import source_url
from .custom import SCHEMATIC, checked_schematic
from .factory import release_files
from .lock import STOCK, LockedFile, LockedImage
from .stock import FILE_NAMES, checked_image, custom_folder

STOCK_MODE = 0o644
# The initramfs of an image that the Image Factory made holds its schematic, and with it the join token.
FACTORY_MODE = 0o640


@dataclasses.dataclass(frozen=True)
class ImageFile:
    """A file that an image wants.

    ``path`` is relative to the assets. ``url`` is where it comes from and may hold a schematic id, ``shown_url`` may not; without the id, ``url`` is
    empty. ``checksums`` is the URL of the release's list, empty if there is none. ``sha256`` and ``size`` are what was given.
    """

    path: str
    kind: str
    image: LockedImage
    classes: tuple[str, ...]
    url: str
    shown_url: str
    checksums: str
    sha256: str | None
    size: int | None

    @property
    def name(self) -> str:
        """Its name in the lock."""
        return FILE_NAMES[self.kind]

    @property
    def mode(self) -> int:
        """Who may read it."""
        return STOCK_MODE if self.image.image == STOCK else FACTORY_MODE

    def locked(self, images: dict[LockedImage, dict[str, LockedFile]]) -> LockedFile | None:
        """What a lock says of it."""
        return images.get(self.image, {}).get(self.name)


def image_to_have(image: dict) -> dict:
    """An image as a module was given it, checked and complete; that is :func:`.stock.checked_image` with ``key``, ``urls`` and ``sizes``."""
    key = image.get("key") or STOCK
    folder = None if key == STOCK else custom_folder(image["version"], key, image["architecture"])
    checked = checked_image({**image, "path": image.get("path") or folder})
    if key != STOCK and not image.get("urls"):
        raise InputError(f"images: {checked['path']} is no stock image, so nobody knows where it comes from; give its urls")
    return {**checked, "key": key, "urls": image.get("urls"), "sizes": image.get("sizes") or {}}


def wanted_files(images: list[dict], release_url: str, schematics: dict[str, str]) -> list[ImageFile]:
    """The files of all images (:func:`image_to_have` or :func:`.stock.stock_images`), each once; ``schematics`` are by image key."""
    files: dict[str, ImageFile] = {}
    for image in images:
        for file in _files_of(image, release_url, schematics):
            other = files.setdefault(file.path, file)
            if (other.url, other.sha256) != (file.url, file.sha256):
                raise InputError(
                    f"images: {file.path} is wanted as {other.shown_url} and as {file.shown_url}, or with two digests; give them paths of their own"
                )
    return list(files.values())


def _files_of(image: dict, release_url: str, schematics: dict[str, str]) -> list[ImageFile]:
    key = image.get("key") or STOCK
    stock = release_files(release_url, image["version"], image["architecture"]) if key == STOCK else {}
    urls = stock or {kind: source_url(image["urls"].get(kind) or "", f"images: urls of {image['path']}") for kind in FILE_NAMES}
    return [
        ImageFile(
            path=f"{image['path']}/{name}",
            kind=kind,
            image=LockedImage(image["version"], image["architecture"], key),
            classes=tuple(image["classes"]),
            url=_with_schematic(urls[kind], key, schematics),
            shown_url=urls[kind],
            checksums=stock.get("checksums", ""),
            sha256=image["sha256"].get(kind),
            size=image.get("sizes", {}).get(kind),
        )
        for kind, name in FILE_NAMES.items()
    ]


def _with_schematic(url: str, key: str, schematics: dict[str, str]) -> str:
    """The URL with the schematic's id; empty if that is not known, so that the file can be looked at and not be fetched."""
    if SCHEMATIC not in url:
        return url
    if key not in schematics:
        return ""
    try:
        return url.replace(SCHEMATIC, checked_schematic(schematics[key]))
    except InputError as error:
        raise InputError(f"schematics: {key}: {error}") from None
