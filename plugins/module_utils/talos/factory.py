# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the files of a Talos release lie, at GitHub or on a mirror of it. Pure.

Layout (``sha256sum.txt`` lists every file of the release)::

    <release_url>/v1.11.4/vmlinuz-amd64
    <release_url>/v1.11.4/initramfs-amd64.xz
    <release_url>/v1.11.4/sha256sum.txt
"""

from __future__ import annotations

import re

from ..boot.join_args import WAYS_OUT
from ..common.errors import InputError
from ..common.urls import folder_url

GITHUB_RELEASES = "https://github.com/siderolabs/talos/releases/download"
CHECKSUMS = "sha256sum.txt"
_FACTORY = re.compile(r"//[^/]*factory\.talos\.dev(/|$)|/image/[0-9a-f]{64}(/|$)")
_SCHEMATIC = re.compile(r"[0-9a-f]{64}")


def release_folder(release_url: str) -> str:
    """``release_url`` (GitHub, a mirror, a folder of the boot host) checked, as a URL; an Image Factory is refused."""
    url = folder_url(release_url, "release_url")
    if _FACTORY.search(url):
        shown = _SCHEMATIC.sub("…", url)
        raise InputError(f"release_url: {shown} is an Image Factory; machines installed from there would not come back to this Omni (the UKI trap); {WAYS_OUT}")
    return url


def release_files(release_url: str, version: str, architecture: str) -> dict[str, str]:
    """The URLs of a release's ``kernel``, ``initramfs`` and ``checksums``."""
    folder = f"{release_folder(release_url)}/{version}"
    return {
        "kernel": f"{folder}/vmlinuz-{architecture}",
        "initramfs": f"{folder}/initramfs-{architecture}.xz",
        "checksums": f"{folder}/{CHECKSUMS}",
    }


def release_digest(checksums: str, name: str) -> str | None:
    """The SHA-256 of file ``name`` in the text of a ``sha256sum.txt``; ``None`` if it is not listed."""
    for line in checksums.splitlines():
        match = re.fullmatch(r"([0-9a-f]{64}) [ *](.+)", line)
        if match and match.group(2) == name:
            return match.group(1)
    return None
