# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking Omni: signed JSON requests over one HTTPS connection, kept alive, with typed errors.

Omni has no REST API; its gRPC calls are offered as ``POST https://<omni>/api/<full method name>`` with JSON bodies.
"""

from __future__ import annotations

import json
import os
import ssl
import time
import typing as t
import urllib.parse

from ..common.errors import InputError
from . import errors
from .auth import KeyTimeError, ServiceAccount, require_libraries

try:
    import requests
    import urllib3
except ImportError:
    requests = None

RESOURCES = "/omni.resources.ResourceService/"
MANAGEMENT = "/management.ManagementService/"

PAUSES = (0.5, 1, 2)
"""Seconds to wait before each further attempt."""


class OmniClient:
    """A connection to one Omni in the name of one service account.

    ``ca_path`` is a PEM file or a directory; without it the certificates of the system count. ``clock`` (seconds since
    the epoch) and ``sleep`` are parameters so that a clock that is off, and waiting, can be tried.
    """

    def __init__(
        self,
        endpoint: str,
        account: ServiceAccount,
        *,
        ca_path: str | None = None,
        validate_certs: bool = True,
        timeout: float = 30,
        clock: t.Callable[[], float] = time.time,
        sleep: t.Callable[[float], None] = time.sleep,
    ):
        require_libraries()
        self.endpoint = normalise_endpoint(endpoint)
        self.account = account
        self._ca_path = _ca_path(ca_path)
        self._verify = self._ca_path if validate_certs else False
        self.timeout = timeout
        self._clock = clock
        self.sleep = sleep
        self._session = requests.Session()
        # An entry in ~/.netrc would otherwise add an Authorization header, which Omni wants to be signed.
        self._session.auth = _no_authorization
        if not validate_certs:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    def read(self, method: str, body: dict, *, selector: str = "", secrets: t.Iterable[str] = ()) -> dict:
        """The answer to a call that changes nothing; tried again after a broken connection and when Omni is not up or busy.

        ``method`` is :data:`RESOURCES` or :data:`MANAGEMENT` and the call's name, ``selector`` what labels resources must
        have. Omni repeats parts of a request in its errors: ``secrets`` are those parts that must not be shown.
        """
        return self._persist(lambda: self._ask(method, body, selector, secrets), lambda error: not isinstance(error, errors.TimedOutError))

    def write(self, method: str, body: dict, *, secrets: t.Iterable[str] = ()) -> dict:
        """The answer to a call that changes something; tried again only where it cannot have taken effect.

        That is when Omni refuses it for now or was never reached. If the connection breaks after that, nobody knows: the
        error is an :class:`.errors.UnreachableError` with ``sent``, and the caller looks before it asks again.
        """
        return self._persist(lambda: self._ask(method, body, "", secrets), lambda error: not (error.sent or isinstance(error, errors.TimedOutError)))

    def stream(self, method: str, body: dict, *, selector: str = "", secrets: t.Iterable[str] = (), patience: float) -> t.Iterator[dict]:
        """What Omni sends to a call that goes on, as it comes, until one of the two sides ends it.

        Raises :class:`.errors.TimedOutError` when nothing comes for ``patience`` seconds and :class:`.errors.UnreachableError`
        when the connection breaks.
        """
        question = self._question(method, body, secrets)
        # Whoever compresses a stream may wait for more of it.
        headers = {**self._signed(question, selector), "Accept-Encoding": "identity"}
        with self._post(question, body, headers, timeout=(self.timeout, patience), stream=True) as answer:
            try:
                if answer.status_code != 200:
                    raise self._refusal(question, answer)
                for line in answer.iter_lines(chunk_size=65536):
                    yield self._event(question, answer, line)
            except requests.exceptions.RequestException as error:
                raise errors.no_answer(question, error, patience) from None

    def _persist(self, attempt: t.Callable[[], dict], worthwhile: t.Callable[[errors.OmniError], bool]) -> dict:
        """The answer of the first attempt that gets one; as long as an error may pass and another attempt is ``worthwhile``."""
        for pause in PAUSES:
            try:
                return attempt()
            except (errors.UnreachableError, errors.UnavailableError) as error:
                if not worthwhile(error):
                    raise
                self.sleep(max(pause, error.retry_after))
        return attempt()

    def _ask(self, method: str, body: dict, selector: str, secrets: t.Iterable[str]) -> dict:
        question = self._question(method, body, secrets)
        answer = self._post(question, body, self._signed(question, selector), timeout=self.timeout)
        if answer.status_code != 200:
            raise self._refusal(question, answer)
        return _content(question, answer)

    def _question(self, method: str, body: dict, secrets: t.Iterable[str]) -> errors.Question:
        return errors.Question(self.endpoint, method, _type_in(body), self.account, tuple(filter(None, secrets)))

    def _signed(self, question: errors.Question, selector: str) -> dict:
        """The headers of a request."""
        # ResourceService refuses requests that do not name the runtime; ManagementService takes no notice of it.
        metadata = {"runtime": "Omni"} if question.method.startswith(RESOURCES) else {}
        if selector:
            metadata["selectors"] = _one_line(selector)
        try:
            return self.account.signed_headers(question.method, metadata, self._clock())
        except KeyTimeError as error:
            raise self._clock_error(question) or error from None

    def _refusal(self, question: errors.Question, answer: requests.Response) -> errors.OmniError:
        """The error for an answer other than success; a stream's refusal is wrapped once more."""
        content = _content(question, answer)
        return self._refused(question, answer, content.get("error", content))

    def _refused(self, question: errors.Question, answer: requests.Response, content: t.Any) -> errors.OmniError:
        if not isinstance(content, dict) or not isinstance(content.get("code"), int):
            return errors.not_omni(question, answer.status_code, answer.headers)
        refusal = errors.Refusal(answer.status_code, content["code"], str(content.get("message", "")), answer.headers)
        return errors.refused(question, refusal, self._clock())

    def _event(self, question: errors.Question, answer: requests.Response, line: bytes) -> dict:
        """One line of a stream. Half a line is what is left of a connection that broke."""
        try:
            content = json.loads(line)
        except ValueError:
            raise errors.UnreachableError(f"{question}: the stream broke off in the middle of a line") from None
        if "error" in content:
            raise self._refused(question, answer, content["error"])
        return content["result"]

    def _clock_error(self, question: errors.Question) -> errors.OmniError | None:
        """The error for a clock that is off, by Omni's. Only a request without a signature can ask for it."""
        try:
            answer = self._session.get(f"{self.endpoint}/healthz", verify=self._verify, timeout=self.timeout, allow_redirects=False)
        except requests.exceptions.RequestException:
            return None
        advice = errors.clock_is_off(self._clock(), answer.headers.get("Date", ""))
        return errors.UnauthenticatedError(f"{question}: {advice}") if advice else None

    def _post(self, question: errors.Question, body: dict, headers: dict, **options) -> requests.Response:
        try:
            # verify= is given with the request: set on the session it would yield to REQUESTS_CA_BUNDLE in the environment.
            return self._session.post(
                f"{self.endpoint}/api{question.method}", json=body, headers=headers, verify=self._verify, allow_redirects=False, **options
            )
        except requests.exceptions.SSLError as error:
            raise errors.no_tls(question, error, self._ca_path, self.timeout) from None
        except requests.exceptions.RequestException as error:
            raise errors.no_answer(question, error, self.timeout) from None


