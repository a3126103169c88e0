# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signing requests to Omni in the name of a service account.

What is signed is a small JSON document that names the method and the metadata of one request; the body is not signed.
The key appears in no message: an account is named by its name and the fingerprint of its public half.
"""

from __future__ import annotations

import base64
import json
import socket
import sys

from ..common.errors import InputError, OmniMatchboxError
from .account_key import identity_of, is_word, read_key
from .lifetimes import show_time

try:
    import pysequoia
except ImportError:
    pysequoia = None

try:
    import requests
except ImportError:
    requests = None


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
    key's own, an aware ``datetime``, or ``None`` if it has none or is younger than the clock here allows.
    """

    def __init__(self, key: str):
        require_libraries()
        self.name, self._key = read_key(key)
        certificate = self._key.extract_certificate()
        self.fingerprint = certificate.fingerprint.lower()
        try:
            self.expiration = certificate.expiration
        except RuntimeError:
            self.expiration = None

    @property
    def identity(self) -> str:
        """The account as Omni's users list shows it."""
        return identity_of(self.name)

    def signed_headers(self, method: str, metadata: dict, now: float) -> dict:
        """The HTTP headers of one request: ``metadata``, the time and the signature over both and ``method``.

        ``method`` is the full gRPC name (``/omni.resources.ResourceService/Get``), ``now`` seconds since the epoch. All
        of ``metadata`` is signed. Omni accepts the headers for 300 seconds around ``now``.
        """
        signed = {"x-sidero-timestamp": str(int(now)), **metadata}
        payload = json.dumps({"headers": {name: [value] for name, value in signed.items()}, "method": method})
        signature = base64.b64encode(self._sign(payload.encode(), now)).decode()
        signed["x-sidero-payload"] = payload
        signed["x-sidero-signature"] = signature_header(self.identity, self.fingerprint, signature)
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
                f"{self._named()}: it cannot sign at {clock}{valid}: it was made later, has expired or been revoked;"
                f" set the clock if it is wrong, else make a new key ({self.renewal})"
            ) from None

    @property
    def renewal(self) -> str:
        """The command that makes a new key for this account."""
        return f"omnictl serviceaccount renew {self.name}"

    def _named(self) -> str:
        return f"service-account key of {self.name}"


def signature_header(identity: str, fingerprint: str, signature: str) -> str:
    """The value of the signature header. Omni splits it at blanks and takes what is not four words for an invalid signature."""
    words = ("siderov1", identity, fingerprint, signature)
    if not all(map(is_word, words)):
        raise InputError("signature of a request: identity, fingerprint and signature must each be one word; check the service-account key's name")
    return " ".join(words)
