#!/usr/bin/python
# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: omni_schematic
short_description: Have a schematic with the join parameters inside, made by Omni
version_added: 0.1.0
description:
  - >-
    Has Omni create a schematic at its Image Factory, with system extensions, an overlay and kernel arguments of one's own, and with the join parameters
    of this Omni inside. A machine that is installed from such an image finds its Omni again, which it would not if the boot host alone added them.
  - The same input gives the same schematic, so that nothing is ever changed by creating it again.
  - >-
    The id of a schematic is as good as a join token, since the factory tells the arguments in it to whoever knows the id. So a successful result is
    shown at no verbosity while C(register) keeps it. Paths and logs carry the image key, which nothing can be asked for with.
  - Omni takes any name of an extension. One that does not exist shows when the factory is to build the image.
  - The service account needs the role C(Operator).
author:
  - The usableapps.omni_matchbox founders (@usableapps)
extends_documentation_fragment:
  - usableapps.omni_matchbox.omni
  - usableapps.omni_matchbox.omni_join
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    description: Creates no schematic, so that its id is not known. Everything else is as in the real run.
    support: full
  diff_mode:
    description: Changes nothing, so there is nothing to show.
    support: none
  platform:
    platforms: posix
options:
  talos_version:
    description: The Talos version of the image, one that this Omni supports. The overlay depends on it, the rest of the schematic does not.
    type: str
    required: true
  architecture:
    description: The machines' architecture as Talos names it. Overlays are made for one of the two.
    type: str
    choices: [amd64, arm64]
    default: amd64
  extensions:
    description: System extensions, as C(siderolabs/iscsi-tools). Their order makes no difference.
    type: list
    elements: str
    default: []
  overlay:
    description: The overlay of a single-board computer, as C(rpi_generic).
    type: str
  extra_kernel_args:
    description: Kernel arguments after the join parameters, one an entry. C(-name) removes one of the image's own.
    type: list
    elements: str
    default: []
  secure_boot:
    description:
      - Whether machines boot the files that are signed for Secure Boot. The schematic is the same, the files have other names, so the image key differs.
      - Refused with an O(overlay) whose boards have no Secure Boot.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Have an image for machines with iSCSI disks
  usableapps.omni_matchbox.omni_schematic:
    endpoint: https://omni.example.com
    talos_version: v1.11.4
    extensions: [siderolabs/iscsi-tools, siderolabs/util-linux-tools]
    extra_kernel_args: ["console=ttyS1,115200"]
  delegate_to: localhost
  register: omni_image

- name: Tell where its files will lie
  ansible.builtin.debug:
    msg: "assets/talos/v1.11.4/{{ omni_image.image_key }}/amd64"
"""

RETURN = r"""
image_key:
  description: The name of the image in paths and logs.
  returned: success
  type: str
  sample: 3f0c9a51d27be846
schematic_id:
  description: The id of the schematic, a secret.
  returned: success, not in check mode
  type: str
  sample: 376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba
image_factory_url:
  description: The Image Factory that has the schematic.
  returned: success
  type: str
  sample: https://factory.talos.dev
talos_version:
  description: The version as it is written in paths.
  returned: success
  type: str
  sample: v1.11.4
token_hash:
  description: The short hash of the join token that is in the schematic.
  returned: success
  type: str
  sample: sha256:f2e8378c
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.boot.customization import Customization, image_key
from ..module_utils.boot.kernel_args import join_token, token_hash
from ..module_utils.common.argspec import ArgumentSpec
from ..module_utils.common.run import run_module
from ..module_utils.omni.arguments import CONNECTION, JOIN, connect
from ..module_utils.omni.join import asked_params
from ..module_utils.omni.schematics import check_version, create_schematic, factory_url, find_media
from ..module_utils.talos.version import ARCHITECTURES

SPEC = CONNECTION.merged(
    JOIN,
    ArgumentSpec(
        options={
            "talos_version": {"type": "str", "required": True},
            "architecture": {"type": "str", "choices": list(ARCHITECTURES), "default": "amd64"},
            "extensions": {"type": "list", "elements": "str", "default": []},
            "overlay": {"type": "str"},
            "extra_kernel_args": {"type": "list", "elements": "str", "default": []},
            "secure_boot": {"type": "bool", "default": False},
        },
    ),
)


def work(module: AnsibleModule) -> dict:
    client, customization = connect(module.params), Customization.of(module.params)
    version = check_version(client, module.params["talos_version"])
    media = find_media(client, module.params["architecture"], customization)
    join_args = asked_params(client, module.params).args
    result = {
        "changed": False,
        "image_key": image_key(customization.content(), join_args),
        "image_factory_url": factory_url(client),
        "talos_version": f"v{version}",
        "token_hash": token_hash(join_token(join_args)),
    }
    if not module.check_mode:
        result["schematic_id"] = create_schematic(client, version, media, customization, join_args)
    return result


def main():
    run_module(SPEC, work)


if __name__ == "__main__":
    main()
