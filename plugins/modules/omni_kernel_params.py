#!/usr/bin/python
# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: omni_kernel_params
short_description: Get the kernel parameters by which machines find their Omni
version_added: 0.1.0
description:
  - Gets the three kernel parameters that Omni shows as C(Copy Kernel Parameters), C(siderolink.api), C(talos.events.sink) and
    C(talos.logging.kernel). A machine that boots Talos Linux with them registers with this Omni.
  - Addresses and ports are Omni's own. They are never to be guessed, since the ports differ from one Omni to the next.
  - Whoever knows the parameters can register machines. So they are a secret, and a successful result is shown at no verbosity while
    C(register) keeps it. Errors are shown.
  - All hosts of one run that ask the same question with the same options are given the answer of the first, also if that was an error.
    Two sites with two Omnis are two questions.
  - A token that machines could not join with (revoked, expired, unknown) is an error, if the service account may read tokens (role C(Reader)).
author:
  - The usableapps.omni_matchbox founders (@usableapps)
extends_documentation_fragment:
  - usableapps.omni_matchbox.omni
  - usableapps.omni_matchbox.omni_join
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
  kernel_params:
    description:
      - The three parameters themselves, copied from Omni. They are checked, and Omni is not asked.
      - One string with blanks between, as Omni copies it, or a list.
    type: list
    elements: str
  served:
    description:
      - >-
        What a boot host serves to a machine, to be compared with the parameters: the text of the script that Matchbox answers to C(/ipxe) or C(/grub),
        or a kernel command line. Join a list of arguments by blanks.
      - See RV(served_matches) and RV(served_differences).
    type: str
  warn_before:
    description:
      - Warn if the join token ends within this time, written as V(14d), V(12h) or V(4w). See RV(expires_soon).
      - Not known of given parameters, nor to a service account that may not read tokens.
    type: str
notes:
  - The result is a secret. Use the registered variable where it is needed. A task that passes it to an option which is not a secret, to
    M(ansible.builtin.set_fact) or to M(ansible.builtin.debug) needs C(no_log).
"""

EXAMPLES = r"""
- name: Get the join parameters of this site's Omni
  usableapps.omni_matchbox.omni_kernel_params:
    endpoint: https://omni.example.com
    service_account_key: "{{ vault_omni_service_account_key }}"
  delegate_to: localhost
  become: false
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
  register: omni_join

- name: Use a token of this site's own
  usableapps.omni_matchbox.omni_kernel_params:
    endpoint: https://omni.example.com
    join_token_name: site-berlin
    ca_path: /etc/ssl/site-ca.pem
  delegate_to: localhost
  become: false
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
  register: omni_join

- name: Tell which token machines will join with
  ansible.builtin.debug:
    msg: "{{ omni_join.redacted | join(' ') }}"

- name: Get what a boot host serves to a machine
  ansible.builtin.uri:
    url: http://boot1.example.com/ipxe?mac=52-54-00-12-34-56
    return_content: true
  delegate_to: localhost
  no_log: true
  register: script

- name: Compare it with what Omni says now
  usableapps.omni_matchbox.omni_kernel_params:
    endpoint: https://omni.example.com
    served: "{{ script.content }}"
  delegate_to: localhost
  register: omni_join
  failed_when: not omni_join.served_matches

- name: Check parameters that were copied from Omni
  usableapps.omni_matchbox.omni_kernel_params:
    kernel_params: "{{ vault_omni_kernel_params }}"
  delegate_to: localhost
  register: omni_join
"""

RETURN = r"""
kernel_params:
  description:
    - The three parameters, as Omni gave them. They hold the join token.
    - A query of two fields holds C(&), which shells, GRUB and iPXE take for more than a letter.
  returned: success
  type: list
  elements: str
  sample:
    - siderolink.api=grpc://192.168.1.5:8090?jointoken=EXAMPLE
    - talos.events.sink=[fdae:41e4:649b:9303::1]:8091
    - talos.logging.kernel=tcp://[fdae:41e4:649b:9303::1]:8092
redacted:
  description: The same with a short hash in place of the join token, to be shown and compared.
  returned: success
  type: list
  elements: str
  sample:
    - siderolink.api=grpc://192.168.1.5:8090?jointoken=sha256:f2e8378c
    - talos.events.sink=[fdae:41e4:649b:9303::1]:8091
    - talos.logging.kernel=tcp://[fdae:41e4:649b:9303::1]:8092
token_hash:
  description: The short hash by which the collection names this join token everywhere.
  returned: success
  type: str
  sample: sha256:f2e8378c
expiration:
  description: When the join token ends; none for never, or if that is not known.
  returned: success
  type: str
  sample: "2027-03-01T00:00:00Z"
expires_soon:
  description: Whether it ends within O(warn_before).
  returned: success
  type: bool
  sample: false
source:
  description: V(omni) if Omni was asked, V(given) if the parameters were given as O(kernel_params).
  returned: success
  type: str
  sample: omni
served_matches:
  description: Whether O(served) holds just these three parameters. Order and encoding of a query make no difference.
  returned: success, if O(served) is given
  type: bool
  sample: false
served_differences:
  description: A line for each parameter that differs, with short hashes in place of tokens.
  returned: success, if O(served) is given
  type: list
  elements: str
  sample:
    - siderolink.api is grpc://192.168.1.5:8090?jointoken=sha256:08cc7e5d, not grpc://192.168.1.5:8090?jointoken=sha256:f2e8378c
"""

import time

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.boot.join_args import differences, join_args_in
from ..module_utils.boot.kernel_args import join_token, redact, token_hash, validate_join_args
from ..module_utils.common.argspec import ArgumentSpec
from ..module_utils.common.run import run_module
from ..module_utils.omni.arguments import CONNECTION, JOIN, connect
from ..module_utils.omni.join import Join, asked_params
from ..module_utils.omni.lifetimes import is_soon, show_time

SPEC = CONNECTION.merged(
    JOIN,
    ArgumentSpec(
        options={
            "kernel_params": {"type": "list", "elements": "str", "no_log": True},
            "served": {"type": "str", "no_log": True},
            "warn_before": {"type": "str"},
        },
        mutually_exclusive=[(option, "kernel_params") for option in JOIN.options],
    ),
)


def work(module: AnsibleModule) -> dict:
    given, served = module.params["kernel_params"], module.params["served"]
    join = asked_params(connect(module.params), module.params) if given is None else Join(validate_join_args([arg for text in given for arg in text.split()]))
    args, soon = join.args, is_soon(join.expires, time.time(), module.params["warn_before"], "warn_before")
    reveal(module)
    result = {
        "changed": False,
        "kernel_params": args,
        "redacted": [redact(arg) for arg in args],
        "token_hash": token_hash(join_token(args)),
        "expiration": None if join.expires is None else show_time(join.expires),
        "expires_soon": soon,
        "source": "omni" if given is None else "given",
    }
    if soon:
        module.warn(f"join token {result['token_hash']} ends at {result['expiration']}; machines that boot after that cannot join; renew or rotate it")
    if served is not None:
        result["served_differences"] = differences(join_args_in(served), args)
        result["served_matches"] = not result["served_differences"]
    return result


def reveal(module: AnsibleModule) -> None:
    """Let the result hold what some options hold. It is the action plugin that keeps the whole of it out of sight."""
    for name in ("join_token", "kernel_params", "served"):
        if module.params[name] is not None:
            value = module.params[name]
            module.no_log_values.difference_update(value if name == "kernel_params" else [value])
            module.params[name] = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


def main():
    run_module(SPEC, work)


if __name__ == "__main__":
    main()
