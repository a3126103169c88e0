# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether machines that get certain kernel arguments join the Omni that is meant: scripts that are served, images. Pure.

Of an image from the Image Factory it is its schematic that counts, not what the boot host adds (the UKI trap): Omni builds the
installer of a machine with the join arguments that it finds in the schematic that the machine booted from, and from Talos 1.10
on the installed machine takes its kernel arguments from that installer alone.
"""

from __future__ import annotations

import re
import urllib.parse

from ..common.errors import InputError
from .kernel_args import JOIN_ARG_NAMES, redact

# Scripts of GRUB and shells quote arguments, or escape the & in them.
_ARGUMENT = re.compile(r"(?<![\w.])(" + "|".join(map(re.escape, JOIN_ARG_NAMES)) + r")=([^\s\"']*)")

WAYS_OUT = (
    "either let Omni make the schematic (the class names extensions, overlay and extra_kernel_args instead of a schematic),"
    " or boot the stock release image, for which Omni puts in its own"
)


def join_args_in(text: str) -> list[str]:
    """The join arguments in a boot script, a kernel command line or a schematic, each once, in their order."""
    found = (f"{name}={value}".replace("\\&", "&") for name, value in _ARGUMENT.findall(text))
    return list(dict.fromkeys(found))


def differences(held: list[str], wanted: list[str]) -> list[str]:
    """How the join arguments ``held`` differ from those that are ``wanted``, one line for each argument; no line shows a token."""
    lines = []
    for name in JOIN_ARG_NAMES:
        here, there = _values(held, name), _values(wanted, name)
        if {_meaning(value) for value in here} != {_meaning(value) for value in there}:
            lines.append(f"{name} is {_shown(name, here)}, not {_shown(name, there)}")
    return lines


def require_join_args(held: list[str], join_args: list[str]) -> None:
    """Raise :class:`InputError` if machines that boot an image of the Factory would be lost to Omni once they are installed.

    ``held`` are the kernel arguments in the image's schematic, none if there are none; ``join_args`` are the three of this run.
    """
    inside = [arg for arg in held if arg.partition("=")[0] in JOIN_ARG_NAMES]
    wrong = differences(inside, join_args)
    if not wrong:
        return
    what = f"holds other join arguments than this run's ({'; '.join(wrong)})" if inside else "holds no join arguments"
    raise InputError(uki_trap(what))


def uki_trap(what: str) -> str:
    """Why an image is refused whose schematic ``what`` (``holds no join arguments``)."""
    return (
        f"its schematic {what}; a machine installed from it would boot with what the schematic holds and not come back to this Omni (the UKI trap); {WAYS_OUT}"
    )


def _values(args: list[str], name: str) -> list[str]:
    return [value for found, dummy, value in (arg.partition("=") for arg in args) if found == name]


def _meaning(value: str) -> tuple:
    """A value such that two that mean the same are the same: queries may be ordered and encoded in several ways."""
    url, dummy, query = value.partition("?")
    return url, tuple(sorted(urllib.parse.parse_qsl(query)))


def _shown(name: str, values: list[str]) -> str:
    return " and ".join(redact(f"{name}={value}").partition("=")[2] for value in values) or "not there"
