"""What images lack below the assets, and fetching it, from a real download server."""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.download import Access, DownloadError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import InputError, OmniMatchboxError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.talos.assets import STAGING, apply_assets, plan_assets
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.talos.stock import checked_image
from lab.downloads import TALOS_RELEASES
from support import images
from support.modules import snapshot

VERSION = "v1.11.4"
FOLDER = f"{TALOS_RELEASES}/{VERSION}"
KERNEL, INITRAMFS, CHECKSUMS = f"/{FOLDER}/vmlinuz-amd64", f"/{FOLDER}/initramfs-amd64.xz", f"/{FOLDER}/sha256sum.txt"
ACCESS = Access(timeout=5)


@pytest.fixture
def assets(tmp_path):
    """The assets folder, empty."""
    folder = tmp_path / "assets"
    folder.mkdir()
    return folder


@pytest.fixture
def plan(assets, server):
    """Plans for images (by default v1.11.4) from the download server."""

    def make(*wanted):
        wanted = wanted or ({"version": VERSION},)
        return plan_assets(str(assets), [checked_image(image) for image in wanted], f"{server.url}/{TALOS_RELEASES}", ACCESS)

    return make


@pytest.fixture
def fetched(plan, assets, server):
    """The folder of v1.11.4, with its files in place; the server has forgotten the requests."""
    apply_assets(plan(), ACCESS)
    server.requests.clear()
    return assets / "talos/v1.11.4"


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def files_below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())


def test_architectures_and_versions_lie_side_by_side(plan, assets, mirror):
    apply_assets(plan({"version": VERSION}, {"version": VERSION, "architecture": "arm64"}, {"version": "v1.12.0"}), ACCESS)
    folders = ("v1.11.4", "v1.11.4/arm64", "v1.12.0")
    assert files_below(assets) == sorted(f"talos/{folder}/{name}" for folder in folders for name in ("vmlinuz", "initramfs.xz"))
    assert digest(assets / "talos/v1.11.4/arm64/vmlinuz") == digest(mirror / FOLDER / "vmlinuz-arm64")
    assert digest(assets / "talos/v1.12.0/initramfs.xz") == digest(mirror / TALOS_RELEASES / "v1.12.0/initramfs-amd64.xz")


def test_what_is_there_is_not_asked_about(plan, server, fetched):
    assert not plan().changed
    assert server.requests == []


def test_a_plan_asks_for_sizes_only_and_writes_nothing(plan, server, assets):
    assert [fetch.size for fetch in plan().fetches] == [300_000, 500_000]
    assert server.methods() == ["HEAD", "HEAD", "HEAD"]
    assert files_below(assets) == []


def test_checksums_are_asked_for_once_for_all_files_of_a_release(plan, server):
    apply_assets(plan({"version": VERSION}, {"version": VERSION, "architecture": "arm64"}), ACCESS)
    assert server.methods(CHECKSUMS) == ["HEAD", "GET"]


def test_a_source_without_checksums_is_used_with_a_warning(plan, mirror, assets):
    (mirror / FOLDER / "sha256sum.txt").unlink()
    made = plan()
    assert made.warnings() == [
        "the source has no sha256sum.txt, only length and format were checked: talos/v1.11.4/vmlinuz, talos/v1.11.4/initramfs.xz; give their sha256"
    ]
    apply_assets(made, ACCESS)
    assert not plan().changed


