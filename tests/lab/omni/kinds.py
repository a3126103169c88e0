"""The resource types that clients write: what may be in them, who holds them, and who removes them. All others are composed in :mod:`.resources`."""

from __future__ import annotations

import dataclasses
import functools

from . import resources
from .resources import Asker, Kind, resource

MACHINE_LABELS = "MachineLabels.omni.sidero.dev"
CLUSTERS = "Clusters.omni.sidero.dev"
MACHINE_SETS = "MachineSets.omni.sidero.dev"
MACHINE_SET_NODES = "MachineSetNodes.omni.sidero.dev"
BACKUPS = "EtcdManualBackups.omni.sidero.dev"
CLUSTER = "omni.sidero.dev/cluster"

_CLUSTER_CONTROLLERS = (
    "TalosUpgradeStatusController",
    "ClusterUUIDController",
    "ClusterStatusController",
    "SecretsController",
    "ClusterEndpointController",
    "KubernetesUpgradeStatusController",
    "ClusterController",
    "ClusterWorkloadProxyStatusController",
    "BackupDataController",
    "ClusterDestroyStatusController",
    "ClusterConfigVersionController",
)
_STRATEGIES = {"Unset": 0, "Rolling": 1}


@dataclasses.dataclass(frozen=True)
class Stored:
    """``fields`` are those of its specification, ``finalizers`` the controllers that hold one from the start.

    ``removed`` says whether controllers remove one that is torn down; others stay until they are deleted.
    """

    fields: tuple[str, ...] = ()
    namespace: str = "default"
    write: str = "Operator"
    read: str = "Reader"
    finalizers: tuple[str, ...] = ()
    removed: bool = False
    enumerations: dict = dataclasses.field(default_factory=dict)


STORED = {
    MACHINE_LABELS: Stored(),
    CLUSTERS: Stored(
        ("talos_version", "kubernetes_version", "features", "backup_configuration", "install_image"), finalizers=_CLUSTER_CONTROLLERS, removed=True
    ),
    MACHINE_SETS: Stored(
        ("update_strategy", "delete_strategy", "update_strategy_config", "delete_strategy_config", "machine_allocation", "bootstrap_spec"),
        finalizers=("MachineSetController", "MachineSetStatusController"),
        removed=True,
        enumerations={"update_strategy": _STRATEGIES, "delete_strategy": _STRATEGIES},
    ),
    MACHINE_SET_NODES: Stored(),
    "ConfigPatches.omni.sidero.dev": Stored(("data", "compressed_data")),
    "MachineClasses.omni.sidero.dev": Stored(("match_labels", "auto_provision")),
    "KernelArgs.omni.sidero.dev": Stored(("args",)),
    "ExtensionsConfigurations.omni.sidero.dev": Stored(("extensions",)),
    BACKUPS: Stored(("backup_at",), "ephemeral"),
    "EtcdBackupS3Configs.omni.sidero.dev": Stored(
        ("bucket", "region", "endpoint", "access_key_id", "secret_access_key", "session_token"), read="Admin", write="Admin"
    ),
}


def _stored(kind: str, content: dict, _asker: Asker) -> list[dict]:
    return [{"spec": item["spec"], "metadata": item["metadata"]} for item in content["resources"].get(kind, {}).values()]


def _cluster_statuses(content: dict, _asker: Asker) -> list[dict]:
    """A cluster is ready as soon as it has machines and all of them are known."""
    found = []
    nodes = content["resources"].get(MACHINE_SET_NODES, {}).values()
    for item in content["resources"].get(CLUSTERS, {}).values():
        name = item["metadata"]["id"]
        members = [node["metadata"]["id"] for node in nodes if node["metadata"].get("labels", {}).get(CLUSTER) == name]
        healthy = sum(member in content["machines"] for member in members)
        counts = {"total": len(members), "requested": len(members), "healthy": healthy, "connected": healthy}
        spec = {"machines": {count: number for count, number in counts.items() if number}, "phase": 3 if members else None}
        spec["ready"] = bool(members) and healthy == len(members)
        record = {"created": item["metadata"]["created"], "updated": item["metadata"]["created"], "version": 1 + len(members)}
        found.append(resource("ClusterStatuses.omni.sidero.dev", "default", name, spec, record, owner="ClusterStatusController"))
    return found


def _definitions(content: dict, _asker: Asker) -> list[dict]:
    """The types with the namespaces that they belong to."""
    found = []
    record = {"created": content["created"], "updated": content["created"], "version": 1}
    for kind, known in sorted({**resources.KINDS, **KINDS}.items()):
        singular = kind.partition(".")[0].removesuffix("s")
        aliases = [singular.lower()]
        spec = {"type": kind, "displayType": singular, "defaultNamespace": known.namespace, "aliases": aliases, "allAliases": aliases}
        found.append(resource("ResourceDefinitions.meta.cosi.dev", "meta", kind.lower(), spec, record, owner="meta"))
    return found


def _nothing(_content: dict, _asker: Asker) -> list[dict]:
    return []


KINDS = {
    **{
        kind: Kind(
            stored.namespace,
            stored.read,
            functools.partial(_stored, kind),
            stored.write,
            verbs=("Get", "List", "Create", "Update", "Delete", "Teardown"),
        )
        for kind, stored in STORED.items()
    },
    "ClusterStatuses.omni.sidero.dev": Kind("default", "Reader", _cluster_statuses),
    "EtcdBackups.omni.sidero.dev": Kind("external", "Reader", _nothing),
    "KubernetesUsages.omni.sidero.dev": Kind("virtual", "Reader", _nothing, verbs=("Get",)),
    "LabelsCompletions.omni.sidero.dev": Kind("virtual", "Reader", _nothing, verbs=("Get",)),
    "ResourceDefinitions.meta.cosi.dev": Kind("meta", "None", _definitions),
}
