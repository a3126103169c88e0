"""Adding to an initramfs without unpacking it: the kernel unpacks several archives that follow one another."""

from __future__ import annotations

import gzip


def with_file(initramfs: bytes, name: str, content: bytes) -> bytes:
    """``initramfs`` with an archive behind it that holds one more file in the root directory."""
    archive = _entry(name, content) + _entry("TRAILER!!!", b"")
    return initramfs + bytes(-len(initramfs) % 4) + gzip.compress(archive, mtime=0)


def _entry(name: str, content: bytes) -> bytes:
    """An entry of a cpio archive in the format that the kernel reads (newc)."""
    fields = [0, 0o100600, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0]
    header = b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
    return header + bytes(-len(header) % 4) + content + bytes(-len(content) % 4)
