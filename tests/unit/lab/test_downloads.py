"""The download server of the lab."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import urllib.parse

import pytest
from lab.downloads import FAULTS_PATH, Downloads, put_talos_release
from support.modules import REPOSITORY


@pytest.fixture
def server(tmp_path):
    """Serves a folder with one file; its log is beside that."""
    (tmp_path / "root").mkdir()
    (tmp_path / "root/file").write_bytes(b"0123456789")
    (tmp_path / "secret").write_text("not served")
    with Downloads(tmp_path / "root", log=tmp_path / "log") as running:
        yield running


def ask(url, method, path, body=None, **headers):
    """Status, headers and body of one request."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=10)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read()


@pytest.mark.parametrize(
    ("wanted", "status", "body"),
    [
        ("bytes=2-4", 206, b"234"),
        ("bytes=7-", 206, b"789"),
        ("bytes=-2", 206, b"89"),
        ("bytes=8-99", 206, b"89"),
        ("bytes=10-", 416, b""),
        ("lines=1", 416, b""),
    ],
)
def test_ranges(server, wanted, status, body):
    found, headers, content = ask(server.url, "GET", "/file", Range=wanted)
    assert (found, content) == (status, body)
    assert headers["Content-Range"].endswith("/10")


def test_head_tells_the_length(server):
    status, headers, body = ask(server.url, "HEAD", "/file")
    assert (status, headers["Content-Length"], body) == (200, "10", b"")


@pytest.mark.parametrize("path", ["/nothing", "/", "/../secret", "/..%2fsecret"])
def test_nothing_else_is_served(server, path):
    assert ask(server.url, "GET", path)[0] == 404


def test_every_request_is_logged(server, tmp_path):
    ask(server.url, "HEAD", "/file")
    ask(server.url, "GET", "/file", Range="bytes=1-2")
    ask(server.url, "GET", "/nothing")
    entries = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert entries == server.requests
    assert [(entry["method"], entry["path"], entry["status"], entry["range"]) for entry in entries] == [
        ("HEAD", "/file", 200, None),
        ("GET", "/file", 206, "bytes=1-2"),
        ("GET", "/nothing", 404, None),
    ]
    assert entries[0]["client"] == "127.0.0.1"


def test_faults(server):
    server.fault("/file", "corrupt")
    assert ask(server.url, "GET", "/file")[2] == b"0123456789".replace(b"5", b"4")
    server.fault("/file", "status", status=502)
    assert ask(server.url, "HEAD", "/file")[0] == 502
    server.fault("/file", "page")
    status, headers, body = ask(server.url, "GET", "/file")
    assert (status, headers["Content-Type"], body[:5]) == (200, "text/html", b"<!DOC")
    server.fault("/file", "redirect", location="/other")
    status, headers, _body = ask(server.url, "GET", "/file")
    assert (status, headers["Location"]) == (302, "/other")
    server.fault("/file", "unsized")
    _status, headers, body = ask(server.url, "GET", "/file")
    assert ("Content-Length" in headers, body) == (False, b"0123456789")
    server.fault("/file", "short")
    with pytest.raises(http.client.IncompleteRead):
        ask(server.url, "GET", "/file")
    server.fault("/file", "reset")
    with pytest.raises(ConnectionResetError):
        ask(server.url, "GET", "/file")
    server.faults.clear()
    assert ask(server.url, "GET", "/file")[2] == b"0123456789"


def test_a_stall_ends_with_its_fault(server):
    server.fault("/file", "stall")
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(server.url).netloc, timeout=10)
    connection.request("GET", "/file")
    answer = connection.getresponse()
    assert answer.read(5) == b"01234"
    connection.sock.settimeout(0.3)
    with pytest.raises(TimeoutError):
        answer.read(1)
    server.faults.clear()
    connection.sock.settimeout(10)
    assert ask(server.url, "GET", "/file")[2] == b"0123456789"


def test_a_talos_release_as_github_has_it(tmp_path):
    for name in ("kernel", "initramfs"):
        (tmp_path / name).write_text(name)
    for architecture in ("amd64", "arm64"):
        folder = put_talos_release(tmp_path / "root", "v1.11.4", tmp_path / "kernel", tmp_path / "initramfs", architecture)
    assert folder == tmp_path / "root/siderolabs/talos/releases/download/v1.11.4"
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "sha256sum.txt"], cwd=folder, check=True)
    assert (folder / "sha256sum.txt").read_text().split()[1::2] == ["initramfs-amd64.xz", "initramfs-arm64.xz", "vmlinuz-amd64", "vmlinuz-arm64"]


def test_the_command_line(tmp_path):
    (tmp_path / "file").write_bytes(b"0123456789")
    process = subprocess.Popen(
        [sys.executable, "-m", "lab.downloads", "--root", tmp_path, "--log", tmp_path / "log"],
        cwd=REPOSITORY / "tests",
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        ready, url = process.stdout.readline().split()
        assert ready == "ready"
        assert ask(url, "PUT", FAULTS_PATH, json.dumps({"/file": {"kind": "status", "status": 500}}))[0] == 204
        assert ask(url, "GET", "/file")[0] == 500
        assert ask(url, "PUT", FAULTS_PATH, "{}")[0] == 204
        assert ask(url, "GET", "/file")[0] == 200
    finally:
        process.terminate()
        assert process.wait(timeout=10) == 0
