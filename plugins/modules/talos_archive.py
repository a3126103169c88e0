#!/usr/bin/python
# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: talos_archive
short_description: Pack Talos images for a site without the internet
version_added: 0.1.0
author:
  - The usableapps.omni_matchbox founders (@usableapps)
description:
  - Makes one file of Talos images that lie in a folder, their lock file and Matchbox's release. The playbook C(assets_export.yml) does all of it.
  - >-
    Images of the Image Factory hold the join token, so the file has mode 0600, and it tells which token by its hash. A site that has another one does
    not take it. Schematic ids are not in it.
  - The same content gives the same file, so packing again changes nothing.
extends_documentation_fragment:
  - usableapps.omni_matchbox.download
attributes:
  check_mode:
    support: full
    description: Fetches what O(matchbox) asks for into O(cache_path), which is no state of the site, and does not write O(dest).
  diff_mode:
    support: full
    description: Shows what is in the file before and after.
  platform:
    support: full
    platforms: posix
    description: Runs on the controller.
options:
  dest:
    description: The file to write, an absolute path.
    type: path
    required: true
  assets_path:
    description: The folder with the images and their lock file, as M(usableapps.omni_matchbox.talos_assets) makes it.
    type: path
    required: true
  images:
    description: The images to pack, as M(usableapps.omni_matchbox.talos_image_info) tells them. Of each C(version), C(architecture),
      C(key) and C(kernel_args) are read.
    type: list
    elements: dict
    required: true
  versions:
    description: What loosely named versions mean.
    type: dict
    default: {}
  token_hash:
    description: The hash of the join token in images of the Image Factory, as M(usableapps.omni_matchbox.omni_kernel_params) tells it.
    type: str
    default: ""
  matchbox:
    description: The release of Matchbox to pack as well. Its signature is checked when it is used.
    type: dict
    suboptions:
      version:
        description: The version, as V(v0.11.0).
        type: str
        required: true
      architectures:
        description: The architectures of boot hosts.
        type: list
        elements: str
        choices: [amd64, arm64]
        default: [amd64]
      release_url:
        description: Where Matchbox's releases are.
        type: str
        required: true
      key:
        description: File or URL with the public key that signs them.
        type: str
        required: true
  cache_path:
    description: The folder in which Matchbox's release is kept. Needed with O(matchbox).
    type: path
"""

EXAMPLES = r"""
- name: Pack the images of a site
  usableapps.omni_matchbox.talos_archive:
    dest: /srv/export/site.tar
    assets_path: /var/cache/talos
    images: "{{ talos_images.images }}"
    versions: "{{ talos_images.versions }}"
    token_hash: "{{ join.token_hash }}"
"""

RETURN = r"""
dest:
  description: The file.
  returned: success
  type: str
  sample: /srv/export/site.tar
"""

import os

from ..module_utils.common.argspec import ArgumentSpec
from ..module_utils.common.download import DOWNLOAD_SPEC, Access
from ..module_utils.common.errors import InputError
from ..module_utils.common.run import run_module
from ..module_utils.talos.archive import ASSETS, MATCHBOX, read_archive, write_archive
from ..module_utils.talos.export import archive_of, fetch_matchbox
from ..module_utils.talos.lock import parse_lock

MATCHBOX_OPTIONS = {
    "version": {"type": "str", "required": True},
    "architectures": {"type": "list", "elements": "str", "choices": ["amd64", "arm64"], "default": ["amd64"]},
    "release_url": {"type": "str", "required": True},
    "key": {"type": "str", "required": True, "no_log": False},
}
SPEC = ArgumentSpec(
    options={
        "dest": {"type": "path", "required": True},
        "assets_path": {"type": "path", "required": True},
        "images": {"type": "list", "elements": "dict", "required": True},
        "versions": {"type": "dict", "default": {}},
        "token_hash": {"type": "str", "default": "", "no_log": False},
        "matchbox": {"type": "dict", "options": MATCHBOX_OPTIONS},
        "cache_path": {"type": "path"},
    },
    required_by={"matchbox": "cache_path"},
).merged(DOWNLOAD_SPEC)


def pack(module):
    """Compare what is to be in the file with what is, and write it unless this is check mode."""
    params = module.params
    dest, folder = params["dest"], os.path.join(params["cache_path"] or "", MATCHBOX)
    if not os.path.isabs(dest) or not os.path.isdir(os.path.dirname(dest)):
        raise InputError(f"dest: {dest} must be an absolute path in a folder that exists")
    matchbox = fetch_matchbox(params["matchbox"], folder, Access.from_params(params)) if params["matchbox"] else {}
    versions = parse_lock({"versions": params["versions"]}, "versions").versions
    after = archive_of(params["assets_path"], params["images"], versions, params["token_hash"], matchbox)
    before = read_archive(dest) if os.path.exists(dest) else None
    changed = before != after or os.stat(dest).st_mode & 0o777 != 0o600
    if changed and not module.check_mode:
        write_archive(dest, after, {ASSETS: params["assets_path"], MATCHBOX: folder})
    diff = {"before_header": dest, "after_header": dest, "before": before.text() if before else "", "after": after.text()}
    return {"changed": changed, "diff": diff, "dest": dest}


def main():
    """Run the module."""
    run_module(SPEC, pack)


if __name__ == "__main__":
    main()
