"""The resources of the lab Omni: who may do what with them, and what they look like. Only the types in use exist.

Where Omni keeps resources, the lab Omni composes them from its state when they are asked for; so a status never lags.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import typing as t
import urllib.parse

from . import machines
from .accounts import identity
from .state import parse_time, token_state

KUBERNETES_VERSIONS = ["1.32.9", "1.33.5", "1.34.2"]
SIDEROLINK = "siderolink-config"
_LINK_CONTROLLERS = ("MaintenanceConfigStatusController", "LinkCleanupController", "MachineController", "LinkStatusController[Links.omni.sidero.dev]")

MEDIA = {
    "metal-amd64.iso": {"name": "ISO (amd64)", "architecture": "amd64", "profile": "metal", "extension": "iso"},
    "metal-arm64.iso": {"name": "ISO (arm64)", "architecture": "arm64", "profile": "metal", "extension": "iso"},
    "metal-rpi_generic-arm64.raw.xz": {
        "name": "Raspberry Pi 4 Model B",
        "architecture": "arm64",
        "profile": "rpi_generic",
        "extension": "raw.xz",
        "no_secure_boot": True,
        "overlay": "rpi_generic",
    },
}
"""Some of Omni's installation media, by id."""


@dataclasses.dataclass(frozen=True)
class Asker:
    """Who asks, and when; some resources are different for each."""

    account: dict
    now: float
    timestamp: str


@dataclasses.dataclass(frozen=True)
class Kind:
    """A resource type. ``make`` composes all resources of it from the state; ``read`` and ``write`` are the least roles.

    ``refusal`` is what Omni says to a call that the type does not have, ``verbs`` are the calls it has.
    """

    namespace: str
    read: str
    make: t.Callable[[dict, Asker], list[dict]]
    write: str = "Admin"
    verbs: tuple[str, ...] = ("Get", "List")
    refusal: str = "only read access is permitted"


def resource(kind: str, namespace: str, resource_id: str, spec: dict, record: dict, **metadata) -> dict:
    """A resource as Omni writes it; ``record`` holds when it was made and changed, and how often."""
    return {
        "spec": {name: value for name, value in spec.items() if value not in (None, False, "", 0)},
        "metadata": {
            "created": record["created"],
            "updated": record["updated"],
            "namespace": namespace,
            "type": kind,
            "id": resource_id,
            "owner": "",
            "phase": "running",
            **metadata,
            "version": record["version"],
        },
    }


def join_arguments(content: dict, token: str, use_grpc_tunnel: bool) -> list[str]:
    """The three kernel arguments. The token is not looked at, as in Omni."""
    query = {"grpc_tunnel": "true"} if use_grpc_tunnel else {}
    return [
        f"siderolink.api={content['machine_api_url']}?{urllib.parse.urlencode({**query, 'jointoken': token})}",
        f"talos.events.sink=[{machines.TUNNEL_ADDRESS}]:{content['events_port']}",
        f"talos.logging.kernel=tcp://[{machines.TUNNEL_ADDRESS}]:{content['logs_port']}",
    ]


def _fixed(content: dict) -> dict:
    """The record of what was there from the start."""
    return {"created": content["created"], "updated": content["created"], "version": 1}


def _momentary(asker: Asker) -> dict:
    """The record of what is made up when it is asked for."""
    return {"created": asker.timestamp, "updated": asker.timestamp, "version": 1}


def _join_tokens(content: dict, _asker: Asker) -> list[dict]:
    return [
        resource(
            "JoinTokens.omni.sidero.dev",
            "default",
            token,
            {name: record.get(name) for name in ("expiration_time", "revoked", "name")},
            record,
            finalizers=["JoinTokenStatusController"],
        )
        for token, record in content["tokens"].items()
    ]


