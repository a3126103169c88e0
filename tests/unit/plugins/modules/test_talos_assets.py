"""talos_assets, with a real download server."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess

import pytest
from lab import pki
from lab.downloads import TALOS_RELEASES, Downloads
from lab.system import eventually
from support import images
from support.modules import warnings

pytestmark = pytest.mark.thorough

VERSION = "v1.11.4"
FOLDER = f"{TALOS_RELEASES}/{VERSION}"
KERNEL, INITRAMFS, CHECKSUMS = f"/{FOLDER}/vmlinuz-amd64", f"/{FOLDER}/initramfs-amd64.xz", f"/{FOLDER}/sha256sum.txt"
STAGING = ".omni-matchbox-staging"
BOTH = ["talos/images.lock", "talos/v1.11.4/initramfs.xz", "talos/v1.11.4/vmlinuz"]


@pytest.fixture
def assets(tmp_path):
    """The assets folder, empty."""
    folder = tmp_path / "assets"
    folder.mkdir()
    return folder


@pytest.fixture
def params(assets, server):
    """One stock image from the download server."""
    return {"assets_path": str(assets), "release_url": f"{server.url}/{TALOS_RELEASES}", "images": [{"version": VERSION}], "timeout": 5, "retries": 0}


def files_below(folder):
    """What is served: staged files are not."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if STAGING not in path.parts and (path.is_symlink() or not path.is_dir()))


def staged(assets):
    """The bytes that are staged and not yet in place."""
    return sum(path.stat().st_size for path in assets.glob(f"{STAGING}/*") if path.name != "progress.json")


def test_fetches_what_is_missing_and_then_asks_for_nothing(modules, params, assets, server, mirror):
    result = modules.converge("talos_assets", params)
    assert files_below(assets) == BOTH
    assert (assets / "talos/v1.11.4/vmlinuz").read_bytes() == (mirror / FOLDER / "vmlinuz-amd64").read_bytes()
    assert (assets / "talos/v1.11.4/initramfs.xz").read_bytes() == (mirror / FOLDER / "initramfs-amd64.xz").read_bytes()
    assert result["diff"]["before"] == {}
    assert result["diff"]["after"]["talos/v1.11.4/vmlinuz"] == {
        "path": "talos/v1.11.4/vmlinuz",
        "version": VERSION,
        "architecture": "amd64",
        "size": 300_000,
        "url": server.url + KERNEL,
        "verified_by": "sha256sum.txt",
    }
    assert set(result["diff"]["after"]["talos/images.lock"]) == set(BOTH[1:])
    assert [file["path"] for file in result["files"]] == ["talos/v1.11.4/vmlinuz", "talos/v1.11.4/initramfs.xz"]
    assert warnings(result) == []
    # The first check asks for sizes, the first run fetches; the second check and run ask nothing.
    assert server.methods(KERNEL) == server.methods(INITRAMFS) == server.methods(CHECKSUMS) == ["HEAD", "HEAD", "GET"]


def test_the_web_server_can_read_everything_whatever_the_umask(modules, params, assets):
    assets.rmdir()
    umask = os.umask(0o077)
    try:
        modules.converge("talos_assets", params)
    finally:
        os.umask(umask)
    modes = {str(path.relative_to(assets)): path.stat().st_mode & 0o777 for path in [assets, *assets.rglob("*")]}
    assert modes == {".": 0o755, "talos": 0o755, "talos/v1.11.4": 0o755, **dict.fromkeys(BOTH, 0o644)}


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_folder_of_the_boot_host_is_a_source_too(modules, params, assets, mirror, scheme):
    params["release_url"] = f"{scheme}{mirror}/{TALOS_RELEASES}"
    result = modules.converge("talos_assets", params)
    assert result["files"][0]["url"] == f"file://{mirror}{KERNEL}"
    assert (assets / "talos/v1.11.4/vmlinuz").read_bytes() == (mirror / FOLDER / "vmlinuz-amd64").read_bytes()


