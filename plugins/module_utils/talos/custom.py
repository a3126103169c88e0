# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images that are made by the Image Factory from a schematic: their key, where they lie, and how the Factory names them. Pure.

A schematic id is as good as the join token (the Factory tells a schematic's kernel arguments to whoever knows its id), so paths and
results go by an image key, and URLs have a placeholder for the id.
"""

from __future__ import annotations

import hashlib
import json
import re

from ..boot.cmdline import differences, parse_cmdline, without_join_args
from ..boot.kernel_args import default_kernel_args, join_token, token_hash
from ..common.errors import InputError
from ..common.urls import folder_url
from .factory import UKI_TRAP
from .stock import checked_image
from .version import Version

FACTORY = "https://factory.talos.dev"
SCHEMATIC = "@schematic@"
EMPTY_SCHEMATIC = "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba"
_CUSTOMIZATION = ("extensions", "overlay")
_SCHEMATIC_ID = re.compile(r"[0-9a-f]{64}")


def image_key(customization: dict, join_args: list[str]) -> str:
    """16 hexadecimal digits that name what an image has beyond the stock one, known before any schematic exists."""
    content = json.dumps({"customization": customization, "join_args": join_args}, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def factory_image(name: str, settings: dict, factory_url: str, join_args: list[str]) -> dict:
    """The image of a class that has a schematic, in the shape of :func:`.stock.stock_images` and with ``key`` and ``urls``."""
    key = image_key({field: settings[field] for field in _CUSTOMIZATION if settings.get(field)}, join_args)
    image = checked_image({**{field: settings.get(field) for field in ("version", "architecture", "sha256")}, "link": settings.get("path"), "classes": [name]})
    names = factory_names(image["architecture"])
    image["path"] = f"talos/{image['version']}/{key}/{image['architecture']}"
    return {**image, "key": key, "urls": {kind: image_url(factory_url, SCHEMATIC, image["version"], file) for kind, file in names.items()}}


def factory_names(architecture: str) -> dict[str, str]:
    """What the Factory calls the files of an image."""
    return {"kernel": f"kernel-{architecture}", "initramfs": f"initramfs-{architecture}.xz"}


def image_url(factory_url: str, schematic: str, version: str, name: str) -> str:
    """Where the Factory has the file ``name`` of an image."""
    return f"{folder_url(factory_url, 'factory_url')}/image/{schematic}/{version}/{name}"


def checked_schematic(value: object) -> str:
    """A schematic id; the error does not show it. The empty schematic is refused like every other without join arguments."""
    if not isinstance(value, str) or not _SCHEMATIC_ID.fullmatch(value):
        raise InputError("this is no schematic id; it has 64 hexadecimal digits in lower case")
    if value == EMPTY_SCHEMATIC:
        raise InputError(f"this is the empty schematic: {UKI_TRAP}")
    return value


def own_kernel_args(cmdline: str, join_args: list[str]) -> list[str]:
    """The arguments in an image's command line without the join arguments, which must be in it and be those of the site."""
    args, own = without_join_args(parse_cmdline(cmdline))
    if not own:
        raise InputError(f"its schematic has no join arguments: {UKI_TRAP}")
    if sorted(own) != sorted(join_args):
        raise InputError(
            f"its schematic has other join arguments than the site (token {token_hash(join_token(own))}, not {token_hash(join_token(join_args))});"
            " create it anew"
        )
    return args


def contradiction(image: dict, secure_boot: bool) -> str:
    """How an image's own arguments differ from those of its Talos version, in words; empty if they do not."""
    return differences(image["kernel_args"], default_kernel_args(Version.parse(image["version"]).minor, image["architecture"], secure_boot))