def _join_token_statuses(content: dict, asker: Asker) -> list[dict]:
    found = []
    for token, record in content["tokens"].items():
        users = [machine_id for machine_id, machine in content["machines"].items() if machine["token"] == token]
        state = token_state(record, asker.now)
        spec = {
            "state": state,
            "is_default": token == content["default_token"]["token_id"],
            "use_count": str(len(users)) if users else None,
            "expiration_time": record.get("expiration_time"),
            "name": record["name"],
            # True of all who boot from the network and were not installed.
            "warnings": [{"machine": user, "message": "Does not have the node unique token"} for user in users] or None,
        }
        labels = {"labels": {"omni.sidero.dev/active-join-token": ""}} if state == 1 else {}
        since = {**record, "version": record["version"] - 1}
        found.append(resource("JoinTokenStatuses.omni.sidero.dev", "default", token, spec, since, owner="JoinTokenStatusController", **labels))
    return found


def _default_join_tokens(content: dict, _asker: Asker) -> list[dict]:
    default = content["default_token"]
    return [resource("DefaultJoinTokens.omni.sidero.dev", "default", "default", {"token_id": default["token_id"]}, default)]


def _connection_params(content: dict, _asker: Asker) -> list[dict]:
    default = content["default_token"]
    spec = {
        "args": " ".join(join_arguments(content, default["token_id"], content["enforce_grpc_tunnel"])),
        "api_endpoint": content["machine_api_url"],
        "wireguard_endpoint": content["wireguard_endpoint"],
        "join_token": default["token_id"],
        "use_grpc_tunnel": content["enforce_grpc_tunnel"],
        "events_port": content["events_port"],
        "logs_port": content["logs_port"],
    }
    return [resource("ConnectionParams.omni.sidero.dev", "default", SIDEROLINK, spec, default, owner="ConnectionParamsController")]


def _siderolink_api_configs(content: dict, _asker: Asker) -> list[dict]:
    spec = {
        "machine_api_advertised_url": content["machine_api_url"],
        "wireguard_advertised_endpoint": content["wireguard_endpoint"],
        "enforce_grpc_tunnel": content["enforce_grpc_tunnel"],
        "events_port": content["events_port"],
        "logs_port": content["logs_port"],
    }
    return [resource("SiderolinkAPIConfigs.omni.sidero.dev", "default", SIDEROLINK, spec, _fixed(content), owner="SiderolinkAPIConfigController")]


def _machines(content: dict, asker: Asker) -> list[dict]:
    return [
        resource(
            "Machines.omni.sidero.dev",
            "default",
            machine_id,
            {"management_address": machine["management_address"], "connected": machines.connected(content, machine, asker.now)},
            machine,
            owner="MachineController",
            labels={"omni.sidero.dev/address": machine["management_address"]},
        )
        for machine_id, machine in content["machines"].items()
    ]


def _machine_statuses(content: dict, asker: Asker) -> list[dict]:
    found = []
    for machine_id, machine in content["machines"].items():
        connected = machines.connected(content, machine, asker.now)
        spec = machines.status(machine_id, machine, connected)
        labels = {**machines.labels(machine, connected), **_user_labels(content, machine_id)}
        if asker.now - parse_time(machine["created"]) < content["details_after"]:
            spec, labels = {"management_address": machine["management_address"], "power_state": 1}, {}
        found.append(resource("MachineStatuses.omni.sidero.dev", "default", machine_id, spec, machine, owner="MachineStatusController", labels=labels))
    return found


def _user_labels(content: dict, machine_id: str) -> dict:
    """What somebody labelled the machine with. Labels of Omni's own kind have no effect, and nobody is told."""
    item = content["resources"].get("MachineLabels.omni.sidero.dev", {}).get(f"default/{machine_id}", {"metadata": {}})
    return {name: value for name, value in item["metadata"].get("labels", {}).items() if not name.startswith("omni.sidero.dev/")}


def _links(content: dict, asker: Asker) -> list[dict]:
    """The tunnels of machines. Whoever tears one down removes the machine."""
    found = []
    for machine_id, machine in content["machines"].items():
        going = "torn_down" in machine
        spec = {
            "node_subnet": f"{machine['management_address']}/64",
            "node_public_key": base64.b64encode(hashlib.sha256(machine_id.encode()).digest()).decode(),
            "last_endpoint": f"{machine['address']}:33152",
            "connected": machines.connected(content, machine, asker.now),
        }
        holders = {"phase": "tearingDown", "finalizers": ["MachineController"]} if going else {"finalizers": list(_LINK_CONTROLLERS)}
        found.append(resource("Links.omni.sidero.dev", "default", machine_id, spec, machine, **holders))
    return found