def normalise_endpoint(endpoint: str) -> str:
    """``https://host`` or ``https://host:port`` out of what somebody wrote, or an :class:`InputError` that says what is wrong."""
    example = "write it like https://omni.example.com (option endpoint or environment variable OMNI_ENDPOINT)"
    text = (endpoint or "").strip()
    if not text:
        raise InputError(f"Omni's endpoint is missing; {example}")
    try:
        parts = urllib.parse.urlsplit(text)
        port = parts.port
    except ValueError:
        raise InputError(f"Omni's endpoint is no URL; {example}") from None
    if "://" not in text:
        raise InputError(f"Omni's endpoint {text!r} has no scheme; {example}")
    if "@" in parts.netloc:
        raise InputError(f"Omni's endpoint holds a user name; the service-account key is what signs in; {example}")
    if parts.scheme != "https":
        raise InputError(f"Omni's endpoint {text!r} is not https: its answers hold the join token; {example}")
    if not parts.hostname or any(character.isspace() for character in text):
        raise InputError(f"Omni's endpoint {text!r} names no host; {example}")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise InputError(f"Omni's endpoint {text!r} has a path; {example}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"https://{host}:{port}" if port else f"https://{host}"


def _one_line(selector: str) -> str:
    """A selector as a header can carry it."""
    text = " ".join(selector.split())
    if not (text.isascii() and text.isprintable()):
        raise InputError(f"selector: {text!r} holds a character that cannot be sent; use letters of ASCII")
    return text


def _type_in(body: dict) -> str:
    """The type of the resources that a request is about; empty if it is about something else."""
    return body.get("type") or body.get("resource", {}).get("metadata", {}).get("type", "")


def _content(question: errors.Question, answer: requests.Response) -> dict:
    """The JSON object in an answer; whatever else came was not from Omni."""
    try:
        content = json.loads(answer.content)
    except ValueError:
        content = None
    if not isinstance(content, dict) or 300 <= answer.status_code < 400:
        raise errors.not_omni(question, answer.status_code, answer.headers)
    return content


def _ca_path(given: str | None) -> str:
    """What certificates are checked with: what was given, else what the system trusts, else what comes with requests."""
    if given:
        if not os.path.exists(given):
            raise InputError(f"ca_path: there is no {given}; give the PEM file of the authority that signed Omni's certificate")
        return given
    system = ssl.get_default_verify_paths()
    if system.cafile:
        return system.cafile
    if system.capath and os.listdir(system.capath):
        return system.capath
    return requests.certs.where()


def _no_authorization(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
