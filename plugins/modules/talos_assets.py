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
  - Fetches the kernels and initramfs files of Talos Linux that machines boot over the network, several at once. Runs on the boot host.
  - Each stock image lies in a folder of its own (V(talos/v1.11.4), and V(talos/v1.11.4/arm64) for arm64) as V(vmlinuz) and V(initramfs.xz), mode 0644.
    Images that the Image Factory made lie in V(talos/VERSION/KEY/ARCHITECTURE), mode 0640, since their initramfs holds the join token.
  - >-
    What a file is (its size and sha256) is noted in V(talos/images.lock) below the assets. A file that has the size noted there is neither asked about
    nor read again, so a second run makes no request. A file that was there before is read once and noted.
  - >-
    A file is fetched anew when it has another size than noted, is plainly no kernel or initramfs, when O(images[].sha256) is given and it has another
    digest, or with O(verify) when it has another than noted. The old file is replaced only by one that is right.
  - >-
    What is fetched must be as long as the server said, must be a whole kernel or initramfs as far as its own headers tell, and must have the digest that
    is given or noted, else the one in the release's C(sha256sum.txt). Where there is none of these, it is trusted from then on, and a warning says so.
    What has changed at the source since it was noted is refused.
  - >-
    Files are put together in V(.omni-matchbox-staging) below the assets and renamed when they are complete and on disk. A run that fails or is killed
    leaves whole files only. What it had fetched so far is taken up by the next run, and removed when it is no longer wanted.
  - While it runs in a play, lines tell how far it is.
extends_documentation_fragment:
  - usableapps.omni_matchbox.download
