# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task says about images, as the program wants it."""

from __future__ import annotations

import grp

from ..common.argspec import ArgumentSpec
from ..common.download import DOWNLOAD_SPEC
from ..common.errors import InputError
from .assets import Keep, Wanted
from .factory import GITHUB_RELEASES
from .files import image_to_have
from .lock import parse_lock
from .stock import stock_images
from .version import ARCHITECTURES

_OF_EACH_FILE = {kind: {"type": "str"} for kind in ("kernel", "initramfs")}
_IMAGE = {
    "version": {"type": "str", "required": True},
    "architecture": {"type": "str", "choices": list(ARCHITECTURES), "default": "amd64"},
    "key": {"type": "str", "default": "stock", "no_log": False},
    "path": {"type": "str"},
    "link": {"type": "str"},
    "urls": {"type": "dict", "options": _OF_EACH_FILE},
    "sizes": {"type": "dict", "options": {kind: {"type": "int"} for kind in _OF_EACH_FILE}},
    "sha256": {"type": "dict", "options": _OF_EACH_FILE},
    "kernel_args": {"type": "list", "elements": "str"},
    "classes": {"type": "list", "elements": "str", "default": []},
}
IMAGES_SPEC = ArgumentSpec(
    options={
        "classes": {"type": "dict", "no_log": True},
        "images": {"type": "list", "elements": "dict", "options": _IMAGE},
        "schematics": {"type": "dict", "default": {}, "no_log": True},
        "versions": {"type": "dict"},
        "release_url": {"type": "str", "default": GITHUB_RELEASES},
    },
    mutually_exclusive=[("classes", "images")],
    required_one_of=[("classes", "images")],
).merged(DOWNLOAD_SPEC)


ASSETS_SPEC = ArgumentSpec(
    options={
        "assets_path": {"type": "path", "required": True},
        "verify": {"type": "bool", "default": False},
        "group": {"type": "str"},
        "keep": {"type": "int"},
        "data_path": {"type": "path"},
        "only_prune": {"type": "bool", "default": False},
        "rewritten_profiles": {"type": "list", "elements": "str", "default": []},
        "source": {"type": "str", "choices": ["host", "controller"], "default": "host"},
        "cache_path": {"type": "path"},
        "offline": {"type": "bool", "default": False},
        "incoming": {"type": "path"},
    },
    required_if=[("source", "controller", ["cache_path"]), ("only_prune", True, ["keep"])],
    required_by={"keep": "data_path"},
).merged(IMAGES_SPEC)


def wanted_images(params: dict) -> list[dict]:
    """The images of the options ``classes`` or ``images``."""
    if params["classes"] is not None:
        return stock_images(params["classes"])
    return [image_to_have(image) for image in params["images"]]


def wanted_assets(params: dict) -> Wanted:
    """What the options of a task want below the assets."""
    keep = params["keep"]
    if keep is not None and keep < 0:
        raise InputError(f"keep: {keep} is no number of versions; write 0 to keep only what is in use")
    versions = None if params["versions"] is None else parse_lock({"versions": params["versions"]}, "versions").versions
    return Wanted(
        root=params["assets_path"],
        images=wanted_images(params),
        release_url=params["release_url"],
        schematics=params["schematics"],
        versions=versions,
        group=_group(params["group"]),
        verify=params["verify"],
        keep=None if keep is None else Keep(keep, params["data_path"], tuple(params["rewritten_profiles"])),
        only_prune=params["only_prune"],
    )


def _group(name: str | None) -> int | None:
    if name is None:
        return None
    try:
        return int(name) if name.isdigit() else grp.getgrnam(name).gr_gid
    except KeyError:
        raise InputError(f"group: there is no group {name} on this host; name that of the web server") from None
