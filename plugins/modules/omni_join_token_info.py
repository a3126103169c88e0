#!/usr/bin/python
# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: omni_join_token_info
short_description: List Omni's join tokens, without the tokens
version_added: 0.1.0
description:
  - Lists the join tokens of an Omni with what Omni tells of each, and a short hash in place of the token.
  - The service account needs the role C(Reader).
author:
  - The usableapps.omni_matchbox founders (@usableapps)
extends_documentation_fragment:
  - usableapps.omni_matchbox.omni
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    description: Reads only, so that check mode makes no difference.
    support: full
  diff_mode:
    description: Changes nothing, so there is nothing to show.
    support: none
  platform:
    platforms: posix
options:
  name:
    description: List the tokens of this name only. Several may have it.
    type: str
"""

EXAMPLES = r"""
- name: Look at the tokens
  usableapps.omni_matchbox.omni_join_token_info:
    endpoint: https://omni.example.com
  delegate_to: localhost
  register: omni_tokens

- name: Name the machines that would be left outside without the old token
  ansible.builtin.debug:
    msg: "{{ omni_tokens.join_tokens | rejectattr('default') | map(attribute='warnings') | flatten | map(attribute='machine') }}"
"""

RETURN = r"""
join_tokens:
  description: The tokens, by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Its name. Several tokens may have the same, or none.
      type: str
      sample: berlin-2027-1
    token_hash:
      description: The short hash by which the collection names it.
      type: str
      sample: sha256:f2e8378c
    state:
      description: V(active), V(revoked) or V(expired).
      type: str
      sample: active
    default:
      description: Whether it is the one that Omni gives to whoever asks for none.
      type: bool
    expiration:
      description: When it ends, none for never.
      type: str
      sample: "2027-03-01T00:00:00Z"
    use_count:
      description: How many machines have joined with it.
      type: int
      sample: 6
    warnings:
      description: What Omni would warn of if it were revoked, a message for each machine that has nothing else to be let in with.
      type: list
      elements: dict
      sample:
        - {machine: 10001802-c798-4da7-a410-f09abb48c8d8, message: Does not have the node unique token}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.common.argspec import ArgumentSpec
from ..module_utils.common.run import run_module
from ..module_utils.omni.arguments import CONNECTION, connect
from ..module_utils.omni.join_token_calls import token_statuses

SPEC = CONNECTION.merged(ArgumentSpec(options={"name": {"type": "str"}}))


def work(module: AnsibleModule) -> dict:
    name = module.params["name"]
    return {"changed": False, "join_tokens": [token for token in token_statuses(connect(module.params)) if name in (None, token["name"])]}


def main():
    run_module(SPEC, work)


if __name__ == "__main__":
    main()
