# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong between us and Omni, as typed errors: which call, at which Omni, Omni's words, what to do.

Omni answers errors with a gRPC code beside the HTTP status. The codes are what the errors are told apart by; one code
(6) stands for "exists already" and for "changed meanwhile" alike.
"""

from __future__ import annotations

import dataclasses
import datetime
import email.utils
import re
import socket
import ssl
import typing as t

from ..boot.kernel_args import token_hash
from ..common.errors import OmniMatchboxError
from .auth import ServiceAccount
from .hints import hint_for
from .lifetimes import show_time

MAX_SKEW = 300
"""Seconds by which a request's time may differ from Omni's clock."""

# Least roles, as observed on Omni 1.4: reading needs Reader and writing Operator, except these.
_ADMIN_TYPES = ("DefaultJoinTokens", "EtcdBackupS3Configs", "InfraMachineBMCConfigs", "JoinTokens")
_ADMIN_CALLS = ("CreateJoinToken", "CreateServiceAccount", "DestroyServiceAccount", "ListServiceAccounts", "RenewServiceAccount")
_READING_CALLS = ("Get", "List", "Watch", "GetMachineJoinConfig")

_WRAPPING = re.compile(r"failed to validate: \d+ errors? occurred:|\* |rpc error: code = \w+ desc = ")
_ROLE = re.compile(r'insufficient role: "(\w+)"')

_WRONG_REQUEST = re.compile("unknown field|invalid character|invalid value|failed to sort|must be specified|runtime metadata")

# Of the HTTP libraries, the errors of a connection that did not come about.
_NEVER_CONNECTED = {"NewConnectionError", "NameResolutionError", "ConnectTimeoutError", "ProxyError"}

# What is said in Omni's place by something before it, after which nobody knows whether Omni got the request. 503 is said also when the
# connection broke over which it had been sent.
_GATEWAY_ERRORS = (502, 503, 504)

_LONGEST_PAUSE = 60
"""Seconds; whoever asks for a longer pause is not waited for that long."""

# What OpenSSL says of a certificate by number, where the certificate authority is not what is wrong.
_TIME_ERRORS = (9, 10)
_NAME_ERRORS = (62, 64)


class OmniError(OmniMatchboxError):
    """Omni could not be asked, or refused. ``status`` is the HTTP status, ``code`` the gRPC code, if there was an answer.

    ``sent`` says that there was none though the request may have arrived, ``retry_after`` how many seconds to wait at least.
    """

    sent = False

    def __init__(self, message: str, status: int | None = None, code: int | None = None, *, retry_after: float = 0.0):
        super().__init__(" ".join(message.split()))
        self.status = status
        self.code = code
        self.retry_after = retry_after


class UnreachableError(OmniError):
    """No answer: wrong address, nobody there, something in between."""

    def __init__(self, message: str, status: int | None = None, *, sent: bool = True, retry_after: float = 0.0):
        super().__init__(message, status, retry_after=retry_after)
        self.sent = sent


class TimedOutError(UnreachableError):
    """No answer in time. Not worth another try: the time limit is what the user is ready to wait."""


class CertificateError(OmniError):
    """The other side could not show that it is the Omni that was meant."""


class UnauthenticatedError(OmniError):
    """Omni does not accept the signature."""


class PermissionDeniedError(OmniError):
    """The service account may not do this."""


class NotFoundError(OmniError):
    """There is no such resource or call."""


class ConflictError(OmniError):
    """The resource exists already, or was changed by somebody else in between."""


class VersionConflictError(ConflictError):
    """The resource was changed by somebody else in between."""


class UnsupportedError(OmniError):
    """This Omni has no such call, or not for this type."""


class InvalidRequestError(OmniError):
    """Omni finds the request itself wrong."""


class PreconditionError(OmniError):
    """Omni is not in a state in which it can do this."""


class UnavailableError(OmniError):
    """Omni, or what it needs for this call, is not up at the moment, or asks for fewer requests."""


_BY_CODE = {
    3: InvalidRequestError,
    5: NotFoundError,
    6: ConflictError,
    7: PermissionDeniedError,
    8: UnavailableError,
    9: PreconditionError,
    12: UnsupportedError,
    14: UnavailableError,
    16: UnauthenticatedError,
}


@dataclasses.dataclass(frozen=True)
class Question:
    """One request, as messages name it. ``secrets`` are shown as short hashes where Omni repeats them."""

    endpoint: str
    method: str
    resource_type: str
    account: ServiceAccount
    secrets: tuple[str, ...] = ()

    def __str__(self) -> str:
        service, call = self.method.rsplit("/", 1)
        kind = f" of {self.resource_type.partition('.')[0]}" if self.resource_type else ""
        return f"{service.rpartition('.')[2]}/{call}{kind} at {self.endpoint}"

    @property
    def role(self) -> str:
        """The least role that may ask this."""
        call = self.method.rpartition("/")[2]
        if call in _ADMIN_CALLS or self.resource_type.partition(".")[0] in _ADMIN_TYPES:
            return "Admin"
        return "Reader" if call in _READING_CALLS else "Operator"


@dataclasses.dataclass(frozen=True)
class Refusal:
    """What Omni answered instead: HTTP status, gRPC code, its words, and the headers, which tell its clock and how long to wait."""

    status: int
    code: int
    words: str
    headers: t.Mapping[str, str]


def refused(question: Question, refusal: Refusal, now: float) -> OmniError:
    """The error for a refusal. ``now`` is our own clock, in seconds since the epoch."""
    words = refusal.words
    for secret in question.secrets:
        words = words.replace(secret, token_hash(secret))
    words = " ".join(_WRAPPING.sub(" ", words).split())
    kind = _kind(refusal.code, words)
    if refusal.code == 16:
        words = _unauthenticated(question.account, now, refusal.headers.get("Date", ""))
    elif _ROLE.search(words):
        words = _role_too_low(question, words)
    else:
        words = "; ".join(filter(None, [words, hint_for(refusal.code, words)]))
    message = f"{question}: {words} (HTTP {refusal.status}, code {refusal.code})"
    return kind(message, refusal.status, refusal.code, retry_after=_retry_after(refusal.headers))


def _kind(code: int, words: str) -> type[OmniError]:
    """The type of the error. Code 6 means two things, and for much that is wrong with a request Omni has the code for its own faults (2)."""
    if code == 6 and "update conflict" in words:
        return VersionConflictError
    if code == 2 and _WRONG_REQUEST.search(words):
        return InvalidRequestError
    return _BY_CODE.get(code, OmniError)


def _retry_after(headers: t.Mapping[str, str]) -> float:
    """Seconds that we were asked to wait; as a date, which is the other way to say it, nobody was seen to say it."""
    text = headers.get("Retry-After", "")
    return float(min(int(text), _LONGEST_PAUSE)) if text.isdecimal() else 0.0


def _unauthenticated(account: ServiceAccount, now: float, date: str) -> str:
    """Omni says "invalid signature" whatever is wrong; its clock tells one cause from the others."""
    until = f", valid until {show_time(account.expiration.timestamp())}" if account.expiration else ""
    return clock_is_off(now, date) or (
        f"this Omni does not accept the key of service account {account.name} (fingerprint {account.fingerprint}{until}):"
        f" the account or key was removed there or has expired, or belongs to another Omni; check with omnictl serviceaccount list, new key: {account.renewal}"
    )


def clock_is_off(now: float, date: str) -> str:
    """What to do about our clock (``now``) and Omni's (the ``Date`` of an answer) if they are too far apart, else nothing."""
    skew = _skew(now, date)
    if abs(skew) < MAX_SKEW:
        return ""
    host = socket.gethostname()
    return (
        f"the clock of {host} is {abs(skew)} seconds {'ahead of' if skew > 0 else 'behind'} Omni's, which accepts {MAX_SKEW};"
        f" set the clock of {host}, or that of the Omni host if it is the one that is wrong"
    )


