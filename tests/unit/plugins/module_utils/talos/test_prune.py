"""Which images go. What anything refers to never does."""

from __future__ import annotations

import json
import os
import random

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import InputError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.talos.assets import Keep
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.talos.lock import LockedImage
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.talos.present import present_images
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.talos.prune import image_folder, references, unused
from support import images

pytestmark = pytest.mark.thorough

VERSIONS = ["v1.8.0", "v1.9.5", "v1.10.0-beta.0", "v1.10.0", "v1.10.8", "v1.11.4", "v1.11.10"]
KEYS = ["stock", "0123456789abcdef", "fedcba9876543210"]
NAMES = ("vmlinuz", "initramfs.xz")


@pytest.fixture
def data(tmp_path):
    """The data directory of the boot engine."""
    for folder in ("profiles", "groups", "generic"):
        (tmp_path / "data" / folder).mkdir(parents=True)
    return tmp_path / "data"


def put(assets, image: LockedImage) -> None:
    folder = assets / image_folder(image)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vmlinuz").write_bytes(images.kernel(image.architecture, size=2000))
    (folder / "initramfs.xz").write_bytes(images.initramfs(size=2000))


def put_versions(assets, *versions: str) -> None:
    for version in versions:
        put(assets, LockedImage(version, "amd64"))


def boots(data, name: str, path: str) -> None:
    """A profile that boots the image at this path."""
    boot = {"kernel": f"/assets/{path}/vmlinuz", "initrd": [f"/assets/{path}/initramfs.xz"]}
    (data / "profiles" / f"{name}.json").write_text(json.dumps({"id": name, "boot": boot}))


def test_what_nothing_boots_goes_with_its_empty_folders_and_its_place_in_the_lock(host, assets, data):
    host.have({}, {"version": "v1.12.0"}, {"architecture": "arm64"})
    (assets / "talos/v1.11.4/arm64/notes.txt").write_text("")
    keep = Keep(0, str(data))
    plan = host.have({"version": "v1.12.0"}, keep=keep)
    assert plan.removed() == ["talos/v1.11.4", "talos/v1.11.4/arm64"]
    assert plan.diff()["before"] == {"talos/v1.11.4": "800000 bytes, in use nowhere", "talos/v1.11.4/arm64": "800000 bytes, in use nowhere"}
    assert [image["version"] for image in json.loads((assets / "talos/images.lock").read_text())["images"]] == ["v1.12.0"]
    assert sorted(path.name for path in (assets / "talos/v1.11.4").rglob("*")) == ["arm64", "notes.txt"], "what is not ours stays"
    assert not host.plan({"version": "v1.12.0"}, keep=keep).changed


def test_nothing_goes_unless_it_is_asked_for(host, assets):
    put_versions(assets, "v1.8.0")
    assert host.have().removed() == []


@pytest.mark.parametrize(("keep", "gone"), [(0, ["v1.9.5", "v1.10.0-beta.0", "v1.10.0"]), (2, ["v1.9.5", "v1.10.0-beta.0"]), (3, ["v1.9.5"]), (4, []), (9, [])])
def test_the_newest_versions_stay(host, assets, data, keep, gone):
    put_versions(assets, "v1.9.5", "v1.10.0-beta.0", "v1.10.0")
    assert sorted(host.have(keep=Keep(keep, str(data))).removed()) == sorted(f"talos/{version}" for version in gone)


