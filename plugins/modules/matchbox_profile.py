#!/usr/bin/python
# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: matchbox_profile
short_description: One Matchbox profile
version_added: 0.1.0
description:
  - A profile says what machines boot. It is the file C(profiles/ID.json) in the data directory of Matchbox or of the collection's own
    boot engine.
  - A profile that a group on disk boots is not removed.
  - To write all profiles and groups of a site together, in a safe order, use M(usableapps.omni_matchbox.matchbox_sync).
author:
  - The usableapps.omni_matchbox founders (@usableapps)
extends_documentation_fragment:
  - usableapps.omni_matchbox.matchbox_data
  - usableapps.omni_matchbox.matchbox_data.write
  - usableapps.omni_matchbox.matchbox_data.join_args
  - ansible.builtin.files
options:
  id:
    description: The profile's id and the name of its file; letters, digits, C(.), C(_) and C(-).
    type: str
    required: true
  state:
    description: Whether the profile is there.
    type: str
    choices: [present, absent]
    default: present
  name:
    description: A name for people.
    type: str
  boot:
    description: What is loaded. Without it, machines get C(404) for their script.
    type: dict
    suboptions:
      kernel:
        description: URL of the kernel, or its path on the boot host, such as C(/assets/talos/v1.11.4/vmlinuz).
        type: str
        required: true
      initrd:
        description: URLs or paths of the initrds. iPXE's C(--name NAME) may stand in front.
        type: list
        elements: str
      args:
        description:
          - The kernel's arguments. C(@join_args@) stands for O(join_args).
          - iPXE replaces C(${...}). Line breaks, the words C(;), C(&&), C(||) and words that begin with C(#) are refused, because iPXE would end
            the command there; a backslash at the end is too, because it would go on in the next line.
        type: list
        elements: str
  generic_id:
    description: Name of a template in C(generic/). Only upstream's Matchbox renders templates.
    type: str
  ignition_id:
    description: Name of a file in C(ignition/). Only upstream's Matchbox renders it.
    type: str
  cloud_id:
    description: Name of a template in C(cloud/). Only upstream's Matchbox renders it.
    type: str
seealso:
  - module: usableapps.omni_matchbox.matchbox_group
  - module: usableapps.omni_matchbox.matchbox_sync
"""

EXAMPLES = r"""
- name: Talos Linux that joins Omni
  usableapps.omni_matchbox.matchbox_profile:
    id: talos
    name: Talos Linux for Omni
    boot:
      kernel: /assets/talos/v1.11.4/vmlinuz
      initrd: [/assets/talos/v1.11.4/initramfs.xz]
      args: [initrd=initramfs.xz, talos.platform=metal, console=tty0, "@join_args@"]
    join_args: "{{ omni_matchbox_join_args }}"

- name: Talos Linux is not booted any more
  usableapps.omni_matchbox.matchbox_profile:
    id: talos
    state: absent
"""

RETURN = r"""
written:
  description: The objects whose files were written, in the order in which they were.
  returned: success
  type: list
  elements: str
  sample: [profiles/talos]
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

from ..module_utils.common.argspec import ArgumentSpec
from ..module_utils.common.run import run_module
from ..module_utils.common.secrets import hide
from ..module_utils.matchbox.converge import converge
from ..module_utils.matchbox.options import JOIN_ARGS_SPEC, WRITE_SPEC
from ..module_utils.matchbox.validate import valid_id
from ..module_utils.matchbox.wanted import Wanted, wanted_profile

BOOT = {
    "kernel": {"type": "str", "required": True},
    "initrd": {"type": "list", "elements": "str"},
    "args": {"type": "list", "elements": "str"},
}
FIELDS = {
    "id": {"type": "str", "required": True},
    "name": {"type": "str"},
    "boot": {"type": "dict", "options": BOOT, "no_log": True},
    "generic_id": {"type": "str"},
    "ignition_id": {"type": "str"},
    "cloud_id": {"type": "str"},
}
STATE = {"state": {"type": "str", "choices": ["present", "absent"], "default": "present"}}
SPEC = ArgumentSpec(options={**FIELDS, **STATE}).merged(WRITE_SPEC, JOIN_ARGS_SPEC)


def work(module: AnsibleModule) -> dict:
    hide(module, "boot", "join_args")
    fields = {field: module.params[field] for field in FIELDS}
    if module.params["state"] == "absent":
        return converge(module, Wanted(absent=frozenset(["profiles/" + valid_id(fields, "id", "profile")])))
    return converge(module, Wanted(profiles=[wanted_profile(fields, module.params["join_args"], "profile")]))


def main() -> None:
    run_module(SPEC, work)


if __name__ == "__main__":
    main()
