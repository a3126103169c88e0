#!/usr/bin/python
# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: talos_archive_info
short_description: Open an archive of Talos images
version_added: 0.1.0
author:
  - The usableapps.omni_matchbox founders (@usableapps)
description:
  - Unpacks what M(usableapps.omni_matchbox.talos_archive) has packed into a folder on the controller, and tells what is in it. Nothing is fetched.
  - Each file is compared with its digest. An archive that was unpacked before is not unpacked again.
attributes:
  check_mode:
    support: full
    description: Unpacks too, since what is kept on the controller is no state of the site.
  diff_mode:
    support: none
    description: Changes nothing of the site.
  platform:
    support: full
    platforms: posix
    description: Runs on the controller.
options:
  path:
    description: The archive, an absolute path on the controller.
    type: path
    required: true
  cache_path:
    description: The folder on the controller in which archives are unpacked.
    type: path
    required: true
  token_hash:
    description:
      - The hash of the site's join token. An archive whose images hold another token is refused. Without it, nothing is compared.
    type: str
"""

EXAMPLES = r"""
- name: Open the archive that was carried here
  usableapps.omni_matchbox.talos_archive_info:
    path: /srv/import/site.tar
    cache_path: "{{ ansible_user_dir }}/.cache/talos"
    token_hash: "{{ join.token_hash }}"
  delegate_to: localhost
  become: false
  register: archive
"""

RETURN = r"""
assets_path:
  description: The folder with the images, for O(usableapps.omni_matchbox.talos_assets#module:cache_path).
  returned: success
  type: str
  sample: /home/op/.cache/talos/0123456789abcdef/assets
matchbox_path:
  description: The folder with Matchbox's releases and their key (V(key.asc)); empty if there are none.
  returned: success
  type: str
  sample: /home/op/.cache/talos/0123456789abcdef/matchbox
lock:
  description: The lock of the images, for O(usableapps.omni_matchbox.talos_image_info#module:pins).
  returned: success
  type: dict
  sample: {images: [], versions: {v1.11: v1.11.4}}
kernel_args:
  description: The kernel arguments of images that the Image Factory made, by their folder below the assets, without the join arguments.
  returned: success
  type: dict
  sample: {talos/v1.11.4/0123456789abcdef/amd64: [talos.platform=metal]}
token_hash:
  description: The hash of the join token that is in images; empty if it is in none.
  returned: success
  type: str
  sample: sha256:f2e8378c
"""

import os

from ..module_utils.common.argspec import ArgumentSpec
from ..module_utils.common.run import run_module
from ..module_utils.talos.archive import ASSETS, MATCHBOX, read_archive, unpack

SPEC = ArgumentSpec(
    options={
        "path": {"type": "path", "required": True},
        "cache_path": {"type": "path", "required": True},
        "token_hash": {"type": "str", "no_log": False},
    }
)


def look(module):
    """Check, unpack, tell."""
    path = module.params["path"]
    archive = read_archive(path)
    if module.params["token_hash"] is not None:
        archive.check_token(module.params["token_hash"], path)
    place = unpack(path, archive, module.params["cache_path"])
    return {
        "changed": False,
        "assets_path": os.path.join(place, ASSETS),
        "matchbox_path": os.path.join(place, MATCHBOX) if archive.matchbox else "",
        "lock": archive.lock.data(),
        "kernel_args": archive.kernel_args,
        "token_hash": archive.token,
    }


def main():
    """Run the module."""
    run_module(SPEC, look)


if __name__ == "__main__":
    main()
