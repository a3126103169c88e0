#!/usr/bin/python
# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: omni_resource_info
short_description: Look at Omni's resources
version_added: 0.1.0
description:
  - Gets resources of any type from Omni, all of them, one, or those with some labels.
  - Join tokens, keys, machine configurations and ids of schematics are shown as short hashes.
  - The service account needs the role C(Reader) for most types, C(Admin) for some.
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
  type:
    description: Type of the resources, in full, as in V(MachineStatuses.omni.sidero.dev).
    type: str
    required: true
  id:
    description: Id of the only resource to get. It is no error if there is none.
    type: str
  namespace:
    description: Namespace of the resources. Without it, the one that Omni has for the type.
    type: str
  selector:
    description:
      - What labels the resources must have, as in V(rack = r1, !spare). All of it must be true.
      - "Omni knows C(name), C(!name), C(=), C(!=), C(<), C(<=), C(>), C(>=), C(in (a, b)) and C(notin (a, b))."
    type: str
seealso:
  - module: usableapps.omni_matchbox.omni_resource
"""

EXAMPLES = r"""
- name: Find the machines that are free
  usableapps.omni_matchbox.omni_resource_info:
    endpoint: https://omni.example.com
    type: MachineStatuses.omni.sidero.dev
    selector: omni.sidero.dev/available, omni.sidero.dev/cores >= 8
  delegate_to: localhost
  register: free

- name: Look at a cluster
  usableapps.omni_matchbox.omni_resource_info:
    endpoint: https://omni.example.com
    type: ClusterStatuses.omni.sidero.dev
    id: berlin
  delegate_to: localhost
"""

RETURN = r"""
resources:
  description: The resources, by id, with short hashes in place of secrets.
  returned: success
  type: list
  elements: dict
  contains:
    metadata:
      description: Namespace, type, id, version, phase, owner, labels, annotations, finalizers and times.
      type: dict
      sample: {namespace: default, type: Machines.omni.sidero.dev, id: 10001802-c798-4da7-a410-f09abb48c8d8, version: 4, phase: running}
    spec:
      description: The specification. What is false, 0 or empty is left out by Omni.
      type: dict
      sample: {management_address: "fdae:41e4:649b:9303:93de:3f0e:3cd6:6e11", connected: true}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.common.argspec import ArgumentSpec
from ..module_utils.common.run import run_module
from ..module_utils.omni.arguments import CONNECTION, connect
from ..module_utils.omni.masking import mask_resource
from ..module_utils.omni.redaction import is_secret_id, redacted
from ..module_utils.omni.resources import default_namespace, find_resource, list_resources

SPEC = CONNECTION.merged(
    ArgumentSpec(
        options={
            "type": {"type": "str", "required": True},
            "id": {"type": "str", "no_log": True},
            "namespace": {"type": "str"},
            "selector": {"type": "str"},
        },
        mutually_exclusive=[("id", "selector")],
    )
)


def work(module: AnsibleModule) -> dict:
    params = module.params
    mask_resource(module)
    client, kind, resource_id = connect(params), params["type"], params["id"]
    namespace = params["namespace"] or default_namespace(client, kind)
    if resource_id is None:
        found = list_resources(client, kind, namespace, selector=params["selector"] or "")
    else:
        one = find_resource(client, kind, resource_id, namespace, secret_id=is_secret_id(kind))
        found = [one] if one else []
    return {"changed": False, "resources": [redacted(resource) for resource in found]}


def main():
    run_module(SPEC, work)


if __name__ == "__main__":
    main()