@pytest.mark.parametrize(
    "content",
    [
        '{"id": "x", "boot": {"kernel": "/assets/talos/v1.9.5/vmlinuz"}}',
        '{"id": "x", "boot": {"kernel": "http://192.168.1.8:8080/assets/talos/v1.9.5/vmlinuz"}}',
        '{"id": "x", "boot": {"initrd": ["\\\\u002fassets\\\\u002ftalos/v1.9.5/initramfs.xz"]}}',
        '{"id": "x", "boot": {"kernel": "\\\\/assets\\\\/talos\\\\/v1.9.5\\\\/vmlinuz"}}',
        '{"id": "x", "boot": {"kernel": "/assets//talos/./v1.9.5/vmlinuz?a=b"}}',
        '{"id": "x", "boot": {"kernel": "/assets/talos/v1%2e9.5/vmlinuz"}}',
        '{"id": "x", "boot": {"args": ["root=http://192.168.1.8/assets/talos/v1.9.5/initramfs.xz"]}}',
        '{"broken": "/assets/talos/v1.9.5/vmlinuz"',
        "#!ipxe\\nkernel http://host/assets/talos/v1.9.5/vmlinuz console=tty0\\n",
        "linux (http,192.168.1.8)/assets/talos/v1.9.5/vmlinuz",
        '{"kernel": "http://mirror/talos/v1.9.5/vmlinuz"}',
        '{"kernel": "/assets%2ftalos%2fv1.9.5/vmlinuz"}',
        '{"kernel": "/assets/lab/vmlinuz"}',
        '{"kernel": "/assets/tree/vmlinuz"}',
    ],
)
@pytest.mark.parametrize("folder", ["profiles", "generic"])
def test_whatever_names_an_image_keeps_it(host, assets, data, content, folder):
    put_versions(assets, "v1.8.0", "v1.9.5")
    if "/lab/" in content:
        (assets / "lab").mkdir()
        (assets / "lab/vmlinuz").symlink_to("../talos/v1.9.5/vmlinuz")
    if "/tree/" in content:
        (assets / "tree").symlink_to("talos/v1.9.5")
    (data / folder / "x.json").write_text(content)
    assert host.have(keep=Keep(0, str(data))).removed() == ["talos/v1.8.0"]


@pytest.mark.parametrize("place", ["profiles/lab/deep.json", "shared.json", "other/shared.json", "profiles/outside/x.json", "generic/menu.ipxe"])
def test_profiles_of_profiles_folders_and_beside_it_count_too(host, assets, data, tmp_path, place):
    """A group may name the profile ``lab/deep``, ``../../shared`` or one behind a link, and Matchbox finds it."""
    put_versions(assets, "v1.8.0", "v1.9.5")
    (tmp_path / "elsewhere").mkdir()
    (data / "profiles/outside").symlink_to(tmp_path / "elsewhere")
    (data / "profiles/again").symlink_to("../profiles")
    (data / "another").symlink_to("generic")
    (data / place).parent.mkdir(exist_ok=True)
    (data / place).write_text('{"boot": {"kernel": "/assets/talos/v1.9.5/vmlinuz"}}')
    assert host.have(keep=Keep(0, str(data))).removed() == ["talos/v1.8.0"]


@pytest.mark.parametrize("moved", ["talos", "talos/v1.9.5", "talos/v1.9.5/vmlinuz"])
@pytest.mark.parametrize("named", ["talos/v1.9.5/vmlinuz", "lab/vmlinuz"])
def test_images_that_were_moved_to_another_disk_stay_in_use(host, assets, data, moved, named):
    """A link leads there from their place."""
    put_versions(assets, "v1.8.0", "v1.9.5")
    disk = data.parent / "disk"
    (assets / moved).rename(disk)
    (assets / moved).symlink_to(disk)
    (assets / "lab").symlink_to("talos/v1.9.5")
    (data / "profiles/x.json").write_text(json.dumps({"boot": {"kernel": f"/assets/{named}"}}))
    if named.startswith("talos"):
        (assets / "lab").unlink()
    assert host.plan(keep=Keep(0, str(data))).removed() == ["talos/v1.8.0"]
    assert (assets / "talos/v1.9.5/vmlinuz").is_file()


def test_a_link_keeps_what_it_leads_to_even_if_nobody_names_it(host, assets, data):
    put_versions(assets, "v1.8.0", "v1.9.5")
    (assets / "talos/vmlinuz").symlink_to("v1.9.5/vmlinuz")
    assert host.have(keep=Keep(0, str(data))).removed() == ["talos/v1.8.0"]


@pytest.mark.parametrize("content", ["set base http://host/assets/talos\nkernel ${base}/v1.8.0/vmlinuz", '{"metadata": {"base": "http://host/assets/talos/"}}'])
def test_a_reference_to_the_folder_of_all_images_keeps_all(host, assets, data, content):
    put_versions(assets, "v1.8.0")
    (data / "generic/menu.ipxe").write_text(content)
    plan = host.have(keep=Keep(0, str(data)))
    assert plan.removed() == []
    assert plan.warnings() == [f"{data}/generic/menu.ipxe names assets, but not which; no image is removed"]


