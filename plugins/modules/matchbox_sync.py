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
  - Tells which machines boot something else than before, also in check mode.
  - Nothing is written if a group would name a profile that is not there, or if a text would break an iPXE script.
  - Objects that others put into the directory stay, unless O(purge=all).
author:
  - The usableapps.omni_matchbox founders (@usableapps)
extends_documentation_fragment:
  - usableapps.omni_matchbox.matchbox_data
  - usableapps.omni_matchbox.matchbox_data.write
  - usableapps.omni_matchbox.matchbox_data.join_args
  - usableapps.omni_matchbox.matchbox_data.site
  - ansible.builtin.files
seealso:
  - module: usableapps.omni_matchbox.matchbox_profile
  - module: usableapps.omni_matchbox.matchbox_group
  - module: usableapps.omni_matchbox.matchbox_boot
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
machines:
  description: Which machines boot something else than before, because of this change; those that boot the same again are not in it.
  returned: success
  type: list
  elements: dict
  contains:
    before:
      description: The profile that they booted, or V(nothing).
      type: str
    after:
      description: The profile that they boot now, or V(nothing). Where it is that of RV(machines[].before), its content has changed.
      type: str
    count:
      description: How many they are; machines that no group selects count as one.
      type: int
    machines:
      description: The first 20, named by what their group selects. V(every other machine) are those that no group selects.
      type: list
      elements: str
  sample:
    - {before: talos, after: serial, count: 1, machines: ["mac=52:54:00:12:34:56"]}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.common.run import run_module
from ..module_utils.common.secrets import hide
from ..module_utils.matchbox.converge import converge
from ..module_utils.matchbox.options import SITE_SECRETS, SITE_SPEC, WRITE_SPEC
from ..module_utils.matchbox.wanted import wanted_site

SPEC = SITE_SPEC.merged(WRITE_SPEC)


def work(module: AnsibleModule) -> dict:
    hide(module, *SITE_SECRETS)
    return converge(module, wanted_site(module.params), scope=module.params["scope"], purge=module.params["purge"])


def main() -> None:
    run_module(SPEC, work)


if __name__ == "__main__":
    main()
