#!/usr/bin/python
# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: matchbox_group
short_description: One Matchbox group
version_added: 0.1.0
description:
  - A group says which machines boot a profile. It is the file C(groups/ID.json) in the data directory of Matchbox or of the collection's own
    boot engine.
  - A machine gets the group with the most selectors that all match. Where several have equally many, keys later in the alphabet win, so
    that C(uuid) beats C(serial) beats C(mac).
  - The profile must be there already.
  - To write all profiles and groups of a site together, in a safe order, use M(usableapps.omni_matchbox.matchbox_sync).
author:
  - The usableapps.omni_matchbox founders (@usableapps)
extends_documentation_fragment:
  - usableapps.omni_matchbox.matchbox_data
  - usableapps.omni_matchbox.matchbox_data.write
  - ansible.builtin.files
options:
  id:
    description: The group's id and the name of its file; letters, digits, C(.), C(_) and C(-).
    type: str
    required: true
  state:
    description: Whether the group is there.
    type: str
    choices: [present, absent]
    default: present
  name:
    description: A name for people.
    type: str
  profile:
    description: The id of the profile that the machines boot. Needed unless O(state=absent).
    type: str
  selector:
    description:
      - Labels that a machine must have, all of them; texts, in quotes. Without it, the group is that of every machine.
      - Machines send C(uuid) (in lower case), C(mac), C(domain), C(hostname), C(serial) and C(arch).
    type: dict
  metadata:
    description: What is told at C(/metadata) to the machines of the group. Large numbers should be texts; Matchbox prints 1000000 as C(1e+06).
    type: dict
seealso:
  - module: usableapps.omni_matchbox.matchbox_profile
  - module: usableapps.omni_matchbox.matchbox_sync
"""

EXAMPLES = r"""
- name: Every machine boots Talos Linux
  usableapps.omni_matchbox.matchbox_group:
    id: default
    profile: talos

- name: This one boots another profile
  usableapps.omni_matchbox.matchbox_group:
    id: node1
    profile: serial
    selector:
      mac: "52:54:00:12:34:56"

- name: Now it boots what all do
  usableapps.omni_matchbox.matchbox_group:
    id: node1
    state: absent
"""

RETURN = r"""
written:
  description: The objects whose files were written, in the order in which they were.
  returned: success
  type: list
  elements: str
  sample: [groups/default]
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
from ..module_utils.matchbox.converge import converge
from ..module_utils.matchbox.options import WRITE_SPEC
from ..module_utils.matchbox.validate import valid_group, valid_id
from ..module_utils.matchbox.wanted import Wanted

FIELDS = {
    "id": {"type": "str", "required": True},
    "name": {"type": "str"},
    "profile": {"type": "str"},
    "selector": {"type": "dict"},
    "metadata": {"type": "dict"},
}
STATE = {"state": {"type": "str", "choices": ["present", "absent"], "default": "present"}}
SPEC = ArgumentSpec(options={**FIELDS, **STATE}).merged(WRITE_SPEC)


def work(module: AnsibleModule) -> dict:
    fields = {field: module.params[field] for field in FIELDS}
    if module.params["state"] == "absent":
        return converge(module, Wanted(absent=frozenset(["groups/" + valid_id(fields, "id", "group")])))
    return converge(module, Wanted(groups=[valid_group(fields, "group")]))


def main() -> None:
    run_module(SPEC, work)


if __name__ == "__main__":
    main()