def test_a_server_with_a_certificate_of_the_house(modules, params, mirror, tmp_path_factory):
    certificate, key = pki.certificate(tmp_path_factory.mktemp("pki"), ["127.0.0.1"])
    with Downloads(mirror, certificate=certificate, key=key) as server:
        params["release_url"] = f"{server.url}/{TALOS_RELEASES}"
        assert "its certificate is not trusted" in modules.refuse("talos_assets", params)
        modules.converge("talos_assets", {**params, "ca_path": str(certificate.parent / "ca.crt")})


def test_switching_a_link_warns_that_it_is_two_steps(modules, params, assets):
    params["images"] = [{"version": VERSION, "link": "talos"}]
    assert warnings(modules.converge("talos_assets", params)) == []
    params["images"] = [{"version": "v1.12.0", "link": "talos"}]
    result = modules.converge("talos_assets", params)
    assert result["diff"]["before"] == {"talos/vmlinuz": "link to v1.11.4/vmlinuz", "talos/initramfs.xz": "link to v1.11.4/initramfs.xz"}
    assert result["diff"]["after"]["talos/vmlinuz"] == "link to v1.12.0/vmlinuz"
    assert warnings(result) == ["talos: its links change one after the other; a machine that boots meanwhile may get files of two versions"]


def test_a_file_that_is_no_kernel_is_replaced(modules, params, assets):
    modules.converge("talos_assets", params)
    (assets / "talos/v1.11.4/vmlinuz").write_bytes(b"<html>")
    result = modules.converge("talos_assets", params)
    assert result["diff"]["before"] == {"talos/v1.11.4/vmlinuz": "is a web page, not a Linux kernel for amd64"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": [{"version": "v1.11"}]}, "'v1.11' is no exact Talos version; write it in full, such as v1.11.4"),
        ({"images": [{"version": 1.11}]}, "'1.11' is no exact Talos version; write it in full, such as v1.11.4"),
        ({"images": [{"version": VERSION, "path": "../outside"}]}, "'../outside' is no folder below the assets"),
        ({"assets_path": "relative"}, "assets_path: relative must be an absolute path"),
        ({"ca_path": "/nonexistent.pem"}, "ca_path: there is no file /nonexistent.pem"),
        ({"keep": 1}, "missing parameter(s) required by 'keep': data_path"),
        ({"keep": -1, "data_path": "/tmp"}, "keep: -1 is no number of versions"),
        ({"only_prune": True}, "only_prune is True but all of the following are missing: keep"),
        ({"source": "controller"}, "source is controller but all of the following are missing: cache_path"),
        ({"group": "no-such-group"}, "group: there is no group no-such-group on this host"),
        ({"versions": {"v1.11": "v1.12.0"}}, "versions: versions: v1.11 cannot mean v1.12.0"),
        ({"images": [{"version": VERSION, "key": "0123456789abcdef"}]}, "nobody knows where it comes from"),
        ({"images": [{"version": VERSION, "sha256": {"kernel": "abc"}}]}, "'abc' is not 64 hexadecimal digits"),
        ({"images": [{"version": VERSION, "architecture": "x86_64"}]}, "value of architecture must be one of: amd64, arm64"),
        ({"release_url": "ftp://mirror.example.com"}, "is neither an http, https or file URL nor an absolute path"),
        ({"release_url": f"https://factory.talos.dev/image/{'0' * 64}"}, "the UKI trap"),
    ],
)
def test_wrong_options_are_refused_before_any_request(modules, params, server, change, message):
    params.update(change)
    assert message in modules.refuse("talos_assets", params)
    assert server.requests == []


