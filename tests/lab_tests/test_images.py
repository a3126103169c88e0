"""Images from the boot host's own download, from the controller, and from an archive where there is no internet."""

from __future__ import annotations

import json
import pathlib
import subprocess

import pytest
from lab import matchbox_standin, pki
from lab.site import DHCP, DOWNLOADS_NAME, TALOS_VERSION, Site, changed_tasks, recap, succeeded
from lab.system import REPOSITORY
from support.releases import PATH, Publisher, archive

NEXT_VERSION = "v1.12.0"
PACKAGES = ["nginx-light", "openssl", "dnsmasq-base", "ipxe"]
ONLY_BOOT = ("--tags", "talos_boot")


@pytest.fixture(scope="module")
def site(lab_run) -> Site:
    """``boot1`` has its packages and no way out of its network; a release of Matchbox is published, and two versions of Talos."""
    (lab_run.state / "released").mkdir()
    publisher = Publisher(lab_run.state / "released")
    publisher.publish("v0.11.0", content=archive({"matchbox-v0.11.0-linux-amd64/matchbox": matchbox_standin.program()}))
    site = Site(lab_run).up({"boot1": "bookworm"})
    site.publisher = publisher
    site.publish(NEXT_VERSION)
    host = site.hosts["boot1"]
    host.exec(["apt-get", "-y", "-qq", "install", "--no-install-recommends", *PACKAGES])
    host.exec(["ip", "route", "delete", "default"])
    return site


def variables(site: Site, version: str = TALOS_VERSION, **more: object) -> dict:
    """Matchbox is the release; the boot host is not told by which interface it could go out."""
    return site.variables(
        **DHCP,
        **{
            "omni_matchbox_interface": "eth0",
            "omni_matchbox_classes": {"talos": {"version": version, "kernel_args": ["console=ttyS0"]}},
            "matchbox_install_method": "release",
            "matchbox_release_url": f"https://{DOWNLOADS_NAME}/{PATH}",
            "matchbox_release_key": f"https://{DOWNLOADS_NAME}/key.asc",
            "matchbox_release_fingerprint": site.publisher.fingerprint,
            "matchbox_release_ca_path": str(pki.authority(site.pki)[0]),
            **more,
        },
    )


def requests(site: Site) -> list[dict]:
    """What the download server was asked so far."""
    return [json.loads(line) for line in (site.run.state / "downloads.jsonl").read_text().splitlines()]


