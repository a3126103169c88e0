"""Kernels and initramfs files by their first bytes."""

from __future__ import annotations

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.talos.formats import image_fault
from support import images

AMD64, ARM64 = images.kernel("amd64")[:1024], images.kernel("arm64")[:1024]
ARM64_UNCOMPRESSED = b"MZ" + bytes(0x36) + b"ARMd" + bytes(100)
AMD64_COMPRESSED = ARM64.replace(b"PE\0\0\x64\xaa", b"PE\0\0\x64\x86")


@pytest.mark.parametrize(
    ("kind", "architecture", "head"),
    [
        ("kernel", "amd64", AMD64),
        ("kernel", "arm64", ARM64),
        ("kernel", "arm64", ARM64_UNCOMPRESSED),
        ("initramfs", "amd64", images.initramfs()[:1024]),
        ("initramfs", "arm64", b"\xfd7zXZ\x00" + bytes(10)),
        ("initramfs", "amd64", b"\x1f\x8b" + bytes(10)),
    ],
)
def test_what_boots(kind, architecture, head):
    assert image_fault(kind, architecture, head) is None


@pytest.mark.parametrize(
    ("kind", "architecture", "head", "fault"),
    [
        ("kernel", "amd64", b"", "is empty, not a Linux kernel for amd64"),
        ("kernel", "amd64", b"\n <!DOCTYPE html>", "is a web page, not a Linux kernel for amd64"),
        ("kernel", "amd64", ARM64, "is something else, not a Linux kernel for amd64"),
        ("kernel", "arm64", AMD64, "is something else, not a Linux kernel for arm64"),
        ("kernel", "arm64", AMD64_COMPRESSED, "is something else, not a Linux kernel for arm64"),
        ("kernel", "arm64", b"MZ\0\0zimg", "is something else, not a Linux kernel for arm64"),
        ("initramfs", "amd64", AMD64, "is something else, not an initramfs (xz, zstd or gzip)"),
        ("initramfs", "amd64", b"<html>", "is a web page, not an initramfs (xz, zstd or gzip)"),
    ],
)
def test_what_does_not(kind, architecture, head, fault):
    assert image_fault(kind, architecture, head) == fault
