# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images that are made by the Image Factory from a schematic: their key, where they lie, and how the Factory names them. Pure.

A schematic id is as good as the join token (the Factory tells a schematic's kernel arguments to whoever knows its id), so paths and
results go by an image key, and URLs have a placeholder for the id.
"""

from __future__ import annotations

import re

from ..boot.cmdline import differences, name_of, parse_cmdline, without_join_args
from ..boot.customization import FIELDS, Customization, image_key
from ..boot.join_args import require_join_args, uki_trap
from ..boot.kernel_args import default_kernel_args
from ..common.errors import InputError
from ..common.urls import folder_url
from .stock import checked_image, custom_folder
from .version import Version

FACTORY = "https://factory.talos.dev"
SCHEMATIC = "@schematic@"
EMPTY_SCHEMATIC = "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba"
_SCHEMATIC_ID = re.compile(r"[0-9a-f]{64}")


def custom_image(name: str, settings: dict, factory_url: str, join_args: list[str]) -> dict:
    """The image of a class that :func:`~..boot.customization.is_custom`, in the shape of :func:`.stock.stock_images` and with ``key`` and ``urls``."""
    key = image_key(_content(settings), join_args)
    image = checked_image({**{field: settings.get(field) for field in ("version", "architecture", "sha256")}, "link": settings.get("path"), "classes": [name]})
    names = factory_names(image["architecture"])
    image["path"] = custom_folder(image["version"], key, image["architecture"])
    return {**image, "key": key, "urls": {kind: image_url(factory_url, SCHEMATIC, image["version"], file) for kind, file in names.items()}}


def _content(settings: dict) -> dict:
    """What the key goes by: what Omni is to make, or the schematic that somebody made."""
    if not settings.get("schematic"):
        return Customization.of(settings).content()
    for field in FIELDS:
        if settings.get(field):
            raise InputError(f"schematic and {field}: what is in a schematic cannot be changed; give the one or the other")
    return {"schematic": checked_schematic(settings["schematic"])}


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
        raise InputError(uki_trap("holds no join arguments"))
    return value


def own_kernel_args(cmdline: str, join_args: list[str]) -> list[str]:
    """The arguments in an image's command line without the join arguments, which must be in it and be those of the site."""
    args, own = without_join_args(parse_cmdline(cmdline))
    require_join_args(own, join_args)
    return args


def expected_kernel_args(settings: dict, image: dict) -> list[str]:
    """The arguments that the image of a class should have of its own: those of its Talos, changed by the schematic as the imager does it."""
    extra = Customization.of(settings).extra_kernel_args
    added = [arg for arg in extra if not arg.startswith("-")]
    gone = {arg[1:] for arg in extra if arg.startswith("-")} | ({"console"} & set(map(name_of, added)))
    args = default_kernel_args(Version.parse(image["version"]).minor, image["architecture"], settings.get("secure_boot") is True)
    return [arg for arg in args if arg not in gone and name_of(arg) not in gone] + added


def contradiction(settings: dict, image: dict) -> str:
    """How an image's own arguments differ from those that it should have, in words; empty if they do not."""
    return differences(image["kernel_args"], expected_kernel_args(settings, image))
