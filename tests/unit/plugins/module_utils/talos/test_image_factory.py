"""The client of the Image Factory, against the lab's."""

from __future__ import annotations

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import InputError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.talos import image_factory
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.talos.image_factory import (
    FactoryError,
    FactoryUnavailable,
    FactoryUnreachable,
    ImageFactory,
    NotAtFactory,
)
from lab import pki
from lab.factory import Factory
from support import images


@pytest.fixture
def factory(tmp_path):
    """Has v1.11.4."""
    images.release(tmp_path, "v1.11.4")
    with Factory(tmp_path, listed=["v1.11.10", "v1.12.0-beta.1", "v1.9.0"], broken=["v1.11.9"]) as running:
        yield running


@pytest.fixture
def pauses():
    """How long the client wanted to wait."""
    return []


@pytest.fixture
def client(factory, pauses):
    return ImageFactory(factory.url, sleep=pauses.append)


@pytest.fixture
def schematic(factory):
    return factory.create({"customization": {"extraKernelArgs": ["a=1"]}})


def test_versions_without_the_broken_ones_in_order(client):
    assert [str(version) for version in client.versions()] == ["v1.9.0", "v1.11.4", "v1.11.10", "v1.12.0-beta.1"]


def test_sizes_and_command_lines(client, factory, schematic):
    factory.cdn = "http://127.0.0.1:1"  # HEAD is not redirected
    assert client.size(schematic, "v1.11.4", "kernel-amd64") == 300_000
    factory.cdn = ""
    assert client.cmdline(schematic, "v1.11.4", "amd64").endswith(" selinux=1 a=1")
    assert client.cmdline(schematic, "v1.11.4", "amd64", secure_boot=True).endswith(" lockdown=confidentiality a=1")


def test_a_proxy_that_takes_the_length_away(client, factory, schematic):
    factory.fault(f"/image/{schematic}/v1.11.4/kernel-amd64", "unsized")
    with pytest.raises(FactoryError, match="kernel-amd64 of v1.11.4: the Image Factory does not tell its size"):
        client.size(schematic, "v1.11.4", "kernel-amd64")


def test_an_image_may_take_longer_than_an_answer(factory, schematic):
    factory.build_seconds = 0.5
    assert ImageFactory(factory.url, timeout=0.2).size(schematic, "v1.11.4", "kernel-amd64") == 300_000
    with pytest.raises(FactoryUnreachable, match="initramfs-amd64.xz of v1.11.4: nothing came for 0.1 seconds"):
        ImageFactory(factory.url, timeout=0.2, build_timeout=0.1, sleep=lambda _seconds: None).size(schematic, "v1.11.4", "initramfs-amd64.xz")


def test_it_is_asked_again_while_it_is_busy(client, factory, pauses):
    factory.fault("/versions", "status", status=503, times=2)
    assert len(client.versions()) == 4
    assert pauses == [0.5, 2]


@pytest.mark.parametrize(
    ("fault", "kind", "message"),
    [
        ({"kind": "status", "status": 502}, FactoryUnavailable, "answers 502; run again later"),
        ({"kind": "status", "status": 403}, FactoryError, "answers 403 Forbidden; check omni_matchbox_factory_url"),
        ({"kind": "status", "status": 404}, NotAtFactory, "the Image Factory does not have it"),
        ({"kind": "page"}, FactoryError, "answers something that is no list of versions"),
        ({"kind": "redirect", "location": "/versions"}, FactoryUnreachable, "there is no connection (TooManyRedirects)"),
        ({"kind": "reset", "at": 3}, FactoryUnreachable, "there is no connection ("),
        ({"kind": "short", "at": 3}, FactoryUnreachable, "there is no connection"),
    ],
)
def test_what_can_be_wrong_with_the_list(client, factory, fault, kind, message):
    factory.fault("/versions", **fault)
    with pytest.raises(kind) as failed:
        client.versions()
    assert str(failed.value).startswith(f"{factory.url}/versions")
    assert message in str(failed.value) and "\n" not in str(failed.value)


@pytest.mark.parametrize("content", [b"{}", b"null", b'["latest"]', b"[5]", b'{"v1.11.4": 1}x'])
def test_answers_that_are_no_versions(client, factory, tmp_path, content, monkeypatch):
    monkeypatch.setattr(factory, "versions", lambda: None)
    (tmp_path / "odd").write_bytes(content)
    factory.fault("/versions", "redirect", location="/odd")
    if content == b"{}":
        assert client.versions() == []
        return
    with pytest.raises(FactoryError, match="no list of versions"):
        client.versions()


def test_what_it_does_not_have_is_said_without_the_schematic(client, factory, schematic):
    with pytest.raises(NotAtFactory) as failed:
        client.size(schematic, "v1.11.5", "kernel-amd64")
    assert str(failed.value) == f"{factory.url}: kernel-amd64 of v1.11.5: the Image Factory does not have it"
    with pytest.raises(FactoryUnreachable) as failed:
        ImageFactory("http://127.0.0.1:1", sleep=lambda _seconds: None).cmdline(schematic, "v1.11.4", "amd64")
    assert schematic not in str(failed.value) and "cmdline-metal-amd64 of v1.11.4" in str(failed.value)


def test_a_certificate_of_the_house(tmp_path):
    pki.authority(tmp_path)
    certificate, key = pki.certificate(tmp_path, ["127.0.0.1"])
    with Factory(tmp_path, certificate=certificate, key=key, listed=["v1.11.4"]) as factory:
        assert len(ImageFactory(factory.url, ca_path=str(tmp_path / "ca.crt")).versions()) == 1
        with pytest.raises(FactoryError, match="its certificate is not trusted; name the file of its CA with factory_ca_path"):
            ImageFactory(factory.url).versions()


@pytest.mark.parametrize("url", ["factory.talos.dev", "ftp://factory", "https://user:secret@factory.lan", "https://factory.lan?x=1", "https://[", ""])
def test_urls_that_are_refused(url):
    with pytest.raises(InputError, match="^factory_url: ") as refused:
        ImageFactory(url)
    assert "secret" not in str(refused.value)


def test_a_python_without_requests(monkeypatch):
    monkeypatch.setattr(image_factory, "requests", None)
    with pytest.raises(FactoryError, match="lacks requests, needed to ask the Image Factory; install with: "):
        ImageFactory("https://factory.talos.dev")
