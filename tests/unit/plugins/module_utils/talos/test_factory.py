"""Where the files of a release lie."""

from __future__ import annotations

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import InputError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.talos.factory import (
    GITHUB_RELEASES,
    release_digest,
    release_files,
)

SCHEMATIC = "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba"


@pytest.mark.parametrize(
    ("release_url", "architecture", "kernel", "initramfs"),
    [
        (
            GITHUB_RELEASES,
            "amd64",
            "https://github.com/siderolabs/talos/releases/download/v1.11.4/vmlinuz-amd64",
            "https://github.com/siderolabs/talos/releases/download/v1.11.4/initramfs-amd64.xz",
        ),
        ("http://mirror.lan/talos/", "arm64", "http://mirror.lan/talos/v1.11.4/vmlinuz-arm64", "http://mirror.lan/talos/v1.11.4/initramfs-arm64.xz"),
        ("/srv/talos", "amd64", "file:///srv/talos/v1.11.4/vmlinuz-amd64", "file:///srv/talos/v1.11.4/initramfs-amd64.xz"),
    ],
)
def test_files_of_a_release(release_url, architecture, kernel, initramfs):
    files = release_files(release_url, "v1.11.4", architecture)
    assert files == {"kernel": kernel, "initramfs": initramfs, "checksums": kernel.rpartition("/")[0] + "/sha256sum.txt"}


@pytest.mark.parametrize(
    "release_url",
    [
        "https://factory.talos.dev",
        "https://pxe.factory.talos.dev/pxe",
        f"https://factory.talos.dev/image/{SCHEMATIC}",
        f"https://images.lan:8443/image/{SCHEMATIC}/v1.11.4",
    ],
)
def test_an_image_factory_is_refused(release_url):
    with pytest.raises(InputError, match=r"is an Image Factory; .* \(the UKI trap\); either let Omni make the schematic") as refused:
        release_files(release_url, "v1.11.4", "amd64")
    assert SCHEMATIC not in str(refused.value)


@pytest.mark.parametrize("release_url", ["https://mirror.lan/factory/talos.dev", "https://mirror.lan/image/talos", "https://images.lan/image/376567"])
def test_what_only_resembles_a_factory_is_not(release_url):
    assert release_files(release_url, "v1.11.4", "amd64")["kernel"].startswith(release_url)


def test_digest_of_a_release():
    checksums = f"{'a' * 64}  initramfs-amd64.xz\n{'b' * 64} *vmlinuz-amd64\n{'c' * 63}  vmlinuz-arm64\n"
    assert release_digest(checksums, "initramfs-amd64.xz") == "a" * 64
    assert release_digest(checksums, "vmlinuz-amd64") == "b" * 64
    assert release_digest(checksums, "vmlinuz-arm64") is None
    assert release_digest("", "vmlinuz-amd64") is None
