#!/usr/bin/python
# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: matchbox_boot
short_description: What a machine would boot, and why
version_added: 0.1.0
description:
  - Tells what the boot engine answers to a machine, from the files in its data directory, by the rules by which the engine itself answers.
    Neither the engine nor the machine has to run.
  - With O(classes), O(machines), O(profiles) or O(groups), tells what it will answer after M(usableapps.omni_matchbox.matchbox_sync) was run with the
    same options. Without any of these, the files count as they are, and O(images), O(purge), O(scope) and O(join_args) make no difference.
  - That nothing is answered is a result, with the reason, and does not fail the task.
author:
  - The usableapps.omni_matchbox founders (@usableapps)
extends_documentation_fragment:
  - usableapps.omni_matchbox.matchbox_data
  - usableapps.omni_matchbox.matchbox_data.read
  - usableapps.omni_matchbox.matchbox_data.join_args
  - usableapps.omni_matchbox.matchbox_data.site
options:
  mac:
    description: The machine's MAC address, of the interface that it boots from.
    type: str
  uuid:
    description: The machine's UUID, in upper or lower case; machines send it in lower case.
    type: str
  serial:
    description: The machine's serial number. Case and blanks count.
    type: str
  arch:
    description: The architecture that iPXE was built for, in its own words, such as V(x86_64), V(i386) or V(arm64).
    type: str
  hostname:
    description: The host name that DHCP gave to the machine.
    type: str
  domain:
    description: The domain that DHCP gave to the machine.
    type: str
  labels:
    description: What else the machine sends, where a script of the site's own asks it to; texts.
    type: dict
    default: {}
  loader:
    description: Whether to show the script for iPXE or the configuration for GRUB.
    type: str
    choices: [ipxe, grub]
    default: ipxe
seealso:
  - module: usableapps.omni_matchbox.matchbox_info
  - module: usableapps.omni_matchbox.matchbox_sync
"""

EXAMPLES = r"""
- name: What does this machine boot?
  usableapps.omni_matchbox.matchbox_boot:
    mac: "52:54:00:12:34:56"
    uuid: 4c4c4544-0051-3510-8052-b4c04f4e3333
    arch: x86_64
  register: boot

- name: Show it
  ansible.builtin.debug:
    msg: "{{ boot.reason }} {{ boot.script }}"

- name: What will it boot, when the site is converged?
  usableapps.omni_matchbox.matchbox_boot:
    mac: "52:54:00:12:34:56"
    classes: "{{ omni_matchbox_classes }}"
    machines: "{{ omni_matchbox_machines }}"
    join_args: "{{ omni_matchbox_join_args }}"
"""

RETURN = r"""
group:
  description: The group that the machine gets; null if none matches.
  returned: success
  type: str
  sample: node1
groups:
  description: All groups that match the machine, with their selectors and profiles; the first wins.
  returned: success
  type: list
  elements: dict
  sample:
    - {id: node1, selector: {mac: "52:54:00:12:34:56"}, profile: serial}
    - {id: default, selector: {}, profile: talos}
reason:
  description: Why this group wins, or why the machine gets C(404), in a sentence or two.
  returned: success
  type: str
  sample: "Group node1 has the most selectors of the 2 groups that match: mac=52:54:00:12:34:56."
profile:
  description: The profile that the group names; null if there is none.
  returned: success
  type: str
  sample: serial
script:
  description: What the machine is told to boot, with a join token shown as a short hash; null if it gets C(404).
  returned: success
  type: str
  sample: |
    #!ipxe
    kernel /assets/talos/v1.11.4/vmlinuz initrd=initramfs.xz talos.platform=metal
    initrd /assets/talos/v1.11.4/initramfs.xz
    boot
metadata:
  description: The lines that C(/metadata) tells to the machine. Matchbox itself tells them in random order.
  returned: success
  type: list
  elements: str
  sample: [RACK=r1, "MAC=52:54:00:12:34:56"]
labels:
  description: What the machine sends, as it is compared with selectors.
  returned: success
  type: dict
  sample: {mac: "52:54:00:12:34:56"}
skipped:
  description: Groups that the engine passes over because it cannot read them. The machine may be meant by one of them.
  returned: success
  type: list
  elements: dict
  contains:
    file:
      description: The file, below O(data_path).
      type: str
    reason:
      description: Why it cannot be read.
      type: str
  sample: [{file: groups/node2.json, reason: selector.mac is no MAC address}]
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.common.argspec import ArgumentSpec
from ..module_utils.common.run import run_module
from ..module_utils.common.secrets import hide, redacted
from ..module_utils.matchbox.explain import SCRIPTS, answer, request_query
from ..module_utils.matchbox.model import LABELS
from ..module_utils.matchbox.options import DATA_SPEC, SITE_SECRETS, SITE_SPEC
from ..module_utils.matchbox.view import viewed

SPEC = ArgumentSpec(
    options={
        **{label: {"type": "str"} for label in LABELS},
        "labels": {"type": "dict", "default": {}},
        "loader": {"type": "str", "choices": list(SCRIPTS), "default": "ipxe"},
    }
).merged(DATA_SPEC, SITE_SPEC)


def work(module: AnsibleModule) -> dict:
    hide(module, *SITE_SECRETS)
    query = request_query(module.params)
    with viewed(module.params) as view:
        result = answer(query, view.groups, view.load, module.params["loader"])
    return {"changed": False, **redacted({**result, "skipped": [finding._asdict() for finding in view.skipped]})}


def main() -> None:
    run_module(SPEC, work)


if __name__ == "__main__":
    main()