def export(site: Site, path: pathlib.Path) -> subprocess.CompletedProcess:
    playbook = REPOSITORY / "playbooks/assets_export.yml"
    return site.ansible("ansible-playbook", playbook, "-e", f"talos_assets_archive={path}", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@pytest.fixture(scope="module")
def exported(site) -> pathlib.Path:
    """The archive of the site's images."""
    site.inventory(variables(site, omni_matchbox_release_ca_path=str(pki.authority(site.pki)[0])))
    path = site.run.state / "site.tar"
    assert recap(succeeded(export(site, path)))["boot1"]["changed"] > 0
    return path


def test_an_archive_is_the_owners_only_and_made_once(site, exported):
    assert exported.stat().st_mode & 0o777 == 0o600
    before = exported.stat().st_mtime_ns
    assert recap(succeeded(export(site, exported)))["boot1"]["changed"] == 0
    assert exported.stat().st_mtime_ns == before


@pytest.fixture(scope="module")
def isolated(site, exported) -> Site:
    """A site whose controller has no cache any more and fetches from nowhere; the download server is asked nothing."""
    nowhere = "https://nowhere.invalid"
    unreachable = {"omni_matchbox_release_url": nowhere, "omni_matchbox_factory_url": nowhere, "matchbox_release_url": nowhere, "matchbox_release_key": nowhere}
    cache = site.run.state / "cache"
    site.inventory(variables(site, **unreachable, talos_assets_archive=str(exported), talos_assets_cache=str(cache), matchbox_release_cache=str(cache / "m")))
    asked = len(requests(site))
    previewed = site.converge("--check")
    succeeded(site.converge())
    assert "Talos images to the boot host" not in succeeded(previewed).stdout
    assert requests(site)[asked:] == []
    return site


def test_a_machine_boots_without_the_internet(isolated):
    boot = isolated.boot("isolated", "bios")
    assert (boot.join["talos_version"], boot.join["accepted"]) == (TALOS_VERSION, True)


def test_another_run_changes_nothing(isolated):
    assert recap(succeeded(isolated.converge()))["boot1"]["changed"] == 0


def test_what_the_archive_lacks_stops_before_the_first_change(isolated, exported):
    cache = isolated.run.state / "cache"
    isolated.inventory(variables(isolated, NEXT_VERSION, talos_assets_archive=str(exported), talos_assets_cache=str(cache)))
    process = isolated.converge(*ONLY_BOOT)
    assert f"lacks Talos {NEXT_VERSION} for amd64, and nothing is to be fetched" in process.stdout
    assert recap(process)["boot1"]["changed"] == 0


def test_a_controller_fetches_for_a_boot_host_without_a_way_out(isolated):
    authority = str(pki.authority(isolated.pki)[0])
    isolated.inventory(variables(isolated, NEXT_VERSION, talos_assets_source="controller", omni_matchbox_release_ca_path=authority))
    process = succeeded(isolated.converge(*ONLY_BOOT))
    assert "boot1: Talos images to the boot host: " in process.stdout
    assert isolated.boot("next", "bios").join["talos_version"] == NEXT_VERSION


@pytest.mark.parametrize("version", [TALOS_VERSION, NEXT_VERSION, TALOS_VERSION], ids=["back", "forth", "and back"])
def test_a_profile_alone_leads_from_version_to_version(isolated, version):
    """Both versions are there, so nobody is asked for them."""
    asked = len(requests(isolated))
    isolated.inventory(variables(isolated, version))
    assert changed_tasks(succeeded(isolated.converge(*ONLY_BOOT))) == ["usableapps.omni_matchbox.talos_boot : Write profiles and groups"]
    assert requests(isolated)[asked:] == []
    assert isolated.boot("moved", "bios").join["talos_version"] == version


def test_images_that_are_not_booted_any_more_go_when_it_is_asked_for(isolated):
    """A preview says so."""
    isolated.inventory(variables(isolated, NEXT_VERSION, talos_assets_keep=0))
    previewed = succeeded(isolated.converge("--check", "--diff", *ONLY_BOOT))
    moved = succeeded(isolated.converge("--diff", *ONLY_BOOT))
    assert f'"talos/{TALOS_VERSION}": ' in previewed.stdout
    assert changed_tasks(previewed) == changed_tasks(moved)
    assert sorted(path.name for path in (isolated.hosts["boot1"].root / "var/lib/matchbox/assets/talos").iterdir()) == ["images.lock", NEXT_VERSION]
    assert recap(succeeded(isolated.converge(*ONLY_BOOT)))["boot1"]["changed"] == 0


def test_a_preview_of_a_move_asks_as_little_of_the_boot_host_as_the_move(isolated):
    """The boot host has no way out, so it must not look for the images that the controller will bring, nor when others are to go."""
    authority = str(pki.authority(isolated.pki)[0])
    options = {"talos_assets_keep": 0, "talos_assets_source": "controller", "omni_matchbox_release_ca_path": authority}
    isolated.inventory(variables(isolated, TALOS_VERSION, **options))
    previewed = succeeded(isolated.converge("--check", *ONLY_BOOT))
    moved = succeeded(isolated.converge(*ONLY_BOOT))
    assert changed_tasks(previewed) == changed_tasks(moved)
    assert sorted(path.name for path in (isolated.hosts["boot1"].root / "var/lib/matchbox/assets/talos").iterdir()) == ["images.lock", TALOS_VERSION]
