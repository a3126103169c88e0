# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of Omni's resources hold secrets, and what is shown in their place: short hashes, by which a change is still seen. Pure.

This is the one place where types with secrets are listed.
"""

from __future__ import annotations

import re
import typing as t

from ..boot.kernel_args import redact, token_hash

_SECRET_IDS = frozenset(["JoinTokens", "JoinTokenStatuses", "JoinTokenUsages", "SchematicConfigurations", "Schematics"])
"""Types whose ids are secrets: a join token, or a schematic that has one inside."""

_SECRET_SPECS = frozenset(
    [
        "BMCConfigs",
        "BackupDatas",
        "ClusterMachineConfigPatches",
        "ClusterMachineConfigs",
        "ClusterMachineEncryptionKeys",
        "ClusterSecrets",
        "ConfigPatchRequests",
        "ConfigPatches",
        "Configs",
        "EtcdBackupEncryptions",
        "EtcdBackupS3Configs",
        "ImportedClusterSecrets",
        "InfraMachineBMCConfigs",
        "InfraMachineConfigs",
        "JWTPublicKeys",
        "Kubeconfigs",
        "LoadBalancerConfigs",
        "MachineConfigDiffs",
        "MachineJoinConfigs",
        "NodeUniqueTokens",
        "ProviderJoinConfigs",
        "SAMLAssertions",
        "SchematicConfigurations",
        "Schematics",
        "TalosConfigs",
    ]
)
"""Types of which every text is taken for a secret."""

_SECRET_FIELD = re.compile(r"(?i)token|secret|password|private|access_?key|credential|encryption_?key")
"""Fields that are secrets wherever they are, as ``join_token`` and ``node_unique_token``."""

_SCHEMATIC = re.compile(r"(?<![0-9a-f:])[0-9a-f]{64}(?![0-9a-f])")
"""An id of a schematic, which is as good as the token inside. Digests of images, which have their kind before them, are shown."""

_HASH = re.compile(r"sha256:[0-9a-f]{8}")


def is_secret_id(resource_type: str) -> bool:
    """Whether the ids of this type are secrets."""
    return _plural(resource_type) in _SECRET_IDS


def is_secret_spec(resource_type: str) -> bool:
    """Whether nothing of this type's specifications may be shown."""
    return _plural(resource_type) in _SECRET_SPECS


def secret_texts(resource_type: str, spec: dict) -> list[str]:
    """The texts of a specification that may not be shown."""
    return list(_hidden(spec, is_secret_spec(resource_type)))


def _hidden(value: t.Any, hide: bool) -> t.Iterator[str]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _hidden(part, hide or _is_secret_field(name))
    elif isinstance(value, list):
        for part in value:
            yield from _hidden(part, hide)
    elif hide and isinstance(value, str):
        yield value


def redacted(resource: dict) -> dict:
    """A resource as it may be shown: metadata and specification with short hashes in place of secrets."""
    resource_type, metadata = resource["metadata"]["type"], dict(resource["metadata"])
    if is_secret_id(resource_type):
        metadata["id"] = token_hash(metadata["id"])
    hide_all = is_secret_spec(resource_type)
    return {"metadata": _shown(metadata, False), "spec": _shown(resource["spec"], hide_all)}


def _shown(value: t.Any, hide: bool) -> t.Any:
    """A value without its secrets; with ``hide`` every text in it is one."""
    if isinstance(value, dict):
        return {name: _shown(part, hide or _is_secret_field(name)) for name, part in value.items()}
    if isinstance(value, list):
        return [_shown(part, hide) for part in value]
    if not isinstance(value, str):
        return value
    if hide and value and not _HASH.fullmatch(value):
        return token_hash(value)
    return _SCHEMATIC.sub(lambda match: token_hash(match.group()), redact(value))


def _is_secret_field(name: object) -> bool:
    return bool(_SECRET_FIELD.search(str(name)))


def _plural(resource_type: str) -> str:
    return resource_type.partition(".")[0]
