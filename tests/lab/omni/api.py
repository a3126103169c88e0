"""The API of the lab Omni: a request in, status and JSON out. Errors have the code and the words of Omni v1.4."""

from __future__ import annotations

import json
import re
import typing as t

from . import accounts, lookup, resources, schematics, service_accounts, store, watch
from .calls import MANAGEMENT_SERVICE, ApiError, Call, require
from .state import State, parse_time

RESOURCE_SERVICE = "/omni.resources.ResourceService/"

POINTER = {"namespace", "type", "id"}
SELECTION = {"namespace", "type", "offset", "limit", "sort_by_field", "sort_descending", "search_for"}
FIELDS = {
    RESOURCE_SERVICE + "Get": POINTER,
    RESOURCE_SERVICE + "List": SELECTION,
    RESOURCE_SERVICE + "Watch": SELECTION | {"id", "tail_events"},
    RESOURCE_SERVICE + "Create": {"resource"},
    RESOURCE_SERVICE + "Update": {"resource", "currentVersion"},
    RESOURCE_SERVICE + "Delete": POINTER,
    RESOURCE_SERVICE + "Teardown": POINTER,
    MANAGEMENT_SERVICE + "GetMachineJoinConfig": {"join_token", "use_grpc_tunnel"},
    MANAGEMENT_SERVICE + "CreateJoinToken": {"name", "expiration_time"},
    **schematics.FIELDS,
    **service_accounts.FIELDS,
}
"""The fields of the requests to each method."""

STATUS = {2: 500, 3: 400, 5: 404, 6: 409, 7: 403, 9: 400, 12: 501, 16: 401}
"""HTTP status of each gRPC code."""

CONFIG = """apiVersion: v1alpha1
kind: SideroLinkConfig
apiUrl: {}
---
apiVersion: v1alpha1
kind: EventSinkConfig
endpoint: '{}'
---
apiVersion: v1alpha1
kind: KmsgLogConfig
name: omni-kmsg
url: {}
"""


def answer(state: State, method: str, metadata: dict[str, list[str]], text: str) -> tuple[int, t.Any, str]:
    """HTTP status, JSON answer and the asking account's name for a POST to ``/api<method>``; ``metadata`` by lower-case name.

    The answer to a Watch is an iterator of events.
    """
    account = {"name": ""}
    try:
        if method not in FIELDS:
            raise ApiError(5, "Not Found")
        body = decode(text, FIELDS[method])
        content = state.read()
        account = authenticate(state, content, metadata, method)
        store.settle(content, state.clock())
        selector = ",".join(metadata.get("selectors", []))
        call = Call(state, resources.Asker(account, state.clock(), state.timestamp()), content, method, body, selector)
        if method.startswith(RESOURCE_SERVICE) and metadata.get("runtime") != ["Omni"]:
            raise ApiError(2, "missing runtime metadata")
        return 200, CALLS[method](call), account["name"]
    except ApiError as error:
        content = {"code": error.code, "message": str(error)}
        return STATUS[error.code], {"error": content} if method.endswith("/Watch") else content, account["name"]


def authenticate(state: State, content: dict, metadata: dict[str, list[str]], method: str) -> dict:
    """The account that signed, or an error that says nothing; the cause is in Omni's log."""
    if not content["eula_accepted"]:
        raise ApiError(9, "EULA has not been accepted; accept it to use the API")
    try:
        return accounts.authenticate(content["accounts"], metadata, method, state.clock())
    except accounts.Refused as cause:
        state.log("invalid signature", cause=str(cause), method=method)
        raise ApiError(16, "invalid signature") from None


def decode(text: str, fields: set[str]) -> dict:
    """The body, with field names as the protocol has them. Unknown fields are an error, no body is an empty one."""
    try:
        body = json.loads(text or "{}")
    except ValueError:
        raise ApiError(3, "invalid character 'n' looking for beginning of object key string") from None
    names = {re.sub("_(.)", lambda letter: letter.group(1).upper(), field): field for field in fields}
    unknown = [name for name in body if name not in fields and name not in names]
    if unknown:
        column = text.index(f'"{unknown[0]}"') + 1
        raise ApiError(3, f'proto:\u00a0(line 1:{column}): unknown field "{unknown[0]}"')
    _check_types(text, body)
    return {names.get(name, name): value for name, value in body.items()}


def _check_types(text: str, body: dict) -> None:
    """A version is a text, and so is a specification; a number or an object in their place is an error."""
    resource = body.get("resource", {})
    for name, value in (("currentVersion", body.get("currentVersion", "")), ("spec", resource.get("spec", ""))):
        if not isinstance(value, str):
            column = text.index(f'"{name}": ') + len(name) + 5
            token = "{" if isinstance(value, dict) else str(value)
            raise ApiError(3, f"proto:\u00a0(line 1:{column}): invalid value for string field {name}: {token}")


def _get(call: Call) -> dict:
    return {"body": lookup.compact(lookup.find(call, lookup.kind_of(call, call.body, "read"), call.body))}


def _list(call: Call) -> dict:
    body = call.body
    found = lookup.selected(call, lookup.kind_of(call, body, "read"))
    start = body.get("offset", 0)
    items = found[start : start + body["limit"]] if body.get("limit", 0) > 0 else found[start:]
    return {"items": [lookup.compact(item) for item in items], "total": len(found)} if found else {}


def _join_config(call: Call) -> dict:
    """Any role is given it, as in Omni 1.4, and any token is accepted."""
    token = call.body.get("join_token") or call.content["default_token"]["token_id"]
    args = resources.join_arguments(call.content, token, call.body.get("use_grpc_tunnel", False))
    return {"kernel_args": args, "config": CONFIG.format(*(arg.partition("=")[2] for arg in args))}


def _create_token(call: Call) -> dict:
    require(call, "Admin")
    expiration = call.body.get("expiration_time", "")
    if expiration:
        parse_time(expiration)
    return {"id": call.state.create_token(call.body.get("name", ""), expiration)}


CALLS = {
    RESOURCE_SERVICE + "Get": _get,
    RESOURCE_SERVICE + "List": _list,
    RESOURCE_SERVICE + "Watch": watch.watch,
    RESOURCE_SERVICE + "Create": store.create,
    RESOURCE_SERVICE + "Update": store.update,
    RESOURCE_SERVICE + "Delete": store.delete,
    RESOURCE_SERVICE + "Teardown": store.teardown,
    MANAGEMENT_SERVICE + "GetMachineJoinConfig": _join_config,
    MANAGEMENT_SERVICE + "CreateJoinToken": _create_token,
    **schematics.CALLS,
    **service_accounts.CALLS,
}