def test_an_unknown_version_is_found_out_in_check_mode_by_head_alone(modules, params, server):
    params["images"] = [{"version": "v1.11.99", "classes": ["talos", "lab"]}]
    message = modules.refuse("talos_assets", params)
    url = f"{server.url}/{TALOS_RELEASES}/v1.11.99/vmlinuz-amd64"
    assert message.startswith(f"Talos v1.11.99 for amd64 (class talos, lab) is not there: {url} does not exist; correct the version")
    assert set(server.methods()) == {"HEAD"}


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("page", "sends a document (text/html), not a file; check the address, and whether a proxy asks to sign in"),
        ("corrupt", "was damaged or replaced"),
        ("redirect", "redirects to another host, elsewhere.example.com; if that is right, add it to redirect_hosts"),
    ],
)
def test_a_download_that_goes_wrong_leaves_nothing(modules, params, server, kind, message):
    params["images"][0]["sizes"] = {"kernel": 300_000}
    server.fault(KERNEL, kind, **({"location": "http://elsewhere.example.com/"} if kind == "redirect" else {}))
    result = modules.run("talos_assets", params)
    assert f"{server.url}{KERNEL} {message}" in result["msg"]
    assert "talos/v1.11.4/vmlinuz" not in files_below(pathlib.Path(params["assets_path"]))


def test_what_an_interrupted_run_fetched_is_of_use(modules, params, assets, server):
    images.release(server.root, VERSION, initramfs=images.initramfs(size=3_000_000))
    server.fault(INITRAMFS, "short")
    assert "broke off after 1500000 of 3000000 bytes; run again" in modules.run("talos_assets", params)["msg"]
    server.faults.clear()
    modules.converge("talos_assets", params)
    assert [entry["range"] for entry in server.requests if entry["path"] == INITRAMFS][-1] == "bytes=1434464-"
    assert files_below(assets) == BOTH


def test_an_interruption_is_tried_again(modules, params, server):
    server.fault(INITRAMFS, "reset", times=1)
    modules.converge("talos_assets", {**params, "retries": 1})
    assert server.methods(INITRAMFS) == ["HEAD", "HEAD", "GET", "GET"]


def test_images_that_nothing_boots_go_and_are_shown_before(modules, params, assets, tmp_path):
    (tmp_path / "data/profiles").mkdir(parents=True)
    modules.converge("talos_assets", params)
    params.update(images=[{"version": "v1.12.0"}], keep=1, data_path=str(tmp_path / "data"))
    assert modules.converge("talos_assets", params)["removed"] == ["talos/v1.11.4"]
    assert files_below(assets) == ["talos/images.lock", "talos/v1.12.0/initramfs.xz", "talos/v1.12.0/vmlinuz"]


def test_pruning_alone_asks_nobody_for_what_is_missing(modules, params, assets, server, tmp_path):
    """As a preview does, in which images of classes are not there yet."""
    (tmp_path / "data/profiles").mkdir(parents=True)
    modules.run("talos_assets", params)
    server.requests.clear()
    wanted = {"images": [{"version": "v1.12.0", "link": "talos"}], "keep": 0, "data_path": str(tmp_path / "data"), "only_prune": True}
    result = modules.converge("talos_assets", {**params, **wanted})
    assert (result["files"], result["removed"]) == ([], ["talos/v1.11.4"])
    assert files_below(assets) == ["talos/images.lock"]
    assert server.requests == []


def test_loose_versions_are_noted(modules, params, assets):
    assert modules.converge("talos_assets", {**params, "versions": {"omni": VERSION}})["changed"]
    assert json.loads((assets / "talos/images.lock").read_text())["versions"] == {"omni": VERSION}


def test_a_lock_file_spoiled_by_hand(modules, params, assets):
    (assets / "talos").mkdir()
    (assets / "talos/images.lock").write_text('{"images": [')
    assert "images.lock: this is no JSON" in modules.refuse("talos_assets", params)


def test_files_that_were_brought_here_are_proven_by_the_lock_beside_them(modules, params, assets, tmp_path_factory, server):
    brought = tmp_path_factory.mktemp("brought")
    modules.run("talos_assets", {**params, "assets_path": str(brought)})
    server.requests.clear()
    result = modules.converge("talos_assets", {**params, "incoming": str(brought)})
    assert {file["verified_by"] for file in result["files"]} == {"controller"}
    assert files_below(assets) == BOTH
    (assets / "talos/v1.11.4/vmlinuz").unlink()
    (assets / "talos/images.lock").unlink()
    (brought / "talos/v1.11.4/vmlinuz").write_bytes(images.kernel(seed=77))
    assert "was damaged or replaced" in modules.run("talos_assets", {**params, "incoming": str(brought)})["msg"]
    assert server.requests == []


