# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a machine is told from others when it boots: MAC address, SMBIOS UUID or serial number. Pure."""

from __future__ import annotations

import re

from ..common.errors import InputError

_MAC = re.compile(r"[0-9a-f]{12}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def mac_address(value: object, where: str) -> str:
    """``value`` as ``aa:bb:cc:dd:ee:ff``; colons, hyphens, dots or nothing between the digits are all understood."""
    if isinstance(value, int):
        raise InputError(f"{where}: the MAC address was read as the number {value}; put it in quotes")
    digits = re.sub(r"[:.\-]", "", value).lower() if isinstance(value, str) else ""
    if not _MAC.fullmatch(digits) or re.search(r"[:.\-]{2}", str(value)):
        raise InputError(f"{where}: {value!r} is no MAC address; write it as '52:54:00:12:34:56'")
    return ":".join(digits[place : place + 2] for place in range(0, 12, 2))


def machine_uuid(value: object, where: str) -> str:
    """``value`` as a UUID in lower case, the spelling that iPXE sends and Omni uses as the machine's id."""
    text = value.lower() if isinstance(value, str) else ""
    if not _UUID.fullmatch(text):
        raise InputError(f"{where}: {value!r} is no UUID; write it as '4c4c4544-0051-3510-8052-b4c04f4e3333'")
    return text


def serial_number(value: object, where: str) -> str:
    """``value`` as iPXE sends it: case and inner blanks count."""
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise InputError(f"{where}: {value!r} is no serial number; write it as text, in quotes, as the firmware shows it")
    return value


IDENTITIES = {"mac": mac_address, "uuid": machine_uuid, "serial": serial_number}
