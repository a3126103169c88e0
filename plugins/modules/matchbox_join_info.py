#!/usr/bin/python
# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: matchbox_join_info
short_description: Tell with which join token the machines of a boot host would boot
version_added: 0.1.0
description:
  - Asks the boot engine, as a machine of each group would, and tells which join token is in the script that it answers.
  - So it proves what machines boot now, whatever the files say. The tokens themselves are in no result.
author:
  - The usableapps.omni_matchbox founders (@usableapps)
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    description: Reads only, so that check mode makes no difference.
    support: full
  diff_mode:
    description: Changes nothing, so there is nothing to show.
    support: none
  platform:
    description: Linux.
    platforms: linux
    support: full
options:
  data_path:
    description: The data directory of the boot engine, which has the groups.
    type: path
    default: /var/lib/matchbox
  url:
    description: Where the boot engine answers.
    type: str
    default: http://127.0.0.1:8080
  join_args:
    description:
      - The three kernel arguments that machines should get, as RV(usableapps.omni_matchbox.omni_kernel_params#module:kernel_params).
      - With them, RV(differences) tells where machines get others.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Tell with which join tokens machines boot
  usableapps.omni_matchbox.matchbox_join_info:
  register: served

- name: Stop unless all of them boot with what Omni says now
  usableapps.omni_matchbox.matchbox_join_info:
    join_args: "{{ omni_join.kernel_params }}"
  register: served
  failed_when: served.differences | length > 0
"""

RETURN = r"""
token_hashes:
  description: The short hash of each join token that machines get, each once.
  returned: success
  type: list
  elements: str
  sample: [sha256:f2e8378c]
groups:
  description: Group and the short hash of the join token that its machines get, none where they join no Omni.
  returned: success
  type: dict
  sample: {talos-amd64: sha256:f2e8378c, memtest: null}
differences:
  description: A line for each parameter of a group that is not as in O(join_args), with short hashes in place of tokens.
  returned: success
  type: list
  elements: str
  sample:
    - "group talos-amd64: siderolink.api is grpc://192.168.1.5:8090?jointoken=sha256:08cc7e5d, not grpc://192.168.1.5:8090?jointoken=sha256:f2e8378c"
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.boot.join_args import differences
from ..module_utils.boot.kernel_args import join_token, token_hash
from ..module_utils.common.argspec import ArgumentSpec
from ..module_utils.common.run import run_module
from ..module_utils.matchbox.directory import read_groups
from ..module_utils.matchbox.model import Group
from ..module_utils.matchbox.served import served_join_args

SPEC = ArgumentSpec(
    options={
        "data_path": {"type": "path", "default": "/var/lib/matchbox"},
        "url": {"type": "str", "default": "http://127.0.0.1:8080"},
        "join_args": {"type": "list", "elements": "str", "no_log": True},
    }
)


def work(module: AnsibleModule) -> dict:
    wanted = module.params["join_args"]
    groups = [group for group in read_groups(module.params["data_path"]).values() if isinstance(group, Group)]
    served = served_join_args(module.params["url"], groups)
    hashes = {group: token_hash(join_token(args)) if args else None for group, args in served.items()}
    return {
        "changed": False,
        "token_hashes": sorted({found for found in hashes.values() if found}),
        "groups": hashes,
        "differences": [f"group {group}: {line}" for group, args in served.items() if wanted and args for line in differences(args, wanted)],
    }


def main():
    run_module(SPEC, work)


if __name__ == "__main__":
    main()
