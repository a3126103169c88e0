#!/usr/bin/python
# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: matchbox_sync
short_description: Make a Matchbox data directory hold a site's profiles and groups
version_added: 0.1.0
description:
  - Computes what every machine of a site boots and writes it as profiles and groups, for Matchbox or the collection's own boot engine.
  - Profiles are written before the groups that need them, and removed after them. A file is replaced as a whole, so the engine never reads
    half of one.
  - Nothing is written if a group would name a profile that is not there, or if a text would break an iPXE script.
  - Objects that others put into the directory stay, unless O(purge=all).
author:
  - The usableapps.omni_matchbox founders (@usableapps)
extends_documentation_fragment:
  - usableapps.omni_matchbox.matchbox_data
  - usableapps.omni_matchbox.matchbox_data.join_args
  - ansible.builtin.files
options:
  classes:
    description:
      - The classes of the site, by name. Each becomes a profile with Talos' own kernel arguments, those of the class and O(join_args).
      - This is what the variable C(omni_matchbox_classes) holds.
    type: dict
    default: {}
  machines:
    description:
      - The machines that boot another class than the default, or whose identity matters, by name. Each becomes a group.
      - This is what the variable C(omni_matchbox_machines) holds.
    type: dict
    default: {}
  images:
    description: The image of each class. Without it, each class boots the stock image of its Talos version.
    type: list
    elements: dict
  profiles:
    description: Further profiles, whole, in Matchbox's schema; see M(usableapps.omni_matchbox.matchbox_profile).
    type: list
    elements: dict
    default: []
  groups:
    description: Further groups, whole, in Matchbox's schema; see M(usableapps.omni_matchbox.matchbox_group).
    type: list
    elements: dict
    default: []
  purge:
    description:
      - What is removed of that which is no longer wanted.
      - V(managed) is what an earlier run with the same O(scope) wrote, and no other scope wants.
      - V(all) is every profile and group in the data directory.
      - V(none) is nothing; a later run with V(managed) still knows what it may remove.
    type: str
    choices: [managed, all, none]
    default: managed
  scope:
    description: A name for what this task manages, so that several tasks can share a data directory.
    type: str
    default: site
seealso:
  - module: usableapps.omni_matchbox.matchbox_profile
  - module: usableapps.omni_matchbox.matchbox_group
"""

EXAMPLES = r"""
- name: Every machine boots Talos Linux and joins Omni
  usableapps.omni_matchbox.matchbox_sync:
    classes:
      talos: {version: v1.11.4}
    join_args: "{{ omni_matchbox_join_args }}"

- name: Two machines get an image with a serial console
  usableapps.omni_matchbox.matchbox_sync:
    classes:
      talos: {version: v1.11.4, default: true}
      serial: {version: v1.11.4, kernel_args: [console=ttyS0]}
    machines:
      node1: {mac: "52:54:00:12:34:56", class: serial}
      node2: {uuid: 4c4c4544-0051-3510-8052-b4c04f4e3333, class: serial}
    join_args: "{{ omni_matchbox_join_args }}"

- name: A rescue system for one rack, beside what the site has
  usableapps.omni_matchbox.matchbox_sync:
    scope: rescue
    profiles:
      - id: rescue
        boot:
          kernel: /assets/rescue/vmlinuz
          initrd: [/assets/rescue/initrd.img]
          args: [initrd=initrd.img, "hostname=${serial}"]
    groups:
      - {id: rescue, profile: rescue, selector: {domain: rack9.example.com}}
"""

RETURN = r"""
written:
  description: The objects whose files were written, in the order in which they were.
  returned: success
  type: list
  elements: str
  sample: [profiles/talos, groups/default]
removed:
  description: The objects whose files were removed, in the order in which they were.
  returned: success
  type: list
  elements: str
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.common.argspec import ArgumentSpec
from ..module_utils.common.run import run_module
from ..module_utils.common.secrets import hide
from ..module_utils.matchbox.converge import DATA_SPEC, JOIN_ARGS_SPEC, converge
from ..module_utils.matchbox.wanted import wanted_site

SPEC = ArgumentSpec(
    options={
        "classes": {"type": "dict", "default": {}, "no_log": True},
        "machines": {"type": "dict", "default": {}},
        "images": {"type": "list", "elements": "dict"},
        "profiles": {"type": "list", "elements": "dict", "default": [], "no_log": True},
        "groups": {"type": "list", "elements": "dict", "default": []},
        "purge": {"type": "str", "choices": ["managed", "all", "none"], "default": "managed"},
        "scope": {"type": "str", "default": "site"},
    }
).merged(DATA_SPEC, JOIN_ARGS_SPEC)


def work(module: AnsibleModule) -> dict:
    hide(module, "classes", "profiles", "join_args")
    return converge(module, wanted_site(module.params), scope=module.params["scope"], purge=module.params["purge"])


def main() -> None:
    run_module(SPEC, work)


if __name__ == "__main__":
    main()
