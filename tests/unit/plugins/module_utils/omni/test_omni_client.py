"""The client against a lab Omni over real HTTPS: every error that Omni is known to answer, and what it never answers."""

from __future__ import annotations

import pathlib
import re
import socket
import subprocess
import sys
import time

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import InputError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni import errors
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.auth import KeyTimeError, ServiceAccount
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.client import MANAGEMENT, RESOURCES, OmniClient, normalise_endpoint
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.resources import get_resource, list_resources
from lab import pki
from lab.clock import environment
from lab.omni.accounts import create_account
from lab.omni.server import LabOmni

pytest_plugins = ["support.omni"]

TESTS = pathlib.Path(__file__).resolve().parents[4]
VERSIONS = "SysVersions.system.sidero.dev"


def version(client: OmniClient) -> str:
    """A call that any account may make."""
    return get_resource(client, VERSIONS, "current", "ephemeral")["spec"]["backend_version"]


def failure(omni, **options) -> str:
    """The error of that call by a client with these options."""
    with pytest.raises(errors.OmniError) as caught:
        version(omni.client(**options))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("written", "endpoint"),
    [
        ("https://omni.example.com", "https://omni.example.com"),
        (" https://omni.example.com/ ", "https://omni.example.com"),
        ("https://Omni.Example.com:8443//", "https://omni.example.com:8443"),
        ("HTTPS://10.77.0.5", "https://10.77.0.5"),
        ("https://[fd00::5]:443", "https://[fd00::5]:443"),
    ],
)
def test_endpoint(written, endpoint):
    assert normalise_endpoint(written) == endpoint


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        ("", "is missing"),
        (None, "is missing"),
        ("omni.example.com", "has no scheme"),
        ("omni.example.com:443", "has no scheme"),
        ("http://omni.example.com", "is not https"),
        ("grpc://omni.example.com", "is not https"),
        ("https://", "names no host"),
        ("https://omni example.com", "names no host"),
        ("https://omni.example.com/api", "has a path"),
        ("https://omni.example.com/?a=b", "has a path"),
        ("https://omni.example.com:port", "is no URL"),
        ("https://[fd00::5", "is no URL"),
        ("https://me:secret@omni.example.com", "holds a user name"),
    ],
)
def test_what_is_no_endpoint(written, wrong):
    with pytest.raises(InputError, match=wrong) as caught:
        normalise_endpoint(written)
    assert "https://omni.example.com (option endpoint or environment variable OMNI_ENDPOINT)" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_one_connection_serves_all_requests(omni):
    client = omni.client()
    assert [version(client) for _question in range(5)] == ["v1.4.11"] * 5
    assert omni.state.request_counts() == {"Get": 5}
    assert omni.server.connections == 1


@pytest.mark.parametrize(
    ("seconds", "direction"),
    [(-400, "behind"), (-301, "behind"), (301, "ahead of"), (86400, "ahead of")],
)
def test_a_clock_that_is_off_is_told_with_its_host(omni, seconds, direction):
    now = time.time()
    omni.state.clock = lambda: now
    message = failure(omni, clock=lambda: now + seconds)
    host = socket.gethostname()
    assert f"the clock of {host} is " in message
    assert f" seconds {direction} Omni's, which accepts 300; set the clock of {host}" in message
    told = int(message.partition(f"the clock of {host} is ")[2].split()[0])
    assert abs(told - abs(seconds)) <= 1
    assert "(HTTP 401, code 16)" in message


def test_a_clock_before_the_key_was_made(omni):
    """Nothing can be signed then; it is not the key that is to blame."""
    line = [sys.executable, "-m", "lab.omni", "account", "--state", str(omni.state.directory), "young"]
    made = subprocess.run(line, check=True, capture_output=True, text=True, env=environment("+2h", PYTHONPATH=str(TESTS)))
    key = pathlib.Path(made.stdout.strip()).read_text()
    now = time.time()
    omni.state.clock = lambda: now + 7200
    assert re.search(r"the clock of .* is 7[12]\d\d seconds behind Omni's, which accepts 300; set the clock of", failure(omni, key=key))
    omni.state.clock = time.time
    with pytest.raises(KeyTimeError, match="key of young: it cannot sign at .*: it was made later"):
        version(omni.client(key=key))


def test_a_clock_after_the_key_has_ended(omni):
    """By Omni's clock it has not."""
    year = 365 * 86400
    now = time.time()
    omni.state.clock = lambda: now
    told = re.search("is ([0-9]+) seconds ahead of Omni's", failure(omni, clock=lambda: now + year))
    assert abs(int(told.group(1)) - year) <= 1
    assert omni.state.request_counts() == {}
    client = omni.client(create_account(omni.state, "old", "Admin", -5))
    with pytest.raises(KeyTimeError, match="key of old: it expired at"):
        version(client)