attributes:
  check_mode:
    support: full
    description: Asks the source only for the sizes of missing files (HEAD), so an unknown version fails in check mode too.
  diff_mode:
    support: full
    description: Names every file and link that is written or removed.
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
      - The classes of machines whose stock images to have, as C(omni_matchbox_classes). Images that no class boots stay, unless O(keep) is given.
      - What is wrong with a class is the task's error, in one line.
    type: dict
  images:
    description:
      - The images to have, as M(usableapps.omni_matchbox.talos_image_info) or the filter P(usableapps.omni_matchbox.stock_images#filter) tells them.
        Images that are not listed stay, unless O(keep) is given.
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
      key:
        description: V(stock), or the key of an image that the Image Factory makes.
        type: str
        default: stock
      path:
        description: The image's folder below O(assets_path). By default V(talos/VERSION), with V(/arm64) added for arm64, or V(talos/VERSION/KEY/ARCHITECTURE).
        type: str
      link:
        description:
          - >-
            A further folder below O(assets_path) under which the same files are served, as relative links. Switching it to another version is two
            renames, not one: a warning says so.
          - A file that is no link is never replaced.
        type: str
      urls:
        description: Where the files of an image that is not stock come from. C(@schematic@) in it stands for the id in O(schematics).
        type: dict
        suboptions:
          kernel:
            description: The URL of V(vmlinuz).
            type: str
          initramfs:
            description: The URL of V(initramfs.xz).
            type: str
      sizes:
        description: The sizes of the files in bytes, if they are known. Then the source is not asked for them.
        type: dict
        suboptions:
          kernel:
            description: That of V(vmlinuz).
            type: int
          initramfs:
            description: That of V(initramfs.xz).
            type: int
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
      kernel_args:
        description: Not used here. What M(usableapps.omni_matchbox.talos_image_info) tells can be given as it is.
        type: list
        elements: str
      classes:
        description: The classes that want the image, named in errors.
        type: list
        elements: str
        default: []
  schematics:
    description: The schematic ids of images, by image key. Who has such an id can ask the Image Factory for the join token, so they are shown nowhere.
    type: dict
    default: {}
  versions:
    description:
      - "What loosely named versions mean, as V({v1.11: v1.11.4}), to be noted in the lock file in place of what it says. Without it, that stays."
    type: dict
  verify:
    description: Whether to read all files and compare them with the lock file.
    type: bool
    default: false
  group:
    description: The group, by name or number, that may read images of the Image Factory. It should be that of the web server.
    type: str
  keep:
    description:
      - >-
        Removes images that nothing boots, but never one of the newest versions, as many as this number. In use is what O(classes) or O(images)
        want, what any file of the boot engine in O(data_path) names, whoever wrote it, and what any link below O(assets_path) leads to.
      - If a profile names images by a variable, or the folder of all of them, nobody can tell which, and none is removed. A warning says so.
      - Without it nothing is removed.
    type: int
  data_path:
    description: The data directory of the boot engine. Needed with O(keep).
    type: path
  only_prune:
    description:
      - Whether to do nothing but what O(keep) says. What O(classes) or O(images) want is not removed, nor fetched if it is missing, so no source is asked.
    type: bool
    default: false
  rewritten_profiles:
    description:
      - Profiles that the run writes for its classes. They boot the images of these classes, so what their files name does not count for O(keep).
      - Meant for check mode, in which they are not written.
    type: list
    elements: str
    default: []
  source:
    description:
      - V(host) has the boot host fetch. V(controller) has the controller fetch, once for all boot hosts of the run, into O(cache_path), and copies
        to the boot hosts what they lack. Then O(ca_path) is a file of the controller, and proxies are those of its environment.
    type: str
    choices: [host, controller]
    default: host
  cache_path:
    description:
      - With O(source=controller), the folder on the controller that has the images, laid out like O(assets_path) with a lock file of its own. Needed then.
    type: path
  offline:
    description: With O(source=controller), whether only what lies in O(cache_path) is used. An image that is not there is an error.
    type: bool
    default: false
  incoming:
    description:
      - Where the action puts files that it has copied to the boot host; nothing is fetched then. You need not give it.
    type: path
  release_url:
    description:
      - Where the releases lie, GitHub or a mirror in the same layout (C(v1.11.4/vmlinuz-amd64), C(v1.11.4/initramfs-amd64.xz), C(v1.11.4/sha256sum.txt)).
      - An absolute path or a C(file) URL is a folder in the same layout, of the boot host or, with O(source=controller), of the controller.
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

- name: Fetch once for all boot hosts
  usableapps.omni_matchbox.talos_assets:
    assets_path: /var/lib/matchbox/assets
    classes: "{{ omni_matchbox_classes }}"
    source: controller
    cache_path: "{{ ansible_user_dir }}/.cache/talos"

- name: Remove what nothing boots, except for the two newest versions
  usableapps.omni_matchbox.talos_assets:
    assets_path: /var/lib/matchbox/assets
    classes: "{{ omni_matchbox_classes }}"
    keep: 2
    data_path: /var/lib/matchbox
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
      description:
        - What proves it, V(sha256) (the digest given), V(images.lock) (the one that was noted), V(sha256sum.txt) of the release, V(controller) (the digest
          of the controller's copy), or only its V(format) and length.
      type: str
      sample: sha256sum.txt
removed:
  description: The folders of images that were removed, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample: [talos/v1.9.0]
"""

from ..module_utils.common.download import Access
from ..module_utils.common.run import run_module
from ..module_utils.common.secrets import hide
from ..module_utils.talos.fetching import have_assets
from ..module_utils.talos.options import ASSETS_SPEC, wanted_assets
from ..module_utils.talos.source import Source


def have_images(module):
    """Plan, and do it unless this is check mode."""
    hide(module, "classes")
    access = Access.from_params(module.params)
    source = Source(access, module.params["incoming"])
    plan = have_assets(wanted_assets(module.params), source, check=module.check_mode, lock_seconds=access.timeout)
    for warning in plan.warnings():
        module.warn(warning)
    return {"changed": plan.changed, "diff": plan.diff(), "files": plan.files(), "removed": plan.removed()}


def main():
    """Run the module."""
    run_module(ASSETS_SPEC, have_images)


if __name__ == "__main__":
    main()
