# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recognises kernels and initramfs files by their first bytes. Pure.

Sources: Documentation/arch/x86/boot.rst, Documentation/arch/arm64/booting.rst and drivers/firmware/efi/libstub/zboot-header.S
of the Linux kernel.
"""

from __future__ import annotations

# The first bytes that the functions below want to see.
HEAD = 1024
_COMPRESSIONS = (b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd", b"\x1f\x8b")  # xz, zstd (Talos 1.8 and later, also named .xz), gzip


def image_fault(kind: str, architecture: str, head: bytes) -> str | None:
    """What is wrong with a ``kernel`` or ``initramfs`` that begins with ``head``; ``None`` if it is one."""
    if kind == "kernel" and _is_kernel(head, architecture):
        return None
    if kind == "initramfs" and head.startswith(_COMPRESSIONS):
        return None
    expected = f"a Linux kernel for {architecture}" if kind == "kernel" else "an initramfs (xz, zstd or gzip)"
    return f"{_looks_like(head)}, not {expected}"


def _is_kernel(head: bytes, architecture: str) -> bool:
    if architecture == "amd64":
        return head[0x202:0x206] == b"HdrS"
    return head[0x38:0x3C] == b"ARMd" or (head[4:8] == b"zimg" and _is_arm64_program(head))


def _is_arm64_program(head: bytes) -> bool:
    """Whether the PE header says arm64: a compressed EFI kernel, as Talos ships it, tells its architecture nowhere else."""
    header = int.from_bytes(head[0x3C:0x40], "little")
    return head[header : header + 6] == b"PE\0\0\x64\xaa"


def _looks_like(head: bytes) -> str:
    if not head:
        return "is empty"
    if head.lstrip().startswith(b"<"):
        return "is a web page"
    return "is something else"
