# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which stock Talos images the classes of a site want, and where they lie below the assets folder. Pure."""

from __future__ import annotations

import re

from ..boot.customization import is_custom
from ..boot.kernel_args import redact
from ..common.errors import InputError
from .version import Version, parse_architecture

FILE_NAMES = {"kernel": "vmlinuz", "initramfs": "initramfs.xz"}
_FOLDER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
_VERSION_FOLDER = re.compile(r"talos/v[0-9][^/]*(/.*)?")
_DIGEST = re.compile(r"[0-9a-f]{64}")


def stock_images(classes: dict) -> list[dict]:
    """The images of ``classes`` (name → ``version``, ``architecture``, ``path``, ``sha256``), each once, in the order of the classes.

    An image: ``{"classes": ["talos"], "version": "v1.11.4", "architecture": "amd64", "path": "talos/v1.11.4", "link": None,
    "sha256": {}}``. ``path`` is its folder below the assets, ``link`` the folder that a class named itself, which is made of
    links to ``path``; ``sha256`` has what is known of ``kernel`` and ``initramfs``. The files are always called as in
    :data:`FILE_NAMES`. Raises :class:`InputError` that names the class.
    """
    if not isinstance(classes, dict):
        raise InputError(f"classes: expected name: {{version: v1.11.4}}, got {redact(repr(classes))}")
    images: dict[tuple, dict] = {}
    for name, settings in classes.items():
        try:
            image = _class_image(settings)
            known = images.setdefault((image["path"], image["link"]), image)
            known["classes"].append(str(name))
            for other in images.values():
                _agree(image, other)
        except InputError as error:
            raise InputError(f"class {name}: {error}") from None
    return list(images.values())


def stock_folder(version: str, architecture: str) -> str:
    """The folder of a stock image below the assets: ``talos/v1.11.4``, and ``talos/v1.11.4/arm64`` for the other architecture."""
    return f"talos/{version}" if architecture == "amd64" else f"talos/{version}/{architecture}"


def custom_folder(version: str, key: str, architecture: str) -> str:
    """The folder of an image with the image key ``key``, below the assets."""
    return f"talos/{version}/{key}/{architecture}"


def checked_image(image: dict) -> dict:
    """An image that somebody wrote, complete: its folder if it has none, no link, no digests; :class:`InputError` for what is wrong."""
    version = str(Version.parse(image["version"]))
    architecture = parse_architecture(image.get("architecture") or "amd64")
    return {
        "classes": list(image.get("classes") or []),
        "version": version,
        "architecture": architecture,
        "path": _asset_folder(image.get("path") or stock_folder(version, architecture)),
        "link": _asset_folder(image["link"]) if image.get("link") else None,
        "sha256": _digests(image.get("sha256") or {}),
    }


def _class_image(settings: object) -> dict:
    """The image of one class, without the names of the classes."""
    if not isinstance(settings, dict) or settings.get("version") is None:
        raise InputError(f"expected settings with a Talos version, such as {{version: v1.11.4}}, got {redact(repr(settings))}")
    if is_custom(settings):
        raise InputError("it boots an image of its own, not the stock one; have talos_image_info tell about it, and give its images")
    wanted = {name: settings.get(name) for name in ("version", "architecture", "sha256")}
    image = checked_image({**wanted, "link": settings.get("path")})
    if image["link"] == image["path"]:
        image["link"] = None
    elif _VERSION_FOLDER.fullmatch(image["link"] or ""):
        raise InputError(f"path {image['link']} is where another image lies; name a folder of its own or leave path out")
    return image


def _asset_folder(value: object) -> str:
    """A folder below the assets: it becomes part of URLs, and of paths on the boot host."""
    if not isinstance(value, str) or not _FOLDER.fullmatch(value):
        raise InputError(f"{value!r} is no folder below the assets; use letters, digits, '-', '.', '_' and '/', such as talos or images/lab")
    return value


def _digests(value: object) -> dict[str, str]:
    """``kernel`` and ``initramfs`` with their hexadecimal SHA-256, either of which may be missing."""
    if not isinstance(value, dict) or set(value) - set(FILE_NAMES):
        raise InputError(f"sha256: expected the digests of kernel and initramfs, got {value!r}")
    digests = {kind: str(digest).lower() for kind, digest in value.items() if digest}
    for kind, digest in digests.items():
        if not _DIGEST.fullmatch(digest):
            raise InputError(f"sha256 of the {kind}: {digest!r} is not 64 hexadecimal digits")
    return digests


def _agree(image: dict, other: dict) -> None:
    """Two images must not want different files at one place; what one class knows of a digest, the others know too."""
    if image["link"] and image["link"] == other["link"] and image["path"] != other["path"]:
        raise InputError(
            f"path {image['link']} is that of class {other['classes'][0]} too, which has {other['version']} {other['architecture']};"
            f" {image['version']} {image['architecture']} needs another path"
        )
    if image["path"] == other["path"]:
        for kind, digest in {**image["sha256"], **other["sha256"]}.items():
            for one in (image, other):
                if one["sha256"].setdefault(kind, digest) != digest:
                    raise InputError(f"sha256 of the {kind}: class {other['classes'][0]} has another one for the same image; correct one of them")
