# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Matchbox's two objects, and the files that hold them. Pure.

A *profile* says what to boot, a *group* says which machines boot it. :mod:`.validate` makes them from what people wrote,
:mod:`.reader` from files, whoever wrote those.
"""

from __future__ import annotations

import dataclasses
import json
import re

_quoted = json.encoder.encode_basestring

# The labels that iPXE sends with every request, as /boot.ipxe asks for them.
LABELS = ("uuid", "mac", "domain", "hostname", "serial", "arch")

_ADDRESS = re.compile(
    r"[0-9a-f]{2}(?P<by>[:-])[0-9a-f]{2}((?P=by)[0-9a-f]{2}){4}(((?P=by)[0-9a-f]{2}){2}(((?P=by)[0-9a-f]{2}){12})?)?"
    r"|[0-9a-f]{4}(\.[0-9a-f]{4}){2}((\.[0-9a-f]{4})((\.[0-9a-f]{4}){6})?)?"
    r"|([0-9a-f]{12}|[0-9a-f]{16}|[0-9a-f]{40})",
    re.IGNORECASE,
)


@dataclasses.dataclass(frozen=True)
class Boot:
    """What a machine loads: a kernel, its initrds (URLs or paths on the boot host) and the kernel's arguments."""

    kernel: str = ""
    initrd: list[str] = dataclasses.field(default_factory=list)
    args: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Profile:
    """What to boot. The last three name templates, which only upstream's engine renders."""

    id: str = ""
    name: str = ""
    boot: Boot | None = None
    generic_id: str = ""
    ignition_id: str = ""
    cloud_id: str = ""

    def text(self) -> str:
        """The file's content: the same profile is always the same text."""
        return _text(self)


@dataclasses.dataclass(frozen=True)
class Group:
    """Which machines boot ``profile``: those whose labels have all values of ``selector``; without one, all machines."""

    id: str = ""
    name: str = ""
    profile: str = ""
    selector: dict[str, str] = dataclasses.field(default_factory=dict)
    metadata: dict = dataclasses.field(default_factory=dict)

    def text(self) -> str:
        """The file's content: the same group is always the same text."""
        return _text(self)


def _text(thing: Profile | Group) -> str:
    return _printed(_document(thing), "") + "\n"


def _printed(value: object, margin: str) -> str:
    """As ``json.dumps(value, indent=2, ensure_ascii=False)``, in a third of the time: a site has ten thousand groups."""
    if isinstance(value, str):
        return _quoted(value)
    inner = margin + "  "
    if value and isinstance(value, dict):
        return "{\n" + ",\n".join([f"{inner}{_quoted(key)}: {_printed(part, inner)}" for key, part in value.items()]) + f"\n{margin}}}"
    if value and isinstance(value, list):
        return "[\n" + ",\n".join([inner + _printed(part, inner) for part in value]) + f"\n{margin}]"
    return json.dumps(value)


def _document(thing: Profile | Group | Boot) -> dict:
    """Fields in upstream's order; what is empty is left out, which reads the same."""
    return {name: _document(value) if isinstance(value, Boot) else value for name, value in vars(thing).items() if value}


def hardware_address(text: str) -> str | None:
    """``text`` as ``aa:bb:cc:dd:ee:ff``, or ``None`` where upstream reads no address.

    It reads 6, 8 or 20 bytes: pairs of digits with colons or hyphens, fours with dots, either case. Without separators only
    a newer build of upstream does.
    """
    if not _ADDRESS.fullmatch(text):
        return None
    digits = re.sub(r"[:.-]", "", text).lower()
    return ":".join(digits[place : place + 2] for place in range(0, len(digits), 2))
