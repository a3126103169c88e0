"""talos_archive_info: an archive is opened, and believed only as a whole."""

from __future__ import annotations

import io
import json
import pathlib
import tarfile

import pytest
from lab.downloads import TALOS_RELEASES

pytestmark = pytest.mark.thorough


@pytest.fixture
def archive(modules, server, tmp_path, tmp_path_factory):
    """An archive with a stock image."""
    cache = str(tmp_path_factory.mktemp("cache"))
    image = {"version": "v1.11.4", "architecture": "amd64"}
    modules.run("talos_assets", {"assets_path": cache, "release_url": f"{server.url}/{TALOS_RELEASES}", "images": [image]})
    packed = modules.run("talos_archive", {"assets_path": cache, "images": [image], "versions": {"omni": "v1.11.4"}, "dest": str(tmp_path / "site.tar")})
    assert packed["changed"], packed
    server.requests.clear()
    return tmp_path / "site.tar"


@pytest.fixture
def params(archive, tmp_path_factory):
    return {"path": str(archive), "cache_path": str(tmp_path_factory.mktemp("unpacked"))}


def rewritten(archive, change):
    """The archive with what ``change`` makes of its members (name → content)."""
    with tarfile.open(archive) as tar:
        content = {member.name: tar.extractfile(member).read() for member in tar}
    change(content)
    with tarfile.open(archive, "w") as tar:
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


def described(content, **changes):
    content["archive.json"] = json.dumps({**json.loads(content["archive.json"]), **changes}).encode()


def test_it_is_unpacked_once_and_boots_hosts_without_a_request(modules, params, server, tmp_path):
    result = modules.converge("talos_archive_info", params)
    assert result["lock"]["versions"] == {"omni": "v1.11.4"}
    assert (result["matchbox_path"], result["token_hash"], result["kernel_args"]) == ("", "", {})
    fetching = {"assets_path": str(tmp_path / "assets"), "images": [{"version": "v1.11.4"}], "incoming": result["assets_path"]}
    assert modules.run("talos_assets", fetching)["changed"]
    assert (tmp_path / "assets/talos/v1.11.4/vmlinuz").stat().st_size == 300_000
    assert server.requests == []


def test_who_else_has_an_account_reads_nothing(modules, params, tmp_path_factory):
    place = tmp_path_factory.mktemp("unpacked") / "archives"
    result = modules.run("talos_archive_info", {**params, "cache_path": str(place)})
    assert place.stat().st_mode & 0o777 == 0o700
    assert result["assets_path"].startswith(str(place))


def test_images_with_the_token_of_another_site_are_refused(modules, params, archive):
    rewritten(archive, lambda content: described(content, token="sha256:00000000"))
    message = modules.refuse("talos_archive_info", {**params, "token_hash": "sha256:11111111"})
    assert message == f"{archive} has images with the join token sha256:00000000, the site's is sha256:11111111; export it anew"
    assert modules.run("talos_archive_info", {**params, "token_hash": "sha256:00000000"})["token_hash"] == "sha256:00000000"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.update({"assets/talos/v1.11.4/vmlinuz": b"other"}), "is damaged: assets/talos/v1.11.4/vmlinuz in it has another sha256"),
        (lambda content: content.pop("assets/talos/v1.11.4/initramfs.xz"), "is not whole: assets/talos/v1.11.4/initramfs.xz is missing"),
        (lambda content: content.pop("assets/talos/images.lock"), "is not whole: assets/talos/images.lock is missing"),
        (lambda content: content.update({"assets/talos/images.lock": b"{}"}), "is damaged: assets/talos/images.lock in it has another sha256"),
        (lambda content: content.pop("archive.json"), "is not an archive that assets_export.yml made"),
        (lambda content: content.update({"archive.json": b"{"}), "what archive.json in it says is not to be understood"),
        (lambda content: content.update({"archive.json": b"[]"}), "what archive.json in it says is not to be understood"),
        (lambda content: described(content, format=2), "is of format 2, this version of the collection reads 1"),
        (lambda content: described(content, lock={"images": 1}), "images is a list, not 1"),
    ],
)
def test_what_is_not_whole_is_refused(modules, params, archive, change, message):
    rewritten(archive, change)
    assert message in modules.refuse("talos_archive_info", params)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_an_archive_of_which_only_a_part_was_copied(modules, params, archive, share):
    content = archive.read_bytes()
    archive.write_bytes(content[: int(len(content) * share)])
    assert f"{archive} is not whole: " in modules.refuse("talos_archive_info", params)


def test_what_is_lost_of_the_unpacked_files_is_unpacked_again(modules, params):
    result = modules.run("talos_archive_info", params)
    kernel = pathlib.Path(result["assets_path"]) / "talos/v1.11.4/vmlinuz"
    kernel.unlink()
    assert modules.run("talos_archive_info", params) == result
    assert kernel.stat().st_size == 300_000


def test_nothing_lands_outside_the_folder(modules, params, archive, tmp_path_factory):
    evil = {"../evil": b"x", "assets/../../evil": b"x", "/tmp/evil-of-archive": b"x", "assets/talos/other": b"x"}
    rewritten(archive, lambda content: content.update(evil))
    result = modules.run("talos_archive_info", params)
    folder = tmp_path_factory.getbasetemp()
    assert "assets_path" in result
    assert not [path for path in [*folder.rglob("*evil*"), *folder.rglob("other")] if path.is_file()]


@pytest.mark.parametrize("content", [None, b"", b"no archive at all", bytes(10240)])
def test_what_is_no_archive(modules, params, archive, content):
    archive.unlink()
    if content is not None:
        archive.write_bytes(content)
    message = modules.refuse("talos_archive_info", params)
    assert "is not an archive that assets_export.yml made" in message if content is not None else "cannot be read: No such file" in message
