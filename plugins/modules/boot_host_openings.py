#!/usr/bin/python
# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: boot_host_openings
short_description: Let machines through a boot host's nftables rules
version_added: 0.1.0
description:
  - Puts rules that accept the given ports into every input chain that drops anything, whoever wrote that chain, ahead of the rule
    that would refuse a newcomer. Whom the chain refuses in particular, by address, stays refused. An accept in a table of one's own
    could not do that, because a drop in another table is final.
  - The chains of firewalld and of iptables (and so of ufw) are not touched; those programs would not know the rules again.
  - Each rule carries a comment that begins with C(omni-matchbox). Only such rules are ever changed or removed.
  - The rules live in the kernel only. The role P(usableapps.omni_matchbox.firewall#role) installs a unit that puts them back
    after C(nftables.service) has reloaded.
author:
  - The usableapps.omni_matchbox founders (@usableapps)
attributes:
  check_mode:
    description: Tells exactly what the run then changes.
    support: full
  diff_mode:
    description: Lists the openings before and after.
    support: full
  platform:
    description: Linux with nftables.
    platforms: linux
    support: full
options:
  openings:
    description: What to let in. What was let in by an earlier run and is not here is closed again.
    type: list
    elements: dict
    required: true
    suboptions:
      protocol:
        description: The transport protocol.
        type: str
        choices: [tcp, udp]
        required: true
      ports:
        description: Destination ports.
        type: list
        elements: int
        required: true
      interface:
        description: The network interface to which the opening is limited. Without it, it holds on all.
        type: str
        default: ""
"""

EXAMPLES = r"""
- name: Machines may ask for an address and fetch iPXE
  usableapps.omni_matchbox.boot_host_openings:
    openings:
      - {protocol: tcp, ports: [80, 443]}
      - {protocol: udp, ports: [67, 69, 4011], interface: eth0}
"""

RETURN = r"""
commands:
  description: What nft was told, or would be in check mode.
  returned: always
  type: list
  elements: str
  sample: ['add rule inet filter input udp dport { 67, 69 } accept comment "omni-matchbox 0a1b2c3d4e5f"']
"""

import subprocess

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.common.argspec import ArgumentSpec
from ..module_utils.common.errors import OmniMatchboxError
from ..module_utils.common.run import run_module
from ..module_utils.host import nft

SPEC = ArgumentSpec(
    options={
        "openings": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": {
                "protocol": {"type": "str", "choices": ["tcp", "udp"], "required": True},
                "ports": {"type": "list", "elements": "int", "required": True},
                "interface": {"type": "str", "default": ""},
            },
        },
    }
)


def work(module: AnsibleModule) -> dict:
    try:
        change = nft.plan(nft.read_ruleset(), nft.openings(module.params["openings"]))
        if not module.check_mode:
            nft.apply(change)
    except subprocess.CalledProcessError as error:
        raise OmniMatchboxError(f"nft refused: {' '.join(error.stderr.split())}; see `nft list ruleset` on this host") from error
    except OSError as error:
        raise OmniMatchboxError(f"nft does not run on this host ({error.strerror}): install the package nftables") from error
    diff = {side: "".join(line + "\n" for line in lines) for side, lines in (("before", change.before), ("after", change.after))}
    return {"changed": bool(change.commands), "commands": change.commands, "diff": {"before_header": "nftables", "after_header": "nftables", **diff}}


def main() -> None:
    run_module(SPEC, work)


if __name__ == "__main__":
    main()
