# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of Omni's service accounts, as texts: reading one, saying what is wrong with one, making one.

A key is base64 of ``{"name": ..., "pgp_key": "-----BEGIN PGP PRIVATE KEY BLOCK-----..."}``, as Omni shows it once, when
the account is made. The key appears in no message: an account is named by its name.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import re
import typing as t

from ..common.errors import InputError

try:
    import pysequoia
except ImportError:
    pysequoia = None

_WHERE = "option service_account_key or environment variable OMNI_SERVICE_ACCOUNT_KEY"
_WHOLE = f"give the key whole, as Omni showed it ({_WHERE})"
_PROVIDER = "infra-provider:"
_WORD = re.compile(r"[!-~]+")
_BEGIN = "-----BEGIN PGP PRIVATE KEY BLOCK-----"
_END = "-----END PGP PRIVATE KEY BLOCK-----"

BACKDATED = 60
"""Seconds by which pysequoia dates back what it makes, so that it is good at once where clocks differ a little."""

# GnuPG writes this in place of a primary key's secret half that it leaves out (``--export-secret-subkeys``).
_LEFT_OUT = b"GNU\x01"


@dataclasses.dataclass(frozen=True)
class NewKey:
    """A key that was just made: ``text`` is the secret one, ``public`` its armored public half."""

    text: str
    public: str
    fingerprint: str


def is_word(text: str) -> bool:
    """Whether ``text`` can be one of the words of the signature header, which Omni splits at blanks."""
    return bool(_WORD.fullmatch(text))


def identity_of(name: str) -> str:
    """An account as Omni's list of users shows it."""
    if name.startswith(_PROVIDER):
        return f"{name[len(_PROVIDER) :]}@infra-provider.serviceaccount.omni.sidero.dev"
    return f"{name}@serviceaccount.omni.sidero.dev"


def new_key(name: str, lifetime: int) -> NewKey:
    """A new key for account ``name``, valid for ``lifetime`` seconds from its making, which is dated back by :data:`BACKDATED`."""
    secret = pysequoia.Tsk.generate(f"{name} <{identity_of(name)}>", validity_seconds=lifetime)
    certificate = secret.extract_certificate()
    text = base64.b64encode(json.dumps({"name": name, "pgp_key": str(secret)}).encode()).decode()
    return NewKey(text, str(certificate), certificate.fingerprint.lower())


def read_key(text: str) -> tuple[str, t.Any]:
    """Account name and ``pysequoia.Tsk`` out of a key; an :class:`InputError` says what makes it one that cannot sign."""
    name, armored = _parts(text)
    called = f"service-account key of {name}: its pgp_key"
    if _BEGIN in armored and _END not in armored:
        raise InputError(f"{called} is cut off, the line {_END} is missing; {_WHOLE}")
    try:
        wrong = _missing(list(pysequoia.packet.PacketPile.from_bytes(armored.encode())))
        key = None if wrong else pysequoia.Tsk.from_bytes(armored.encode())
    except (RuntimeError, UnicodeEncodeError):
        # The library's own text may quote what it could not read, so it is not passed on.
        raise InputError(f"{called} is damaged or no OpenPGP private key; {_WHOLE}") from None
    if wrong:
        raise InputError(f"{called} {wrong}; {_WHOLE}")
    if _needs_passphrase(key):
        raise InputError(f"{called} needs a passphrase, which nobody could enter here; give a key without one ({_WHERE})")
    return name, key


def _parts(text: str) -> tuple[str, str]:
    """Account name and armored private key out of the base64 text."""
    try:
        content = json.loads(base64.b64decode("".join(text.split()), validate=True))
    except ValueError:
        raise InputError(f"service-account key: it is no base64 of JSON with name and pgp_key, or cut off; {_WHOLE}") from None
    if not isinstance(content, dict):
        raise InputError(f"service-account key: it is no base64 of a JSON object with name and pgp_key; {_WHOLE}")
    name, armored = content.get("name"), content.get("pgp_key")
    if not name or not isinstance(name, str) or name == _PROVIDER:
        raise InputError(f"service-account key: it has no name; {_WHOLE}")
    if not is_word(name):
        raise InputError(f"service-account key: its name holds white space, control characters or letters beyond ASCII; {_WHOLE}")
    if not armored or not isinstance(armored, str):
        raise InputError(f"service-account key of {name}: it has no pgp_key; {_WHOLE}")
    return name, armored


def _missing(packets: list) -> str:
    """What a private key that can stand for an account has and these OpenPGP packets have not, in words; empty if nothing."""
    tags = pysequoia.packet.Tag
    if not any(packet.tag in (tags.SecretKey, tags.SecretSubkey) for packet in packets):
        return "is a public key, which cannot sign"
    primary = [packet for packet in packets if packet.tag == tags.SecretKey]
    if not primary or bytes(primary[0].body).endswith(_LEFT_OUT):
        return "holds subkeys alone, the private primary key was left out"
    return ""


def _needs_passphrase(key: t.Any) -> bool:
    """An expired key has no signer either; that is told when it is to sign, by the clock."""
    try:
        key.signer()
    except RuntimeError as error:
        return "encrypted" in str(error)
    return False
