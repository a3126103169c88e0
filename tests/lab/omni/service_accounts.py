"""The calls about service accounts. An account has one entry in the state for each of its keys, since it is keys that sign."""

from __future__ import annotations

import re
import uuid

import pysequoia

from .accounts import ROLES
from .calls import MANAGEMENT_SERVICE, ApiError, Call, require
from .state import show_time

LONGEST = 365 * 86400
DOMAIN = "@serviceaccount.omni.sidero.dev"

FIELDS = {
    MANAGEMENT_SERVICE + "CreateServiceAccount": {"name", "role", "use_user_role", "armored_pgp_public_key"},
    MANAGEMENT_SERVICE + "RenewServiceAccount": {"name", "armored_pgp_public_key"},
    MANAGEMENT_SERVICE + "DestroyServiceAccount": {"name"},
    MANAGEMENT_SERVICE + "ListServiceAccounts": set(),
}


def _create(call: Call) -> dict:
    require(call, "Admin")
    name, role = call.body.get("name", ""), call.body.get("role", "")
    if call.body.get("use_user_role"):
        role = call.asker.account["role"]
    key = _key(call)
    if role not in ROLES:
        raise ApiError(2, f'unknown role to parse: "{role}"')
    if name.startswith("infra-provider:") and role != "InfraProvider":
        raise ApiError(2, 'infra-provider service accounts must have the role "InfraProvider"')
    with call.state.change() as content:
        if _entries(content, name):
            raise ApiError(6, f'service account "{name}{DOMAIN}" already exists')
        content["accounts"].append({"name": name, "role": role, "user_id": str(uuid.uuid4()), **key})
    return {"public_key_id": key["fingerprint"]}


def _renew(call: Call) -> dict:
    """The keys before stay good."""
    require(call, "Admin")
    name, key = call.body.get("name", ""), _key(call)
    with call.state.change() as content:
        entries = _entries(content, name)
        if not entries:
            raise ApiError(2, f"failed to get: resource Identities.omni.sidero.dev(default/{name}{DOMAIN}@undefined) doesn't exist")
        content["accounts"].append({**entries[0], **key})
    return {"public_key_id": key["fingerprint"]}


def _destroy(call: Call) -> dict:
    require(call, "Admin")
    name = call.body.get("name", "")
    with call.state.change() as content:
        entries = _entries(content, name)
        if not entries:
            raise ApiError(5, f'service account "{name}" not found')
        content["accounts"] = [entry for entry in content["accounts"] if entry not in entries]
    return {}


def _list(call: Call) -> dict:
    require(call, "Admin")
    found: dict[str, dict] = {}
    for entry in sorted(call.content["accounts"], key=lambda entry: entry["name"]):
        account = found.setdefault(entry["name"], {"name": entry["name"], "pgp_public_keys": [], "role": entry["role"]})
        key = {"id": entry["fingerprint"], "armored": entry["certificate"], "expiration": show_time(entry["expiration"])}
        account["pgp_public_keys"].append(key)
    return {"service_accounts": list(found.values())} if found else {}


def _key(call: Call) -> dict:
    """The public key that came with the call, as the state keeps it."""
    armored = call.body.get("armored_pgp_public_key", "")
    try:
        certificate = pysequoia.Cert.from_bytes(armored.encode())
    except RuntimeError:
        raise ApiError(2, "gopenpgp: error in reading key ring: openpgp: invalid data") from None
    user = str(certificate.user_ids[0])
    if not re.search("<[^@<>]+@[^@<>]+>$", user):
        raise ApiError(2, f"key does not contain a valid email address: mail: no angle-addr: {user}")
    lifetime = certificate.expiration.timestamp() - _made(armored)
    if lifetime > LONGEST:
        raise ApiError(2, f"key lifetime is too long: {int(lifetime) // 3600}h{int(lifetime) % 3600 // 60}m{int(lifetime) % 60}s")
    return {"fingerprint": certificate.fingerprint, "certificate": armored, "expiration": certificate.expiration.timestamp()}


def _made(armored: str) -> float:
    return next(iter(pysequoia.packet.PacketPile.from_bytes(armored.encode()))).key_created.timestamp()


def _entries(content: dict, name: str) -> list[dict]:
    return [entry for entry in content["accounts"] if entry["name"] == name]


CALLS = {
    MANAGEMENT_SERVICE + "CreateServiceAccount": _create,
    MANAGEMENT_SERVICE + "RenewServiceAccount": _renew,
    MANAGEMENT_SERVICE + "DestroyServiceAccount": _destroy,
    MANAGEMENT_SERVICE + "ListServiceAccounts": _list,
}
