"""Fetching, from a real server that misbehaves."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.download import (
    Access,
    DownloadError,
    NotFound,
    ask,
    content_length,
    read,
    save,
)
from lab import pki
from lab.downloads import Downloads
from support.modules import REPOSITORY

ACCESS = Access(timeout=5)
CONTENT = bytes(range(256)) * 4000


@pytest.fixture
def server(tmp_path):
    (tmp_path / "file").write_bytes(CONTENT)
    with Downloads(tmp_path) as running:
        yield running


@pytest.mark.parametrize("fault", [None, "unsized"])
def test_a_file_arrives_whole(server, tmp_path, fault):
    if fault:
        server.fault("/file", fault)
    received = save(f"{server.url}/file", str(tmp_path / "copy"), ACCESS)
    assert (tmp_path / "copy").read_bytes() == CONTENT
    assert received.size == len(CONTENT)
    assert ask(f"{server.url}/file", ACCESS).size == (None if fault else len(CONTENT))


def test_a_local_file_is_fetched_likewise(tmp_path):
    (tmp_path / "a file").write_bytes(CONTENT)
    url = f"file://{tmp_path}/a%20file"
    assert ask(url, ACCESS).size == len(CONTENT)
    assert read(url, ACCESS) == CONTENT
    with pytest.raises(NotFound, match="nothing does not exist on the host that downloads"):
        read(f"file://{tmp_path}/nothing", ACCESS)
    with pytest.raises(DownloadError, match="Is a directory"):
        read(f"file://{tmp_path}", ACCESS)


@pytest.mark.parametrize(
    ("kind", "details", "message"),
    [
        ("reset", {}, "cannot be fetched: Connection reset by peer"),
        ("short", {}, "broke off after 512000 of 1024000 bytes; run again"),
        ("stall", {}, "nothing came for 1 seconds"),
        ("status", {"status": 500}, "the server answers 500 Internal Server Error"),
        ("status", {"status": 401}, "the server answers 401 Unauthorized"),
        ("redirect", {"location": "ftp://127.0.0.1/file"}, "cannot be fetched: it redirects to a ftp address"),
        ("redirect", {"location": "http://127.0.0.2/file"}, "redirects to another host, 127.0.0.2; if that is right, add it to redirect_hosts"),
        ("redirect", {"location": "/file"}, "redirects more than 5 times"),
    ],
)
def test_what_goes_wrong_is_one_line_with_the_url(server, tmp_path, kind, details, message):
    server.fault("/file", kind, **details)
    with pytest.raises(DownloadError) as error:
        save(f"{server.url}/file", str(tmp_path / "copy"), Access(timeout=1))
    assert message in str(error.value)
    assert str(error.value).startswith(f"{server.url}/file ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("status", [404, 410])
def test_what_is_not_there_is_an_error_of_its_own(server, status):
    server.fault("/file", "status", status=status)
    with pytest.raises(NotFound):
        ask(f"{server.url}/file", ACCESS)


@pytest.mark.parametrize(
    ("url", "message"),
    [("http://127.0.0.1:9/file", "Connection refused"), ("http://nowhere.invalid/file", "cannot be fetched: "), ("http://127.0.0.1:port/", "port")],
)
def test_nobody_answers(url, message):
    with pytest.raises(DownloadError, match=message):
        ask(url, ACCESS)


@pytest.mark.parametrize(
    ("headers", "size"),
    [({}, None), ({"Content-Length": "12"}, 12), *(({"Content-Length": said}, None) for said in ("", "-1", "1e3", "many", "\xb2", "9" * 5000))],
    ids=lambda value: str(value)[:40],
)
def test_lengths_that_servers_tell(headers, size):
    assert content_length(headers) == size


def test_a_small_file_is_not_read_without_end(server):
    with pytest.raises(DownloadError, match="larger than 1000 bytes"):
        read(f"{server.url}/file", ACCESS, limit=1000)


def test_a_redirect_is_followed_and_a_head_stays_a_head(server, tmp_path):
    (tmp_path / "moved").write_bytes(CONTENT)
    server.fault("/file", "redirect", location="/moved")
    assert ask(f"{server.url}/file", ACCESS).size == len(CONTENT)
    assert read(f"{server.url}/file", ACCESS) == CONTENT
    assert server.methods("/moved") == ["HEAD", "GET"]


@pytest.mark.parametrize(("allowed", "followed"), [("localhost", True), ("host", False), ("example.com", False)])
def test_another_host_must_be_allowed_and_is_not_asked_before(server, tmp_path, allowed, followed):
    (tmp_path / "moved").write_bytes(CONTENT)
    server.fault("/file", "redirect", location=server.url.replace("127.0.0.1", "localhost") + "/moved")
    access = Access(timeout=5, redirect_hosts=(allowed,))
    if followed:
        assert read(f"{server.url}/file", access) == CONTENT
    else:
        with pytest.raises(DownloadError, match="redirects to another host, localhost"):
            read(f"{server.url}/file", access)
    assert server.methods("/moved") == (["GET"] if followed else [])


@pytest.mark.parametrize("fault", ["reset", "short", "status"])
def test_what_is_interrupted_is_tried_again(server, tmp_path, monkeypatch, fault):
    pauses = []
    monkeypatch.setattr("time.sleep", lambda seconds: pauses.append(seconds) if seconds >= 1 else None)
    server.fault("/file", fault, times=2)
    assert save(f"{server.url}/file", str(tmp_path / "copy"), Access(timeout=5, retries=2)).size == len(CONTENT)
    assert pauses == [1, 2]


def test_pauses_grow_to_half_a_minute():
    assert list(Access(retries=7).pauses()) == [1, 2, 4, 8, 16, 30, 30]


def test_credentials_of_a_netrc_stay_with_their_host(server, tmp_path, monkeypatch):
    """Two names of one machine are two hosts."""
    (tmp_path / "netrc").write_text("machine localhost login deploy password geheim\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    port = server.url.rpartition(":")[2]
    server.fault("/file", "redirect", location=f"http://127.0.0.1:{port}/moved")
    (tmp_path / "moved").write_bytes(CONTENT)
    assert read(f"http://localhost:{port}/file", Access(timeout=5, redirect_hosts=("127.0.0.1",))) == CONTENT
    assert [(entry["path"], entry["authorized"]) for entry in server.requests] == [("/file", True), ("/moved", False)]


class TestTls:
    """The server speaks HTTPS with a certificate of the lab's authority."""

    @pytest.fixture
    def authority(self, tmp_path):
        return tmp_path / "pki"

    @pytest.fixture
    def server(self, tmp_path, authority):
        (tmp_path / "file").write_bytes(CONTENT)
        certificate, key = pki.certificate(authority, ["127.0.0.1"])
        with Downloads(tmp_path, certificate=certificate, key=key) as running:
            yield running

    def test_with_its_authority(self, server, authority):
        assert read(f"{server.url}/file", Access(ca_path=str(authority / "ca.crt"))) == CONTENT

    def test_without_its_authority(self, server):
        with pytest.raises(DownloadError, match="its certificate is not trusted .*; name the file of its CA with ca_path"):
            read(f"{server.url}/file", ACCESS)

    def test_without_checking(self, server):
        assert read(f"{server.url}/file", Access(validate_certs=False)) == CONTENT

    def test_a_redirect_out_of_tls_is_refused(self, server, tmp_path):
        with Downloads(tmp_path) as plain:
            server.fault("/file", "redirect", location=f"{plain.url}/file")
            with pytest.raises(DownloadError, match="redirects to a server without TLS"):
                ask(f"{server.url}/file", Access(validate_certs=False))


def test_memory_stays_flat(server, tmp_path):
    """128 MB go through in blocks: the process is no larger afterwards than a few of them."""
    with (tmp_path / "large").open("wb") as large:
        large.truncate(128_000_000)
    package = "ansible_collections.usableapps.omni_matchbox.plugins.module_utils"
    program = f"""
import resource
from {package}.common.download import Access, save
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert save({server.url + "/large"!r}, {str(tmp_path / "copy")!r}, Access()).size == 128_000_000
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "build/collections")}
    grown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment).stdout
    assert int(grown) < 24_000, f"{grown} kB"