def test_given_digests_are_proven_and_checksums_not_asked_for(plan, server, mirror):
    digests = {"kernel": digest(mirror / FOLDER / "vmlinuz-amd64").upper(), "initramfs": digest(mirror / FOLDER / "initramfs-amd64.xz")}
    made = plan({"version": VERSION, "sha256": digests})
    assert [fetch.verified_by for fetch in made.fetches] == ["sha256", "sha256"]
    assert made.warnings() == []
    apply_assets(made, ACCESS)
    assert server.methods(CHECKSUMS) == []
    assert not plan({"version": VERSION, "sha256": digests}).changed


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is empty, not a Linux kernel for amd64"),
        (b"<html>", "is a web page, not a Linux kernel for amd64"),
        (images.kernel("arm64"), "is something else, not a Linux kernel for amd64"),
    ],
    ids=["empty", "page", "arm64"],
)
def test_a_file_that_is_no_kernel_is_replaced(plan, mirror, fetched, content, fault):
    (fetched / "vmlinuz").write_bytes(content)
    made = plan()
    assert made.diff()["before"] == {"talos/v1.11.4/vmlinuz": fault}
    apply_assets(made, ACCESS)
    assert digest(fetched / "vmlinuz") == digest(mirror / FOLDER / "vmlinuz-amd64")


def test_a_file_with_another_digest_is_replaced(plan, mirror, fetched):
    (fetched / "vmlinuz").write_bytes(images.kernel(seed=99))
    assert not plan().changed, "without a digest nothing tells that it is another kernel"
    right = digest(mirror / FOLDER / "vmlinuz-amd64")
    made = plan({"version": VERSION, "sha256": {"kernel": right}})
    assert made.diff()["before"] == {"talos/v1.11.4/vmlinuz": f"has the sha256 {digest(fetched / 'vmlinuz')}, not {right}"}
    apply_assets(made, ACCESS)
    assert digest(fetched / "vmlinuz") == right


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("short", "broke off after 250000 of 500000 bytes; run again"),
        ("corrupt", "was damaged or replaced: its sha256 is "),
        ("page", "sends is a web page, not an initramfs (xz, zstd or gzip); check release_url"),
    ],
)
def test_a_broken_download_leaves_the_file_that_was_there(plan, server, fetched, kind, message):
    (fetched / "initramfs.xz").write_bytes(b"old")
    server.fault(INITRAMFS, kind)
    made, before = plan(), snapshot(fetched.parents[1])
    with pytest.raises(DownloadError) as error:
        apply_assets(made, ACCESS)
    assert message in str(error.value)
    assert snapshot(fetched.parents[1]) == before


def test_the_run_after_a_broken_download_fetches_only_the_rest(plan, assets, server):
    server.fault(INITRAMFS, "reset")
    with pytest.raises(DownloadError, match="Connection reset by peer"):
        apply_assets(plan(), ACCESS)
    assert files_below(assets) == ["talos/v1.11.4/vmlinuz"]
    server.faults.clear()
    apply_assets(plan(), ACCESS)
    assert server.methods(KERNEL) == ["HEAD", "GET"]
    assert server.methods(INITRAMFS) == ["HEAD", "GET", "HEAD", "GET"]


def test_a_digest_that_the_source_cannot_meet(plan, fetched):
    before = snapshot(fetched.parents[1])
    with pytest.raises(DownloadError, match=f"expected {'0' * 64} .sha256."):
        apply_assets(plan({"version": VERSION, "sha256": {"kernel": "0" * 64}}), ACCESS)
    assert snapshot(fetched.parents[1]) == before


def test_checksums_that_do_not_list_the_file(plan, mirror):
    (mirror / FOLDER / "sha256sum.txt").write_text("<html></html>\n")
    with pytest.raises(DownloadError, match="sha256sum.txt does not list vmlinuz-amd64; check release_url or give its sha256"):
        apply_assets(plan(), ACCESS)


def test_a_file_that_changes_between_plan_and_fetch(plan, mirror):
    made = plan({"version": VERSION, "sha256": {"initramfs": "0" * 64}})
    (mirror / FOLDER / "vmlinuz-amd64").write_bytes(images.kernel(size=200_000))
    with pytest.raises(DownloadError, match="sent 200000 bytes after promising 300000; run again"):
        apply_assets(made, ACCESS)


