#!/usr/bin/python
# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: omni_service_account
short_description: Have a service account of Omni, and its key in a file
version_added: 0.1.0
description:
  - Has a service account, and in a file of the host that this runs on a key of it that is good for a while. The key is made there, is in no result, and
    Omni never sees more than its public half.
  - A key is renewed when it is missing, when Omni does not know it (any more), and O(renew_before) its end. The ones before it stay good until they expire.
  - A run that is cut short leaves the new key beside O(key_path) with C(.new) added, and the next one goes on from there.
  - The service account that is used to ask Omni needs the role C(Admin).
author:
  - The usableapps.omni_matchbox founders (@usableapps)
extends_documentation_fragment:
  - usableapps.omni_matchbox.omni
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    description: Tells the change and the diff of the real run. No key is made.
    support: full
  diff_mode:
    description: Shows keys by their fingerprints.
    support: full
  platform:
    platforms: posix
options:
  name:
    description: The account's name, without C(@). C(infra-provider:NAME) for an infrastructure provider.
    type: str
    required: true
  state:
    description: Whether there is to be such an account. Its keys do not work any more at once when it is deleted.
    type: str
    choices: [present, absent]
    default: present
  role:
    description:
      - What the account may do. Omni changes no role of an account, so another one than it has is refused.
      - Needed unless O(state=absent).
    type: str
    choices: [None, InfraProvider, Reader, Auditor, Operator, Admin]
  lifetime:
    description: How long a new key is good for, such as V(90d) or V(12h), at most V(365d).
    type: str
    default: 365d
  renew_before:
    description: How long before its end a key is replaced.
    type: str
    default: 30d
  key_path:
    description:
      - The file for the key, readable by its owner only (mode 0600). Its content is what O(service_account_key) of these modules takes.
      - Needed unless O(state=absent), which removes the file if it holds a key of this account.
    type: path
"""

EXAMPLES = r"""
- name: Have an account that registers machines, with a key for half a year
  usableapps.omni_matchbox.omni_service_account:
    endpoint: https://omni.example.com
    name: site-berlin
    role: Reader
    lifetime: 180d
    key_path: /etc/ansible/omni-berlin.key
  delegate_to: localhost

- name: Delete it
  usableapps.omni_matchbox.omni_service_account:
    endpoint: https://omni.example.com
    name: site-berlin
    state: absent
    key_path: /etc/ansible/omni-berlin.key
  delegate_to: localhost
"""

RETURN = r"""
service_account:
  description: The account as it is then; none if there is none.
  returned: success
  type: dict
  contains:
    name:
      description: Its name.
      type: str
      sample: site-berlin
    identity:
      description: What Omni's list of users and its audit log call it.
      type: str
      sample: site-berlin@serviceaccount.omni.sidero.dev
    role:
      description: What it may do.
      type: str
      sample: Reader
    keys:
      description: Fingerprint and end of each of its keys, those first that end first.
      type: list
      elements: dict
      sample:
        - {fingerprint: 08054539ddbef458383b83c4a69596a4d9fcf6f6, expiration: "2027-05-23T00:25:58Z"}
"""

import time

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.common.argspec import ArgumentSpec
from ..module_utils.common.run import run_module
from ..module_utils.omni.arguments import CONNECTION, connect
from ..module_utils.omni.key_file import KeyFile
from ..module_utils.omni.service_accounts import Wish, apply_account, describe, find_account, plan_absent, plan_present

SPEC = CONNECTION.merged(
    ArgumentSpec(
        options={
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "role": {"type": "str", "choices": ["None", "InfraProvider", "Reader", "Auditor", "Operator", "Admin"]},
            "lifetime": {"type": "str", "default": "365d"},
            "renew_before": {"type": "str", "default": "30d"},
            "key_path": {"type": "path", "no_log": False},
        },
        required_if=[("state", "present", ("role", "key_path"))],
    )
)


def work(module: AnsibleModule) -> dict:
    wish = Wish.from_params(module.params)
    client, now = connect(module.params), time.time()
    file = KeyFile(module.params["key_path"]) if module.params["key_path"] else None
    account = find_account(client, wish.name)
    present = module.params["state"] == "present"
    plan = plan_present(wish, account, file, now) if present else plan_absent(wish.name, account, file, client.account.name, now)
    if plan.changed and not module.check_mode:
        apply_account(client, plan, wish, file)
        account = find_account(client, wish.name)
    return {"changed": plan.changed, "diff": plan.diff(), "service_account": describe(account)}


def main():
    run_module(SPEC, work)


if __name__ == "__main__":
    main()