def _talos_versions(content: dict, _asker: Asker) -> list[dict]:
    return [
        resource(
            "TalosVersions.omni.sidero.dev",
            "default",
            version,
            {"version": version, "compatible_kubernetes_versions": KUBERNETES_VERSIONS},
            _fixed(content),
            owner="VersionsController",
            finalizers=["TalosExtensionsController"],
        )
        for version in content["talos_versions"]
    ]


def _installation_medias(content: dict, _asker: Asker) -> list[dict]:
    content_types = {"iso": "application/x-iso-stream", "raw.xz": "application/x-xz"}
    return [
        resource(
            "InstallationMedias.omni.sidero.dev",
            "ephemeral",
            media_id,
            {**spec, "contentType": content_types[spec["extension"]], "dest_file_prefix": f"{media_id.partition('.')[0]}-omni-{content['instance_name']}"},
            _fixed(content),
            owner="InstallationMediaController",
        )
        for media_id, spec in MEDIA.items()
    ]


def _features_configs(content: dict, _asker: Asker) -> list[dict]:
    spec = {
        "etcd_backup_settings": {"tick_interval": "60s", "min_interval": "3600s", "max_interval": "86400s"},
        "embedded_discovery_service": True,
        "audit_log_enabled": True,
        "image_factory_base_url": content["image_factory_base_url"],
    }
    return [resource("FeaturesConfigs.omni.sidero.dev", "default", "features-config", spec, _fixed(content))]


def _sys_versions(content: dict, _asker: Asker) -> list[dict]:
    spec = {"backend_version": "v1.4.11", "instance_name": content["instance_name"], "backend_api_version": 2}
    return [resource("SysVersions.system.sidero.dev", "ephemeral", "current", spec, _fixed(content))]


def _current_users(_content: dict, asker: Asker) -> list[dict]:
    spec = {"identity": identity(asker.account), "role": asker.account["role"], "user_id": asker.account["user_id"]}
    return [resource("CurrentUsers.omni.sidero.dev", "virtual", "current", spec, _momentary(asker))]


KINDS = {
    "JoinTokens.omni.sidero.dev": Kind(
        "default",
        "Admin",
        _join_tokens,
        verbs=("Get", "List", "Update", "Delete"),
        refusal="only read, update and destroy access is permitted, create should be done via the management.CreateJoinToken API call",
    ),
    "DefaultJoinTokens.omni.sidero.dev": Kind("default", "Admin", _default_join_tokens, verbs=("Get", "List", "Update")),
    "JoinTokenStatuses.omni.sidero.dev": Kind("default", "Reader", _join_token_statuses),
    "ConnectionParams.omni.sidero.dev": Kind("default", "Reader", _connection_params),
    "SiderolinkAPIConfigs.omni.sidero.dev": Kind("default", "Reader", _siderolink_api_configs),
    "Links.omni.sidero.dev": Kind("default", "Reader", _links, "Operator", verbs=("Get", "List", "Delete", "Teardown")),
    "Machines.omni.sidero.dev": Kind("default", "Reader", _machines),
    "MachineStatuses.omni.sidero.dev": Kind("default", "Reader", _machine_statuses),
    "TalosVersions.omni.sidero.dev": Kind("default", "None", _talos_versions),
    "InstallationMedias.omni.sidero.dev": Kind("ephemeral", "Reader", _installation_medias),
    "FeaturesConfigs.omni.sidero.dev": Kind("default", "None", _features_configs),
    "SysVersions.system.sidero.dev": Kind("ephemeral", "None", _sys_versions),
    "CurrentUsers.omni.sidero.dev": Kind("virtual", "None", _current_users),
}
