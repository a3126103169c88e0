"""What a certificate should say, what one says, and when it is made anew."""

from __future__ import annotations

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import InputError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.host.certificate import (
    DAY,
    Certificate,
    given_pair_problems,
    parse_certificate,
    reasons,
    wish,
)

# As OpenSSL 3.0 prints it.
SHOWN = """subject=CN=boot1.example.com
issuer=CN=boot1.example.com
notAfter=Nov 24 06:23:57 2027 GMT
-----BEGIN PUBLIC KEY-----
MIIB
-----END PUBLIC KEY-----
X509v3 Subject Alternative Name:\x20
    DNS:boot1.example.com, DNS:*.example.com, IP Address:192.168.1.8, IP Address:FD77:0:0:0:0:0:0:1
"""
KEY = "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----"


def test_the_answer_of_openssl_is_understood():
    assert parse_certificate(SHOWN) == Certificate(
        "CN=boot1.example.com",
        "CN=boot1.example.com",
        1827037437,
        ("DNS:boot1.example.com", "DNS:*.example.com", "IP:192.168.1.8", "IP:fd77::1"),
        KEY,
    )


def test_a_certificate_without_names_is_understood():
    assert parse_certificate(SHOWN.partition("X509v3")[0]).names == ()


def test_names_are_written_as_openssl_does_and_once():
    made = wish(["Boot1.example.com", "*.example.com", "boot1.example.com"], ["192.168.1.8", "FD77:0::1"], 825, 30)
    assert made.names == ("DNS:boot1.example.com", "DNS:*.example.com", "IP:192.168.1.8", "IP:fd77::1")
    assert made.common_name == "boot1.example.com"
    assert "CN = boot1.example.com\n" in made.configuration
    assert "subjectAltName = DNS:boot1.example.com, DNS:*.example.com, IP:192.168.1.8, IP:fd77::1\n" in made.configuration


def test_a_name_that_is_too_long_for_a_subject_is_only_an_alternative():
    name = ".".join(["a" * 40] * 3)
    assert wish([name], [], 825, 30).common_name == "omni-matchbox"


@pytest.mark.parametrize(
    ("names", "addresses", "days", "message"),
    [
        ([], [], 825, "a certificate needs at least one name or address"),
        (["boot 1"], [], 825, "'boot 1' is not a DNS name"),
        (["a\nb"], [], 825, "is not a DNS name"),
        (["-a.example.com"], [], 825, "is not a DNS name"),
        (["a..b"], [], 825, "is not a DNS name"),
        ([""], [], 825, "is not a DNS name"),
        (["bücher.example"], [], 825, "is not a DNS name"),
        ([], ["192.168.1.0/24"], 825, "'192.168.1.0/24' is not an IP address"),
        (["a"], [], 30, "would be made anew by each run"),
    ],
)
def test_what_no_certificate_can_hold_is_refused(names, addresses, days, message):
    with pytest.raises(InputError) as caught:
        wish(names, addresses, days, 30)
    assert message in str(caught.value)


WANTED = wish(["a.example.com"], ["10.0.0.1"], 825, 30)
NOW = 1_800_000_000
GOOD = Certificate("CN=a", "CN=a", NOW + 31 * DAY, ("IP:10.0.0.1", "DNS:a.example.com"), KEY)


@pytest.mark.parametrize(
    ("found", "public_key", "expected"),
    [
        (GOOD, KEY, []),
        (None, "", ["there is none"]),
        (None, KEY, ["there is none"]),
        (GOOD, "", ["its private key is missing"]),
        (GOOD, "other", ["its private key is another one"]),
        (GOOD._replace(expires=NOW + 29 * DAY), KEY, ["it expires in 29 days"]),
        (GOOD._replace(expires=NOW - 1), KEY, ["it has expired"]),
        (GOOD._replace(names=("DNS:b",)), KEY, ["it is for DNS:b instead of DNS:a.example.com, IP:10.0.0.1"]),
        (GOOD._replace(names=()), KEY, ["it is for no name instead of DNS:a.example.com, IP:10.0.0.1"]),
        (GOOD._replace(names=(), expires=NOW), KEY, ["it is for no name instead of DNS:a.example.com, IP:10.0.0.1", "it has expired"]),
    ],
)
def test_a_certificate_is_made_for_a_reason(found, public_key, expected):
    assert reasons(WANTED, found, public_key, NOW) == expected


@pytest.mark.parametrize(
    ("certificate", "key", "expected"),
    [
        ("", "", []),
        ("/there.crt", "/there.key", []),
        ("/there.crt", "", ["gateway_certificate is set and gateway_certificate_key is not: set both, or neither and a self-signed certificate is made"]),
        ("", "/there.key", ["gateway_certificate_key is set and gateway_certificate is not: set both, or neither and a self-signed certificate is made"]),
        ("/there.crt", "/gone.key", ["gateway_certificate_key: there is no file /gone.key on this host: put it there first"]),
    ],
)
def test_a_certificate_that_was_brought_has_its_key(certificate, key, expected):
    assert given_pair_problems(certificate, key, lambda path: path.startswith("/there")) == expected