def test_classes_stand_for_their_stock_images(modules, params, assets):
    del params["images"]
    modules.converge("talos_assets", {**params, "classes": {"talos": {"version": VERSION, "path": "lab"}}})
    assert files_below(assets) == ["lab/initramfs.xz", "lab/vmlinuz", "talos/images.lock", "talos/v1.11.4/initramfs.xz", "talos/v1.11.4/vmlinuz"]


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (1.11, "class talos: 1.11 is a number in YAML (1.10 would become 1.1); write the full version in quotes, such as 'v1.11.4'"),
        ("v1.11", "class talos: 'v1.11' is no exact Talos version; write it in full, such as v1.11.4"),
    ],
)
def test_what_is_wrong_with_a_class_is_told(modules, params, version, message):
    del params["images"]
    assert modules.refuse("talos_assets", {**params, "classes": {"talos": {"version": version}}}) == message


def test_a_killed_run_leaves_staged_bytes_only_and_the_next_one_goes_on_with_them(modules, params, assets, server):
    images.release(server.root, VERSION, initramfs=images.initramfs(size=6_000_000))
    server.fault(INITRAMFS, "stall")
    process = modules.start("talos_assets", {**params, "timeout": 60})
    assert eventually(lambda: staged(assets) > 2_000_000 and (assets / "talos/v1.11.4/vmlinuz").exists(), timeout=30)
    second = json.loads(modules.start("talos_assets", {**params, "timeout": 1}).communicate()[0])
    assert second["msg"].startswith(f"{assets}: another run is fetching images into it")
    process.kill()
    process.communicate()
    there = staged(assets)
    assert (assets / STAGING).stat().st_mode & 0o777 == 0o700
    assert files_below(assets) == ["talos/images.lock", "talos/v1.11.4/vmlinuz"]
    server.faults.clear()
    server.requests.clear()
    assert modules.run("talos_assets", params)["changed"]
    (asked,) = [int(entry["range"][len("bytes=") : -1]) for entry in server.requests if entry["method"] == "GET" and entry["path"] == INITRAMFS]
    assert there - asked <= 1024 * 1024
    assert files_below(assets) == BOTH
    assert not (assets / STAGING).exists()


@pytest.fixture
def small_disk(assets):
    """The assets folder is a file system of 600 kB."""
    assert os.geteuid() == 0, "a small file system is mounted for this test: run it as root"
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "lab", assets], check=True)
    yield assets
    subprocess.run(["umount", assets], check=True)


def test_a_disk_that_is_too_small_is_found_out_before_anything_is_fetched(modules, params, small_disk, server):
    message = modules.refuse("talos_assets", params)
    assert message == f"{small_disk}: the images need 0.8 MB, 0.6 MB are free; make room or choose another assets_path"
    assert "GET" not in server.methods()


def test_what_a_killed_run_staged_counts_as_free(modules, params, small_disk, server):
    (small_disk / STAGING).mkdir()
    (small_disk / STAGING / "talos_v1.10.0_initramfs.xz").write_bytes(bytes(500_000))
    images.release(server.root, VERSION, kernel=images.kernel(size=200_000), initramfs=images.initramfs(size=200_000))
    assert modules.run("talos_assets", params, check=True)["changed"]
    assert modules.run("talos_assets", params)["changed"]


def test_a_disk_that_fills_up_meanwhile(modules, params, small_disk, server):
    """The source tells no length beforehand, so it cannot be foreseen."""
    server.fault(KERNEL, "unsized")
    server.fault(INITRAMFS, "unsized")
    (small_disk / "other").write_bytes(bytes(400_000))
    message = modules.run("talos_assets", params)["msg"]
    assert message.endswith("cannot be written: No space left on device; make room or choose another assets_path")
