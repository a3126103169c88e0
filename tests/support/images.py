"""Files that begin as kernels and initramfs files do and boot nothing, and a release made of them."""

from __future__ import annotations

import pathlib
import random

from lab.downloads import put_talos_release


def kernel(architecture: str = "amd64", size: int = 300_000, seed: int = 1) -> bytes:
    """An x86 bzImage, or the compressed EFI kernel that Talos ships for arm64, as far as the first bytes go."""
    content = bytearray(random.Random(seed).randbytes(size))
    content[:0x400] = bytes(0x400)
    if architecture == "amd64":
        content[0x202:0x206] = b"HdrS"
    else:
        content[:8] = b"MZ\0\0zimg"
        content[0x3C:0x40] = (0x80).to_bytes(4, "little")
        content[0x80:0x86] = b"PE\0\0\x64\xaa"
    return bytes(content)


def initramfs(size: int = 500_000, seed: int = 2) -> bytes:
    """A zstd frame of blocks that are not compressed, so that it is as long as it says."""
    content, noise = bytearray(b"\x28\xb5\x2f\xfd\x00\x58"), random.Random(seed)
    while (rest := size - len(content) - 3) >= 0:
        length = min(128 * 1024, rest) if rest != 128 * 1024 + 1 else 1024
        last = length == rest
        content += (length << 3 | last).to_bytes(3, "little") + noise.randbytes(length)
        if last:
            return bytes(content)
    raise ValueError(f"{size} bytes are too few for an initramfs")


def release(root: pathlib.Path, version: str, architecture: str = "amd64", kernel: bytes = kernel(), initramfs: bytes = initramfs()) -> pathlib.Path:
    """A Talos release below ``root`` as GitHub has it; its folder."""
    (root / "kernel").write_bytes(kernel)
    (root / "initramfs").write_bytes(initramfs)
    return put_talos_release(root, version, root / "kernel", root / "initramfs", architecture)
