"""Service accounts of the lab Omni, and the check of what they sign."""

from __future__ import annotations

import base64
import json
import uuid

import pysequoia

from .state import State

ROLES = ("None", "InfraProvider", "Reader", "Operator", "Admin")
MAX_SKEW = 300
SIGNED = ("x-sidero-timestamp", "nodes", "selectors", "fieldSelectors", "runtime", "context", "cluster", "namespace", "uid", "authorization")
"""Metadata that must be signed if it is sent. gRPC's names are lower case, so that ``fieldSelectors`` never matches."""

# pysequoia dates what it makes a minute back; lifetimes count from there.
_BACKDATED = 60


class Refused(Exception):
    """Why a signature was not accepted. Omni's clients are not told; its log is."""


def create_account(state: State, name: str, role: str = "Admin", lifetime: int = 30 * 86400) -> str:
    """A new account; its key (``OMNI_SERVICE_ACCOUNT_KEY``) is returned and not kept. ``lifetime`` in seconds may be negative: expired at birth."""
    if role not in ROLES:
        raise ValueError(f"role {role!r} is none of {', '.join(ROLES)}")
    secret = pysequoia.Tsk.generate(f"{name} <{name}@serviceaccount.omni.sidero.dev>", validity_seconds=lifetime + _BACKDATED)
    certificate = secret.extract_certificate()
    with state.change() as content:
        content["accounts"].append(
            {
                "name": name,
                "role": role,
                "user_id": str(uuid.uuid4()),
                "fingerprint": certificate.fingerprint,
                "certificate": str(certificate),
                "expiration": certificate.expiration.timestamp(),
            }
        )
    return base64.b64encode(json.dumps({"name": name, "pgp_key": str(secret)}).encode()).decode()


def identity(account: dict) -> str:
    """The account as ``CurrentUsers`` shows it."""
    return f"{account['name']}@serviceaccount.omni.sidero.dev"


def authenticate(accounts: list[dict], metadata: dict[str, list[str]], method: str, now: float) -> dict:
    """The account that signed a request, or :class:`Refused`. ``metadata`` is what came, by lower-case name."""
    try:
        payload_text = _only(metadata, "x-sidero-payload")
        version, _identity, fingerprint, signature = _only(metadata, "x-sidero-signature").split(" ")
        payload = json.loads(payload_text)
        signed_method, signed = payload["method"], payload["headers"]
        skew = now - int(_only(metadata, "x-sidero-timestamp"))
        signature = base64.b64decode(signature, validate=True)
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(f"malformed: {error}") from None
    if version != "siderov1":
        raise Refused(f"signature version {version}")
    if abs(skew) > MAX_SKEW:
        raise Refused(f"timestamp is off by {skew:.0f} s")
    if signed_method != method:
        raise Refused(f"signed for {signed_method}")
    for name in SIGNED:
        # null stands for a header that is not there; an empty list does not.
        if signed.get(name) != metadata.get(name):
            raise Refused(f"{name} differs from what was signed")
    account = next((known for known in accounts if known["fingerprint"] == fingerprint), None)
    if account is None:
        raise Refused(f"unknown key {fingerprint}")
    if account["expiration"] <= now:
        raise Refused(f"key of {account['name']} has expired")
    _verify(account, payload_text.encode(), signature)
    return account


def _verify(account: dict, payload: bytes, signature: bytes) -> None:
    if signature.startswith(b"-----"):
        raise Refused("signature is armored")
    certificate = pysequoia.Cert.from_bytes(account["certificate"].encode())
    try:
        pysequoia.verify(payload, store=lambda _ids: [certificate], signature=pysequoia.Sig.from_bytes(signature))
    except RuntimeError as error:
        raise Refused(str(error).splitlines()[0]) from None


def _only(metadata: dict[str, list[str]], name: str) -> str:
    (value,) = metadata[name]
    return value
