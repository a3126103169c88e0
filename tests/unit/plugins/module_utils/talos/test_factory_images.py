"""Images that the lab Image Factory makes: where they lie, who may read them, and that no schematic shows."""

from __future__ import annotations

import os

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.download import Access, DownloadError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import InputError, OmniMatchboxError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.talos.fetching import have_assets
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.talos.source import Source
from lab.factory import Factory

KEY, OTHER = "0123456789abcdef", "fedcba9876543210"
NOBODY = 65534


@pytest.fixture
def server(mirror):
    """The Image Factory, with the releases of the mirror."""
    with Factory(mirror) as running:
        yield running


@pytest.fixture
def schematics(server):
    """By image key."""
    return {key: server.create({"customization": {"extraKernelArgs": [f"jointoken={key}"]}}) for key in (KEY, OTHER)}


@pytest.fixture
def image(server):
    """An image as talos_image_info tells it."""

    def make(key=KEY, architecture="amd64"):
        names = {"kernel": f"kernel-{architecture}", "initramfs": f"initramfs-{architecture}.xz"}
        urls = {kind: f"{server.url}/image/@schematic@/v1.11.4/{name}" for kind, name in names.items()}
        return {"version": "v1.11.4", "architecture": architecture, "key": key, "urls": urls}

    return make


def test_two_schematics_and_two_architectures_lie_side_by_side(host, image, schematics, assets):
    wanted = [image(), image(OTHER), image(architecture="arm64")]
    made = host.have(*wanted, schematics=schematics, group=NOBODY)
    folders = [f"{KEY}/amd64", f"{OTHER}/amd64", f"{KEY}/arm64"]
    for folder in folders:
        for name in ("vmlinuz", "initramfs.xz"):
            status = os.stat(assets / "talos/v1.11.4" / folder / name)
            assert (status.st_mode & 0o7777, status.st_gid) == (0o640, NOBODY)
    contents = {(assets / "talos/v1.11.4" / folder / "initramfs.xz").read_bytes() for folder in folders}
    assert len(contents) == 3
    assert not host.plan(*wanted, schematics=schematics, group=NOBODY).changed
    shown = f"{made.diff()} {made.files()} {made.warnings()} {(assets / 'talos/images.lock').read_text()}"
    assert not [schematic for schematic in schematics.values() if schematic in shown]
    assert "@schematic@" in shown


def test_they_get_their_group_and_mode_back(host, image, schematics, assets):
    host.have(image(), schematics=schematics, group=0)
    (assets / f"talos/v1.11.4/{KEY}/amd64/vmlinuz").chmod(0o644)
    assert host.have(image(), schematics=schematics, group=NOBODY).diff()["before"] == {
        f"talos/v1.11.4/{KEY}/amd64/vmlinuz": "mode 0644, group 0",
        f"talos/v1.11.4/{KEY}/amd64/initramfs.xz": "mode 0640, group 0",
    }
    assert not host.plan(image(), schematics=schematics, group=NOBODY).changed


@pytest.mark.parametrize("fault", ["short", "status", "page", "redirect", "corrupt"])
def test_no_error_shows_a_schematic(host, image, schematics, server, fault):
    path = f"/image/{schematics[KEY]}/v1.11.4/initramfs-amd64.xz"
    sizes = {"kernel": 300_000, "initramfs": server.image(path).stat().st_size}
    server.fault(path, fault, **({"location": "http://127.0.0.9/"} if fault == "redirect" else {}))
    image = {**image(), "sizes": sizes, "sha256": {"initramfs": "0" * 64}}
    with pytest.raises(OmniMatchboxError) as error:
        host.have(image, schematics=schematics)
    assert "/image/@schematic@/v1.11.4/initramfs-amd64.xz" in str(error.value)
    assert schematics[KEY] not in str(error.value)


def test_an_image_that_the_factory_does_not_have(host, image, schematics):
    with pytest.raises(InputError, match="is not there: .*@schematic@.* does not exist"):
        host.plan(image(), schematics={KEY: "0" * 64})


@pytest.mark.parametrize(
    ("schematics", "message"),
    [
        ({KEY: "too short"}, f"schematics: {KEY}: this is no schematic id"),
        ({KEY: "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba"}, f"schematics: {KEY}: its schematic holds no join arguments; .*UKI trap"),
    ],
)
def test_schematics_that_will_not_do(host, image, schematics, message):
    with pytest.raises(InputError, match=message):
        host.plan(image(), schematics=schematics)


@pytest.mark.parametrize("schematics", [{}, {OTHER: "0" * 64}])
def test_without_its_schematic_an_image_can_only_be_looked_at(host, image, schematics, server, assets):
    plan = host.plan(image(), schematics=schematics)
    assert {fetch.file.image.image for fetch in plan.fetches} == {KEY}
    assert all("@schematic@" in file["url"] for file in plan.files())
    with pytest.raises(InputError, match=f"schematics: none is given for the image {KEY}"):
        host.have(image(), schematics=schematics)
    assert (server.requests, list(assets.glob("talos/v*"))) == ([], [])


def test_an_image_of_unknown_origin(host):
    with pytest.raises(InputError, match="nobody knows where it comes from; give its urls"):
        host.wanted({"key": KEY})


def test_the_factory_sends_who_asks_to_another_server(host, image, schematics, server, assets):
    with Factory(server.root) as cdn:
        cdn.schematics.update(server.schematics)
        server.cdn = cdn.url.replace("127.0.0.1", "localhost")
        with pytest.raises(DownloadError, match="redirects to another host, localhost; if that is right, add it to redirect_hosts"):
            host.have(image(), schematics=schematics)
        source = Source(Access(timeout=5, redirect_hosts=("localhost",)))
        have_assets(host.wanted(image(), schematics=schematics), source, check=False, lock_seconds=1)
    assert (assets / f"talos/v1.11.4/{KEY}/amd64/initramfs.xz").exists()
