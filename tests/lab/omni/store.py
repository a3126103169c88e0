"""What clients do with the resources that they write: create, update, tear down, delete, and what Omni's controllers do then.

The controllers are a matter of time: what they have done by now is worked out whenever somebody asks (:func:`settle`).
"""

from __future__ import annotations

import json
import math
import time

from . import lookup, validation
from .calls import ApiError, Call, invalid
from .kinds import BACKUPS, CLUSTER, CLUSTERS, STORED
from .state import NEVER, touch

LINKS = "Links.omni.sidero.dev"
_STILL_HELD = 0.02


def settle(content: dict, now: float) -> None:
    """What controllers have done by now: let go of what is torn down, and removed what is theirs to remove."""
    before = now - content["controllers_take"]
    for kind, items in content["resources"].items():
        for key, item in list(items.items()):
            if item.get("torn_down", math.inf) <= before:
                item["metadata"].pop("finalizers", None)
                if STORED[kind].removed:
                    del items[key]
                    _remove_members(content, kind, item["metadata"]["id"])
    for machine_id, machine in list(content["machines"].items()):
        if machine.get("torn_down", math.inf) <= before:
            del content["machines"][machine_id]


def _remove_members(content: dict, kind: str, removed: str) -> None:
    """With a cluster go its machine sets and their nodes, and the patches for it."""
    if kind == CLUSTERS:
        for items in content["resources"].values():
            for key in [key for key, item in items.items() if item["metadata"].get("labels", {}).get(CLUSTER) == removed]:
                del items[key]


def create(call: Call) -> dict:
    """A new resource, of version 1, in whatever namespace was named: in a wrong one, nobody ever looks at it."""
    metadata, spec = _sent(call)
    kind, now = metadata.get("type", ""), call.asker.timestamp
    lookup.kind_of(call, metadata, "write")
    spec = _read_spec(kind, spec)
    with call.state.change() as call.content:
        settle(call.content, call.asker.now)
        items = call.content["resources"].setdefault(kind, {})
        key = _key(metadata)
        if key in items:
            doing = "" if kind == BACKUPS else "failed to create: "
            raise ApiError(6, f"{doing}resource {_named({**items[key]['metadata'], 'version': 1})} already exists")
        validation.check(call, metadata, spec)
        made = {
            "created": now,
            "updated": NEVER,
            "namespace": metadata.get("namespace", ""),
            "type": kind,
            "id": metadata["id"],
            "owner": "",
            "phase": "running",
        }
        made.update({part: metadata[part] for part in ("labels", "annotations") if metadata.get(part)})
        holders = list(STORED[kind].finalizers)
        if holders:
            made.update(updated=now, finalizers=holders)
        items[key] = {"metadata": {**made, "version": 1 + len(holders)}, "spec": spec}
    return {}


def update(call: Call) -> dict:
    """Replaces specification, labels, annotations and finalizers by what was sent, if the version is the one that is there."""
    metadata, spec = _sent(call)
    kind = lookup.kind_of(call, metadata, "write")
    with call.state.change() as call.content:
        settle(call.content, call.asker.now)
        current = lookup.find(call, kind, metadata, "failed to get: ", metadata.get("version", "1"))["metadata"]
        expected = metadata.get("version", "1")
        if expected not in ("undefined", str(current["version"])):
            doing = f"update conflict: expected version '\\x{int(expected):02x}', actual version '\\x{current['version']:02x}'"
            raise ApiError(6, f"failed to update: resource {_named(current)} {doing}")
        if metadata["type"] in UPDATES:
            UPDATES[metadata["type"]](call, metadata["id"], json.loads(spec or "{}"))
        else:
            _replace(call, metadata, _read_spec(metadata["type"], spec))
    return {}


def _replace(call: Call, metadata: dict, spec: dict) -> None:
    item = call.content["resources"][metadata["type"]][_key(metadata)]
    validation.check(call, metadata, spec, item)
    for part in ("labels", "annotations", "finalizers"):
        item["metadata"].pop(part, None)
        if metadata.get(part):
            item["metadata"][part] = metadata[part]
    item["spec"] = spec
    version = item["metadata"].pop("version")
    item["metadata"]["version"] = version
    touch(item["metadata"], call.asker.timestamp)


