# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collects what goes into an archive for a site without the internet."""

from __future__ import annotations

import hashlib
import os

from ..common.download import Access, save
from ..common.errors import InputError
from ..common.urls import folder_url, source_url
from .archive import KEY_NAME, Archive
from .lock import STOCK, Lock, LockedImage
from .lock_file import lock_of
from .prune import image_folder
from .stock import FILE_NAMES


def archive_of(assets: str, images: list[dict], versions: dict[str, str], token: str, matchbox: dict[str, str]) -> Archive:
    """The archive of ``images``, which must lie below ``assets`` with a lock; ``token`` is the hash of the site's join token."""
    known = lock_of(assets).images
    locked, kernel_args = {}, {}
    for image in images:
        wanted = LockedImage(image["version"], image["architecture"], image.get("key") or STOCK)
        if set(known.get(wanted, {})) != set(FILE_NAMES.values()):
            raise InputError(f"{assets} lacks Talos {wanted.version} for {wanted.architecture} ({wanted.image}); fetch it with talos_assets first")
        locked[wanted] = known[wanted]
        if image.get("kernel_args"):
            kernel_args[image_folder(wanted)] = image["kernel_args"]
    with_token = any(image.image != STOCK for image in locked)
    if with_token and not token:
        raise InputError("token_hash: some images hold a join token, so its hash is needed; take it from omni_kernel_params")
    return Archive(Lock(locked, versions), token if with_token else "", matchbox, kernel_args)


def fetch_matchbox(wanted: dict, folder: str, access: Access) -> dict[str, str]:
    """Have releases of Matchbox below ``folder``, laid out as upstream does, with the key; path → sha256. Their signatures are checked where they are used."""
    version = wanted["version"]
    url = f"{folder_url(wanted['release_url'], 'matchbox: release_url')}/{version}"
    sources = {KEY_NAME: source_url(wanted["key"], "matchbox: key")}
    for architecture in wanted["architectures"]:
        name = f"matchbox-{version}-linux-{architecture}.tar.gz"
        sources.update({f"{version}/{name}": f"{url}/{name}", f"{version}/{name}.asc": f"{url}/{name}.asc"})
    digests = {}
    for path, source in sources.items():
        place = os.path.join(folder, path)
        if not os.path.exists(place):
            os.makedirs(os.path.dirname(place), exist_ok=True)
            save(source, f"{place}.new", access)
            os.replace(f"{place}.new", place)
        with open(place, "rb") as file:
            digests[path] = hashlib.sha256(file.read()).hexdigest()
    return digests