def _skew(now: float, date: str) -> int:
    """Seconds by which we are ahead of the server; 0 if it does not tell its time."""
    try:
        return round(now - email.utils.parsedate_to_datetime(date).replace(tzinfo=datetime.timezone.utc).timestamp())
    except (TypeError, ValueError):
        return 0


def _role_too_low(question: Question, words: str) -> str:
    role = _ROLE.search(words).group(1)
    return f"service account {question.account.name} has the role {role}, this needs {question.role}; give the account that role or use another one"


def not_omni(question: Question, status: int, headers: t.Mapping[str, str]) -> OmniError:
    """The error for an answer that cannot be Omni's: a redirect, no JSON object, or a refusal without a code."""
    if status in _GATEWAY_ERRORS or status == 429:
        text = f"{question}: something before Omni, as a reverse proxy, answered HTTP {status} in its place; check that Omni runs and is reached from there"
        kind = UnavailableError if status == 429 else TimedOutError if status == 504 else UnreachableError
        return kind(text, status, retry_after=_retry_after(headers))
    location, content_type = headers.get("Location", ""), headers.get("Content-Type", "")
    what = f"it redirects to {location}" if location else f"it answered with {content_type or 'nothing'} and not as Omni does"
    return OmniError(f"{question}: {what} (HTTP {status}); endpoint must be the address of Omni itself, as in https://omni.example.com", status)


