"""The lab Image Factory."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
import urllib.parse

import pytest
from lab.downloads import Downloads
from lab.factory import EMPTY_ID, Factory, schematic_id
from support import images
from support.modules import REPOSITORY

JOIN = {"customization": {"extraKernelArgs": ["siderolink.api=grpc://omni?jointoken=EXAMPLE", "-init_on_alloc", "-console=tty0"]}}


@pytest.fixture
def factory(tmp_path):
    """Has v1.11.4 for both architectures."""
    images.release(tmp_path, "v1.11.4")
    images.release(tmp_path, "v1.11.4", "arm64", images.kernel("arm64"))
    with Factory(tmp_path, listed=["v1.12.0-beta.1"], broken=["v1.11.3"]) as running:
        yield running


def ask(factory, method, path, body=None, **headers):
    """Status, headers and body of one request."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(factory.url).netloc, timeout=10)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


def test_the_empty_schematic_has_the_id_that_it_has_at_the_factory():
    assert schematic_id({}) == EMPTY_ID


@pytest.mark.parametrize(
    "body", [json.dumps(JOIN), "customization:\n  extraKernelArgs: ['siderolink.api=grpc://omni?jointoken=EXAMPLE', -init_on_alloc, -console=tty0]"]
)
def test_a_schematic_is_named_by_its_content(factory, body):
    status, dummy, answer = ask(factory, "POST", "/schematics", body)
    assert (status, json.loads(answer)["id"]) == (201, schematic_id(JOIN))
    assert ask(factory, "POST", "/schematics", body)[2] == answer


@pytest.mark.parametrize("body", ["customisation: {}", "customization: {extraKernelArgs: x}", "[]x", "- 1", "customization: {secureboot: {on: true}}"])
def test_what_is_no_schematic_is_refused(factory, body):
    assert ask(factory, "POST", "/schematics", body)[0] == 400


def test_versions(factory):
    assert json.loads(ask(factory, "GET", "/versions")[2]) == ["v1.11.3", "v1.11.4", "v1.12.0-beta.1"]
    assert json.loads(ask(factory, "GET", "/versions?broken=true")[2]) == ["v1.11.3"]


def test_images(factory):
    schematic = factory.create(JOIN)
    assert ask(factory, "GET", f"/image/{schematic}/v1.11.4/kernel-arm64")[2] == images.kernel("arm64")
    initramfs = ask(factory, "GET", f"/image/{schematic}/v1.11.4/initramfs-amd64.xz")[2]
    assert initramfs.startswith(images.initramfs()) and initramfs != ask(factory, "GET", f"/image/{EMPTY_ID}/v1.11.4/initramfs-amd64.xz")[2]
    assert ask(factory, "GET", f"/image/{schematic}/v1.11.4/cmdline-metal-amd64")[2] == (
        b"talos.platform=metal slab_nomerge= pti=on consoleblank=0 nvme_core.io_timeout=4294967295 printk.devkmsg=on selinux=1"
        b" siderolink.api=grpc://omni?jointoken=EXAMPLE"
    )
    assert ask(factory, "GET", f"/image/{EMPTY_ID}/v1.11.4/cmdline-metal-arm64-secureboot")[2].startswith(b"talos.platform=metal console=ttyAMA0 console=tty0")


def test_lengths_and_ranges(factory):
    path = f"/image/{EMPTY_ID}/v1.11.4/kernel-amd64"
    assert ask(factory, "HEAD", path)[1]["Content-Length"] == "300000"
    status, headers, body = ask(factory, "GET", path, Range="bytes=299990-")
    assert (status, headers["Content-Range"], body) == (206, "bytes 299990-299999/300000", images.kernel()[-10:])


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/image/{EMPTY_ID}/v1.11.4/kernel-amd64.sha256", 402),
        (f"/image/{EMPTY_ID}/v1.11.4/initramfs-amd64.xz.sigstore.json", 402),
        (f"/image/{EMPTY_ID}/v1.11.3/kernel-amd64", 404),
        (f"/image/{EMPTY_ID}/v1.11.4/kernel-amd64.xz", 404),
        (f"/image/{EMPTY_ID}/v1.11.4/vmlinuz", 404),
        (f"/image/{'0' * 64}/v1.11.4/kernel-amd64", 404),
        ("/version/v1.11.4/extensions/official", 200),
    ],
)
def test_what_there_is_and_what_not(factory, path, status):
    assert ask(factory, "GET", path)[0] == status


def test_only_the_first_request_waits_for_the_image(factory):
    path = f"/image/{EMPTY_ID}/v1.11.4/kernel-amd64"
    factory.build_seconds = 0.2
    before = time.monotonic()
    assert ask(factory, "HEAD", path)[0] == 200
    assert time.monotonic() - before >= 0.2
    factory.build_seconds = 60
    assert ask(factory, "HEAD", path)[0] == 200


def test_redirect_to_another_host(factory, tmp_path):
    path = f"/image/{EMPTY_ID}/v1.11.4/kernel-amd64"
    with Downloads(tmp_path) as cdn:
        factory.cdn = cdn.url
        assert ask(factory, "HEAD", path)[0] == 200
        status, headers, dummy = ask(factory, "GET", path)
        assert (status, headers["Location"]) == (302, cdn.url + path)
        assert ask(cdn, "GET", path)[2] == images.kernel()


def test_faults_once_and_at_a_place(factory):
    path = f"/image/{EMPTY_ID}/v1.11.4/kernel-amd64"
    factory.fault(path, "corrupt", at=299_999, times=1)
    content = images.kernel()
    assert ask(factory, "HEAD", path)[0] == 200
    assert ask(factory, "GET", path)[2] == content[:-1] + bytes([content[-1] ^ 1])
    assert ask(factory, "GET", path)[2] == content
    factory.fault("/versions", "status", status=503, times=1)
    assert [ask(factory, "GET", "/versions")[0] for dummy in range(2)] == [503, 200]


def test_as_a_program(tmp_path):
    images.release(tmp_path, "v1.11.4")
    program = subprocess.Popen(
        [sys.executable, "-m", "lab.factory", "--root", tmp_path, "--log", tmp_path / "log", "--broken", "v1.11.3"],
        cwd=REPOSITORY / "tests",
        stdout=subprocess.PIPE,
        text=True,
    )
    with program:
        url = program.stdout.readline().split()[1]
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=10)
        connection.request("GET", "/versions")
        assert json.loads(connection.getresponse().read()) == ["v1.11.3", "v1.11.4"]
        program.terminate()
        assert program.wait(10) == 0
