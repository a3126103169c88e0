# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The boot plan: what every machine of a site boots, computed from what people wrote. Pure, and free of secrets.

    boot_plan(classes, machines, images) -> profiles, groups, images

Profiles and groups are Matchbox's, as dictionaries in its schema. Where Omni's join arguments belong, a profile has
:data:`~.kernel_args.JOIN_ARGS_PLACEHOLDER`.
"""

from __future__ import annotations

import dataclasses
import re

from ..common.errors import InputError
from ..talos.stock import stock_images
from .cmdline import INITRAMFS, class_kernel_args
from .customization import FIELDS
from .identity import IDENTITIES
from .kernel_args import JOIN_ARGS_PLACEHOLDER, redact

# The name under which an image's kernel is served; that of its initramfs is also an argument.
KERNEL = "vmlinuz"

DEFAULT_GROUP = "default"
_NAME = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?")
_IMAGE_FIELDS = {"version", "architecture", "schematic", *FIELDS, "path", "sha256"}
_CLASS_FIELDS = _IMAGE_FIELDS | {"default", "console", "halt_if_installed", "secure_boot", "kernel_args", "kernel_args_exact"}
_MACHINE_FIELDS = set(IDENTITIES) | {"class", "cluster"}


@dataclasses.dataclass(frozen=True)
class BootPlan:
    """What is to be written and fetched; ``images`` is what :func:`~..talos.stock.stock_images` describes."""

    profiles: list[dict]
    groups: list[dict]
    images: list[dict]


def boot_plan(classes: dict, machines: dict, images: list[dict] | None = None) -> BootPlan:
    """The plan for ``classes`` (name → settings) and ``machines`` (name → identity, class, …).

    ``images`` tells which image each class boots; without it they are the stock images of the classes' Talos versions.
    Raises :class:`InputError` for anything that could not boot or would surprise.
    """
    images = stock_images(classes) if images is None else images
    for name, settings in classes.items():
        _check_fields(f"class {name}", name, settings, _CLASS_FIELDS)
    image_of = {name: image for image in images for name in image["classes"]}
    profiles = [_profile(name, settings, image_of[name]) for name, settings in classes.items()]
    defaults = _default_classes(classes, image_of)
    groups = [_default_group(architecture, name) for architecture, name in defaults.items()]
    groups += _machine_groups(machines, classes, defaults)
    return BootPlan(profiles, groups, images)


def _check_fields(where: str, name: object, settings: object, known: set) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InputError(f"{where}: {name!r} cannot be a name; use lower-case letters, digits, '-', '.' and '_'")
    if not isinstance(settings, dict):
        raise InputError(f"{where}: expected settings such as {{version: v1.11.4}} or {{mac: ...}}, got {redact(repr(settings))}")
    unknown = sorted(str(field) for field in set(settings) - known)
    if unknown:
        raise InputError(f"{where}: unknown setting {unknown[0]!r}; known are {', '.join(sorted(known))}")


def _profile(name: str, settings: dict, image: dict) -> dict:
    folder = "/assets/" + (image["link"] or image["path"])
    try:
        args = class_kernel_args(settings, image)
    except InputError as error:
        raise InputError(f"class {name}: {error}") from None
    return {
        "id": name,
        "name": "Talos Linux for Omni",
        "boot": {
            "kernel": f"{folder}/{KERNEL}",
            "initrd": [f"{folder}/{INITRAMFS}"],
            "args": args + [JOIN_ARGS_PLACEHOLDER],
        },
    }


def _default_classes(classes: dict, image_of: dict) -> dict[str, str]:
    """Architecture → the class of machines that nobody named: the only class, or those marked ``default``."""
    for name, settings in classes.items():
        if not isinstance(settings.get("default", False), bool):
            raise InputError(f"class {name}: default is true or false, got {settings['default']!r}")
    marked = [name for name, settings in classes.items() if settings.get("default")]
    if not marked and len(classes) == 1:
        marked = list(classes)
    defaults: dict[str, str] = {}
    for name in marked:
        architecture = image_of[name]["architecture"]
        if architecture in defaults:
            raise InputError(f"class {name}: {defaults[architecture]} is the default for {architecture} already; mark one class")
        defaults[architecture] = name
    return defaults


def _default_group(architecture: str, name: str) -> dict:
    """amd64 is every machine without a better match; arm64 says so in iPXE's own word (an arm64 image boots nothing else)."""
    if architecture == "amd64":
        return {"id": DEFAULT_GROUP, "name": "Machines that are not named", "profile": name}
    return {
        "id": f"{DEFAULT_GROUP}-{architecture}",
        "name": f"Machines that are not named ({architecture})",
        "profile": name,
        "selector": {"arch": architecture},
    }


def _machine_groups(machines: dict, classes: dict, defaults: dict[str, str]) -> list[dict]:
    taken: dict[tuple[str, str], str] = {}
    groups = []
    for name, settings in machines.items():
        where = f"machine {name}"
        _check_fields(where, name, settings, _MACHINE_FIELDS)
        if name == DEFAULT_GROUP or name.startswith(DEFAULT_GROUP + "-"):
            raise InputError(f"{where}: this name is kept for machines that nobody named; choose another")
        identities = _identities(where, settings)
        for identity in identities.items():
            if identity in taken:
                raise InputError(f"{where}: {identity[0]} {identity[1]} is that of machine {taken[identity]} too; correct one of them")
            taken[identity] = name
        kind, value = next(iter(identities.items()))
        if not isinstance(settings.get("cluster", ""), str):
            raise InputError(f"{where}: cluster is the name of a cluster, got {settings['cluster']!r}")
        profile = _machine_class(where, settings, classes, defaults)
        groups.append({"id": name, "name": name, "profile": profile, "selector": {kind: value}})
    return groups


def _identities(where: str, settings: dict) -> dict[str, str]:
    """What the machine is known by, the one that selects it first: the MAC address if it has one, else UUID, else serial."""
    identities = {kind: read(settings[kind], where) for kind, read in IDENTITIES.items() if settings.get(kind) is not None}
    if not identities:
        raise InputError(f"{where}: nothing tells it from others; give its mac, uuid or serial")
    return identities


def _machine_class(where: str, settings: dict, classes: dict, defaults: dict[str, str]) -> str:
    name = settings.get("class")
    if name is None:
        if not defaults:
            raise InputError(f"{where}: has no class, and no class is the default; set its class or mark a class with default: true")
        return defaults.get("amd64") or next(iter(defaults.values()))
    if name not in classes:
        raise InputError(f"{where}: there is no class {name!r}; known are {', '.join(classes) or 'none'}")
    return name
