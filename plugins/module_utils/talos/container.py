# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a kernel or an initramfs is whole, seen from the lengths that it tells of itself. Nothing is unpacked.

An initramfs is a chain of compressed archives, which the kernel unpacks one after the other: zstd frames, xz streams and gzip members,
with zeros between them. Frames and streams are made of pieces that say how long they are; what follows a gzip member is not looked at.

Sources: RFC 8878 (zstd), the .xz file format 1.2.1, Documentation/arch/x86/boot.rst and drivers/firmware/efi/libstub/zboot-header.S of
the Linux kernel.
"""

from __future__ import annotations

import os
import typing as t

XZ, ZSTD = b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd"
_ENDLESS = (b"\x1f\x8b", b"0707")  # gzip, and an archive that is not compressed
_CUT = "ends too early"
_XZ_CHECK_SIZES = (0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64)


class _Broken(Exception):
    """What is wrong, in words that follow "it"."""


def container_fault(kind: str, file: t.BinaryIO) -> str | None:
    """Why a ``kernel`` or ``initramfs`` that begins as one is not whole; ``None`` if it is."""
    size = file.seek(0, os.SEEK_END)
    try:
        if kind == "kernel":
            _check_kernel(file, size)
        else:
            _check_chain(file, size)
    except _Broken as broken:
        return str(broken)
    return None


def _bytes(file: t.BinaryIO, place: int, length: int) -> bytes:
    file.seek(place)
    found = file.read(length)
    if len(found) < length:
        raise _Broken(_CUT)
    return found


def _number(file: t.BinaryIO, place: int, length: int) -> int:
    return int.from_bytes(_bytes(file, place, length), "little")


def _check_kernel(file: t.BinaryIO, size: int) -> None:
    head = _bytes(file, 0, 0x220)
    if head[0x202:0x206] == b"HdrS":
        # Boot sector and setup in sectors, the kernel itself in units of 16 bytes.
        length = ((head[0x1F1] or 4) + 1) * 512 + int.from_bytes(head[0x1F4:0x1F8], "little") * 16
    elif head[4:8] == b"zimg":
        length = int.from_bytes(head[8:12], "little") + int.from_bytes(head[12:16], "little")
    else:
        length = 0
    if length > size:
        raise _Broken(_CUT)


def _check_chain(file: t.BinaryIO, size: int) -> None:
    place = 0
    while place < size:
        magic = _bytes(file, place, min(6, size - place))
        if magic.startswith(ZSTD):
            place = _after_zstd(file, place)
        elif magic == XZ:
            place = _after_xz(file, place)
        elif magic.startswith(_ENDLESS):
            return
        elif not magic.strip(b"\0"):
            place += len(magic)
        elif magic.startswith(b"\0"):
            place += 1
        else:
            raise _Broken(f"has something else after {place} bytes")
    if place > size:
        raise _Broken(_CUT)


def _after_zstd(file: t.BinaryIO, place: int) -> int:
    """Where the frame at ``place`` ends."""
    descriptor = _number(file, place + 4, 1)
    single = descriptor & 0x20
    sizes = (1 if single else 0, 2, 4, 8)
    place += 5 + (0 if single else 1) + (0, 1, 2, 4)[descriptor & 3] + sizes[descriptor >> 6]
    while True:
        block = _number(file, place, 3)
        last, kind, length = block & 1, block >> 1 & 3, block >> 3
        if kind == 3:
            raise _Broken(f"has a damaged block at byte {place}")
        place += 3 + (1 if kind == 1 else length)
        if last:
            return place + (4 if descriptor & 4 else 0)


def _after_xz(file: t.BinaryIO, place: int) -> int:
    """Where the stream at ``place`` ends: header, blocks, index, footer."""
    check = _XZ_CHECK_SIZES[_number(file, place + 7, 1) & 15]
    place += 12
    while header := _number(file, place, 1):
        content = place + (header + 1) * 4
        place = content + _padded(_after_lzma2(file, content) - content) + check
    return _after_xz_index(file, place)


def _after_lzma2(file: t.BinaryIO, place: int) -> int:
    """Where the chunks end that begin at ``place``: LZMA2 is the last filter of every block."""
    while control := _number(file, place, 1):
        if control < 0x80:
            place += 3 + _number_of_bytes(file, place + 1)
        else:
            place += (6 if control >= 0xC0 else 5) + _number_of_bytes(file, place + 3)
    return place + 1


def _number_of_bytes(file: t.BinaryIO, place: int) -> int:
    """LZMA2 writes sizes with the high byte first and less one."""
    return int.from_bytes(_bytes(file, place, 2), "big") + 1


def _after_xz_index(file: t.BinaryIO, index: int) -> int:
    """Behind the footer that follows the index at ``index``."""
    file.seek(index + 1)
    data = file.read(1 << 20)
    records, used = _variable(data)
    for _number_of_record in range(records * 2):
        used += _variable(data[used : used + 9])[1]
    footer = index + _padded(1 + used) + 4
    if _bytes(file, footer + 10, 2) != b"YZ":
        raise _Broken(_CUT)
    return footer + 12


def _variable(data: bytes) -> tuple[int, int]:
    """A number of variable length, and how many bytes it takes."""
    value = 0
    for count, byte in enumerate(data[:9]):
        value |= (byte & 0x7F) << 7 * count
        if byte < 0x80:
            return value, count + 1
    raise _Broken(_CUT)


def _padded(length: int) -> int:
    return (length + 3) // 4 * 4
