"""talos_archive: what a site without the internet needs, in one file."""

from __future__ import annotations

import json
import pathlib
import tarfile

import pytest
from lab.downloads import TALOS_RELEASES
from lab.factory import Factory

pytestmark = pytest.mark.thorough

KEY = "0123456789abcdef"
STOCK = {"version": "v1.11.4", "architecture": "amd64", "key": "stock"}
MADE = {**STOCK, "key": KEY, "kernel_args": ["talos.platform=metal"]}


@pytest.fixture
def server(mirror):
    """The Image Factory, with the releases of the mirror and one of Matchbox."""
    for name in ("v0.11.0/matchbox-v0.11.0-linux-amd64.tar.gz", "v0.11.0/matchbox-v0.11.0-linux-amd64.tar.gz.asc", "key.asc"):
        (mirror / "matchbox" / name).parent.mkdir(parents=True, exist_ok=True)
        (mirror / "matchbox" / name).write_text(name)
    with Factory(mirror) as running:
        yield running


@pytest.fixture
def params(modules, server, tmp_path, tmp_path_factory):
    """Packs what has been fetched to the controller: a stock image and one with a token."""
    cache = tmp_path_factory.mktemp("cache")
    schematic = server.create({"customization": {"extraKernelArgs": ["siderolink.api=grpc://omni?jointoken=geheim"]}})
    urls = {kind: f"{server.url}/image/@schematic@/v1.11.4/{name}" for kind, name in (("kernel", "kernel-amd64"), ("initramfs", "initramfs-amd64.xz"))}
    images = [STOCK, {**MADE, "urls": urls}, {"version": "v1.12.0"}]
    fetching = {"assets_path": str(cache), "release_url": f"{server.url}/{TALOS_RELEASES}", "images": images, "schematics": {KEY: schematic}}
    assert modules.run("talos_assets", fetching)["changed"]
    return {
        "dest": str(tmp_path / "site.tar"),
        "assets_path": str(cache),
        "images": [STOCK, MADE],
        "versions": {"v1.11": "v1.11.4"},
        "token_hash": "sha256:12345678",
        "retries": 0,
        "schematic": schematic,
    }


@pytest.fixture
def schematic(params):
    return params.pop("schematic")


def members(path):
    with tarfile.open(path) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}


def test_what_is_in_it(modules, params, schematic, tmp_path):
    result = modules.converge("talos_archive", params)
    assert (tmp_path / "site.tar").stat().st_mode & 0o777 == 0o600
    content = members(tmp_path / "site.tar")
    images = [f"assets/talos/v1.11.4/{folder}{name}" for folder in ("", f"{KEY}/amd64/") for name in ("vmlinuz", "initramfs.xz")]
    assert sorted(content) == sorted(["archive.json", "assets/talos/images.lock", *images])
    said = json.loads(content["archive.json"])
    assert said["token"] == "sha256:12345678"
    assert said["lock"]["versions"] == {"v1.11": "v1.11.4"}
    assert said["kernel_args"] == {f"talos/v1.11.4/{KEY}/amd64": ["talos.platform=metal"]}
    assert said["lock"] == json.loads(content["assets/talos/images.lock"])
    assert schematic not in json.dumps(result)
    # The initramfs of the Image Factory has its schematic inside, which is why nobody else may read the file. Nothing else tells it.
    assert not [name for name, inside in content.items() if schematic.encode() in inside and not name.endswith("initramfs.xz")]


def test_stock_images_alone_have_no_token(modules, params, schematic, tmp_path):
    modules.converge("talos_archive", {**params, "images": [STOCK], "token_hash": ""})
    assert json.loads(members(tmp_path / "site.tar")["archive.json"])["token"] == ""


def test_matchbox_goes_along(modules, params, server, tmp_path, tmp_path_factory):
    params.pop("schematic")
    matchbox = {"version": "v0.11.0", "release_url": f"{server.url}/matchbox", "key": f"{server.url}/matchbox/key.asc"}
    modules.converge("talos_archive", {**params, "matchbox": matchbox, "cache_path": str(tmp_path_factory.mktemp("packed"))})
    content = members(tmp_path / "site.tar")
    name = "v0.11.0/matchbox-v0.11.0-linux-amd64.tar.gz"
    assert [content[f"matchbox/{path}"].decode() for path in (name, f"{name}.asc", "key.asc")] == [name, f"{name}.asc", "key.asc"]


def test_another_content_replaces_it(modules, params, schematic, tmp_path):
    modules.converge("talos_archive", params)
    result = modules.converge("talos_archive", {**params, "images": [STOCK]})
    assert KEY in result["diff"]["before"] and KEY not in result["diff"]["after"]
    (tmp_path / "site.tar").chmod(0o644)
    modules.converge("talos_archive", {**params, "images": [STOCK]})
    assert (tmp_path / "site.tar").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dest": "site.tar"}, "must be an absolute path in a folder that exists"),
        ({"dest": "/nowhere/site.tar"}, "must be an absolute path in a folder that exists"),
        ({"images": [{**STOCK, "version": "v1.10.0"}]}, "lacks Talos v1.10.0 for amd64 (stock); fetch it with talos_assets first"),
        ({"token_hash": ""}, "token_hash: some images hold a join token, so its hash is needed"),
        ({"versions": {"v1.11": "v1.10.0"}}, "v1.11 cannot mean v1.10.0"),
        ({"matchbox": {"version": "v0.11.0", "release_url": "/nowhere", "key": "/nowhere/key"}}, "missing parameter(s) required by 'matchbox': cache_path"),
    ],
)
def test_what_cannot_be_packed(modules, params, schematic, change, message):
    assert message in modules.refuse("talos_archive", {**params, **change})


def test_a_file_that_was_damaged_since_it_came_is_not_packed(modules, params, schematic, tmp_path):
    """Where the archive is opened, nobody could fetch it again."""
    kernel = pathlib.Path(params["assets_path"]) / "talos/v1.11.4/vmlinuz"
    kernel.write_bytes(kernel.read_bytes()[::-1])
    message = modules.run("talos_archive", params)["msg"]
    assert message == f"{kernel} was damaged since it came: its sha256 is not the one noted; run again with talos_assets_verify: true"
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_and_is_no_archive_is_left_alone(modules, params, schematic, tmp_path):
    (tmp_path / "site.tar").write_text("something else")
    assert "is not an archive that assets_export.yml made" in modules.refuse("talos_archive", params)
