#!/usr/bin/python
# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: omni_join_token
short_description: Make, change, revoke and delete Omni's join tokens
version_added: 0.1.0
description:
  - Has a join token of Omni as it should be, its end, whether it is the default and whether it is revoked.
  - The token itself is in no result. M(usableapps.omni_matchbox.omni_kernel_params) gets the parameters with it, by its name.
  - >-
    A token is neither revoked nor deleted while machines have nothing else to be let in with, unless O(force) is set. Those are machines that live in
    RAM after booting from the network, or that are powered off. Omni names them in the token's warnings.
  - The service account needs the role C(Admin).
author:
  - The usableapps.omni_matchbox founders (@usableapps)
extends_documentation_fragment:
  - usableapps.omni_matchbox.omni
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    description: Tells the change and the diff of the real run, except for the hash of a token that is yet to be made.
    support: full
  diff_mode:
    description: Shows the token by its short hash.
    support: full
  platform:
    platforms: posix
options:
  name:
    description:
      - The token's name, 1 to 16 characters for a new one. Needed to make one.
      - Where several tokens have the name, the only active one is meant. To delete one of them, say which by O(token_hash).
    type: str
  token_hash:
    description: The short hash of a token that is there, as RV(join_token.token_hash) and M(usableapps.omni_matchbox.omni_join_token_info) give it.
    type: str
  state:
    description: Whether there is to be such a token.
    type: str
    choices: [present, absent]
    default: present
  expiry:
    description:
      - When machines can no longer join with it. A lifetime from its making, such as V(90d), V(12h) or V(4w), a date such as V(2027-03-01)
        (its first moment, UTC), a time such as V(2027-03-01T12:00:00Z), or V(never).
      - Without it, a new token never ends, and one that is there stays as it is.
    type: str
  renew_before:
    description:
      - >-
        Renew it in time. A token that is there ends when it does; only if that is within this time, such as V(14d), its end is moved on by
        O(expiry), which must be a lifetime then, and once more by as much if that is not enough to be farther away than this time.
      - The token itself stays the same, so that nothing has to be told to machines or boot hosts.
    type: str
  default:
    description:
      - Whether it is the token that Omni gives to whoever asks for none.
      - One token always is, so V(false) is refused for that one. Make another one the default.
    type: bool
  revoked:
    description: Whether it is revoked, which can be taken back.
    type: bool
  force:
    description: Revoke or delete it also while machines depend on it, revoke it also if it is the default.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Make a token for a site, good for three months
  usableapps.omni_matchbox.omni_join_token:
    endpoint: https://omni.example.com
    name: berlin-2027-1
    expiry: 90d
    default: true
  delegate_to: localhost

- name: Revoke the one before
  usableapps.omni_matchbox.omni_join_token:
    endpoint: https://omni.example.com
    name: berlin-2026-4
    revoked: true
  delegate_to: localhost

- name: Have it live on
  usableapps.omni_matchbox.omni_join_token:
    endpoint: https://omni.example.com
    name: berlin-2027-1
    expiry: 90d
    renew_before: 14d
  delegate_to: localhost

- name: Delete one of several that share a name
  usableapps.omni_matchbox.omni_join_token:
    endpoint: https://omni.example.com
    token_hash: sha256:f2e8378c
    state: absent
  delegate_to: localhost
"""

RETURN = r"""
join_token:
  description: The token as it is then; none if it was deleted.
  returned: success
  type: dict
  contains:
    name:
      description: Its name.
      type: str
      sample: berlin-2027-1
    token_hash:
      description: The short hash by which the collection names it; none in check mode for one that is yet to be made.
      type: str
      sample: sha256:f2e8378c
    state:
      description: V(active), V(revoked) or V(expired).
      type: str
      sample: active
    default:
      description: Whether it is Omni's default.
      type: bool
    expiration:
      description: When it ends, none for never.
      type: str
      sample: "2027-03-01T00:00:00Z"
"""

import time

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.common.argspec import ArgumentSpec
from ..module_utils.common.run import run_module
from ..module_utils.omni.arguments import CONNECTION, connect
from ..module_utils.omni.join_token_calls import apply_token, is_settled, read_tokens
from ..module_utils.omni.join_tokens import Wish, describe, find_token, plan_token

SPEC = CONNECTION.merged(
    ArgumentSpec(
        options={
            "name": {"type": "str"},
            "token_hash": {"type": "str", "no_log": False},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "expiry": {"type": "str"},
            "renew_before": {"type": "str"},
            "default": {"type": "bool"},
            "revoked": {"type": "bool"},
            "force": {"type": "bool", "default": False},
        },
        required_one_of=[("name", "token_hash")],
        required_by={"renew_before": "expiry"},
    )
)


def work(module: AnsibleModule) -> dict:
    client, now = connect(module.params), time.time()
    wish = Wish.from_params(module.params)
    tokens = read_tokens(client)
    plan = plan_token(wish, find_token(tokens, wish, now), now)
    token = plan.after
    if plan.changed and not module.check_mode:
        token = apply_token(client, plan, tokens)
        if token and not is_settled(client, token):
            module.warn(f"{token} was changed, but Omni's status of it has not followed yet")
    if token and token.state(now) == "expired":
        module.warn(f"{token} has expired; machines cannot join with it")
    return {"changed": plan.changed, "diff": plan.diff(), "join_token": describe(token, now) if token else None}


def main():
    run_module(SPEC, work)


if __name__ == "__main__":
    main()
