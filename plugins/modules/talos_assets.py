#!/usr/bin/python
# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: talos_assets
short_description: Have Talos boot images in the assets folder of a boot host
version_added: 0.1.0
author:
  - The usableapps.omni_matchbox founders (@usableapps)
description:
  - Fetches the kernels and initramfs files of Talos Linux releases that machines boot over the network. Runs on the boot host.
  - Each version lies in a folder of its own (V(talos/v1.11.4), and V(talos/v1.11.4/arm64) for arm64) as V(vmlinuz) and V(initramfs.xz), mode 0644.
    Files that are there are not asked about again, so a second run makes no request.
  - >-
    A file is fetched anew when it is plainly no kernel or initramfs, or when O(images[].sha256) is given and it has another digest. The old file is
    replaced only by one that has the digest.
  - >-
    What is fetched must be as long as the server said, begin as a kernel or initramfs does, and have the digest given in O(images[].sha256) or, without
    one, that in the release's C(sha256sum.txt). Where the source has no C(sha256sum.txt), a warning says what was not proven.
  - >-
    Files are staged under a hidden name beside the served ones and renamed when they are complete. A run that fails or is killed leaves whole files
    only; what it had staged is removed, at the latest by the next run.
extends_documentation_fragment:
  - usableapps.omni_matchbox.download
attributes:
  check_mode:
    support: full
    description: Asks the source only for the sizes of missing files (HEAD), so an unknown version fails in check mode too.
  diff_mode:
    support: full
    description: Names every file and link that is written.
  platform:
    support: full
    platforms: posix
    description: Needs nothing but Python on the boot host.
options:
  assets_path:
    description: The folder that the boot server serves as C(/assets/), an absolute path. It is made if it is missing.
    type: path
    required: true
  classes:
    description:
      - The classes of machines whose stock images to have, as C(omni_matchbox_classes). Images that no class boots stay.
      - What is wrong with a class is the task's error, in one line.
    type: dict
  images:
    description: The images to have, as the filter P(usableapps.omni_matchbox.stock_images#filter) tells them. Images that are not listed stay.
    type: list
    elements: dict
    suboptions:
      version:
        description: The exact Talos version, such as V(v1.11.4).
        type: str
        required: true
      architecture:
        description: The machines' architecture as Talos names it.
        type: str
        choices: [amd64, arm64]
        default: amd64
      path:
        description: The image's folder below O(assets_path). By default V(talos/VERSION), with V(/arm64) added for arm64.
        type: str
      link:
        description:
          - >-
            A further folder below O(assets_path) under which the same files are served, as relative links. Switching it to another version is two
            renames, not one: a warning says so.
          - A file that is no link is never replaced.
        type: str
      sha256:
        description: The hexadecimal SHA-256 digests that the files must have, if they are known.
        type: dict
        suboptions:
          kernel:
            description: That of V(vmlinuz).
            type: str
          initramfs:
            description: That of V(initramfs.xz).
            type: str
      classes:
        description: The classes that want the image, named in errors.
        type: list
        elements: str
        default: []
  release_url:
    description:
      - Where the releases lie, GitHub or a mirror in the same layout (C(v1.11.4/vmlinuz-amd64), C(v1.11.4/initramfs-amd64.xz), C(v1.11.4/sha256sum.txt)).
      - An absolute path or a C(file) URL is a folder of the boot host in the same layout.
      - >-
        An Image Factory is refused. The installed machine would take its kernel arguments from a schematic without join arguments and would not come
        back to Omni. For stock images Omni puts its own join arguments into the installer.
    type: str
    default: https://github.com/siderolabs/talos/releases/download
"""

EXAMPLES = r"""
- name: Have the images of all classes
  usableapps.omni_matchbox.talos_assets:
    assets_path: /var/lib/matchbox/assets
    classes: "{{ omni_matchbox_classes }}"

- name: Have one version for both architectures from a mirror with a certificate of the house
  usableapps.omni_matchbox.talos_assets:
    assets_path: /var/lib/matchbox/assets
    release_url: https://mirror.example.com/talos
    ca_path: /etc/ssl/certs/example.pem
    images:
      - version: v1.11.4
      - {version: v1.11.4, architecture: arm64}

- name: Have a version that was carried to the boot host on a disk
  usableapps.omni_matchbox.talos_assets:
    assets_path: /var/lib/matchbox/assets
    release_url: /media/talos
    images:
      - version: v1.11.4
        link: talos
        sha256:
          kernel: 1c5d0f5a3e1c2c0f8d3b1e5a6f7089abcdef0123456789abcdef0123456789ab
"""

RETURN = r"""
files:
  description: The files that were fetched, or would be in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: Below O(assets_path).
      type: str
      sample: talos/v1.11.4/vmlinuz
    version:
      description: The Talos version.
      type: str
      sample: v1.11.4
    architecture:
      description: The machines' architecture.
      type: str
      sample: amd64
    size:
      description: In bytes; none if the source does not tell it.
      type: int
      sample: 18857984
    url:
      description: Where it comes from.
      type: str
      sample: https://github.com/siderolabs/talos/releases/download/v1.11.4/vmlinuz-amd64
    verified_by:
      description: What proves it, V(sha256) (the digest given), V(sha256sum.txt) of the release, or only its V(format) and length.
      type: str
      sample: sha256sum.txt
"""

from ..module_utils.common.argspec import ArgumentSpec
from ..module_utils.common.download import DOWNLOAD_SPEC, Access
from ..module_utils.common.run import run_module
from ..module_utils.common.secrets import hide
from ..module_utils.talos.assets import apply_assets, plan_assets
from ..module_utils.talos.factory import GITHUB_RELEASES
from ..module_utils.talos.stock import checked_image, stock_images
from ..module_utils.talos.version import ARCHITECTURES

IMAGE_OPTIONS = {
    "version": {"type": "str", "required": True},
    "architecture": {"type": "str", "choices": list(ARCHITECTURES), "default": "amd64"},
    "path": {"type": "str"},
    "link": {"type": "str"},
    "sha256": {"type": "dict", "options": {"kernel": {"type": "str"}, "initramfs": {"type": "str"}}},
    "classes": {"type": "list", "elements": "str", "default": []},
}
SPEC = ArgumentSpec(
    options={
        "assets_path": {"type": "path", "required": True},
        "classes": {"type": "dict", "no_log": True},
        "images": {"type": "list", "elements": "dict", "options": IMAGE_OPTIONS},
        "release_url": {"type": "str", "default": GITHUB_RELEASES},
    },
    mutually_exclusive=[("classes", "images")],
    required_one_of=[("classes", "images")],
).merged(DOWNLOAD_SPEC)


def have_images(module):
    """Plan, and do it unless this is check mode."""
    hide(module, "classes")
    access = Access.from_params(module.params)
    classes = module.params["classes"]
    images = [checked_image(image) for image in module.params["images"]] if classes is None else stock_images(classes)
    plan = plan_assets(module.params["assets_path"], images, module.params["release_url"], access)
    for warning in plan.warnings():
        module.warn(warning)
    if not module.check_mode:
        apply_assets(plan, access)
    return {"changed": plan.changed, "diff": plan.diff(), "files": plan.files()}


def main():
    """Run the module."""
    run_module(SPEC, have_images)


if __name__ == "__main__":
    main()
