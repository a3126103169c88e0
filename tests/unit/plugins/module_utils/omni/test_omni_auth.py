"""Service-account keys: what is signed, what is refused, and that no message holds any of a key."""

from __future__ import annotations

import base64
import datetime
import json
import socket
import time

import pysequoia
import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import InputError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.auth import ServiceAccount, show_time

METHOD = "/omni.resources.ResourceService/Get"


def private_key(lifetime: int = 3600) -> pysequoia.Tsk:
    # pysequoia dates keys a minute back.
    return pysequoia.Tsk.generate("automation <automation@serviceaccount.omni.sidero.dev>", validity_seconds=lifetime + 60)


def key(pgp_key: object, name: object = "automation") -> str:
    return base64.b64encode(json.dumps({"name": name, "pgp_key": pgp_key}).encode()).decode()


def test_a_request_is_signed_over_method_metadata_and_time():
    secret = private_key()
    account = ServiceAccount(key(str(secret)))
    headers = account.signed_headers(METHOD, {"runtime": "Omni"}, 1795477541.9)
    payload = headers["Grpc-Metadata-x-sidero-payload"]
    assert json.loads(payload) == {"headers": {"x-sidero-timestamp": ["1795477541"], "runtime": ["Omni"]}, "method": METHOD}
    assert headers["Grpc-Metadata-x-sidero-timestamp"] == "1795477541"
    assert headers["Grpc-Metadata-runtime"] == "Omni"
    version, identity, fingerprint, signature = headers["Grpc-Metadata-x-sidero-signature"].split(" ")
    certificate = secret.extract_certificate()
    assert (version, identity, fingerprint) == ("siderov1", "automation@serviceaccount.omni.sidero.dev", certificate.fingerprint.lower())
    signed = pysequoia.Sig.from_bytes(base64.b64decode(signature))
    assert pysequoia.verify(payload.encode(), store=lambda _ids: [certificate], signature=signed).valid_sigs


def test_an_infrastructure_provider_has_an_identity_of_its_own():
    account = ServiceAccount(key(str(private_key()), "infra-provider:lab"))
    assert account.identity == "lab@infra-provider.serviceaccount.omni.sidero.dev"


def test_a_key_may_come_with_line_breaks():
    text = key(str(private_key()))
    assert ServiceAccount(f"{text[:100]}\n {text[100:]}\n").name == "automation"


ARMORED = str(private_key())
BROKEN = ARMORED.replace("\n", "\nx", 20)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "no base64 of JSON"),
        ("not base64 \u00e4", "no base64 of JSON"),
        (base64.b64encode(b"\xff\xfe").decode(), "no base64 of JSON"),
        (base64.b64encode(b'"text"').decode(), "no base64 of JSON"),
        (base64.b64encode(b'["list"]').decode(), "no base64 of JSON"),
        (base64.b64encode(b'{"name": "automation"}').decode(), "no base64 of JSON"),
        (key(ARMORED)[:-40], "no base64 of JSON"),
        (ARMORED, "no base64 of JSON"),
        (key(ARMORED, ""), "name is empty or holds white space"),
        (key(ARMORED, "auto mation"), "name is empty or holds white space"),
        (key(ARMORED, 7), "name is empty or holds white space"),
        (key(["no text"]), "its pgp_key is no text"),
        (key(""), "automation: its pgp_key is no OpenPGP private key"),
        (key("nonsense"), "automation: its pgp_key is no OpenPGP private key"),
        (key(BROKEN), "automation: its pgp_key is no OpenPGP private key"),
    ],
)
def test_what_is_no_key_is_refused_without_being_shown(text, expected):
    with pytest.raises(InputError, match=expected) as caught:
        ServiceAccount(text)
    assert "OMNI_SERVICE_ACCOUNT_KEY" in str(caught.value)
    assert_hidden(text, caught)


def test_a_public_key_cannot_sign():
    text = key(str(private_key().extract_certificate()))
    with pytest.raises(InputError, match="it cannot sign at .* is a public key, or needs a passphrase; set the clock if it is wrong") as caught:
        ServiceAccount(text).signed_headers(METHOD, {}, time.time())
    assert_hidden(text, caught)


@pytest.mark.parametrize("after", [0, 1, 86400])
def test_an_expired_key_is_told_by_our_clock_with_its_end(after):
    text = key(str(private_key()))
    account = ServiceAccount(text)
    ends = account.expiration
    assert abs(ends - datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)) < datetime.timedelta(minutes=2)
    account.signed_headers(METHOD, {}, ends.timestamp() - 1)
    with pytest.raises(InputError) as caught:
        account.signed_headers(METHOD, {}, ends.timestamp() + after)
    shown, now = (show_time(ends.timestamp() + seconds) for seconds in (0, after))
    assert str(caught.value) == (
        f"service-account key of automation: it expired at {shown}, and it is {now} by the clock of {socket.gethostname()};"
        " make a new one (omnictl serviceaccount renew automation)"
    )


def test_a_key_that_the_library_finds_expired_is_told_too():
    """By our clock it is good, by the system's it is not: the library does not ask us."""
    text = key(str(private_key(lifetime=-5)))
    account = ServiceAccount(text)
    with pytest.raises(InputError, match=r"it cannot sign at 20.*Z by the clock of .*\(the key is valid until 20.*\): .* has expired") as caught:
        account.signed_headers(METHOD, {}, account.expiration.timestamp() - 10)
    assert_hidden(text, caught)


def assert_hidden(text: str, caught: pytest.ExceptionInfo) -> None:
    message = str(caught.value)
    assert "\n" not in message
    lines = [text, *text.split(), *ARMORED.split("\n")]
    assert not [line for line in lines if len(line) > 12 and line in message]