def test_a_source_that_tells_no_length(plan, server, assets, mirror):
    server.fault(KERNEL, "unsized")
    made = plan()
    assert made.fetches[0].size is None
    apply_assets(made, ACCESS)
    assert digest(assets / "talos/v1.11.4/vmlinuz") == digest(mirror / FOLDER / "vmlinuz-amd64")


def test_a_file_that_machines_cannot_read_gets_its_mode_back(plan, server, fetched):
    (fetched / "vmlinuz").chmod(0o600)
    made = plan()
    diff = made.diff()
    assert (diff["before"], diff["after"]) == ({"talos/v1.11.4/vmlinuz": "mode 0600"}, {"talos/v1.11.4/vmlinuz": "mode 0644"})
    apply_assets(made, ACCESS)
    assert (fetched / "vmlinuz").stat().st_mode & 0o777 == 0o644
    assert server.requests == []


def test_links_lead_to_the_version_and_are_switched(plan, assets):
    for version in (VERSION, "v1.12.0"):
        apply_assets(plan({"version": version, "link": "boot/lab"}, {"version": version, "link": "talos"}), ACCESS)
        assert os.readlink(assets / "boot/lab/vmlinuz") == f"../../talos/{version}/vmlinuz"
        assert os.readlink(assets / "talos/initramfs.xz") == f"{version}/initramfs.xz"
        assert (assets / "boot/lab/vmlinuz").read_bytes() == (assets / f"talos/{version}/vmlinuz").read_bytes()
    assert (assets / "talos/v1.11.4/vmlinuz").exists(), "going back must not need a download"


@pytest.mark.parametrize("place", ["talos/vmlinuz", "talos/v1.11.4/vmlinuz"])
def test_a_folder_where_a_file_belongs_is_left_alone(plan, assets, place):
    (assets / place).mkdir(parents=True)
    with pytest.raises(InputError, match=f"{assets}/{place} is no .*; move it away"):
        plan({"version": VERSION, "link": "talos"})


@pytest.mark.parametrize(
    "wanted",
    [
        [{"version": VERSION, "link": "lab"}, {"version": "v1.12.0", "link": "lab"}],
        [{"version": VERSION, "path": "lab", "link": "lab"}],
        [{"version": VERSION, "path": "lab"}, {"version": "v1.12.0", "path": "lab"}],
        [{"version": VERSION, "sha256": {"kernel": "0" * 64}}, {"version": VERSION}],
    ],
)
def test_two_things_at_one_place_are_refused(plan, wanted):
    with pytest.raises(InputError, match="give them paths of their own"):
        plan(*wanted)


def test_a_file_in_the_way_of_a_folder(plan, assets):
    (assets / "talos").write_text("")
    with pytest.raises(OmniMatchboxError, match=f"{assets}/talos/v1.11.4/vmlinuz cannot be read: Not a directory"):
        plan()


def test_a_second_run_at_the_same_time_is_refused(plan, assets):
    lock = os.open(assets, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        with pytest.raises(OmniMatchboxError, match="another run is fetching images into it"):
            apply_assets(plan(), Access(timeout=0))
    finally:
        os.close(lock)
    assert files_below(assets) == []


def test_a_second_run_waits_for_one_that_is_ending(plan, assets):
    lock = os.open(assets, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    ending = threading.Timer(0.3, os.close, [lock])
    ending.start()
    apply_assets(plan(), ACCESS)
    ending.join()
    assert files_below(assets) == ["talos/v1.11.4/initramfs.xz", "talos/v1.11.4/vmlinuz"]


def test_what_a_killed_run_left_goes_when_nothing_else_is_to_be_done(plan, assets, fetched):
    (assets / STAGING).mkdir()
    (assets / STAGING / "talos_v1.12.0_vmlinuz").write_bytes(bytes(1000))
    apply_assets(plan(), ACCESS)
    assert files_below(assets) == ["talos/v1.11.4/initramfs.xz", "talos/v1.11.4/vmlinuz"]
    assert not (assets / STAGING).exists()
