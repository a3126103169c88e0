"""Loosely named versions: a site stays where it is until it is told to move, and a new boot host gets what the others have."""

from __future__ import annotations

import json

import pytest
from lab.site import TALOS_VERSION, Site, changed_tasks, recap, succeeded

NEXT_VERSION = "v1.11.5"
CLASSES = {"omni_matchbox_classes": {"talos": {"version": "v1.11"}}}
ONLY_BOOT = ("--tags", "talos_boot")


@pytest.fixture(scope="module")
def site(lab_run):
    """``boot1`` is made while the lab Image Factory has one patch of v1.11; after that it has the next one too."""
    site = Site(lab_run).up({"boot1": "bookworm", "boot2": "bookworm"})
    site.inventory(site.variables(**CLASSES), {"boot1": {}})
    succeeded(site.converge())
    site.publish(NEXT_VERSION)
    return site


def boots(site: Site, name: str) -> tuple[dict, str]:
    """What the lock file of a boot host says that versions mean, and the kernel of its profile."""
    root = site.hosts[name].root / "var/lib/matchbox"
    lock = json.loads((root / "assets/talos/images.lock").read_text())
    return lock["versions"], json.loads((root / "profiles/talos.json").read_text())["boot"]["kernel"]


def test_what_it_meant_is_noted(site):
    assert boots(site, "boot1") == ({"v1.11": TALOS_VERSION}, f"/assets/talos/{TALOS_VERSION}/vmlinuz")


def test_running_again_does_not_move_the_site(site):
    assert recap(succeeded(site.converge(*ONLY_BOOT)))["boot1"]["changed"] == 0


def test_a_new_boot_host_adopts_what_its_neighbour_has(site):
    site.inventory(site.variables(**CLASSES), {"boot1": {}, "boot2": {}})
    counts = recap(succeeded(site.converge()))
    assert counts["boot1"]["changed"] == 0
    assert boots(site, "boot2") == boots(site, "boot1")


def test_moving_is_asked_for_and_shown(site):
    site.inventory(site.variables(**CLASSES, omni_matchbox_versions_refresh=True), {"boot1": {}, "boot2": {}})
    previewed = succeeded(site.converge("--check", "--diff", *ONLY_BOOT))
    assert f'"v1.11": "{NEXT_VERSION}"' in previewed.stdout and f'"v1.11": "{TALOS_VERSION}"' in previewed.stdout
    moved = succeeded(site.converge("--diff", *ONLY_BOOT))
    assert changed_tasks(moved) == changed_tasks(previewed)
    for name in ("boot1", "boot2"):
        assert boots(site, name) == ({"v1.11": NEXT_VERSION}, f"/assets/talos/{NEXT_VERSION}/vmlinuz")
