# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel arguments of a class: those of its image, changed by what the class says. Pure.

In this order:

1. ``initrd=``, which older iPXE on UEFI needs;
2. the image's own arguments where they are known, else those of its Talos version (:func:`.kernel_args.default_kernel_args`);
3. ``console`` takes the place of their consoles, ``halt_if_installed`` and ``secure_boot`` add to them;
4. ``kernel_args``: ``name=value`` takes the place of an argument of that name, or comes at the end; ``-name`` and ``-name=value`` remove.

A console of ``kernel_args`` is added to those that are there: a machine may have several, and the last one is where Talos prints.
"""

from __future__ import annotations

import re

from ..common.errors import InputError
from ..talos.version import Version
from .kernel_args import JOIN_ARG_NAMES, default_kernel_args, known_names, redact

INITRAMFS = "initramfs.xz"
# What the other settings would change is not looked at where the whole list is given.
_CHANGES = ("kernel_args", "console", "halt_if_installed", "secure_boot")
_CONSOLE = re.compile(r"([A-Za-z]+)[0-9]*(,[A-Za-z0-9,]+)?")
_HALT = "talos.halt_if_installed=1"


def class_kernel_args(settings: dict, image: dict) -> list[str]:
    """The arguments of a class (without the join arguments) that boots ``image`` (``version``, ``architecture``, perhaps ``kernel_args``)."""
    exact, added = _texts(settings, "kernel_args_exact"), _texts(settings, "kernel_args")
    if settings.get("kernel_args_exact") is not None:
        for option in _CHANGES:
            if settings.get(option):
                raise InputError(f"kernel_args_exact is the whole list; add to it what {option} is for, and leave that out")
        return exact
    minor = Version.parse(image["version"]).minor
    secure_boot = _flag(settings, "secure_boot")
    base = image.get("kernel_args") or default_kernel_args(minor, image["architecture"], secure_boot)
    if _flag(settings, "halt_if_installed"):
        if minor < (1, 8):
            raise InputError(f"halt_if_installed is known to Talos since v1.8, the class has {image['version']}; leave it out or choose a newer version")
        base = merged(base, [_HALT])
    return [f"initrd={INITRAMFS}", *merged(with_consoles(base, _consoles(settings.get("console"))), added)]


def parse_cmdline(text: str) -> list[str]:
    """The arguments in a kernel command line. As the kernel reads it: blanks between double quotes belong to the argument."""
    if text.count('"') % 2:
        raise InputError(f"kernel arguments: a double quote is not closed in {redact(text.strip())}")
    return re.findall(r'(?:[^\s"]|"[^"]*")+', text)


def without_join_args(args: list[str]) -> tuple[list[str], list[str]]:
    """``args`` without the join arguments, and the join arguments among them."""
    join_args = [arg for arg in args if name_of(arg) in JOIN_ARG_NAMES]
    return [arg for arg in args if arg not in join_args], join_args


def merged(base: list[str], changes: list[str]) -> list[str]:
    """``base`` with ``changes`` applied, one after the other. Removing what no Talos version has is taken for a slip."""
    args, added = list(base), []
    for change in changes:
        name = name_of(change)
        if change.startswith("-"):
            gone = {arg for arg in args + added if change[1:] in (arg, name_of(arg))}
            if not gone and name[1:] not in known_names():
                raise InputError(f"{redact(change)} removes nothing: neither the image nor any Talos version has {redact(name[1:])}")
            args, added = ([arg for arg in part if arg not in gone] for part in (args, added))
        elif name == "console":
            args, added = [arg for arg in args if arg != change], [*added, change]
        elif name in map(name_of, args):
            args = [change if name_of(arg) == name else arg for arg in args]
        else:
            added.append(change)
    return args + added


def with_consoles(args: list[str], consoles: list[str]) -> list[str]:
    """``args`` with ``consoles`` where theirs were; with theirs, if there are none."""
    if not consoles:
        return list(args)
    places = [place for place, arg in enumerate(args) if name_of(arg) == "console"] or [len(args)]
    others = [arg for arg in args if name_of(arg) != "console"]
    return others[: places[0]] + [f"console={console}" for console in consoles] + others[places[0] :]


def differences(image_args: list[str], table_args: list[str]) -> str:
    """In words, what an image's own arguments have and lack beside those that are expected of its version; empty if nothing."""
    more = [redact(arg) for arg in image_args if arg not in table_args]
    less = [arg for arg in table_args if arg not in image_args]
    return "; ".join(f"{words} {' '.join(args)}" for words, args in (("has", more), ("lacks", less)) if args)


def name_of(arg: str) -> str:
    """``console`` of ``console=tty0``."""
    return arg.partition("=")[0]


def _consoles(value: object) -> list[str]:
    """The devices that a class names, one or a list, the one where Talos prints last."""
    kinds: dict[str, str] = {}
    for console in value if isinstance(value, list) else [value] if value is not None else []:
        match = _CONSOLE.fullmatch(console) if isinstance(console, str) else None
        if match is None:
            raise InputError(f"console: {console!r} is no console; write a device with its settings, such as ttyS1 or 'ttyS0,115200'")
        other = kinds.setdefault(match.group(1), console)
        if other != console:
            raise InputError(f"console: {other} and {console} are of one kind, of which the kernel uses only the last; keep one")
    return list(kinds.values())


def _texts(settings: dict, option: str) -> list[str]:
    args = settings.get(option) or []
    if not isinstance(args, list) or not all(isinstance(arg, str) for arg in args):
        raise InputError(f"{option} is a list of texts, one kernel argument each, got {redact(repr(args))}")
    for arg in args:
        if name_of(arg) in JOIN_ARG_NAMES:
            raise InputError(
                f"{option} has {name_of(arg)}, which every profile is given; leave it out (what Omni shows can be pasted as omni_matchbox_kernel_params)"
            )
    return list(args)


def _flag(settings: dict, option: str) -> bool:
    value = settings.get(option, False)
    if not isinstance(value, bool):
        raise InputError(f"{option} is true or false, got {value!r}")
    return value
