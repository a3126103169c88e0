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
  join_token:
    description:
      - The join token that machines are to use.
      - Without it and O(join_token_name), the token that is Omni's default.
    type: str
  join_token_name:
    description: Name of the join token that machines are to use. Exactly one active token must have it.
    type: str
  use_grpc_tunnel:
    description:
      - Whether machines reach Omni through gRPC only, for networks in which WireGuard (UDP) does not pass.
      - Without it, as this Omni enforces it for all machines.
    type: bool
  kernel_params:
    description:
      - The three parameters themselves, copied from Omni. They are checked, and Omni is not asked.
      - One string with blanks between, as Omni copies it, or a list.
    type: list
    elements: str
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
source:
  description: V(omni) if Omni was asked, V(given) if the parameters were given as O(kernel_params).
  returned: success
  type: str
  sample: omni
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.boot.kernel_args import join_token, redact, token_hash, validate_join_args
from ..module_utils.common.argspec import ArgumentSpec
from ..module_utils.common.errors import InputError
from ..module_utils.common.run import run_module
from ..module_utils.omni.arguments import CONNECTION, connect
from ..module_utils.omni.join import find_join_token, kernel_params

SPEC = CONNECTION.merged(
    ArgumentSpec(
        options={
            "join_token": {"type": "str", "no_log": True},
            "join_token_name": {"type": "str", "no_log": False},
            "use_grpc_tunnel": {"type": "bool"},
            "kernel_params": {"type": "list", "elements": "str", "no_log": True},
        },
        mutually_exclusive=[("join_token", "join_token_name", "kernel_params"), ("use_grpc_tunnel", "kernel_params")],
    )
)


def work(module: AnsibleModule) -> dict:
    given = module.params["kernel_params"]
    args = ask_omni(module.params) if given is None else validate_join_args([arg for text in given for arg in text.split()])
    reveal(module)
    return {
        "changed": False,
        "kernel_params": args,
        "redacted": [redact(arg) for arg in args],
        "token_hash": token_hash(join_token(args)),
        "source": "omni" if given is None else "given",
    }


def ask_omni(params: dict) -> list[str]:
    for name in ("join_token", "join_token_name"):
        if params[name] == "":
            raise InputError(f"{name} is empty; leave it out for Omni's default token")
    client = connect(params)
    token = find_join_token(client, params["join_token_name"]) if params["join_token_name"] else params["join_token"]
    return kernel_params(client, token, params["use_grpc_tunnel"])


def reveal(module: AnsibleModule) -> None:
    """Let the result hold what some options hold. It is the action plugin that keeps the whole of it out of sight."""
    for name in ("join_token", "kernel_params"):
        if module.params[name] is not None:
            value = module.params[name]
            module.no_log_values.difference_update([value] if name == "join_token" else value)
            module.params[name] = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


def main():
    run_module(SPEC, work)


if __name__ == "__main__":
    main()
