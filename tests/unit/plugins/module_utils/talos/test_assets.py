"""What images lack below the assets, and fetching it, from a real download server."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import threading

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.download import DownloadError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import InputError, OmniMatchboxError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.talos.staging import STAGING
from lab.downloads import TALOS_RELEASES
from support import images
from support.modules import snapshot

pytestmark = pytest.mark.thorough

VERSION = "v1.11.4"
FOLDER = f"{TALOS_RELEASES}/{VERSION}"
KERNEL, INITRAMFS, CHECKSUMS = f"/{FOLDER}/vmlinuz-amd64", f"/{FOLDER}/initramfs-amd64.xz", f"/{FOLDER}/sha256sum.txt"
LOCK = "talos/images.lock"
BOTH = [LOCK, "talos/v1.11.4/initramfs.xz", "talos/v1.11.4/vmlinuz"]


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def files_below(folder):
    """What is served: staged files are not."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if STAGING not in path.parts and (path.is_symlink() or not path.is_dir()))


def digest_of(content):
    return hashlib.sha256(content).hexdigest()


def locked(folder):
    """Name → digest of the only image that the lock names."""
    (image,) = json.loads((folder.parent / "images.lock").read_text())["images"]
    return {name: file["sha256"] for name, file in image["files"].items()}


def test_architectures_and_versions_lie_side_by_side(host, assets, mirror):
    host.have({}, {"architecture": "arm64"}, {"version": "v1.12.0"})
    folders = ("v1.11.4", "v1.11.4/arm64", "v1.12.0")
    assert files_below(assets) == sorted([LOCK, *(f"talos/{folder}/{name}" for folder in folders for name in ("vmlinuz", "initramfs.xz"))])
    assert digest(assets / "talos/v1.11.4/arm64/vmlinuz") == digest(mirror / FOLDER / "vmlinuz-arm64")
    assert digest(assets / "talos/v1.12.0/initramfs.xz") == digest(mirror / TALOS_RELEASES / "v1.12.0/initramfs-amd64.xz")


def test_what_is_there_is_not_asked_about(host, server, fetched):
    assert not host.plan().changed
    assert server.requests == []


def test_a_plan_asks_for_sizes_only_and_writes_nothing(host, server, assets):
    assert [fetch.remote.size for fetch in host.plan().fetches] == [300_000, 500_000]
    assert server.methods() == ["HEAD", "HEAD", "HEAD"]
    assert files_below(assets) == []


def test_nobody_is_asked_for_sizes_that_are_known(host, server):
    sizes = {"kernel": 300_000, "initramfs": 500_000}
    host.have({"sizes": sizes, "sha256": {"kernel": digest(server.root / FOLDER / "vmlinuz-amd64")}})
    assert sorted(server.methods()) == ["GET", "GET", "GET", "HEAD"]
    assert server.methods(CHECKSUMS) == ["HEAD", "GET"]


def test_checksums_are_asked_for_once_for_all_files_of_a_release(host, server):
    host.have({}, {"architecture": "arm64"})
    assert server.methods(CHECKSUMS) == ["HEAD", "GET"]


def test_a_source_without_checksums_is_used_with_a_warning(host, mirror):
    (mirror / FOLDER / "sha256sum.txt").unlink()
    assert host.have().warnings() == [
        "the source has no sha256sum.txt, only length and format were checked: talos/v1.11.4/vmlinuz, talos/v1.11.4/initramfs.xz;"
        " what comes now is trusted from now on (talos/images.lock), unless you give their sha256"
    ]
    assert not host.plan().changed


def test_given_digests_are_proven_and_checksums_not_asked_for(host, server, mirror):
    digests = {"kernel": digest(mirror / FOLDER / "vmlinuz-amd64").upper(), "initramfs": digest(mirror / FOLDER / "initramfs-amd64.xz")}
    made = host.have({"sha256": digests})
    assert [fetch.proof for fetch in made.fetches] == ["sha256", "sha256"]
    assert made.warnings() == []
    assert server.methods(CHECKSUMS) == []
    assert not host.plan({"sha256": digests}).changed


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is empty, not a Linux kernel for amd64"),
        (b"<html>", "is a web page, not a Linux kernel for amd64"),
        (images.kernel("arm64", size=300_000), "is something else, not a Linux kernel for amd64"),
        (images.kernel(size=200_000), "has 200000 bytes, not 300000"),
    ],
    ids=["empty", "page", "arm64", "short"],
)
def test_a_file_that_is_plainly_wrong_is_replaced(host, mirror, fetched, content, fault):
    (fetched / "vmlinuz").write_bytes(content)
    assert host.have().diff()["before"] == {"talos/v1.11.4/vmlinuz": fault}
    assert digest(fetched / "vmlinuz") == digest(mirror / FOLDER / "vmlinuz-amd64")