def teardown(call: Call) -> dict:
    """Marks a resource as one that is to go, and returns at once."""
    kind = lookup.kind_of(call, call.body, "write")
    with call.state.change() as call.content:
        settle(call.content, call.asker.now)
        lookup.find(call, kind, call.body, "failed to get: ")
        _tear_down(call)
    return {}


def _tear_down(call: Call) -> None:
    if call.body["type"] == LINKS:
        call.content["machines"][call.body["id"]].setdefault("torn_down", call.asker.now)
        return
    item = call.content["resources"][call.body["type"]][_key(call.body)]
    validation.check_unlocked(item, "deletion is not allowed")
    if "torn_down" not in item:
        item["torn_down"] = call.asker.now
        item["metadata"]["phase"] = "tearingDown"
        item["metadata"]["version"] += 1


def delete(call: Call) -> dict:
    """Tears down, waits until nobody holds it, removes. That may take long, and a controller may be first."""
    kind = lookup.kind_of(call, call.body, "write")
    if call.body["type"] in DELETES:
        with call.state.change() as call.content:
            lookup.find(call, kind, call.body, "failed to get: ")
            DELETES[call.body["type"]](call, call.body["id"])
        return {}
    teardown(call)
    while True:
        with call.state.change() as call.content:
            settle(call.content, call.state.clock())
            left = lookup.find(call, kind, call.body, "failed to destroy: ")
            if call.body["type"] != LINKS and not left["metadata"].get("finalizers"):
                del call.content["resources"][call.body["type"]][_key(call.body)]
                return {}
        time.sleep(_STILL_HELD)


def _sent(call: Call) -> tuple[dict, str]:
    """Metadata and specification of a Create or Update; the latter is JSON in a text."""
    resource = call.body.get("resource", {})
    if "metadata" not in resource:
        raise ApiError(3, "resource metadata is nil")
    return resource["metadata"], resource.get("spec", "")


def _read_spec(kind: str, text: str) -> dict:
    """The specification; what is wrong inside of it is, to Omni, a fault of its own (code 2)."""
    try:
        spec = json.loads(text or "{}")
    except ValueError:
        raise ApiError(2, "invalid character 'n' looking for beginning of object key string") from None
    unknown = [name for name in spec if name not in STORED[kind].fields]
    if unknown:
        column = text.index(f'"{unknown[0]}"') + 1
        raise ApiError(2, f'proto:\u00a0(line 1:{column}): unknown field "{unknown[0]}"')
    named = {name: numbers.get(spec[name], spec[name]) for name, numbers in STORED[kind].enumerations.items() if name in spec}
    return {name: value for name, value in {**spec, **named}.items() if value not in (None, False, "", 0, [], {})}


def _key(pointer: dict) -> str:
    return f"{pointer.get('namespace', '')}/{pointer['id']}"


def _named(metadata: dict) -> str:
    return f"{metadata['type']}({metadata['namespace']}/{metadata['id']}@{metadata['version']})"


def _update_token(call: Call, token: str, spec: dict) -> None:
    if len(spec.get("name", "")) > 16:
        raise invalid("join token name should not be longer than 16 characters")
    record = call.content["tokens"][token]
    for name in ("expiration_time", "revoked"):
        record.pop(name, None)
    record.update({"name": "", **spec})
    touch(record, call.asker.timestamp)


def _update_default(call: Call, _id: str, spec: dict) -> None:
    token = spec.get("token_id", "")
    if token not in call.content["tokens"]:
        raise invalid(f'no token with id "{token}" exists')
    call.content["default_token"]["token_id"] = token
    touch(call.content["default_token"], call.asker.timestamp)


def _delete_token(call: Call, token: str) -> None:
    if token == call.content["default_token"]["token_id"]:
        raise invalid("deleting default join token is not possible")
    del call.content["tokens"][token]


UPDATES = {"JoinTokens.omni.sidero.dev": _update_token, "DefaultJoinTokens.omni.sidero.dev": _update_default}
DELETES = {"JoinTokens.omni.sidero.dev": _delete_token}
