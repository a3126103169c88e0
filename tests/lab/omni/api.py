"""The API of the lab Omni: a request in, status and JSON out. Errors have the code and the words of Omni v1.4."""

from __future__ import annotations

import dataclasses
import json
import re

from . import accounts, resources
from .state import State, parse_time, touch

RESOURCE_SERVICE = "/omni.resources.ResourceService/"
MANAGEMENT_SERVICE = "/management.ManagementService/"

POINTER = {"namespace", "type", "id"}
FIELDS = {
    RESOURCE_SERVICE + "Get": POINTER,
    RESOURCE_SERVICE + "List": {"namespace", "type", "offset", "limit", "sort_by_field", "sort_descending", "search_for"},
    RESOURCE_SERVICE + "Create": {"resource"},
    RESOURCE_SERVICE + "Update": {"resource", "currentVersion"},
    RESOURCE_SERVICE + "Delete": POINTER,
    MANAGEMENT_SERVICE + "GetMachineJoinConfig": {"join_token", "use_grpc_tunnel"},
    MANAGEMENT_SERVICE + "CreateJoinToken": {"name", "expiration_time"},
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


class ApiError(Exception):
    """An answer other than success."""

    def __init__(self, code: int, message: str):
        super().__init__(message)
        self.code = code


def invalid(message: str, code: int = 3) -> ApiError:
    """Refused by a check of what was asked, in Omni's wrapping. Code 7 is about access."""
    wrapped = f"rpc error: code = PermissionDenied desc = {message}" if code == 7 else message
    return ApiError(code, f"failed to validate: 1 error occurred:\n\t* {wrapped}\n\n")


@dataclasses.dataclass
class Call:
    """One request, after its signature was checked."""

    state: State
    asker: resources.Asker
    content: dict
    method: str
    body: dict


def answer(state: State, method: str, metadata: dict[str, list[str]], text: str) -> tuple[int, dict, str]:
    """HTTP status, JSON answer and the asking account's name for a POST to ``/api<method>``; ``metadata`` by lower-case name."""
    account = {"name": ""}
    try:
        if method not in FIELDS:
            raise ApiError(5, "Not Found")
        body = decode(text, FIELDS[method])
        content = state.read()
        account = authenticate(state, content, metadata, method)
        call = Call(state, resources.Asker(account, state.clock(), state.timestamp()), content, method, body)
        if method.startswith(RESOURCE_SERVICE):
            if metadata.get("runtime") != ["Omni"]:
                raise ApiError(2, "missing runtime metadata")
            if "selectors" in metadata:
                raise ApiError(12, "the lab Omni has no selectors")
        return 200, CALLS[method](call), account["name"]
    except ApiError as error:
        return STATUS[error.code], {"code": error.code, "message": str(error)}, account["name"]


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
    return {names.get(name, name): value for name, value in body.items()}


def _kind(call: Call, pointer: dict, role: str) -> resources.Kind:
    """The type that is asked for, if the account may do that with it."""
    kind = resources.KINDS.get(pointer.get("type", ""))
    verb = call.method.rpartition("/")[2]
    if kind is None:
        raise invalid("no access is permitted", 7)
    if verb not in kind.verbs:
        raise invalid(kind.refusal, 7)
    _require(call, getattr(kind, role), lambda text: invalid(text, 7))
    return kind


def _require(call: Call, role: str, error) -> None:
    has = call.asker.account["role"]
    if accounts.ROLES.index(has) < accounts.ROLES.index(role):
        raise error(f'unauthorized: access denied: insufficient role: "{has}"')


def _all(call: Call, kind: resources.Kind, namespace: str) -> list[dict]:
    found = kind.make(call.content, call.asker) if namespace == kind.namespace else []
    return sorted(found, key=lambda item: item["metadata"]["id"])


def _find(call: Call, kind: resources.Kind, pointer: dict, doing: str = "", version: str = "undefined") -> dict:
    namespace, wanted = pointer.get("namespace", ""), pointer.get("id", "")
    for item in _all(call, kind, namespace):
        if item["metadata"]["id"] == wanted:
            return item
    doing = doing or ("" if namespace else "failed to get: ")
    raise ApiError(5, f"{doing}resource {pointer['type']}({namespace}/{wanted}@{version}) doesn't exist")


def _compact(item: dict) -> str:
    return json.dumps(item, separators=(",", ":"))


def _get(call: Call) -> dict:
    return {"body": _compact(_find(call, _kind(call, call.body, "read"), call.body))}


def _list(call: Call) -> dict:
    body = call.body
    kind = _kind(call, body, "read")
    wanted = body.get("search_for", [])
    found = [item for item in _all(call, kind, body.get("namespace", "")) if not wanted or any(text in item["metadata"]["id"] for text in wanted)]
    field = body.get("sort_by_field", "id")
    if found and field not in ("id", "created", "updated"):
        raise ApiError(2, f'failed to sort: field "{field}" for element "{found[0]["metadata"]["id"]}" not found')
    found.sort(key=lambda item: item["metadata"][field], reverse=body.get("sort_descending", False))
    start = body.get("offset", 0)
    items = found[start : start + body["limit"]] if body.get("limit", 0) > 0 else found[start:]
    return {"items": [_compact(item) for item in items], "total": len(found)} if found else {}


def _create(call: Call) -> dict:
    """No type in use can be created through this call; each says so in its own words."""
    _kind(call, call.body.get("resource", {}).get("metadata", {}), "write")
    raise AssertionError("a type with Create needs code for it")


def _update(call: Call) -> dict:
    metadata = call.body["resource"]["metadata"]
    kind = _kind(call, metadata, "write")
    spec = json.loads(call.body["resource"].get("spec", "{}"))
    with call.state.change() as call.content:
        current = _find(call, kind, metadata, "failed to get: ", metadata.get("version", "1"))
        expected, actual = int(metadata.get("version", "1")), current["metadata"]["version"]
        if expected != actual:
            pointer = f"{metadata['type']}({metadata['namespace']}/{metadata['id']}@{actual})"
            raise ApiError(6, f"failed to update: resource {pointer} update conflict: expected version '\\x{expected:02x}', actual version '\\x{actual:02x}'")
        UPDATES[metadata["type"]](call, metadata["id"], spec)
    return {}


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


def _delete(call: Call) -> dict:
    kind = _kind(call, call.body, "write")
    with call.state.change() as call.content:
        token = _find(call, kind, call.body, "failed to get: ")["metadata"]["id"]
        if token == call.content["default_token"]["token_id"]:
            raise invalid("deleting default join token is not possible")
        del call.content["tokens"][token]
    return {}


def _join_config(call: Call) -> dict:
    """Any role is given it, as in Omni 1.4, and any token is accepted."""
    token = call.body.get("join_token") or call.content["default_token"]["token_id"]
    args = resources.join_arguments(call.content, token, call.body.get("use_grpc_tunnel", False))
    return {"kernel_args": args, "config": CONFIG.format(*(arg.partition("=")[2] for arg in args))}


def _create_token(call: Call) -> dict:
    _require(call, "Admin", lambda text: ApiError(7, text))
    expiration = call.body.get("expiration_time", "")
    if expiration:
        parse_time(expiration)
    return {"id": call.state.create_token(call.body.get("name", ""), expiration)}


CALLS = {
    RESOURCE_SERVICE + "Get": _get,
    RESOURCE_SERVICE + "List": _list,
    RESOURCE_SERVICE + "Create": _create,
    RESOURCE_SERVICE + "Update": _update,
    RESOURCE_SERVICE + "Delete": _delete,
    MANAGEMENT_SERVICE + "GetMachineJoinConfig": _join_config,
    MANAGEMENT_SERVICE + "CreateJoinToken": _create_token,
}

UPDATES = {"JoinTokens.omni.sidero.dev": _update_token, "DefaultJoinTokens.omni.sidero.dev": _update_default}
