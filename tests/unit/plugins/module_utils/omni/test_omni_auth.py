"""Service-account keys: what is signed, what is refused, and that no message holds any of a key."""

from __future__ import annotations

import base64
import datetime
import json
import socket

import pysequoia
import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import InputError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.auth import ServiceAccount, show_time, signature_header
from support.keys import account_key, private_key

METHOD = "/omni.resources.ResourceService/Get"


def test_a_request_is_signed_over_method_metadata_and_time():
    secret = private_key()
    account = ServiceAccount(account_key(str(secret)))
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


@pytest.mark.parametrize("words", [("", "ff", "c2ln"), ("auto mation@omni", "ff", "c2ln"), ("a@b", "", "c2ln"), ("a@b", "f f", "c2ln"), ("a@b", "ff", "")])
def test_what_would_not_be_four_words_is_never_sent(words):
    with pytest.raises(InputError, match="must each be one word"):
        signature_header(*words)


@pytest.mark.parametrize("after", [0, 1, 86400])
def test_an_expired_key_is_told_by_our_clock_with_its_end(after):
    text = account_key(str(private_key()))
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
    text = account_key(str(private_key(lifetime=-5)))
    account = ServiceAccount(text)
    with pytest.raises(InputError, match=r"it cannot sign at 20.*Z by the clock of .*\(the key is valid until 20.*\): .* has expired") as caught:
        account.signed_headers(METHOD, {}, account.expiration.timestamp() - 10)
    assert_hidden(text, caught)


def assert_hidden(text: str, caught: pytest.ExceptionInfo) -> None:
    message = str(caught.value)
    assert "\n" not in message
    assert not [line for line in [text, *text.split()] if len(line) > 12 and line in message]
