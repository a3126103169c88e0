# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Service-account keys of Omni: reading one, and signing requests with it.

A key is base64 of ``{"name": ..., "pgp_key": "-----BEGIN PGP PRIVATE KEY BLOCK-----..."}``, as Omni shows it once, when
the account is made. What is signed is a small JSON document that names the method and the metadata of one request; the
body is not signed. The key appears in no message: an account is named by its name and the fingerprint of its public half.
"""

from __future__ import annotations

import base64
import datetime
import json
import socket
import sys

from ..common.errors import InputError, OmniMatchboxError

try:
    import pysequoia
except ImportError:
    pysequoia = None

try:
    import requests
except ImportError:
    requests = None

_WHERE = "option service_account_key or environment variable OMNI_SERVICE_ACCOUNT_KEY"
_PROVIDER = "infra-provider:"


class MissingLibraryError(OmniMatchboxError):
    """The Python that is to talk to Omni lacks a library."""


class KeyTimeError(InputError):
    """The key cannot sign at the time that the clock here shows. Either may be what is wrong."""


def require_libraries() -> None:
    """Raise unless everything can be imported that talking to Omni needs, naming this interpreter and what installs it."""
    missing = [name for name, library in (("pysequoia", pysequoia), ("requests", requests)) if library is None]
    if missing:
        raise MissingLibraryError(
            f"{sys.executable} lacks {' and '.join(missing)}, needed to talk to Omni; install with: {sys.executable} -m pip install pysequoia requests"
        )
    if not hasattr(getattr(pysequoia, "Tsk", None), "from_bytes"):
        raise MissingLibraryError(
            f"{sys.executable} has a pysequoia that is too old to sign for Omni; install with: {sys.executable} -m pip install 'pysequoia>=0.1.35'"
        )


class ServiceAccount:
    """A service account and the private key that signs for it.

    ``name`` is the account's name, ``fingerprint`` that of its key (lower case, as Omni looks it up), ``expiration`` the
    key's own, an aware :class:`datetime.datetime`, or ``None`` if it has none or is younger than the clock here allows.
    """

    def __init__(self, key: str):
        require_libraries()
        self.name, armored = _parse(key)
        try:
            self._key = pysequoia.Tsk.from_bytes(armored.encode())
            certificate = self._key.extract_certificate()
        except RuntimeError:
            # The library's own text may quote what it could not read, so it is not passed on.
            raise InputError(f"{self._named()}: its pgp_key is no OpenPGP private key; give the key whole, as Omni showed it ({_WHERE})") from None
        self.fingerprint = certificate.fingerprint.lower()
        try:
            self.expiration = certificate.expiration
        except RuntimeError:
            self.expiration = None

    @property
    def identity(self) -> str:
        """The account as Omni's users list shows it."""
        if self.name.startswith(_PROVIDER):
            return f"{self.name[len(_PROVIDER) :]}@infra-provider.serviceaccount.omni.sidero.dev"
        return f"{self.name}@serviceaccount.omni.sidero.dev"

    def signed_headers(self, method: str, metadata: dict, now: float) -> dict:
        """The HTTP headers of one request: ``metadata``, the time and the signature over both and ``method``.

        ``method`` is the full gRPC name (``/omni.resources.ResourceService/Get``), ``now`` seconds since the epoch. All
        of ``metadata`` is signed. Omni accepts the headers for 300 seconds around ``now``.
        """
        signed = {"x-sidero-timestamp": str(int(now)), **metadata}
        payload = json.dumps({"headers": {name: [value] for name, value in signed.items()}, "method": method})
        signature = base64.b64encode(self._sign(payload.encode(), now)).decode()
        signed["x-sidero-payload"] = payload
        signed["x-sidero-signature"] = f"siderov1 {self.identity} {self.fingerprint} {signature}"
        return {f"Grpc-Metadata-{name}": value for name, value in signed.items()}

    def _sign(self, payload: bytes, now: float) -> bytes:
        clock = f"{show_time(now)} by the clock of {socket.gethostname()}"
        until = show_time(self.expiration.timestamp()) if self.expiration else ""
        if self.expiration and self.expiration.timestamp() <= now:
            raise KeyTimeError(f"{self._named()}: it expired at {until}, and it is {clock}; make a new one ({self.renewal})")
        try:
            return pysequoia.sign(self._key.signer(), payload, mode=pysequoia.SignatureMode.DETACHED, armor=False)
        except RuntimeError:
            valid = f" (the key is valid until {until})" if until else ""
            raise KeyTimeError(
                f"{self._named()}: it cannot sign at {clock}{valid}: it was made later, has expired or been revoked, is a public key,"
                f" or needs a passphrase; set the clock if it is wrong, else make a new key ({self.renewal})"
            ) from None

    @property
    def renewal(self) -> str:
        """The command that makes a new key for this account."""
        return f"omnictl serviceaccount renew {self.name}"

    def _named(self) -> str:
        return f"service-account key of {self.name}"


def show_time(epoch: float) -> str:
    """Seconds since the epoch as ``2026-11-24T06:22:43Z``."""
    return datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _parse(key: str) -> tuple[str, str]:
    """Account name and armored private key out of the base64 text."""
    try:
        content = json.loads(base64.b64decode("".join(key.split()), validate=True))
        name, armored = content["name"], content["pgp_key"]
    except (ValueError, TypeError, KeyError):
        raise InputError(f"service-account key: it is no base64 of JSON with name and pgp_key; give it whole, as Omni showed it ({_WHERE})") from None
    # Omni splits the signature header at blanks; such a name would come back as an invalid signature.
    if not isinstance(armored, str) or not isinstance(name, str) or not name or any(character.isspace() for character in name):
        raise InputError(f"service-account key: its name is empty or holds white space, or its pgp_key is no text; give it as Omni showed it ({_WHERE})")
    return name, armored
