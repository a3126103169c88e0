#!/usr/bin/python
# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: matchbox_release
short_description: Have the signed program of a Matchbox release
version_added: 0.1.0
author:
  - The usableapps.omni_matchbox founders (@usableapps)
description:
  - Fetches a release of Matchbox, checks the project's OpenPGP signature and keeps the program V(matchbox) out of it.
  - >-
    Runs on the controller or in the execution environment (C(delegate_to) localhost), which needs the Python library C(pysequoia). Boot hosts get the
    program from there and need neither the library nor a way to the internet.
  - >-
    An archive that the key did not sign, with a signature that has expired, or of another version or architecture than its name says, is refused and
    nothing of it is kept.
  - An archive of one's own, given by O(archive), is treated just so. It may be proven by its digest instead, which needs no C(pysequoia).
  - What is installed is noted in a file beside the program (O(dest) with C(.release.json) added), so a second run makes no request.
extends_documentation_fragment:
  - usableapps.omni_matchbox.download
attributes:
  check_mode:
    support: full
    description: Fetches and checks the release as the real run does, into a temporary folder.
  diff_mode:
    support: full
    description: Shows which release was installed and which is.
  platform:
    support: full
    platforms: posix
    description: Runs on the controller.
requirements:
  - pysequoia >= 0.1.35
options:
  version:
    description: The version of Matchbox, such as V(v0.11.0).
    type: str
    required: true
  architecture:
    description: The architecture of the boot host that the program is for.
    type: str
    choices: [amd64, arm64]
    default: amd64
  dest:
    description: Where the program is kept, an absolute path on the controller. Folders are made as needed.
    type: path
    required: true
  release_url:
    description:
      - Where the releases lie. Below it are C(v0.11.0/matchbox-v0.11.0-linux-amd64.tar.gz) and the same name with C(.asc) added.
      - A mirror, an absolute path or a C(file) URL of the controller may take the place of GitHub. What they hold is checked just so.
    type: str
    default: https://github.com/poseidon/matchbox/releases/download
  key:
    description:
      - The public key that signs the releases. A file of the controller (absolute path) or a URL, armored or not.
      - It is used only if its fingerprint is O(fingerprint), so it does not matter where it comes from.
      - Needed wherever a signature is checked, that is not with O(archive) and O(archive_sha256) alone.
    type: str
  fingerprint:
    description: The full fingerprint of the key. The default is the key that Matchbox's documentation names.
    type: str
    default: 2E3D92BF07D9DDCCB3BAE4A48F515AD1602065C8
  archive:
    description:
      - An archive to take in place of one below O(release_url), an absolute path on the controller or a URL.
      - It holds C(matchbox-v0.11.0-linux-amd64/matchbox), with O(version) and O(architecture), as upstream's archives do.
    type: str
  archive_sha256:
    description: The hexadecimal SHA-256 digest that the archive must have. With O(archive), one of this and O(archive_signature) is needed.
    type: str
  archive_signature:
    description: The detached OpenPGP signature of O(archive) by the key O(key), an absolute path on the controller or a URL.
    type: str
"""

EXAMPLES = r"""
- name: Have Matchbox on the controller
  usableapps.omni_matchbox.matchbox_release:
    version: v0.11.0
    key: https://keyserver.ubuntu.com/pks/lookup?op=get&search=0x2E3D92BF07D9DDCCB3BAE4A48F515AD1602065C8
    dest: "{{ ansible_user_dir }}/.cache/omni_matchbox/v0.11.0/amd64/matchbox"
  delegate_to: localhost
  become: false

- name: Have it from a folder that was carried here
  usableapps.omni_matchbox.matchbox_release:
    version: v0.11.0
    architecture: arm64
    release_url: /srv/mirror/matchbox
    key: /srv/mirror/matchbox/key.asc
    dest: /srv/mirror/matchbox/bin/matchbox-arm64
  delegate_to: localhost
  become: false

- name: Have it from an archive that one has built oneself
  usableapps.omni_matchbox.matchbox_release:
    version: v0.11.0
    archive: /srv/build/matchbox-v0.11.0-linux-amd64.tar.gz
    archive_sha256: 5f2c0a4f0f9e1d8b7c6a5948372615049f8e7d6c5b4a39281706f5e4d3c2b1a0
    dest: /srv/build/bin/matchbox
  delegate_to: localhost
  become: false
"""

RETURN = r"""
path:
  description: The program on the controller.
  returned: success
  type: str
  sample: /home/op/.cache/omni_matchbox/v0.11.0/amd64/matchbox
version:
  description: The version, always with V(v).
  returned: success
  type: str
  sample: v0.11.0
sha256:
  description: The hexadecimal SHA-256 digest of the program.
  returned: success
  type: str
  sample: 1c5d0f5a3e1c2c0f8d3b1e5a6f7089abcdef0123456789abcdef0123456789ab
"""

import dataclasses
import os

from ..module_utils.common.argspec import ArgumentSpec
from ..module_utils.common.download import DOWNLOAD_SPEC, Access
from ..module_utils.common.errors import InputError
from ..module_utils.common.run import run_module
from ..module_utils.matchbox.release import ELF_MACHINES, FINGERPRINT, RELEASES, Release, install, read_stamp, verified_program

SPEC = ArgumentSpec(
    options={
        "version": {"type": "str", "required": True},
        "architecture": {"type": "str", "choices": list(ELF_MACHINES), "default": "amd64"},
        "dest": {"type": "path", "required": True},
        "release_url": {"type": "str", "default": RELEASES},
        "key": {"type": "str", "no_log": False},
        "fingerprint": {"type": "str", "default": FINGERPRINT},
        "archive": {"type": "str"},
        "archive_sha256": {"type": "str"},
        "archive_signature": {"type": "str"},
    }
).merged(DOWNLOAD_SPEC)


def have_release(module):
    """Keep what is installed if it is the release, else fetch and prove it, and install it unless this is check mode."""
    release, access = Release.from_params(module.params), Access.from_params(module.params)
    dest = module.params["dest"]
    if not os.path.isabs(dest) or os.path.isdir(dest):
        raise InputError(f"dest: {dest} must be the absolute path of the program, not of a folder")
    before = after = read_stamp(dest)
    if before is None or not before.fits(release):
        with verified_program(release, access) as (program, after):
            if not module.check_mode:
                install(program, after, dest)
    shown = {name: dataclasses.asdict(stamp) if stamp else {} for name, stamp in (("before", before), ("after", after))}
    diff = {"before_header": dest, "after_header": dest, **shown}
    return {"changed": before != after, "diff": diff, "path": dest, "version": release.version, "sha256": after.sha256}


def main():
    """Run the module."""
    run_module(SPEC, have_release)


if __name__ == "__main__":
    main()