def no_answer(question: Question, error: Exception, timeout: float) -> UnreachableError:
    """The error for a connection that did not come about or broke off."""
    chain = _causes(error)
    names = {type(cause).__name__ for cause in chain}
    sent = not names & _NEVER_CONNECTED
    hint = "check that Omni runs, that endpoint names its host and port, and firewall and proxy in between"
    if any("Timeout" in name for name in names):
        return TimedOutError(f"{question}: no answer within {timeout:g} seconds (option timeout); {hint}", sent=sent)
    system = [cause for cause in chain if isinstance(cause, OSError) and not type(cause).__module__.startswith(("requests", "urllib3", "ssl"))]
    why = (system[-1].strerror or str(system[-1])) if system else "the connection broke off"
    return UnreachableError(f"{question}: {why}; {hint}", sent=sent)


def no_tls(question: Question, error: Exception, ca_path: str, timeout: float) -> OmniError:
    """The error for a TLS handshake that failed. ``ca_path`` is what the certificate was checked with."""
    chain = _causes(error)
    if any(isinstance(cause, ssl.SSLEOFError) for cause in chain):
        return no_answer(question, error, timeout)
    found = next((cause for cause in chain if isinstance(cause, ssl.SSLCertVerificationError)), None)
    if found is None:
        why = next((cause.reason for cause in reversed(chain) if isinstance(cause, ssl.SSLError) and cause.reason), "handshake failed")
        hint = f"check that endpoint is an HTTPS port, and that {ca_path} is a PEM file (option ca_path)"
        return CertificateError(f"{question}: no TLS connection ({why.lower().replace('_', ' ')}); {hint}")
    if found.verify_code in _NAME_ERRORS:
        hint = "use a name for endpoint that the certificate is made out to"
    elif found.verify_code in _TIME_ERRORS:
        hint = "renew the certificate, or set the clock of this host if that is what is wrong"
    else:
        hint = "set option ca_path to the PEM file of the authority that signed Omni's certificate"
    return CertificateError(f"{question}: its certificate is not accepted: {found.verify_message} (checked with {ca_path}); {hint}")


def _causes(error: BaseException) -> list[BaseException]:
    """``error`` and everything that led to it, outermost first. The HTTP libraries hide causes in arguments too."""
    found: list[BaseException] = []
    waiting: list = [error]
    while waiting:
        cause = waiting.pop(0)
        if isinstance(cause, BaseException) and cause not in found:
            found.append(cause)
            waiting += [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]
    return found
