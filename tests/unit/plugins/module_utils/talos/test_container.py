"""Whether kernels and initramfs files are whole, with what real programs write."""

from __future__ import annotations

import gzip
import io
import lzma
import subprocess

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.talos.container import container_fault
from support import images

TEXT = b"Talos " * 100_000
# What the program zstd 1.5 makes of it.
ZSTD = {
    "zstd": "28b52ffd04587400003054616c6f73200100f7ffc94b114c0000086c0100fcff3910024c000008730100fcff3910024c0000"
    "08540100fcff3910024d0000086c0100bc27391002508ef2f9",
    "zstd without checksum": "28b52ffd00587400003054616c6f73200100f7ffc94b114c0000086c0100fcff3910024c000008730100fcff3910024c0000"
    "08540100fcff3910024d0000086c0100bc27391002",
    "zstd with size": "28b52ffda4c02709007400003054616c6f73200100f7ffc94b114c0000086c0100fcff3910024c000008730100fcff391002"
    "4c000008540100fcff3910024d0000086c0100bc27391002508ef2f9",
}
WHOLE = {
    **{name: bytes.fromhex(frame) for name, frame in ZSTD.items()},
    "xz": lzma.compress(TEXT),
    "xz crc32": lzma.compress(TEXT, check=lzma.CHECK_CRC32),
    "xz of the program": subprocess.run(["xz", "-c", "--block-size=100000", "-T2"], input=TEXT, capture_output=True, check=True).stdout,
    "lab": images.initramfs(),
}


def fault(content: bytes, kind: str = "initramfs") -> str | None:
    return container_fault(kind, io.BytesIO(content))


@pytest.mark.parametrize("name", WHOLE)
def test_whole_ones_alone_and_one_after_the_other(name):
    content = WHOLE[name]
    assert fault(content) is None
    assert fault(content + bytes(16)) is None
    assert fault(content + gzip.compress(TEXT)) is None
    assert fault(content + bytes(8) + content) is None
    assert fault(content + content[:-5]) == "ends too early"


@pytest.mark.parametrize("missing", [1, 5, 30])
@pytest.mark.parametrize("name", ["lab", "zstd", "xz", "xz of the program"])
def test_a_part_of_one(name, missing):
    content = WHOLE[name]
    assert fault(content[:-missing]) == "ends too early"


def test_something_behind_it():
    assert fault(images.initramfs(size=1000) + b"<html>") == "has something else after 1000 bytes"


def test_a_damaged_frame():
    content = bytearray(WHOLE["zstd"])
    content[6:9] = b"\xff\xff\xff"
    assert fault(bytes(content)) is not None


def test_kernels_are_as_long_as_they_say():
    amd64 = bytearray(images.kernel("amd64", size=100_000))
    amd64[0x1F1] = 7
    amd64[0x1F4:0x1F8] = (5_000).to_bytes(4, "little")
    assert fault(bytes(amd64), "kernel") is None
    assert fault(bytes(amd64[:84_095]), "kernel") == "ends too early"
    arm64 = bytearray(images.kernel("arm64", size=100_000))
    arm64[8:16] = (1000).to_bytes(4, "little") + (99_000).to_bytes(4, "little")
    assert fault(bytes(arm64), "kernel") is None
    assert fault(bytes(arm64[:-1]), "kernel") == "ends too early"
    assert fault(b"too short", "kernel") == "ends too early"
