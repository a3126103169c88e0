#!/usr/bin/python
# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: omni_resource
short_description: Any resource of Omni
version_added: 0.1.0
description:
  - Creates, changes and deletes resources of Omni by its API, also those that no other module of the collection is about.
  - Omni checks what it is sent. What it refuses fails with its words, and nothing is changed.
  - A change is made to the resource as it is when it is sent; what others changed meanwhile is kept.
  - The service account needs the role C(Operator) for most types, C(Admin) for some.
author:
  - The usableapps.omni_matchbox founders (@usableapps)
extends_documentation_fragment:
  - usableapps.omni_matchbox.omni
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    description: Omni has no dry run. What it would refuse is known in the real run only.
    support: full
  diff_mode:
    description: In place of secrets stand short hashes.
    support: full
  platform:
    platforms: posix
options:
  type:
    description: Type of the resource, in full, as in V(Clusters.omni.sidero.dev) or V(MachineLabels.omni.sidero.dev).
    type: str
    required: true
  id:
    description: Id of the resource.
    type: str
    required: true
  namespace:
    description:
      - Namespace of the resource. Without it, the one that Omni has for the type.
      - In a namespace that is not its type's, Omni accepts a resource and never looks at it.
    type: str
  state:
    description:
      - Whether the resource is there.
      - V(absent) waits until Omni has cleaned up what depended on it. That takes as long as a machine of it is out of reach; see O(wait_timeout).
    type: str
    choices: [present, absent]
    default: present
  labels:
    description: Labels. A label that is none (V(null)) is removed.
    type: dict
  annotations:
    description: Annotations. One that is none (V(null)) is removed.
    type: dict
  spec:
    description:
      - Specification, with the names of fields as Omni has them. A field that is none (V(null)) is removed.
      - Write numbers where Omni has an enumeration, as V(1) for C(Rolling), and large numbers and durations as texts, as in V(3600s).
    type: dict
  update:
    description:
      - What becomes of what is not named in O(labels), O(annotations) and O(spec).
      - With V(merge) it stays, within objects too; lists are replaced. With V(replace) it is removed.
      - An option that is not given at all leaves its part as it is in either case.
    type: str
    choices: [merge, replace]
    default: merge
  version:
    description: Refuse to change the resource if its version is another one.
    type: int
  wait_for:
    description:
      - Wait until the specification of the resource holds all of this; fields that Omni leaves out count as false, 0 or empty.
      - There is no waiting in check mode.
    type: dict
  wait_for_type:
    description: Look for O(wait_for) in the resource of this type that has the same id, as in V(ClusterStatuses.omni.sidero.dev).
    type: str
  wait_timeout:
    description: Seconds to wait for O(wait_for), or for the resource to be gone.
    type: int
    default: 600
seealso:
  - module: usableapps.omni_matchbox.omni_resource_info
"""

EXAMPLES = r"""
- name: Label a machine
  usableapps.omni_matchbox.omni_resource:
    endpoint: https://omni.example.com
    type: MachineLabels.omni.sidero.dev
    id: 10001802-c798-4da7-a410-f09abb48c8d8
    labels:
      rack: r1
  delegate_to: localhost

- name: Upgrade a cluster, and wait until that is done
  usableapps.omni_matchbox.omni_resource:
    endpoint: https://omni.example.com
    type: Clusters.omni.sidero.dev
    id: berlin
    spec:
      talos_version: 1.11.5
    wait_for:
      phase: 2
      last_upgrade_version: 1.11.5
    wait_for_type: TalosUpgradeStatuses.omni.sidero.dev
    wait_timeout: 3600
  delegate_to: localhost

- name: Remove a cluster
  usableapps.omni_matchbox.omni_resource:
    endpoint: https://omni.example.com
    type: Clusters.omni.sidero.dev
    id: berlin
    state: absent
  delegate_to: localhost
"""

RETURN = r"""
resource:
  description: The resource as it is then, with short hashes in place of secrets; none if it was removed.
  returned: success
  type: dict
  contains:
    metadata:
      description: Namespace, type, id, version, phase, labels, annotations, finalizers and times.
      type: dict
      sample:
        {namespace: default, type: MachineLabels.omni.sidero.dev, id: 10001802-c798-4da7-a410-f09abb48c8d8, version: 2, phase: running, labels: {rack: r1}}
    spec:
      description: The specification. What is false, 0 or empty is left out by Omni.
      type: dict
      sample: {}
waited_for:
  description: The resource that O(wait_for) was about, as it was then.
  returned: success, if O(wait_for) is given, not in check mode
  type: dict
  sample:
    metadata: {namespace: default, type: TalosUpgradeStatuses.omni.sidero.dev, id: berlin, version: 9, phase: running}
    spec: {phase: 2, last_upgrade_version: 1.11.5}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.common.argspec import ArgumentSpec
from ..module_utils.common.run import run_module
from ..module_utils.omni.arguments import CONNECTION, connect
from ..module_utils.omni.masking import mask_resource
from ..module_utils.omni.redaction import redacted
from ..module_utils.omni.resource_plan import Wish, apply_resource, current_resource, plan_resource, wait_for

SPEC = CONNECTION.merged(
    ArgumentSpec(
        options={
            "type": {"type": "str", "required": True},
            "id": {"type": "str", "required": True, "no_log": True},
            "namespace": {"type": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "labels": {"type": "dict"},
            "annotations": {"type": "dict"},
            "spec": {"type": "dict", "no_log": True},
            "update": {"type": "str", "choices": ["merge", "replace"], "default": "merge"},
            "version": {"type": "int"},
            "wait_for": {"type": "dict"},
            "wait_for_type": {"type": "str"},
            "wait_timeout": {"type": "int", "default": 600},
        },
    )
)


def work(module: AnsibleModule) -> dict:
    params = module.params
    mask_resource(module)
    client = connect(params)
    wish = Wish.from_params(params, client)
    plan = plan_resource(client, wish)
    result = {"changed": plan.changed, "diff": plan.diff(), "resource": redacted(plan.after) if plan.after else None}
    if module.check_mode:
        return result
    if plan.changed:
        apply_resource(client, wish, plan, params["wait_timeout"])
    if params["wait_for"] is not None and wish.present:
        result["waited_for"] = redacted(wait_for(client, wish, params["wait_for"], params["wait_for_type"], params["wait_timeout"]))
    return {**result, "resource": current_resource(client, wish)}


def main():
    run_module(SPEC, work)


if __name__ == "__main__":
    main()
