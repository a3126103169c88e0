# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate that signs itself: what it should say, what one says, and why it has to be made anew. Pure."""

from __future__ import annotations

import dataclasses
import datetime
import ipaddress
import re
import ssl
import typing as t

from ..common.errors import InputError

DAY = 86400
KEY = "RSA 2048"  # which also older builds of iPXE can verify

# Everything is said here, so that the host's own openssl.cnf has no say. It is no authority: whoever trusts this
# certificate trusts these names and not whatever its key might sign.
CONFIGURATION = """[req]
prompt = no
distinguished_name = subject
x509_extensions = server
[subject]
CN = {common_name}
[server]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {names}
"""

LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?"
NAME = re.compile(rf"(\*\.)?{LABEL}(\.{LABEL})*")


def given_pair_problems(certificate: str, private_key: str, exists: t.Callable[[str], bool]) -> list[str]:
    """What is wrong with the paths of a certificate that was brought and its key; none at all means that a pair is made."""
    paths = {"gateway_certificate": certificate, "gateway_certificate_key": private_key}
    without = [name for name, path in paths.items() if not path]
    if len(without) == 1:
        (given,) = set(paths) - set(without)
        return [f"{given} is set and {without[0]} is not: set both, or neither and a self-signed certificate is made"]
    return [f"{name}: there is no file {path} on this host: put it there first" for name, path in paths.items() if path and not exists(path)]


@dataclasses.dataclass(frozen=True)
class Wish:
    """``names`` as OpenSSL writes them (``DNS:boot1.example.com``, ``IP:192.168.1.8``), the first of them the common name."""

    names: tuple[str, ...]
    days: int
    renew_days: int

    @property
    def common_name(self) -> str:
        """What the subject says; X.509 allows 64 characters there."""
        name = self.names[0].partition(":")[2]
        return name if len(name) <= 64 else "omni-matchbox"

    @property
    def configuration(self) -> str:
        """The file from which ``openssl req`` makes it."""
        return CONFIGURATION.format(common_name=self.common_name, names=", ".join(self.names))


class Certificate(t.NamedTuple):
    """What a certificate says. ``expires`` is in seconds since the epoch; ``names`` as in :class:`Wish`; ``public_key`` is PEM."""

    subject: str
    issuer: str
    expires: float
    names: tuple[str, ...]
    public_key: str


def wish(names: list[str], addresses: list[str], days: int, renew_days: int) -> Wish:
    """The options of the module; InputError for what is no DNS name, no address, or would be renewed by every run."""
    if days <= renew_days:
        raise InputError(f"a certificate for {days} days that is renewed {renew_days} days before its end would be made anew by each run")
    for name in names:
        if not NAME.fullmatch(name.lower()):
            raise InputError(f"{name!r} is not a DNS name that a certificate can hold (addresses belong into addresses)")
    alternatives = [f"DNS:{name.lower()}" for name in names] + [_address_name(address) for address in addresses]
    if not alternatives:
        raise InputError("a certificate needs at least one name or address")
    return Wish(tuple(dict.fromkeys(alternatives)), days, renew_days)


def _address_name(text: str) -> str:
    try:
        return f"IP:{ipaddress.ip_address(text.strip())}"
    except ValueError:
        raise InputError(f"{text!r} is not an IP address") from None


def parse_certificate(text: str) -> Certificate:
    """The answer of ``openssl x509 -noout -subject -issuer -enddate -pubkey -ext subjectAltName -nameopt RFC2253``."""
    lines = text.splitlines()
    values = dict(line.partition("=")[::2] for line in lines if line.startswith(("subject=", "issuer=", "notAfter=")))
    alternatives = [part.strip() for line in lines if line.startswith("    ") for part in line.split(",")]
    names = [_address_name(part.partition(":")[2]) if part.startswith("IP Address:") else part for part in alternatives]
    key = re.search(r"-----BEGIN PUBLIC KEY-----.*-----END PUBLIC KEY-----", text, re.DOTALL)
    return Certificate(values["subject"], values["issuer"], ssl.cert_time_to_seconds(values["notAfter"]), tuple(names), key.group(0))


def reasons(wanted: Wish, found: Certificate | None, public_key: str, now: float) -> list[str]:
    """Why a certificate has to be made; none if ``found`` will do. ``public_key`` is that of the private key, empty if there is none."""
    if found is None:
        return ["there is none"]
    why = []
    if found.public_key != public_key:
        why.append("its private key is another one" if public_key else "its private key is missing")
    if set(found.names) != set(wanted.names):
        why.append(f"it is for {', '.join(found.names) or 'no name'} instead of {', '.join(wanted.names)}")
    left = found.expires - now
    if left < wanted.renew_days * DAY:
        why.append(f"it expires in {left / DAY:.0f} days" if left > 0 else "it has expired")
    return why


def describe(found: Certificate | None) -> str:
    """A certificate that is there, for a diff."""
    if found is None:
        return ""
    expires = datetime.datetime.fromtimestamp(found.expires, datetime.timezone.utc)
    return _description(found.subject, found.names, f"expires: {expires:%Y-%m-%d}")


def describe_wish(wanted: Wish) -> str:
    """The one that will be made, for a diff."""
    return _description(f"CN={wanted.common_name}", wanted.names, f"expires: {wanted.days} days after it is made")


def _description(subject: str, names: t.Iterable[str], expiry: str) -> str:
    return f"subject: {subject}\nnames: {', '.join(names)}\n{expiry}\n"