def test_a_file_with_another_digest_is_replaced(host, mirror, fetched):
    """One that was noted is not read as long as its size is right."""
    (fetched / "vmlinuz").write_bytes(images.kernel(seed=99))
    assert not host.plan().changed
    right = digest(mirror / FOLDER / "vmlinuz-amd64")
    made = host.have(verify=True)
    assert made.diff()["before"] == {"talos/v1.11.4/vmlinuz": f"has the sha256 {digest_of(images.kernel(seed=99))}, not {right}"}
    assert digest(fetched / "vmlinuz") == right
    assert not host.plan(verify=True).changed


def test_a_digest_given_counts_more_than_the_one_noted(host, mirror, fetched):
    new = images.kernel(seed=99)
    images.release(mirror, VERSION, kernel=new)
    assert host.have({"sha256": {"kernel": digest_of(new)}}).fetches[0].proof == "sha256"
    assert digest(fetched / "vmlinuz") == locked(fetched)["vmlinuz"] == digest_of(new)


def test_a_file_that_was_there_before_is_read_once_and_noted(host, mirror, fetched, server):
    (fetched.parent / "images.lock").unlink()
    made = host.have()
    assert [file.path for file in made.adopted] == ["talos/v1.11.4/vmlinuz", "talos/v1.11.4/initramfs.xz"]
    assert made.diff()["after"]["talos/images.lock"]["talos/v1.11.4/vmlinuz"] == {"sha256": digest(fetched / "vmlinuz"), "size": 300_000}
    assert locked(fetched)["vmlinuz"] == digest(fetched / "vmlinuz")
    assert not host.plan().changed
    assert server.requests == []


def test_what_has_changed_at_the_source_is_refused(host, mirror, fetched):
    """A file is lost, and what has its name now has another content, with checksums that agree."""
    (fetched / "vmlinuz").unlink()
    before = locked(fetched)
    images.release(mirror, VERSION, kernel=images.kernel(seed=99))
    with pytest.raises(DownloadError, match=f"vmlinuz-amd64 has changed: .* but talos/images.lock says {before['vmlinuz']}; it is not taken"):
        host.have()
    assert files_below(fetched) == ["initramfs.xz"]
    assert locked(fetched) == before


def test_what_loose_versions_mean_is_noted(host, fetched):
    made = host.have(versions={"v1.11": "v1.11.4"})
    assert (made.diff()["before"], made.diff()["after"]) == ({LOCK: {"versions": {}}}, {LOCK: {"versions": {"v1.11": "v1.11.4"}}})
    assert json.loads((fetched.parent / "images.lock").read_text())["versions"] == {"v1.11": "v1.11.4"}
    assert not host.plan(versions={"v1.11": "v1.11.4"}).changed
    assert not host.plan().changed, "who does not say it leaves it"


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("short", "broke off after 250000 of 500000 bytes; run again"),
        ("corrupt", "was damaged or replaced: its sha256 is "),
        ("page", "sends a document (text/html), not a file"),
    ],
)
def test_a_broken_download_leaves_the_file_that_was_there(host, server, assets, kind, message):
    place = assets / "talos/v1.11.4/initramfs.xz"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"old")
    made = host.plan()
    server.fault(INITRAMFS, kind)
    with pytest.raises(DownloadError) as error:
        host.have({"sizes": {"initramfs": made.fetches[1].remote.size}})
    assert message in str(error.value)
    assert place.read_bytes() == b"old"


def test_the_run_after_a_broken_download_fetches_only_the_rest(host, assets, server):
    server.fault(INITRAMFS, "short")
    with pytest.raises(DownloadError, match="broke off after 250000 of 500000 bytes"):
        host.have()
    assert "talos/v1.11.4/initramfs.xz" not in files_below(assets)
    server.faults.clear()
    server.requests.clear()
    host.have()
    assert [entry["range"] for entry in server.requests if entry["path"] == INITRAMFS] == [None, f"bytes={250_000 - 65536}-"]
    assert files_below(assets) == BOTH
    assert not (assets / STAGING).exists()


def test_a_part_that_was_damaged_meanwhile_is_fetched_anew(host, assets, server, mirror):
    server.fault(INITRAMFS, "short")
    with pytest.raises(DownloadError):
        host.have()
    server.faults.clear()
    part = next(path for path in (assets / STAGING).iterdir() if path.stat().st_size == 250_000)
    content = bytearray(part.read_bytes())
    content[100] ^= 1
    part.write_bytes(content)
    host.have()
    assert digest(assets / "talos/v1.11.4/initramfs.xz") == digest(mirror / FOLDER / "initramfs-amd64.xz")


def test_one_that_fails_does_not_keep_the_others(host, assets, server, mirror):
    """What they have fetched so far is of use for the next run."""
    server.fault(KERNEL, "corrupt")
    with pytest.raises(DownloadError, match="vmlinuz-amd64 was damaged"):
        host.have({}, {"version": "v1.12.0"})
    server.faults.clear()
    host.have({}, {"version": "v1.12.0"})
    assert digest(assets / "talos/v1.11.4/vmlinuz") == digest(mirror / FOLDER / "vmlinuz-amd64")