@pytest.mark.parametrize("seconds", [-299, 299])
def test_a_clock_that_is_nearly_right_will_do(omni, seconds):
    now = time.time()
    omni.state.clock = lambda: now
    assert version(omni.client(clock=lambda: now + seconds)) == "v1.4.11"


def test_the_key_of_another_omni(omni, make_omni):
    key = make_omni().key
    account = ServiceAccount(key)
    message = failure(omni, key=key)
    assert "this Omni does not accept the key of service account automation" in message
    assert account.fingerprint in message
    assert "omnictl serviceaccount renew automation" in message
    assert key not in message


def test_a_key_that_has_ended_by_omnis_clock_only(omni):
    key = create_account(omni.state, "short", "Reader", 100)
    omni.state.clock = lambda: time.time() + 150
    assert "does not accept the key of service account short" in failure(omni, key=key)


REFUSALS = [
    ("Reader", RESOURCES + "List", {"type": "JoinTokens.omni.sidero.dev"}, errors.PermissionDeniedError, "has the role Reader, this needs Admin"),
    ("None", RESOURCES + "List", {"type": "Machines.omni.sidero.dev"}, errors.PermissionDeniedError, "has the role None, this needs Reader"),
    ("Operator", MANAGEMENT + "CreateJoinToken", {}, errors.PermissionDeniedError, "has the role Operator, this needs Admin"),
    ("Admin", RESOURCES + "List", {"type": "Foos.omni.sidero.dev"}, errors.PermissionDeniedError, "this Omni does not know the type, or keeps it to itself"),
    ("Admin", RESOURCES + "Get", {"type": VERSIONS, "id": "x"}, errors.NotFoundError, r"resource SysVersions.*x@undefined\) doesn't exist"),
    ("Admin", MANAGEMENT + "Nope", {}, errors.NotFoundError, "ManagementService/Nope at https://.*: Not Found; this Omni has no such call"),
    ("Admin", RESOURCES + "Get", {"foo": 1}, errors.InvalidRequestError, 'unknown field "foo"'),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=[f"{row[0]} {row[1].rpartition('/')[2]} {row[2]}" for row in REFUSALS])
def test_refusals(omni, refusal):
    role, method, body, error, words = refusal
    with pytest.raises(error, match=words) as caught:
        omni.client(create_account(omni.state, "someone", role)).read(method, body)
    assert "\n" not in str(caught.value)
    assert omni.state.request_counts() == {method.rpartition("/")[2]: 1}


def test_refused_until_the_licence_is_accepted(omni):
    omni.state.set(eula_accepted=False)
    assert "EULA has not been accepted" in failure(omni)
    assert "--eula-accept-name" in failure(omni)


@pytest.mark.parametrize(
    ("status", "body", "headers", "words"),
    [
        (200, "<html>", {}, "it answered with application/json and not as Omni does (HTTP 200); endpoint must be the address of Omni itself"),
        (200, "[]", {}, "it answered with application/json"),
        (200, "{}", {}, "answers not as Omni does; endpoint must be the address of Omni itself"),
        (200, '{"body": "<html>"}', {}, "answers not as Omni does; endpoint must be the address of Omni itself"),
        (403, '{"error": "forbidden"}', {}, "it answered with application/json"),
        (401, '{"message": "sign in"}', {}, "it answered with application/json"),
        (404, '{"code": "NotFound"}', {}, "it answered with application/json"),
        (405, "read-only\n", {"Content-Type": "text/plain"}, "it answered with text/plain and not as Omni does (HTTP 405)"),
        (302, "{}", {"Location": "https://login.example.com/"}, "it redirects to https://login.example.com/ (HTTP 302)"),
        (502, "<html>", {}, "something before Omni, as a reverse proxy, answered HTTP 502 in its place"),
        (504, "<html>", {}, "something before Omni, as a reverse proxy, answered HTTP 504 in its place"),
    ],
)
def test_who_is_not_omni(omni, status, body, headers, words):
    omni.fail("answer", status=status, body=body, headers=headers, times=-1)
    assert words in failure(omni)


def test_nobody_there(omni):
    omni.server.stop()
    pauses: list[float] = []
    message = failure(omni, sleep=pauses.append)
    assert f"at {omni.server.endpoint}: Connection refused; check that Omni runs" in message
    assert pauses == [0.5, 1, 2]


def test_a_name_that_does_not_resolve(omni):
    client = OmniClient("https://omni.invalid", ServiceAccount(omni.key), sleep=lambda _seconds: None)
    with pytest.raises(errors.UnreachableError, match=r"at https://omni\.invalid: .*(not known|resolution)"):
        version(client)


