#!/usr/bin/python
# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: talos_lock_info
short_description: Read what a boot host knows about its Talos images
version_added: 0.1.0
author:
  - The usableapps.omni_matchbox founders (@usableapps)
description:
  - Reads the lock file of a boot host. It says which images the host has, with their digests, and what loosely named versions (V(v1.11), V(omni))
    meant when they were fetched.
  - What it returns is what M(usableapps.omni_matchbox.talos_image_info) takes as C(boot_hosts). Runs on the boot host and changes nothing.
attributes:
  check_mode:
    support: full
    description: Changes nothing anyway.
  diff_mode:
    support: none
    description: Changes nothing.
  platform:
    support: full
    platforms: posix
    description: Needs nothing but Python on the boot host.
options:
  assets_path:
    description: The folder that the boot server serves as C(/assets/), an absolute path. It may be missing.
    type: path
    required: true
  site:
    description: Which Omni the boot host serves, by its address. Hosts of other sites may mean other versions by the same name.
    type: str
"""

EXAMPLES = r"""
- name: See what earlier runs have found out
  usableapps.omni_matchbox.talos_lock_info:
    assets_path: /var/lib/matchbox/assets
    site: https://omni.example.com
  register: talos_lock
"""

RETURN = r"""
lock:
  description: The content of the lock file, checked; empty lists if there is none.
  returned: success
  type: dict
  sample:
    images:
      - version: v1.11.4
        architecture: amd64
        image: stock
        files:
          vmlinuz: {sha256: 1c5d0f5a3e1c2c0f8d3b1e5a6f7089abcdef0123456789abcdef0123456789ab, size: 18857984}
    versions: {v1.11: v1.11.4}
present:
  description: The versions of which there is a folder below the assets.
  returned: success
  type: list
  elements: str
  sample: [v1.11.4]
site:
  description: As it was given.
  returned: success
  type: str
  sample: https://omni.example.com
"""

from ..module_utils.common.argspec import ArgumentSpec
from ..module_utils.common.run import run_module
from ..module_utils.talos.lock_file import lock_of, versions_below

SPEC = ArgumentSpec(options={"assets_path": {"type": "path", "required": True}, "site": {"type": "str"}})


def work(module):
    """Read."""
    assets = module.params["assets_path"]
    return {"changed": False, "lock": lock_of(assets).data(), "present": versions_below(assets), "site": module.params["site"]}


def main():
    """Run the module."""
    run_module(SPEC, work)


if __name__ == "__main__":
    main()
