"""Service-account keys for tests: whole ones, and such as people bring by mistake."""

from __future__ import annotations

import base64
import json

import pysequoia

USER = "automation <automation@serviceaccount.omni.sidero.dev>"

# Two keys of nobody, made with GnuPG for these tests: pysequoia makes neither. This one has a passphrase.
WITH_PASSPHRASE = """\
-----BEGIN PGP PRIVATE KEY BLOCK-----

lIYEawVpoBYJKwYBBAHaRw8BAQdAbVs8gOSxS59G5XxBdA48owvmJ12G8qSl45Sf
+4YskXz+BwMC3TCtPQdIQqf/ry6W6zZNNfV1dNqCf00F//oT6ECMkj9xqgI/t8P4
Ft3qhYvG3Jo7pl6D+9//YV8QHO9bLAnI4eJieaL43sXyZPmmIYvHYbQ2YXV0b21h
dGlvbiA8YXV0b21hdGlvbkBzZXJ2aWNlYWNjb3VudC5vbW5pLnNpZGVyby5kZXY+
iJAEExYIADgWIQTeb0d9VF9SIOY8Ll0obTekrOv5CgUCawVpoAIbAwULCQgHAgYV
CgkICwIEFgIDAQIeAQIXgAAKCRAobTekrOv5Ci5tAP96pF35I5yzc0GSUDm/RZOB
H9Q/M/aYPmB/EUL9Sat+/gEA4VGoRe4Ms/MFMyZ8JSEJ/URmUzbY7IOXQrKW+mzs
tgg=
=pBUK
-----END PGP PRIVATE KEY BLOCK-----
"""

# Written by --export-secret-subkeys: the primary key's secret half is not in it.
WITHOUT_PRIMARY = """\
-----BEGIN PGP PRIVATE KEY BLOCK-----

lDsEawVpoxYJKwYBBAHaRw8BAQdA+/ICRgGON1+nSW8vjaLJDqvhz6s5PHvWCkeK
/WrWp/r/AGUAR05VAbQ2YXV0b21hdGlvbiA8YXV0b21hdGlvbkBzZXJ2aWNlYWNj
b3VudC5vbW5pLnNpZGVyby5kZXY+iJAEExYIADgWIQSgKcDTVqeiOemHz1J/XdWO
LeFJ9QUCawVpowIbAQULCQgHAgYVCgkICwIEFgIDAQIeAQIXgAAKCRB/XdWOLeFJ
9TD0AP9Pl3rpSWLS43dlvCXL7isxHOyo4bYo5dXaQ6ErkcslZgD/e+xPxMYnDVN2
7BSfZOMM6aulOtli0z4YNpQr3b8LnAOcWARrBWmjFgkrBgEEAdpHDwEBB0DEWjwx
e2z1E/WMkWMQFsAzuvGkbOzZ+IvDa0J8tXqlkgAA/3Q8/gKQPThv7/CcDEqYDoEz
jxYbke61n0kvaABdEA7lDiGI7wQYFggAIBYhBKApwNNWp6I56YfPUn9d1Y4t4Un1
BQJrBWmjAhsCAIEJEH9d1Y4t4Un1diAEGRYIAB0WIQSLlHk2sA9BPEvddD0ytjh6
Ypv1wAUCawVpowAKCRAytjh6Ypv1wGs9AP47XjKMBazLssdDcSHgWvz5J1CuLVKc
MqP5FN3LRxuxmgD/Z/WCKoxXk6oDKWBQqLP6q4cuQriMXmzfz7glPDLGvwKsjAEA
mgNUuoGQcotRukAX7NCaTg6GIqoLi62JtBFAxPouBS4BANSAwGKljbyBhRHmvSr9
eMTrF59lGapoErVQ/5b5rlsC
=PKH5
-----END PGP PRIVATE KEY BLOCK-----
"""


def private_key(lifetime: int = 3600) -> pysequoia.Tsk:
    """A private key that is valid for so many seconds; pysequoia dates keys a minute back."""
    return pysequoia.Tsk.generate(USER, validity_seconds=lifetime + 60)


def account_key(pgp_key: object, name: object = "automation") -> str:
    """What Omni shows of an account: name and key in base64."""
    return base64.b64encode(json.dumps({"name": name, "pgp_key": pgp_key}).encode()).decode()


def subkey_alone() -> str:
    """The armored signing subkey of a key, without the key that it belongs to."""
    packets = list(pysequoia.packet.PacketPile.from_bytes(bytes(private_key())))
    subkey = next(packet for packet in packets if packet.tag == pysequoia.packet.Tag.SecretSubkey)
    body = bytes(subkey.body)
    # Packet type 7, with a length of one byte.
    return pysequoia.armor(bytes([0xC7, len(body)]) + body, pysequoia.ArmorKind.SecretKey)
