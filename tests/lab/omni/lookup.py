"""Which resources a call is about: access to their type, and which of them are meant."""

from __future__ import annotations

import json

from . import kinds, resources, selectors
from .calls import ApiError, Call, invalid, require

KINDS = {**resources.KINDS, **kinds.KINDS}
UNLISTED = ("KubernetesUsages.omni.sidero.dev", "LabelsCompletions.omni.sidero.dev")
BACKUPS = "EtcdBackups.omni.sidero.dev"


def kind_of(call: Call, pointer: dict, role: str) -> resources.Kind:
    """The type that is asked for, if the account may do that with it; ``role`` is ``read`` or ``write``."""
    kind = KINDS.get(pointer.get("type", ""))
    verb = call.method.rpartition("/")[2].replace("Watch", "List")
    if kind is None:
        raise invalid("no access is permitted", 7)
    if verb == "List" and pointer["type"] in UNLISTED:
        raise ApiError(12, f'unsupported resource type for list "{pointer["type"]}"')
    if verb not in kind.verbs:
        raise invalid(kind.refusal, 7)
    require(call, getattr(kind, role), lambda text: invalid(text, 7))
    return kind


def everything(call: Call, kind: resources.Kind, namespace: str) -> list[dict]:
    """All resources of a type in a namespace, by id. In the wrong namespace there is nothing, and no error."""
    found = [item for item in kind.make(call.content, call.asker) if item["metadata"]["namespace"] == namespace]
    return sorted(found, key=lambda item: item["metadata"]["id"])


def find(call: Call, kind: resources.Kind, pointer: dict, doing: str = "", version: str = "undefined") -> dict:
    """One resource; ``doing`` and ``version`` are parts of the error if it does not exist."""
    namespace, wanted = pointer.get("namespace", ""), pointer.get("id", "")
    for item in everything(call, kind, namespace):
        if item["metadata"]["id"] == wanted:
            return item
    doing = doing or ("" if namespace else "failed to get: ")
    raise ApiError(5, f"{doing}resource {pointer['type']}({namespace}/{wanted}@{version}) doesn't exist")


def selected(call: Call, kind: resources.Kind) -> list[dict]:
    """What a List or Watch is about: by namespace, id, labels and what is searched for, in the order that was asked for."""
    body = call.body
    if body.get("type") == BACKUPS and kinds.CLUSTER not in call.selector:
        raise ApiError(2, "failed to validate: cluster ID must be specified in query")
    fits = selectors.parse(call.selector)
    found = [item for item in everything(call, kind, body.get("namespace", "")) if fits(item["metadata"].get("labels", {}))]
    if body.get("id"):
        found = [item for item in found if item["metadata"]["id"] == body["id"]]
    wanted = body.get("search_for", [])
    if wanted:
        found = [item for item in found if any(text in place for text in wanted for place in (item["metadata"]["id"], _hostname(item)))]
    return _sorted(body, found)


def _sorted(body: dict, found: list[dict]) -> list[dict]:
    """Labels and specification are not sorted by; the host name is, of machines."""
    field = body.get("sort_by_field", "id")
    if found and field not in ("id", "created", "updated", *(["hostname"] if _hostname(found[0]) else [])):
        raise ApiError(2, f'failed to sort: field "{field}" for element "{found[0]["metadata"]["id"]}" not found')
    return sorted(found, key=_hostname if field == "hostname" else lambda item: item["metadata"][field], reverse=body.get("sort_descending", False))


def _hostname(item: dict) -> str:
    return item["spec"].get("network", {}).get("hostname", "")


def compact(item: dict) -> str:
    """A resource as Omni writes it: JSON in a text."""
    return json.dumps(item, separators=(",", ":"))