@pytest.mark.parametrize("path", ["talos/v1.9.5\\u0000", "talos/v1.9.5%00/vmlinuz", "talos/\\ud800"])
def test_a_reference_to_what_no_file_is_called(host, assets, data, path):
    put_versions(assets, "v1.8.0")
    (data / "profiles/x.json").write_text(f'{{"boot": {{"kernel": "/assets/{path}"}}}}')
    assert host.have(keep=Keep(0, str(data))).removed() == ["talos/v1.8.0"]


@pytest.mark.parametrize("path", ["talos/${version}/vmlinuz", "${path}/vmlinuz", "talos/v1.${minor}/vmlinuz", "{{ path }}"])
def test_a_reference_that_cannot_be_followed_keeps_all(host, assets, data, path):
    put_versions(assets, "v1.8.0")
    (data / "profiles/x.json").write_text(json.dumps({"boot": {"kernel": f"/assets/{path}"}}))
    plan = host.have(keep=Keep(0, str(data)))
    assert plan.removed() == []
    assert plan.warnings() == [f"{data}/profiles/x.json names assets, but not which; no image is removed"]


def test_other_variables_do_no_harm():
    assert references("talos.config=http://host/assets/machines/${uuid}.yaml /assets/talos/v1.8.0/vmlinuz") == {"machines/${uuid}.yaml", "talos/v1.8.0/vmlinuz"}


def test_profiles_that_are_rewritten_do_not_count(host, assets, data):
    put_versions(assets, "v1.8.0", "v1.9.5")
    boots(data, "talos", "talos/v1.9.5")
    boots(data, "mine", "talos/v1.8.0")
    assert host.have(keep=Keep(0, str(data), ("talos",))).removed() == ["talos/v1.9.5"]


def test_without_the_data_directory_nothing_goes(host, assets, tmp_path):
    put_versions(assets, "v1.8.0")
    with pytest.raises(InputError, match="without it nobody knows which images are in use"):
        host.plan(keep=Keep(0, str(tmp_path / "nowhere")))


@pytest.mark.parametrize("seed", range(40))
def test_no_referenced_file_is_ever_removed(host, assets, data, seed):
    """Random sites: what classes, profiles and links refer to can be read afterwards, and nothing else keeps an old image."""
    chance = random.Random(seed)
    there = chance.sample([LockedImage(version, arch, key) for version in VERSIONS for arch in ("amd64", "arm64") for key in KEYS], 12)
    for image in there:
        put(assets, image)
    referred = {assets / image_folder(image) / name for image in chance.sample(there, 3) for name in NAMES}
    linked = set()
    for number, path in enumerate(sorted(referred)):
        relative = str(path.relative_to(assets))
        if chance.random() < 0.4:
            link, target = assets / f"link{number}", chance.choice([path, path.parent])
            link.symlink_to(os.path.relpath(target, assets))
            linked |= {target, target.parent}  # whoever names a folder may mean the image around it
            relative = link.name if target == path else f"{link.name}/{path.name}"
        (data / "profiles" / f"p{number}.json").write_text(json.dumps({"boot": {"kernel": f"/assets/{relative}"}}))
    keep = chance.randrange(3)
    before = present_images(str(assets))
    host.have({}, keep=Keep(keep, str(data)))
    assert all(path.is_file() for path in referred)
    versions = sorted({image.version for image in before} | {"v1.11.4"}, key=VERSIONS.index)
    newest = versions[-keep:] if keep else []
    named = linked | {path.parent for path in referred}
    stay = {image for image in before if image.version in newest or named & {assets / image_folder(image), *(assets / image_folder(image)).parents}}
    assert set(present_images(str(assets))) >= {LockedImage("v1.11.4", "amd64")}
    assert set(present_images(str(assets))) <= stay | {LockedImage("v1.11.4", "amd64")}


def test_folders_of_classes_stay_whole():
    image = LockedImage("v1.8.0", "arm64", KEYS[1])
    assert unused([image], {image_folder(image): image.version}, [], 0) == []
    assert unused([image], {}, [image_folder(image)], 0) == []
    assert unused([image], {}, ["talos/v1.8.0"], 0) == []
    assert unused([image], {}, ["talos", "talos/v1.8", ".", f"{image_folder(image)}2/vmlinuz"], 0) == [image]
