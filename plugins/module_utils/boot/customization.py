# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image has beside the stock one's, and the name under which it is known: in paths, plans, logs and diffs. Pure.

The id of a schematic is as good as a join token, since the Image Factory tells its arguments to whoever knows it. The image key
comes from what goes into the schematic, so that it is known before anything is created, and nothing can be asked for with it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re

from ..common.errors import InputError
from .kernel_args import JOIN_ARG_NAMES, redact

FIELDS = ("extensions", "overlay", "extra_kernel_args")
"""The settings of a class from which Omni makes a schematic."""

_EXTENSION = re.compile(r"[a-z0-9][a-z0-9._-]*/[a-z0-9][a-z0-9._-]*")
_OVERLAY = re.compile(r"[a-z0-9][a-z0-9_-]*")
_CONFIG = "talos.config.inline"


@dataclasses.dataclass(frozen=True)
class Customization:
    """What is in a schematic beside the join arguments. Extensions have no order, arguments do."""

    extensions: tuple[str, ...] = ()
    overlay: str | None = None
    extra_kernel_args: tuple[str, ...] = ()
    secure_boot: bool = False

    @classmethod
    def of(cls, settings: dict) -> Customization:
        """Out of a module's parameters, or the settings of a class; raises :class:`InputError`."""
        extensions, extra = _texts(settings, "extensions"), _texts(settings, "extra_kernel_args")
        for extension in extensions:
            if not _EXTENSION.fullmatch(extension):
                raise InputError(f"extensions: {extension!r} is no name of an extension; write it like siderolabs/iscsi-tools")
        for number, arg in enumerate(extra, 1):
            _check_argument(arg, f"extra_kernel_args: number {number}")
        overlay = settings.get("overlay") or None
        if overlay and not (isinstance(overlay, str) and _OVERLAY.fullmatch(overlay)):
            raise InputError(f"overlay: {overlay!r} is no name of an overlay; write it like rpi_generic")
        return cls(tuple(sorted(set(extensions))), overlay, tuple(extra), settings.get("secure_boot") is True)

    def content(self) -> dict:
        """As JSON."""
        return dataclasses.asdict(self)


def is_custom(settings: dict) -> bool:
    """Whether a class wants another image than the stock one."""
    return any(settings.get(field) for field in ("schematic", *FIELDS))


def image_key(customization: dict, join_args: list[str]) -> str:
    """16 hexadecimal digits for what JSON can hold of a customization, with the three join arguments that go into the image."""
    content = json.dumps([customization, join_args], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _texts(settings: dict, option: str) -> list[str]:
    texts = settings.get(option) or []
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise InputError(f"{option} is a list of texts, got {redact(repr(texts))}")
    return texts


def _check_argument(arg: str, where: str) -> None:
    name = arg.partition("=")[0].lstrip("-")
    if name in JOIN_ARG_NAMES:
        raise InputError(f"{where} is one of the join arguments, which Omni puts in itself; leave it out")
    if name == _CONFIG:
        raise InputError(f"{where} is a machine configuration, which machines get from Omni; leave it out")
    if not arg or re.search(r"[\s\x00-\x1f\x7f]", arg):
        raise InputError(f"{where} is empty or holds white space; give one argument an entry")
