"""Service-account keys as people bring them: each mistake has an error of its own, told here, and no message holds any of a key."""

from __future__ import annotations

import base64

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import InputError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.account_key import identity_of, new_key, read_key
from support.keys import WITH_PASSPHRASE, WITHOUT_PRIMARY, account_key, private_key, subkey_alone

ARMORED = str(private_key())
LINES = ARMORED.splitlines()
NO_JSON = "no base64 of JSON with name and pgp_key, or cut off"
NO_OBJECT = "no base64 of a JSON object"


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.mark.parametrize("name", ["automation", "infra-provider:lab", "a/b"])
def test_name_and_key(name):
    key = private_key()
    read_name, read = read_key(account_key(str(key), name))
    assert (read_name, str(read)) == (name, str(key))


def test_a_key_may_come_with_line_breaks():
    text = account_key(ARMORED)
    assert read_key(f"{text[:100]}\n {text[100:]}\n")[0] == "automation"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", NO_JSON, id="empty"),
        pytest.param("not base64 \u00e4", NO_JSON, id="no base64"),
        pytest.param(encoded(b"\xff\xfe"), NO_JSON, id="no text"),
        pytest.param(account_key(ARMORED)[:-40], NO_JSON, id="cut off"),
        pytest.param(ARMORED, NO_JSON, id="only the armored key"),
        pytest.param(encoded(b'"text"'), NO_OBJECT, id="JSON text"),
        pytest.param(encoded(b'["list"]'), NO_OBJECT, id="JSON list"),
        pytest.param(encoded(b'{"pgp_key": "x"}'), "it has no name", id="name missing"),
        pytest.param(account_key(ARMORED, ""), "it has no name", id="name empty"),
        pytest.param(account_key(ARMORED, 7), "it has no name", id="name a number"),
        pytest.param(account_key(ARMORED, "infra-provider:"), "it has no name", id="provider without a name"),
        pytest.param(account_key(ARMORED, "auto mation"), "its name holds white space", id="blank in the name"),
        pytest.param(account_key(ARMORED, "automation\n"), "its name holds white space", id="line break in the name"),
        pytest.param(account_key(ARMORED, "auto\u00a0mation"), "its name holds white space", id="hard blank in the name"),
        pytest.param(account_key(ARMORED, "automation\0"), "control characters", id="zero byte in the name"),
        pytest.param(account_key(ARMORED, "\u540d"), "letters beyond ASCII", id="name no header can carry"),
        pytest.param(encoded(b'{"name": "automation"}'), "automation: it has no pgp_key", id="key missing"),
        pytest.param(account_key(["no text"]), "automation: it has no pgp_key", id="key no text"),
        pytest.param(account_key(""), "automation: it has no pgp_key", id="key empty"),
        pytest.param(account_key("\ud800"), "pgp_key is damaged or no OpenPGP private key", id="half a character"),
        pytest.param(account_key("nonsense"), "pgp_key is damaged or no OpenPGP private key", id="nonsense"),
        pytest.param(account_key("\n".join(LINES[:5] + LINES[9:])), "pgp_key is damaged", id="lines lost"),
        pytest.param(account_key("\n".join(LINES[:-4])), "pgp_key is cut off, the line -----END PGP PRIVATE KEY BLOCK----- is missing", id="armor cut off"),
        pytest.param(account_key(ARMORED[:-10]), "pgp_key is cut off", id="armor without its last letters"),
        pytest.param(account_key(str(private_key().extract_certificate())), "pgp_key is a public key", id="public"),
        pytest.param(account_key(WITH_PASSPHRASE), "pgp_key needs a passphrase", id="passphrase"),
        pytest.param(account_key(WITHOUT_PRIMARY), "pgp_key holds subkeys alone", id="primary left out"),
        pytest.param(account_key(subkey_alone()), "pgp_key holds subkeys alone", id="signing subkey alone"),
    ],
)
def test_what_cannot_sign_is_refused_without_being_shown(text, expected):
    with pytest.raises(InputError, match=expected) as caught:
        read_key(text)
    message = str(caught.value)
    assert "OMNI_SERVICE_ACCOUNT_KEY" in message
    assert "\n" not in message
    assert not [line for line in [text, *text.split(), *LINES[1:-1]] if len(line) > 12 and line in message]


@pytest.mark.parametrize(
    ("name", "identity"),
    [("automation", "automation@serviceaccount.omni.sidero.dev"), ("infra-provider:lab", "lab@infra-provider.serviceaccount.omni.sidero.dev")],
)
def test_an_account_has_an_identity(name, identity):
    assert identity_of(name) == identity


def test_a_new_key_can_be_read_again():
    made = new_key("site-berlin", 3600)
    name, key = read_key(made.text)
    certificate = key.extract_certificate()
    assert (name, certificate.fingerprint.lower()) == ("site-berlin", made.fingerprint)
    assert [str(user) for user in certificate.user_ids] == ["site-berlin <site-berlin@serviceaccount.omni.sidero.dev>"]
    assert "BEGIN PGP PUBLIC KEY" in made.public