def test_silence_is_waited_for_once(omni):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"https://127.0.0.1:{silent.getsockname()[1]}"
        client = OmniClient(endpoint, ServiceAccount(omni.key), timeout=0.2, sleep=lambda _seconds: pytest.fail("it was tried again"))
        with pytest.raises(errors.TimedOutError, match=r"no answer within 0\.2 seconds \(option timeout\)"):
            version(client)


def test_an_authority_that_is_not_trusted(omni, tmp_path):
    other, _key = pki.authority(tmp_path)
    message = failure(omni, ca_path=str(other))
    assert f"(checked with {other}); set option ca_path to the PEM file of the authority" in message
    assert omni.state.request_counts() == {}


def test_a_certificate_for_another_name(omni, omni_pki, tmp_path):
    certificate, key = pki.certificate(omni_pki, ["omni.example.com"])
    with LabOmni(omni.state, certificate, key) as server:
        client = OmniClient(server.endpoint, ServiceAccount(omni.key), ca_path=omni.ca_path)
        with pytest.raises(errors.CertificateError, match="use a name for endpoint that the certificate is made out to"):
            version(client)


def test_no_tls_at_all(omni):
    client = OmniClient(omni.server.machine_url.replace("http:", "https:"), ServiceAccount(omni.key), ca_path=omni.ca_path)
    with pytest.raises(errors.CertificateError, match="no TLS connection .* check that endpoint is an HTTPS port"):
        version(client)


def test_a_ca_path_that_is_missing_or_no_certificate(omni, tmp_path):
    with pytest.raises(InputError, match=f"there is no {tmp_path}/ca.pem"):
        omni.client(ca_path=f"{tmp_path}/ca.pem")
    (tmp_path / "ca.pem").write_text("nonsense")
    assert f"{tmp_path}/ca.pem is a PEM file" in failure(omni, ca_path=f"{tmp_path}/ca.pem")


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_bundles_of_other_programs_make_no_difference(omni, omni_pki, tmp_path, monkeypatch, variable):
    other, _key = pki.authority(tmp_path)
    monkeypatch.setenv(variable, str(other))
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    assert version(omni.client()) == "v1.4.11"
    monkeypatch.setenv(variable, str(omni_pki / "ca.crt"))
    assert "certificate is not accepted" in failure(omni, ca_path=None)
    monkeypatch.setenv("SSL_CERT_FILE", str(omni_pki / "ca.crt"))
    monkeypatch.setenv(variable, str(other))
    assert version(omni.client(ca_path=None)) == "v1.4.11"


def test_without_validation_anybody_is_omni(omni, recwarn):
    assert version(omni.client(ca_path=None, validate_certs=False)) == "v1.4.11"
    assert [str(warning.message) for warning in recwarn if "InsecureRequest" in str(warning.category)] == []


def test_a_netrc_file_does_not_spoil_the_signature(omni, tmp_path, monkeypatch):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    assert version(omni.client()) == "v1.4.11"


def test_a_secret_in_omnis_words_is_shown_as_its_hash(omni):
    with pytest.raises(errors.NotFoundError) as caught:
        get_resource(omni.client(), "JoinTokenStatuses.omni.sidero.dev", "no-such-token", secret_id=True)
    assert "no-such-token" not in str(caught.value)
    assert "(default/sha256:" in str(caught.value)


def test_lists_come_decoded(omni):
    found = list_resources(omni.client(), "TalosVersions.omni.sidero.dev")
    assert "1.11.4" in [item["metadata"]["id"] for item in found]
    assert list_resources(omni.client(), "Machines.omni.sidero.dev") == []


@pytest.mark.parametrize("selector", ["omni.sidero.dev/arch = amd64\n", " omni.sidero.dev/arch\n  = amd64"])
def test_a_selector_may_have_line_breaks(omni, selector):
    """As YAML makes them."""
    omni.join("10001802-c798-4da7-a410-f09abb48c8d8")
    assert len(list_resources(omni.client(), "MachineStatuses.omni.sidero.dev", selector=selector)) == 1


@pytest.mark.parametrize("selector", ["place = M\u00fcnchen", "place = \u6771\u4eac", "place = \0"])
def test_a_selector_that_no_header_can_carry(omni, selector):
    with pytest.raises(InputError, match="selector: .* holds a character that cannot be sent; use letters of ASCII"):
        list_resources(omni.client(), "Machines.omni.sidero.dev", selector=selector)
    assert omni.state.request_counts() == {}


def test_an_empty_secret_spoils_no_message(omni):
    with pytest.raises(errors.NotFoundError, match=r"JoinTokenStatuses.omni.sidero.dev\(default/@undefined\) doesn't exist"):
        get_resource(omni.client(), "JoinTokenStatuses.omni.sidero.dev", "", secret_id=True)
