# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Omni's resources: what it knows and wants, each with a type, an id, metadata and a specification.

All that is peculiar about them is handled here and in :mod:`.values`: versions, finalizers, namespaces, what is torn down and
what is deleted, and writes whose answer was lost.
"""

from __future__ import annotations

import json
import typing as t

from ..common.errors import InputError, OmniMatchboxError
from .changes import change_once
from .client import PAUSES, RESOURCES, OmniClient
from .errors import ConflictError, NotFoundError, OmniError, PermissionDeniedError, TimedOutError, UnreachableError, VersionConflictError
from .values import fulfils, same

_DEFINITION_TYPE = "ResourceDefinitions.meta.cosi.dev"

_TORN_DOWN = ("Clusters.omni.sidero.dev", "MachineSets.omni.sidero.dev", "Links.omni.sidero.dev")
"""Types whose resources Omni itself removes once they are torn down. Everything else would stay: it is deleted."""

_MARKS = ("labels", "annotations")

_WHILE_GOING = 1.0
"""Seconds between two looks at a resource that is going away."""


def get_resource(client: OmniClient, resource_type: str, resource_id: str, namespace: str = "default", *, secret_id: bool = False) -> dict:
    """One resource as ``{"metadata": {...}, "spec": {...}}``; raises :class:`..omni.errors.NotFoundError`.

    ``secret_id`` says that the id itself is a secret, as a join token's is.
    """
    body = {"namespace": namespace, "type": resource_type, "id": resource_id}
    answer = client.read(RESOURCES + "Get", body, secrets=[resource_id] if secret_id else [])
    try:
        return json.loads(answer["body"])
    except (KeyError, ValueError):
        raise OmniError(f"{client.endpoint} answers not as Omni does; endpoint must be the address of Omni itself, as in https://omni.example.com") from None


def find_resource(client: OmniClient, resource_type: str, resource_id: str, namespace: str = "default", *, secret_id: bool = False) -> dict | None:
    """As :func:`get_resource`; ``None`` if there is none."""
    try:
        return get_resource(client, resource_type, resource_id, namespace, secret_id=secret_id)
    except NotFoundError:
        return None


def list_resources(client: OmniClient, resource_type: str, namespace: str = "default", *, selector: str = "") -> list[dict]:
    """All resources of a type, each as :func:`get_resource` returns it, in the order of their ids.

    ``selector`` is about labels: ``rack = r1, !spare``. It is asked for all at once: a part costs Omni nearly as much as the whole.
    """
    answer = client.read(RESOURCES + "List", {"namespace": namespace, "type": resource_type}, selector=selector)
    return [json.loads(item) for item in answer.get("items", [])]


def default_namespace(client: OmniClient, resource_type: str) -> str:
    """The namespace that resources of a type belong to, as Omni defines it; elsewhere they are accepted and never looked at."""
    try:
        return get_resource(client, _DEFINITION_TYPE, resource_type.lower(), "meta")["spec"]["defaultNamespace"]
    except NotFoundError:
        raise InputError(f"type: {client.endpoint} has no type {resource_type!r}; write it in full and in the plural, as in Clusters.omni.sidero.dev") from None
    except PermissionDeniedError:
        return "default"


def create_resource(client: OmniClient, resource: dict) -> None:
    """Create ``{"metadata": {"namespace", "type", "id", "labels", ...}, "spec": {...}}``; raises :class:`..omni.errors.ConflictError` if there is one."""
    change_once(client, RESOURCES + "Create", {"resource": _encoded(resource)}, lambda: _made(client, resource))


def _made(client: OmniClient, resource: dict) -> dict | None:
    """A resource that may have been created, if it is there and is the one that was meant."""
    metadata = resource["metadata"]
    found = find_resource(client, metadata["type"], metadata["id"], metadata["namespace"])
    if found and not (same(found["spec"], resource["spec"]) and all(fulfils(found["metadata"].get(part), metadata.get(part, {})) for part in _MARKS)):
        raise ConflictError(f"{metadata['type']} at {client.endpoint}: somebody else created one of the same id meanwhile; run again")
    return found


def update_resource(
    client: OmniClient,
    resource_type: str,
    resource_id: str,
    change: t.Callable[[dict], dict],
    namespace: str = "default",
    *,
    secret_id: bool = False,
    secrets: t.Iterable[str] = (),
) -> None:
    """Have the specification be what ``change`` makes of it, also if others change the resource at the same time.

    ``change`` gets the specification as it is, must return another object, and is asked again after a conflict.
    """

    def changed(resource: dict) -> dict:
        return {**resource, "spec": change(resource["spec"])}

    modify_resource(client, resource_type, resource_id, changed, namespace, secret_id=secret_id, secrets=secrets)


def modify_resource(
    client: OmniClient,
    resource_type: str,
    resource_id: str,
    change: t.Callable[[dict], dict],
    namespace: str = "default",
    *,
    secret_id: bool = False,
    secrets: t.Iterable[str] = (),
) -> None:
    """As :func:`update_resource`, with the whole resource given to ``change``.

    Omni replaces specification, labels, annotations and finalizers by what it is sent: the whole metadata goes back. A write
    whose answer was lost is read back: if it took effect, ``change`` finds nothing left to do.
    """
    secrets = [*secrets, *([resource_id] if secret_id else [])]
    for pause in (*PAUSES, None):
        current = get_resource(client, resource_type, resource_id, namespace, secret_id=secret_id)
        wanted = change(current)
        if _unchanged(current, wanted):
            return
        try:
            client.write(RESOURCES + "Update", {"currentVersion": str(current["metadata"]["version"]), "resource": _encoded(wanted)}, secrets=secrets)
            return
        except (VersionConflictError, UnreachableError) as error:
            if pause is None:
                raise
            client.sleep(max(pause, error.retry_after))


def delete_resource(
    client: OmniClient, resource_type: str, resource_id: str, namespace: str = "default", *, secret_id: bool = False, patience: float = 600
) -> None:
    """Have no such resource, and wait until what depends on it has let go (its finalizers), for ``patience`` seconds at most."""
    body = {"namespace": namespace, "type": resource_type, "id": resource_id}
    call = "Teardown" if resource_type in _TORN_DOWN else "Delete"
    while True:
        try:
            client.write(RESOURCES + call, body, secrets=[resource_id] if secret_id else [])
        except NotFoundError:
            # Where a controller was first, Omni says so, too.
            return
        except TimedOutError:
            # Omni answers a Delete when all is done, which may take longer than answers are waited for.
            patience -= client.timeout
        except UnreachableError:
            # Whether it arrived shows now.
            pass
        left = find_resource(client, resource_type, resource_id, namespace, secret_id=secret_id)
        if left is None:
            return
        if patience <= 0:
            holders = ", ".join(left["metadata"].get("finalizers", [])) or "nobody that Omni names"
            shown = "" if secret_id else f" {resource_id}"
            raise OmniMatchboxError(f"{resource_type}{shown} at {client.endpoint} is still there, held by {holders}; a machine may be out of reach; run again")
        client.sleep(_WHILE_GOING)
        patience -= _WHILE_GOING


def _unchanged(current: dict, wanted: dict) -> bool:
    """Whether nothing differs that an update would change."""
    return same(current["spec"], wanted["spec"]) and all(current["metadata"].get(part, {}) == wanted["metadata"].get(part, {}) for part in _MARKS)


def _encoded(resource: dict) -> dict:
    """A resource as Omni wants it: the version is a text, and so is the specification."""
    metadata = {name: str(value) if name == "version" else value for name, value in resource["metadata"].items()}
    return {"metadata": metadata, "spec": json.dumps(resource["spec"])}
