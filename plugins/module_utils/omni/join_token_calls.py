# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Omni's join tokens: reading them, and doing what :mod:`.join_tokens` plans.

A token is the id of its resource, so every call here names it as a secret. What Omni lets machines in by follows a change
within moments (its status of the token); the change counts as made when the status shows it.
"""

from __future__ import annotations

from ..boot.kernel_args import token_hash
from .changes import change_once
from .client import MANAGEMENT, OmniClient
from .errors import NotFoundError
from .join import TOKEN_STATES, TOKEN_STATUS_TYPE
from .join_tokens import JoinToken, TokenPlan
from .lifetimes import parse_time, show_time
from .resources import delete_resource, get_resource, list_resources, update_resource

_TOKEN_TYPE = "JoinTokens.omni.sidero.dev"
_DEFAULT_TYPE = "DefaultJoinTokens.omni.sidero.dev"
_DEFAULT_ID = "default"

_PAUSES = (0.2, 0.3, 0.5, 1, 1, 2)
"""Seconds to wait before looking again whether Omni has followed a change."""


def read_tokens(client: OmniClient) -> list[JoinToken]:
    """All join tokens with what can be lost by each. Needs the role Admin in Omni 1.4."""
    default = get_resource(client, _DEFAULT_TYPE, _DEFAULT_ID)["spec"].get("token_id", "")
    users = {status["metadata"]["id"]: _machines(status) for status in list_resources(client, TOKEN_STATUS_TYPE)}
    return [_token(resource, default, users) for resource in list_resources(client, _TOKEN_TYPE)]


def token_statuses(client: OmniClient) -> list[dict]:
    """What Omni tells of its tokens to readers, by name, as a module returns it; the tokens themselves are not in it."""
    return sorted((_described(status) for status in list_resources(client, TOKEN_STATUS_TYPE)), key=lambda token: (token["name"], token["token_hash"]))


def apply_token(client: OmniClient, plan: TokenPlan, known: list[JoinToken]) -> JoinToken | None:
    """Do what is planned; ``known`` are the tokens that the plan was made with. Returns the token as it is then.

    Each step is one call, in an order in which a run that ends in between has broken nothing and the next one goes on from there.
    """
    before, after = plan.before, plan.after
    if after is None:
        delete_resource(client, _TOKEN_TYPE, before.secret, secret_id=True)
        return None
    if before is None:
        before = _create(client, after, known)
    wanted = JoinToken(before.secret, before.name, before.created, after.expires, after.revoked, after.default, before.machines)
    if (before.expires, before.revoked) != (wanted.expires, wanted.revoked):
        update_resource(client, _TOKEN_TYPE, before.secret, lambda spec: _limits(spec, wanted), secret_id=True)
    if wanted.default and not before.default:
        update_resource(client, _DEFAULT_TYPE, _DEFAULT_ID, lambda spec: {**spec, "token_id": wanted.secret}, secrets=[wanted.secret])
    return wanted


def is_settled(client: OmniClient, token: JoinToken) -> bool:
    """Wait a few seconds for Omni's status of a token to follow its last change; whether it has."""
    for pause in _PAUSES:
        try:
            spec = get_resource(client, TOKEN_STATUS_TYPE, token.secret, secret_id=True)["spec"]
        except NotFoundError:
            spec = {}
        if (TOKEN_STATES.get(spec.get("state", 0)) == "revoked", spec.get("is_default", False)) == (token.revoked, token.default) and spec:
            return True
        client.sleep(pause)
    return False


def _create(client: OmniClient, token: JoinToken, known: list[JoinToken]) -> JoinToken:
    """Make a token. If the answer is lost, the token that is new since the plan was made is the one."""
    body: dict = {"name": token.name}
    if token.expires is not None:
        body["expiration_time"] = show_time(token.expires)
    old = {other.secret for other in known}

    def look() -> dict | None:
        made = [other.secret for other in read_tokens(client) if other.name == token.name and other.secret not in old]
        return {"id": made[0]} if made else None

    secret = change_once(client, MANAGEMENT + "CreateJoinToken", body, look)["id"]
    return JoinToken(secret, token.name, token.created, token.expires)


def _limits(spec: dict, token: JoinToken) -> dict:
    """A token's specification with this end and this revocation; no end is no field."""
    kept = {name: value for name, value in spec.items() if name != "expiration_time"}
    ends = {} if token.expires is None else {"expiration_time": show_time(token.expires)}
    return {**kept, **ends, "revoked": token.revoked}


def _token(resource: dict, default: str, users: dict[str, tuple[str, ...]]) -> JoinToken:
    spec, metadata = resource["spec"], resource["metadata"]
    expires = spec.get("expiration_time")
    return JoinToken(
        secret=metadata["id"],
        name=spec.get("name", ""),
        created=parse_time(metadata["created"]),
        expires=parse_time(expires) if expires else None,
        revoked=spec.get("revoked", False),
        default=metadata["id"] == default,
        machines=users.get(metadata["id"], ()),
    )


def _machines(status: dict) -> tuple[str, ...]:
    return tuple(warning.get("machine", "") for warning in status["spec"].get("warnings", []))


def _described(status: dict) -> dict:
    spec = status["spec"]
    return {
        "name": spec.get("name", ""),
        "token_hash": token_hash(status["metadata"]["id"]),
        "state": TOKEN_STATES.get(spec.get("state", 0), "unknown"),
        "default": spec.get("is_default", False),
        "expiration": spec.get("expiration_time"),
        "use_count": int(spec.get("use_count", 0)),
        "warnings": [{"machine": warning.get("machine", ""), "message": warning.get("message", "")} for warning in spec.get("warnings", [])],
    }
