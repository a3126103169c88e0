#!/usr/bin/python
# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: matchbox_info
short_description: What is in a Matchbox data directory and what is wrong with it
version_added: 0.1.0
description:
  - Lists the profiles and groups as the boot engine reads them, whoever wrote them, and what it does not read.
  - A boot engine passes over a broken group without a word, and its machines boot something else. Here it is told, with everything else that
    leads to another boot than the files seem to say.
  - What is wrong does not fail the task.
  - To be told what one machine boots, use M(usableapps.omni_matchbox.matchbox_boot).
author:
  - The usableapps.omni_matchbox founders (@usableapps)
extends_documentation_fragment:
  - usableapps.omni_matchbox.matchbox_data
  - usableapps.omni_matchbox.matchbox_data.read
seealso:
  - module: usableapps.omni_matchbox.matchbox_boot
  - module: usableapps.omni_matchbox.matchbox_sync
"""

EXAMPLES = r"""
- name: Look at what machines boot from
  usableapps.omni_matchbox.matchbox_info:
  register: matchbox

- name: Go on only if every group counts and has its profile
  ansible.builtin.assert:
    that: not (matchbox.broken or matchbox.never_win or matchbox.without_profile)
"""

RETURN = r"""
profiles:
  description: The profiles that can be read, in Matchbox's schema; C(id) is that of the file. A join token is shown as a short hash.
  returned: success
  type: list
  elements: dict
  sample:
    - id: talos
      name: Talos Linux for Omni
      boot: {kernel: /assets/talos/v1.11.4/vmlinuz, initrd: [/assets/talos/v1.11.4/initramfs.xz], args: [initrd=initramfs.xz]}
      generic_id: ""
      ignition_id: ""
      cloud_id: ""
groups:
  description: The groups that can be read; C(id) is that of the file. A MAC address is in the form in which it is compared.
  returned: success
  type: list
  elements: dict
  sample: [{id: node1, name: "", profile: talos, selector: {mac: "52:54:00:12:34:56"}}]
unused:
  description: The profiles that no group names.
  returned: success
  type: list
  elements: str
  sample: [rescue]
broken:
  description:
    - What is in the folders of groups and profiles and cannot be read, is no plain file, or is not named as a file of a profile or group.
    - Hidden files are here too. The engine reads those in C(groups), also C(.ansible_tmp...json) while Ansible's own modules write.
  returned: success
  type: list
  elements: dict
  contains: &finding
    file:
      description: The file or folder, below O(data_path).
      type: str
    reason:
      description: What is the matter with it, in a sentence.
      type: str
  sample: [{file: groups/node2.json, reason: "is skipped: selector.mac is no MAC address; its machines boot what a less specific group says"}]
never_win:
  description: Groups that no machine gets, since another group selects the same, or no machine sends what they select.
  returned: success
  type: list
  elements: dict
  contains: *finding
  sample: [{file: groups/node3.json, reason: selector.UUID never matches; machines send uuid}]
without_profile:
  description: Groups whose machines get C(404), since the profile that they name is not there or cannot be read.
  returned: success
  type: list
  elements: dict
  contains: *finding
  sample: [{file: groups/node4.json, reason: "names no profile; its machines get 404, no other group takes them"}]
surprising:
  description: What can be read and counts, but is taken otherwise than it looks, such as a field that Matchbox does not know.
  returned: success
  type: list
  elements: dict
  contains: *finding
  sample: [{file: profiles/talos.json, reason: "has no boot, so its machines get 404 for their script"}]
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.common.run import run_module
from ..module_utils.common.secrets import redacted
from ..module_utils.matchbox.findings import report
from ..module_utils.matchbox.listing import read_listing
from ..module_utils.matchbox.options import DATA_SPEC


def work(module: AnsibleModule) -> dict:
    return {"changed": False, **redacted(report(read_listing(module.params["data_path"])))}


def main() -> None:
    run_module(DATA_SPEC, work)


if __name__ == "__main__":
    main()
