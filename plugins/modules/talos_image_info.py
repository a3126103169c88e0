#!/usr/bin/python
# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: talos_image_info
short_description: Find out which Talos versions and images classes boot
version_added: 0.1.0
author:
  - The usableapps.omni_matchbox founders (@usableapps)
description:
  - A class names its Talos version exactly (V(v1.11.4)), by its minor version (V(v1.11), the newest patch that Omni supports) or as V(omni), the newest
    that Omni supports. Pre-releases must be named exactly. This module tells what that means, and where the images are.
  - >-
    What a loosely named version means is, in this order, what O(pins) says, what it meant on the O(boot_hosts) (so running again does not move a site,
    and a new boot host gets what the others have), and the newest that Omni supports and the Image Factory has and does not know to be broken.
  - Boot hosts that mean different versions by the same name are an error, unless O(pins) or O(refresh) decides.
  - Nobody is asked who need not be. Exact versions of stock images with O(alignment=ignore) need no request at all, those with an Omni only one to it.
  - Runs on the controller. In a play, all boot hosts that ask the same are answered by one run.
extends_documentation_fragment:
  - usableapps.omni_matchbox.omni
attributes:
  check_mode:
    support: full
    description: Changes nothing anyway.
  diff_mode:
    support: none
    description: Changes nothing; RV(moved) tells what means another version than before.
  platform:
    support: full
    platforms: posix
    description: Runs on the controller.
options:
  classes:
    description: The classes of machines, as C(omni_matchbox_classes).
    type: dict
    required: true
  machines:
    description: The machines, as C(omni_matchbox_machines). Of those that name a C(cluster), its version is compared with that of their class.
    type: dict
    default: {}
  boot_hosts:
    description: By the name of each boot host of the run, what M(usableapps.omni_matchbox.talos_lock_info) told of it. Hosts of another site do not count.
    type: dict
    default: {}
  pins:
    description:
      - What loosely named versions mean (C(versions)) and which digests images have (C(images)), in the format of a boot host's lock file, to be kept in git.
    type: dict
  refresh:
    description: Whether to find out anew what loosely named versions mean, which moves machines to newer versions at their next boot.
    type: bool
    default: false
  alignment:
    description:
      - What to do about a class that Omni does not support, or that is more than one minor version away from the cluster that its machines go to.
      - Without a service-account key Omni is not asked, and nothing is compared.
    type: str
    choices: [error, warn, ignore]
    default: error
  schematics:
    description:
      - The ids of schematics that M(usableapps.omni_matchbox.omni_schematic) made of RV(customizations), by image key. Those of classes that name a
        C(schematic) need not be in it.
      - A schematic that lacks the O(join_args), or has others, is refused. A machine that was installed from its image would not come back to this Omni.
      - As long as an image's schematic is not known, its kernel arguments are those that it should have.
    type: dict
    default: {}
  join_args:
    description: Omni's three kernel arguments. Needed for classes with C(extensions), C(overlay), C(extra_kernel_args) or C(schematic).
    type: list
    elements: str
    default: []
  archived:
    description:
      - The kernel arguments of images in an archive, by folder, as M(usableapps.omni_matchbox.talos_archive_info) tells them. With it, the Image
        Factory is not asked about images.
    type: dict
  release_url:
    description: Where stock images lie, as in M(usableapps.omni_matchbox.talos_assets).
    type: str
    default: https://github.com/siderolabs/talos/releases/download
  factory_url:
    description: The Image Factory. If it is empty, versions that it knows to be broken are not left out.
    type: str
    default: https://factory.talos.dev
  factory_ca_path:
    description: PEM file of the authority that signed the certificate of the Image Factory. Without it, what the system trusts.
    type: path
"""

EXAMPLES = r"""
- name: Find out what the classes boot
  usableapps.omni_matchbox.talos_image_info:
    endpoint: https://omni.example.com
    classes:
      talos: {version: v1.11, default: true}
      edge: {version: omni}
  delegate_to: localhost
  become: false
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
  register: talos_images

- name: Have the images on the boot host
  usableapps.omni_matchbox.talos_assets:
    assets_path: /var/lib/matchbox/assets
    classes: "{{ omni_matchbox_classes | combine(talos_images.classes, recursive=true) }}"
"""

RETURN = r"""
versions:
  description: What each loosely named version means.
  returned: success
  type: dict
  sample: {v1.11: v1.11.4, omni: v1.12.0}
moved:
  description: Of these, the ones that meant something else on a boot host, with the versions before and after.
  returned: success
  type: dict
  sample: {v1.11: {before: [v1.11.3], after: [v1.11.4]}}
classes:
  description: By class, its exact C(version) and what is known of the C(sha256) of its files, to be combined with the classes themselves.
  returned: success
  type: dict
  sample: {talos: {version: v1.11.4, sha256: {}}}
images:
  description:
    - The images, each with C(classes) (names), C(version), C(architecture), C(path) (folder below the assets), C(link) (folder that the class named itself,
      or none), C(sha256), C(key) (V(stock), or the image key), C(urls) and C(sizes) (in bytes, as far as known) of C(kernel) and C(initramfs), and
      C(kernel_args) (the image's own without the join arguments, or none for those of its Talos version).
    - In URLs of the Image Factory V(@schematic@) stands for the schematic id, which is as good as the join token.
  returned: success
  type: list
  elements: dict
customizations:
  description:
    - What Omni is to make schematics of, each once, by the options of M(usableapps.omni_matchbox.omni_schematic), and the C(image_key) of each.
  returned: success
  type: list
  elements: dict
  sample:
    - image_key: 3f0c9a51d27be846
      talos_version: v1.11.4
      architecture: amd64
      extensions: [siderolabs/iscsi-tools]
      overlay: null
      extra_kernel_args: []
      secure_boot: false
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.common.argspec import ArgumentSpec
from ..module_utils.common.run import run_module
from ..module_utils.common.secrets import hide
from ..module_utils.omni.arguments import CONNECTION
from ..module_utils.talos.custom import FACTORY
from ..module_utils.talos.factory import GITHUB_RELEASES
from ..module_utils.talos.image_info import image_info

SPEC = CONNECTION.merged(
    ArgumentSpec(
        options={
            "classes": {"type": "dict", "required": True, "no_log": True},
            "machines": {"type": "dict", "default": {}},
            "boot_hosts": {"type": "dict", "default": {}},
            "pins": {"type": "dict"},
            "refresh": {"type": "bool", "default": False},
            "alignment": {"type": "str", "choices": ["error", "warn", "ignore"], "default": "error"},
            "schematics": {"type": "dict", "default": {}, "no_log": True},
            "join_args": {"type": "list", "elements": "str", "default": [], "no_log": True},
            "archived": {"type": "dict"},
            "release_url": {"type": "str", "default": GITHUB_RELEASES},
            "factory_url": {"type": "str", "default": FACTORY},
            "factory_ca_path": {"type": "path"},
        }
    )
)


def work(module: AnsibleModule) -> dict:
    """Ask, and tell."""
    hide(module, "classes", "join_args")
    result = image_info(module.params)
    for warning in result.pop("warnings"):
        module.warn(warning)
    return result


def main() -> None:
    """Run the module."""
    run_module(SPEC, work)


if __name__ == "__main__":
    main()
