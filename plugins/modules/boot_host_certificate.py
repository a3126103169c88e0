#!/usr/bin/python
# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: boot_host_certificate
short_description: A certificate that signs itself, and its private key
version_added: 0.1.0
description:
  - Makes a certificate for names and addresses once, and anew when they change, when it is about to expire, or when it does not
    belong to the private key. The private key is made only where there is none, so a renewal changes one file.
  - Whoever opens the two files at any moment finds a pair or no certificate, never two that do not belong together.
  - A certificate that somebody else issued is left alone while it will do. When it will not, the task fails and says why.
  - Both files belong to the user who runs the task.
author:
  - The usableapps.omni_matchbox founders (@usableapps)
attributes:
  check_mode:
    description: Tells exactly what the run then changes, also where C(openssl) and the directories are not there yet.
    support: full
  diff_mode:
    description: Shows subject, names and end of the certificate, and never the key.
    support: full
  platform:
    description: Any with the program C(openssl).
    platforms: posix
    support: full
options:
  certificate:
    description: The path of the certificate. Its directory has to exist.
    type: path
    required: true
  private_key:
    description: The path of the private key. Its directory has to exist.
    type: path
    required: true
  names:
    description: DNS names. The first one becomes the common name.
    type: list
    elements: str
    default: []
  addresses:
    description: IP addresses.
    type: list
    elements: str
    default: []
  days:
    description: For how many days a new certificate is good. Some clients accept none for more than 825 days.
    type: int
    default: 825
  renew_days:
    description: How many days before its end a certificate is made anew.
    type: int
    default: 30
  key_mode:
    description: The mode of the private key as a quoted octal number.
    type: str
    default: "0600"
  key_group:
    description: The group of the private key, for a service that reads it as another user than root.
    type: str
"""

EXAMPLES = r"""
- name: Certificate of the gateway
  usableapps.omni_matchbox.boot_host_certificate:
    certificate: /etc/omni-matchbox/tls/certificate.pem
    private_key: /etc/omni-matchbox/tls/key.pem
    names: [boot1.example.com]
    addresses: [192.168.1.8]
"""

RETURN = r"""
reasons:
  description: Why the certificate was made, or would be in check mode; empty if it was left as it is.
  returned: success
  type: list
  elements: str
  sample: [it expires in 12 days]
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.common.argspec import ArgumentSpec
from ..module_utils.common.run import run_module
from ..module_utils.host.certificate import wish
from ..module_utils.host.files import parse_mode
from ..module_utils.host.pair import Pair

SPEC = ArgumentSpec(
    options={
        "certificate": {"type": "path", "required": True},
        "private_key": {"type": "path", "required": True, "no_log": False},
        "names": {"type": "list", "elements": "str", "default": []},
        "addresses": {"type": "list", "elements": "str", "default": []},
        "days": {"type": "int", "default": 825},
        "renew_days": {"type": "int", "default": 30},
        "key_mode": {"type": "str", "default": "0600", "no_log": False},
        "key_group": {"type": "str", "no_log": False},
    }
)


def work(module: AnsibleModule) -> dict:
    params = module.params
    wanted = wish(params["names"], params["addresses"], params["days"], params["renew_days"])
    key_mode = parse_mode(params["private_key"], params["key_mode"])
    pair = Pair(params["certificate"], params["private_key"], wanted, key_mode, params["key_group"])
    plan = pair.plan()
    if plan.changed and not module.check_mode:
        pair.apply(plan)
    return {"changed": plan.changed, "diff": plan.diff, "reasons": plan.reasons}


def main() -> None:
    run_module(SPEC, work)


if __name__ == "__main__":
    main()