def test_a_digest_that_the_source_cannot_meet(host, fetched):
    before = snapshot(fetched.parents[1])
    with pytest.raises(DownloadError, match=f"expected {'0' * 64} .sha256."):
        host.have({"sha256": {"kernel": "0" * 64}})
    assert snapshot(fetched.parents[1]) == before


def test_checksums_that_do_not_list_the_file(host, mirror):
    (mirror / FOLDER / "sha256sum.txt").write_text("<html></html>\n")
    with pytest.raises(OmniMatchboxError, match="sha256sum.txt does not list .*; check release_url or give its sha256"):
        host.have()


def test_an_initramfs_that_ends_too_early(host, mirror, assets):
    """Its length is what the server said, and without checksums nothing else would tell."""
    images.release(mirror, VERSION, initramfs=images.initramfs()[:400_000])
    (mirror / FOLDER / "sha256sum.txt").unlink()
    with pytest.raises(DownloadError, match="initramfs-amd64.xz sends ends too early; check release_url"):
        host.have()
    assert "talos/v1.11.4/initramfs.xz" not in files_below(assets)


def test_a_file_that_is_not_as_long_as_it_was_said(host, mirror):
    with pytest.raises(DownloadError, match="sent 300000 bytes after promising 200000; run again"):
        host.have({"sizes": {"kernel": 200_000}})


def test_a_source_that_tells_no_length(host, server, assets, mirror):
    server.fault(KERNEL, "unsized")
    assert host.have().fetches[0].remote.size is None
    assert digest(assets / "talos/v1.11.4/vmlinuz") == digest(mirror / FOLDER / "vmlinuz-amd64")


def test_a_file_that_machines_cannot_read_gets_its_mode_back(host, server, fetched):
    (fetched / "vmlinuz").chmod(0o600)
    diff = host.have().diff()
    assert (diff["before"], diff["after"]) == ({"talos/v1.11.4/vmlinuz": "mode 0600"}, {"talos/v1.11.4/vmlinuz": "mode 0644"})
    assert (fetched / "vmlinuz").stat().st_mode & 0o777 == 0o644
    assert server.requests == []


def test_links_lead_to_the_version_and_are_switched(host, assets):
    for version in (VERSION, "v1.12.0"):
        host.have({"version": version, "link": "boot/lab"}, {"version": version, "link": "talos"})
        assert os.readlink(assets / "boot/lab/vmlinuz") == f"../../talos/{version}/vmlinuz"
        assert os.readlink(assets / "talos/initramfs.xz") == f"{version}/initramfs.xz"
        assert (assets / "boot/lab/vmlinuz").read_bytes() == (assets / f"talos/{version}/vmlinuz").read_bytes()
    assert (assets / "talos/v1.11.4/vmlinuz").exists(), "going back must not need a download"


@pytest.mark.parametrize("place", ["talos/vmlinuz", "talos/v1.11.4/vmlinuz"])
def test_a_folder_where_a_file_belongs_is_left_alone(host, assets, place):
    (assets / place).mkdir(parents=True)
    with pytest.raises(InputError, match=f"{assets}/{place} is no .*; move it away"):
        host.plan({"link": "talos"})


@pytest.mark.parametrize(
    "wanted",
    [
        [{"link": "lab"}, {"version": "v1.12.0", "link": "lab"}],
        [{"path": "lab", "link": "lab"}],
        [{"path": "lab"}, {"version": "v1.12.0", "path": "lab"}],
        [{"sha256": {"kernel": "0" * 64}}, {}],
    ],
)
def test_two_things_at_one_place_are_refused(host, wanted):
    with pytest.raises(InputError, match="give them paths of their own"):
        host.plan(*wanted)


def test_a_file_in_the_way_of_a_folder(host, assets):
    (assets / "talos").write_text("")
    with pytest.raises(OmniMatchboxError, match=f"{assets}/talos/.* cannot be read: Not a directory"):
        host.plan()


def test_a_second_run_at_the_same_time_is_refused(host, assets):
    lock = os.open(assets, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        with pytest.raises(OmniMatchboxError, match="another run is fetching images into it"):
            host.have(lock_seconds=0)
    finally:
        os.close(lock)
    assert files_below(assets) == []


def test_a_second_run_waits_for_one_that_is_ending(host, assets):
    lock = os.open(assets, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    ending = threading.Timer(0.3, os.close, [lock])
    ending.start()
    host.have()
    ending.join()
    assert files_below(assets) == BOTH


def test_what_a_killed_run_left_goes_when_it_is_no_longer_wanted(host, assets, fetched):
    (assets / STAGING).mkdir()
    (assets / STAGING / "talos_v1.12.0_vmlinuz").write_bytes(bytes(1000))
    assert host.have().diff()["before"] == {STAGING: "1000 bytes of downloads that are no longer wanted"}
    assert files_below(assets) == BOTH
    assert not (assets / STAGING).exists()
