"""boot_host_certificate with the real openssl."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import subprocess
import threading

import pytest

pytestmark = pytest.mark.thorough

MODULE = "boot_host_certificate"


@pytest.fixture
def options(tmp_path):
    return {
        "certificate": str(tmp_path / "certificate.pem"),
        "private_key": str(tmp_path / "key.pem"),
        "names": ["boot1.example.com", "localhost"],
        "addresses": ["127.0.0.1", "fd77::1"],
    }


@pytest.fixture
def made(modules, options, tmp_path):
    """What lies there after a first run: name to content."""
    modules.run(MODULE, options)
    return contents(tmp_path)


def contents(directory) -> dict[str, str]:
    return {path.name: path.read_text() for path in directory.iterdir()}


def accepted(options: dict, name: str) -> None:
    """Raises ssl.SSLError unless a client that trusts the certificate, and checks strictly, accepts it for ``name``."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(options["certificate"], options["private_key"])
    client = ssl.create_default_context(cafile=options["certificate"])
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    ours, theirs = socket.socketpair()

    def serve():
        with contextlib.suppress(OSError), server.wrap_socket(theirs, server_side=True):
            pass

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(ours, server_hostname=name):
            pass
    finally:
        ours.close()
        thread.join()
        theirs.close()


def test_a_pair_is_made_once(modules, options, tmp_path):
    result = modules.converge(MODULE, options)
    names = "DNS:boot1.example.com, DNS:localhost, IP:127.0.0.1, IP:fd77::1"
    assert result["reasons"] == ["there is none"]
    assert [(part["after_header"], part["before"]) for part in result["diff"]] == [(options["certificate"], ""), (options["private_key"], "absent\n")]
    assert result["diff"][0]["after"] == f"subject: CN=boot1.example.com\nnames: {names}\nexpires: 825 days after it is made\n"
    assert result["diff"][1]["after"].startswith("private key, RSA 2048, mode 0600, ")
    assert (tmp_path / "key.pem").stat().st_mode & 0o7777 == 0o600
    assert (tmp_path / "certificate.pem").stat().st_mode & 0o7777 == 0o644
    assert "PRIVATE KEY" not in json.dumps(result)


def test_a_strict_client_accepts_it_for_its_names_alone(options, made):
    for name in ("boot1.example.com", "localhost", "127.0.0.1", "fd77::1"):
        accepted(options, name)
    with pytest.raises(ssl.SSLCertVerificationError, match="match"):
        accepted(options, "boot2.example.com")


def test_it_is_no_authority(options, made):
    text = subprocess.run(["openssl", "x509", "-noout", "-text", "-in", options["certificate"]], check=True, capture_output=True, text=True).stdout
    assert "CA:FALSE" in text
    assert "Certificate Sign" not in text


def test_new_names_make_a_new_certificate_of_the_same_key(modules, options, made, tmp_path):
    result = modules.converge(MODULE, {**options, "names": ["boot1.example.com"]})
    assert result["reasons"] == [
        "it is for DNS:boot1.example.com, DNS:localhost, IP:127.0.0.1, IP:fd77::1 instead of DNS:boot1.example.com, IP:127.0.0.1, IP:fd77::1"
    ]
    assert [part["after_header"] for part in result["diff"]] == [options["certificate"]]
    now = contents(tmp_path)
    assert now["key.pem"] == made["key.pem"]
    assert now["certificate.pem"] != made["certificate.pem"]


def test_the_order_of_names_does_not_matter(modules, options, made):
    assert not modules.run(MODULE, {**options, "addresses": options["addresses"][::-1]})["changed"]


def test_it_is_made_anew_before_it_expires(modules, options, made, tmp_path):
    assert not modules.run(MODULE, {**options, "days": 2000, "renew_days": 820})["changed"]
    result = modules.converge(MODULE, {**options, "days": 2000, "renew_days": 830})
    assert result["reasons"] == ["it expires in 825 days"]
    assert contents(tmp_path)["key.pem"] == made["key.pem"]
    accepted(options, "localhost")


def test_a_lost_key_makes_a_new_pair(modules, options, made, tmp_path):
    (tmp_path / "key.pem").unlink()
    assert modules.converge(MODULE, options)["reasons"] == ["its private key is missing"]
    assert contents(tmp_path)["key.pem"] != made["key.pem"]
    accepted(options, "localhost")


def test_a_key_without_a_certificate_gets_one(modules, options, made, tmp_path):
    (tmp_path / "certificate.pem").unlink()
    assert modules.run(MODULE, options)["reasons"] == ["there is none"]
    assert contents(tmp_path)["key.pem"] == made["key.pem"]
    accepted(options, "localhost")


def test_a_key_of_another_certificate_gets_its_own(modules, options, made, tmp_path):
    other = {**options, "certificate": f"{tmp_path}/other.pem", "private_key": f"{tmp_path}/other.key"}
    modules.run(MODULE, other)
    (tmp_path / "other.key").rename(options["private_key"])
    assert modules.run(MODULE, options)["reasons"] == ["its private key is another one"]
    accepted(options, "localhost")


def test_mode_and_group_of_the_key_are_kept_right(modules, options, made, tmp_path):
    result = modules.converge(MODULE, {**options, "key_mode": "0640"})
    assert [part["after_header"] for part in result["diff"]] == [options["private_key"]]
    assert result["reasons"] == []
    assert contents(tmp_path) == made


def test_an_untouched_host_can_be_previewed(modules, options, tmp_path):
    paths = {"certificate": f"{tmp_path}/tls/certificate.pem", "private_key": f"{tmp_path}/tls/key.pem"}
    modules.environment["PATH"] = "/nowhere"
    result = modules.run(MODULE, {**options, **paths, "key_group": "no-such-group"}, check=True)
    assert [part["after_header"] for part in result["diff"]] == list(paths.values())
    assert f"there is no directory {tmp_path}/tls on this host" in modules.refuse(MODULE, {**options, **paths}, foreseen=False)


def issue_elsewhere(directory) -> None:
    """Puts a certificate in place that an authority has issued for localhost."""

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=directory, check=True, capture_output=True)

    (directory / "extensions").write_text("subjectAltName = DNS:localhost\n")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "request")
    signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-days", "90", "-extfile", "extensions")
    openssl("x509", "-req", "-in", "request", *signing, "-out", "certificate.pem")


def test_a_certificate_from_elsewhere_is_left_alone_while_it_will_do(modules, options, tmp_path):
    issue_elsewhere(tmp_path)
    wanted = {**options, "names": ["localhost"], "addresses": []}
    assert not modules.run(MODULE, wanted)["changed"]
    message = modules.refuse(MODULE, {**wanted, "names": ["boot1.example.com"]})
    assert message.startswith(f"{options['certificate']} was issued by CN=authority and not made here, but it is for DNS:localhost instead of DNS:boot1")
    assert modules.refuse(MODULE, {**wanted, "days": 400, "renew_days": 91}).endswith("or remove it and it is made here")


@pytest.mark.parametrize("name", ["certificate", "private_key"])
def test_what_openssl_cannot_read_is_not_replaced(modules, options, made, name):
    with open(options[name], "w") as file:
        file.write("precious\n")
    assert f"{options[name]} is no " in modules.refuse(MODULE, options)


def test_a_name_that_no_certificate_can_hold_is_refused(modules, options):
    assert "'boot 1' is not a DNS name" in modules.refuse(MODULE, {**options, "names": ["boot 1"]})
