# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The three kernel arguments by which a machine finds its Omni and is let in, and the join tokens in them.

Omni composes the arguments; addresses and ports in them are taken as they are. It does so for any token, also one that it
will refuse: whoever boots with that one never appears anywhere but in Omni's log. So the token is looked up first.
"""

from __future__ import annotations

import dataclasses

from ..boot.kernel_args import join_token as token_in
from ..boot.kernel_args import token_hash, validate_join_args
from ..common.errors import InputError
from .client import MANAGEMENT, OmniClient
from .errors import NotFoundError, PermissionDeniedError
from .lifetimes import parse_time
from .resources import get_resource, list_resources

TOKEN_STATUS_TYPE = "JoinTokenStatuses.omni.sidero.dev"
TOKEN_STATES = {1: "active", 2: "revoked", 3: "expired"}

_CONFIG_TYPE = "SiderolinkAPIConfigs.omni.sidero.dev"
_CONFIG_ID = "siderolink-config"

# Tokens with these beginnings carry signed data of an infrastructure provider and have no resource of their own.
_PROVIDER_TOKENS = ("v1:", "v2:")


@dataclasses.dataclass(frozen=True)
class Join:
    """The three arguments, and when their token ends, in seconds since the epoch; ``None`` if it never does or nobody may know."""

    args: list[str] = dataclasses.field(repr=False)
    expires: float | None = None


def kernel_params(client: OmniClient, join_token: str | None = None, use_grpc_tunnel: bool | None = None) -> Join:
    """What Omni gives for ``join_token`` or Omni's default token.

    ``use_grpc_tunnel`` as ``None`` means what this Omni enforces for all machines: Omni does not add that by itself here.
    """
    if use_grpc_tunnel is None:
        use_grpc_tunnel = get_resource(client, _CONFIG_TYPE, _CONFIG_ID)["spec"].get("enforce_grpc_tunnel", False)
    body: dict = {"use_grpc_tunnel": True} if use_grpc_tunnel else {}
    if join_token:
        body["join_token"] = join_token
    answer = client.read(MANAGEMENT + "GetMachineJoinConfig", body, secrets=[join_token] if join_token else [])
    args = validate_join_args(answer.get("kernel_args", []))
    status = _require_active(client, token_in(args), f"join token {token_hash(join_token)}" if join_token else "Omni's default join token")
    expires = (status or {}).get("expiration_time")
    return Join(args, parse_time(expires) if expires else None)


def asked_params(client: OmniClient, params: dict) -> Join:
    """What Omni gives for a module's options ``join_token``, ``join_token_name`` and ``use_grpc_tunnel``."""
    for name in ("join_token", "join_token_name"):
        if params[name] == "":
            raise InputError(f"{name} is empty; leave it out for Omni's default token")
    token = find_join_token(client, params["join_token_name"]) if params["join_token_name"] else params["join_token"]
    return kernel_params(client, token, params["use_grpc_tunnel"])


def find_join_token(client: OmniClient, name: str) -> str:
    """The active token called ``name``. Names need not be unique: a revoked token of the same name does not count."""
    named = [status for status in list_resources(client, TOKEN_STATUS_TYPE) if status["spec"].get("name") == name]
    active = [status["metadata"]["id"] for status in named if _state(status) == "active"]
    if not named:
        raise InputError(f"join_token_name: {client.endpoint} has no join token called {name!r}; names are listed by omnictl jointoken list")
    if not active:
        states = " and ".join(sorted({_state(status) for status in named}))
        raise InputError(f"join_token_name: the join token {name!r} at {client.endpoint} is {states}; machines cannot join with it; name another one")
    if len(active) > 1:
        raise InputError(f"join_token_name: {client.endpoint} has {len(active)} active join tokens called {name!r}; give the one that is meant as join_token")
    return active[0]


def _require_active(client: OmniClient, token: str, called: str) -> dict | None:
    """Raise if machines cannot join with ``token``; else what Omni's status of it says.

    An account that may not read tokens has to take Omni's answer as it is.
    """
    if token.startswith(_PROVIDER_TOKENS):
        return None
    try:
        status = _token_status(client, token)
    except PermissionDeniedError:
        return None
    if status is None:
        raise InputError(f"{called} is not known at {client.endpoint}; machines cannot join with it; give a token that omnictl jointoken list shows")
    state = _state(status)
    if state != "active":
        raise InputError(f"{called} at {client.endpoint} is {state}; machines cannot join with it; give another one, or make another one the default")
    return status["spec"]


def _token_status(client: OmniClient, token: str) -> dict | None:
    """Omni's status of ``token``, ``None`` if Omni does not know it. Of one that was just made, Omni needs a moment to tell."""
    for last in (False, True):
        try:
            return get_resource(client, TOKEN_STATUS_TYPE, token, secret_id=True)
        except NotFoundError:
            if not last:
                client.sleep(1)
    return None


def _state(status: dict) -> str:
    return TOKEN_STATES.get(status["spec"].get("state", 0), "in an unknown state")
