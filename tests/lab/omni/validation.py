"""What Omni checks of the resources that clients write, before it takes them, and in which words it refuses.

What it does not check is left unchecked: a node for a machine that nobody has ever seen is taken.
"""

from __future__ import annotations

import re

from . import resources, selectors
from .calls import ApiError, Call, invalid
from .kinds import BACKUPS, CLUSTER, CLUSTERS, MACHINE_SET_NODES, MACHINE_SETS
from .state import NEVER, TALOS_VERSIONS, parse_time

LOCKED = "omni.sidero.dev/cluster-locked"
CONTROL_PLANE, WORKER = "omni.sidero.dev/role-controlplane", "omni.sidero.dev/role-worker"
CLASSES = "MachineClasses.omni.sidero.dev"
PATCHES = "ConfigPatches.omni.sidero.dev"


def check(call: Call, metadata: dict, spec: dict, current: dict | None = None) -> None:
    """Raise if Omni would not take this resource; ``current`` is what it replaces."""
    if current is not None and LOCKED in metadata.get("annotations", {}):
        check_unlocked(current, "updating cluster configuration is not allowed")
    if metadata["type"] in _CHECKS:
        _CHECKS[metadata["type"]](call, metadata, spec)


def check_unlocked(item: dict, what: str) -> None:
    """Raise if the cluster is locked."""
    if LOCKED in item["metadata"].get("annotations", {}):
        raise invalid(f'{what}: the cluster "{item["metadata"]["id"]}" is locked')


def _check_cluster(_call: Call, metadata: dict, spec: dict) -> None:
    talos, kubernetes = spec.get("talos_version", ""), spec.get("kubernetes_version", "")
    if not re.fullmatch("[A-Za-z0-9_-]+", metadata["id"]):
        raise invalid("name should only contain letters, digits, dashes and underscores")
    if talos not in TALOS_VERSIONS:
        doing = f"failed to get: resource TalosVersions.omni.sidero.dev(default/{talos}@undefined) doesn't exist"
        missing = [f"error validating {what} version: 1 error occurred:\n\t* version is required\n\n" for what in ("Kubernetes", "Talos")]
        raise _several(*([] if talos or kubernetes else missing), f'invalid talos version "{talos}": {doing}')
    if kubernetes not in resources.KUBERNETES_VERSIONS:
        raise invalid(f'invalid kubernetes version "{kubernetes}": is not compatible with talos version "{talos}"')
    seconds = int(spec.get("backup_configuration", {}).get("interval", "3600s").rstrip("s"))
    if seconds < 3600:
        raise invalid(f"backup interval must be greater than 1h0m0s, actual {seconds // 60}m{seconds % 60}s")


def _check_machine_set(call: Call, metadata: dict, spec: dict) -> None:
    labels = metadata.get("labels", {})
    cluster = labels.get(CLUSTER, "")
    missing = f'the cluster "{cluster}" does not exist'
    if CLUSTER not in labels:
        raise _several(f'label "{CLUSTER}" does not exist', missing)
    if f"default/{cluster}" not in call.content["resources"].get(CLUSTERS, {}):
        raise invalid(missing)
    if CONTROL_PLANE in labels and metadata["id"] != f"{cluster}-control-planes":
        raise invalid(f'control plane machine set must have ID "{cluster}-control-planes"')
    if CONTROL_PLANE not in labels and WORKER not in labels:
        raise invalid(f'machine set must have either "{CONTROL_PLANE}" or "{WORKER}" label')
    if not metadata["id"].startswith(f"{cluster}-"):
        raise invalid(f'machine set of cluster "{cluster}" ID must have "{cluster}-" as prefix')
    wanted = spec.get("machine_allocation", {}).get("name", "")
    if wanted and f"default/{wanted}" not in call.content["resources"].get(CLASSES, {}):
        raise invalid(f'machine class with name "{wanted}" doesn\'t exist')


def _check_node(call: Call, metadata: dict, _spec: dict) -> None:
    wanted = metadata.get("labels", {}).get("omni.sidero.dev/machine-set", "")
    found = call.content["resources"].get(MACHINE_SETS, {}).get(f"default/{wanted}")
    why = "the machine set does not exist" if not found else "the machine set is using automated machine allocation"
    if not found or found["spec"].get("machine_allocation"):
        raise invalid(f'adding machine set node to the machine set "{wanted}" is not allowed: {why}')


def _check_patch(_call: Call, _metadata: dict, spec: dict) -> None:
    """Not a YAML parser: it knows the two mistakes that were recorded."""
    data = spec.get("data", "")
    if re.search(r"^\w+: \w+: ", data, re.MULTILINE):
        raise invalid("decode error: yaml: mapping values are not allowed in this context")
    if re.search(r"^cluster:\n +clusterName:", data, re.MULTILINE):
        raise invalid('overriding "cluster.clusterName" is not allowed in the config patch')


def _check_class(_call: Call, _metadata: dict, spec: dict) -> None:
    if not spec.get("match_labels") and not spec.get("auto_provision"):
        raise invalid("machine class should either have auto provision or match labels set")
    for text in spec.get("match_labels", []):
        try:
            selectors.parse(text)
        except ApiError as error:
            raise invalid(f"failed to parse matchLabels: rpc error: code = InvalidArgument desc = {error}") from None


def _check_backup(call: Call, _metadata: dict, spec: dict) -> None:
    ahead = parse_time(spec.get("backup_at", NEVER)) - call.asker.now
    if abs(ahead) > 60:
        raise invalid(f"backup time must not be more than 1 minute in the {'future' if ahead > 0 else 'past'}")


def _several(*messages: str) -> ApiError:
    listed = "".join(f"\t* {message}\n" for message in messages)
    return ApiError(3, f"failed to validate: {len(messages)} error{'s' if len(messages) > 1 else ''} occurred:\n{listed}\n")


_CHECKS = {
    CLUSTERS: _check_cluster,
    MACHINE_SETS: _check_machine_set,
    MACHINE_SET_NODES: _check_node,
    PATCHES: _check_patch,
    CLASSES: _check_class,
    BACKUPS: _check_backup,
}
