# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine is sent: iPXE and GRUB scripts, and its metadata. Pure.

Texts go in as they are, nothing is escaped: :mod:`.validate` keeps out of our own files what would break a script. Whatever came with
a request may hold bytes that are no UTF-8; encode with ``surrogateescape``.
"""

from __future__ import annotations

import decimal
import typing as t

from .model import LABELS, Boot, Group

_FORMATS = {"mac": "mac:hexhyp", "arch": "buildarch:uristring"}

# The first script of every machine: it names itself and asks again. The link is relative, so it works below any prefix.
CHAIN_SCRIPT = "#!ipxe\nchain ipxe?" + "&".join(f"{label}=${{{_FORMATS.get(label, label)}}}" for label in LABELS) + "\n"

_GRUB = """\
default=0
fallback=1
timeout=1
menuentry "CoreOS (EFI)" {{
echo "Loading kernel"
linuxefi "{kernel}"{args}
echo "Loading initrd"
initrdefi {initrd}
}}
menuentry "CoreOS (BIOS)" {{
echo "Loading kernel"
linux "{kernel}"{args}
echo "Loading initrd"
initrd {initrd}
}}
"""


def ipxe_script(boot: Boot) -> str:
    """The iPXE script of a profile."""
    lines = [f"kernel {boot.kernel}{_args(boot)}", *(f"initrd {initrd}" for initrd in boot.initrd), "boot"]
    return "#!ipxe\n" + "".join(line + "\n" for line in lines)


def grub_script(boot: Boot) -> str:
    """The GRUB configuration of a profile."""
    initrd = "".join(f' "{initrd}"' for initrd in boot.initrd)
    return _GRUB.format(kernel=boot.kernel, args=_args(boot), initrd=initrd)


def _args(boot: Boot) -> str:
    return "".join(f" {arg}" for arg in boot.args)


def metadata(group: Group, found: dict[str, str], raw_query: bytes) -> str:
    """A line ``KEY=value`` for each leaf of the group's metadata, its selectors and the request.

    Upstream's order is random; this one is fixed.
    """
    tree = {
        **group.metadata,
        **{_simple_lower(key): value for key, value in group.selector.items()},
        "request": {"query": found, "raw_query": raw_query.decode("utf-8", "surrogateescape")},
    }
    return "".join(f"{_simple_upper(name)}={value}\n" for name, value in _leaves(tree))


def _leaves(tree: dict) -> t.Iterator[tuple[str, str]]:
    """Names and printed values, in the tree's order. Trees may be too deep for recursion. ``null`` and lists are left out."""
    waiting = list(reversed(tree.items()))
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(f"{name}_{key}", inner) for key, inner in reversed(value.items())]
        elif isinstance(value, bool):
            yield name, "true" if value else "false"
        elif isinstance(value, (int, float)):
            yield name, _number(float(value))
        elif isinstance(value, str):
            yield name, value


def _number(value: float) -> str:
    """The shortest digits that read back the same; with an exponent below 1e-4 and from 1e6 on."""
    sign, digits, exponent = decimal.Decimal(repr(value)).normalize().as_tuple()
    magnitude = len(digits) - 1 + exponent
    if not value or -4 <= magnitude < 6:
        return format(decimal.Decimal((sign, digits, exponent)), "f")
    fraction = "." + "".join(map(str, digits[1:])) if digits[1:] else ""
    return f"{'-' if sign else ''}{digits[0]}{fraction}e{'-' if magnitude < 0 else '+'}{abs(magnitude):02d}"


def _simple_lower(text: str) -> str:
    """Letter by letter, each of which stays one letter."""
    return "".join(letter.lower()[0] for letter in text)


def _simple_upper(text: str) -> str:
    """Letter by letter, each of which stays one letter: where Unicode's capital is several, its title case or itself."""
    return "".join(_capital(letter) for letter in text)


def _capital(letter: str) -> str:
    if "\ud800" <= letter <= "\udfff":
        return "\ufffd"
    return next((form for form in (letter.upper(), letter.title()) if len(form) == 1), letter)
