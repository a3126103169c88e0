"""Classes whose images are made from schematics of Omni, side by side with the stock one: from Omni's answer to a machine that has joined.

The Image Factory's ids are as secret as the join token: they are looked for wherever people look.
"""

from __future__ import annotations

import json
import pathlib
import subprocess

import pytest
from lab import pki
from lab.factory import schematic_id
from lab.omni import resources
from lab.site import DHCP, TALOS_VERSION, Site, changed_tasks, recap, succeeded
from lab.system import REPOSITORY
from support.secrets import seen

CLASSES = {
    "talos": {"version": TALOS_VERSION, "kernel_args": ["console=ttyS0"], "default": True},
    "iscsi": {"version": TALOS_VERSION, "kernel_args": ["console=ttyS0"], "extensions": ["siderolabs/iscsi-tools"], "extra_kernel_args": ["lab.image=iscsi"]},
    "tools": {"version": TALOS_VERSION, "extensions": ["siderolabs/util-linux-tools"]},
}
MAC = "52:54:00:77:00:21"
MACHINES = {"node1": {"mac": MAC, "class": "iscsi"}, "node2": {"mac": "52:54:00:77:00:22", "class": "tools"}}
ONLY_BOOT = ("--tags", "talos_boot")


@pytest.fixture(scope="module")
def site(lab_run) -> Site:
    return Site(lab_run).up({"boot1": "bookworm"})


def converge(site: Site, *words: str, **more: object) -> subprocess.CompletedProcess:
    """site.yml with the classes of this test."""
    site.inventory(site.variables(**DHCP, **{"omni_matchbox_classes": CLASSES, "omni_matchbox_machines": MACHINES, **more}))
    return site.converge(*words)


@pytest.fixture(scope="module")
def converged(site) -> list[subprocess.CompletedProcess]:
    """The preview of the first run, and the first run."""
    return [succeeded(converge(site, "--check", "--diff", *ONLY_BOOT)), succeeded(converge(site, "-vvvv", "--diff"))]


def kernels(site: Site) -> dict[str, str]:
    """What the profiles of the boot host load."""
    profiles = (site.hosts["boot1"].root / "var/lib/matchbox/profiles").glob("*.json")
    return {path.stem: json.loads(path.read_text())["boot"]["kernel"] for path in profiles}


def ids(site: Site) -> list[str]:
    """The ids of the schematics of all classes with the present join token."""
    content = site.omni.read()
    join = resources.join_arguments(content, content["default_token"]["token_id"], False)
    wanted = [(CLASSES[name]["extensions"], [*join, *CLASSES[name].get("extra_kernel_args", [])]) for name in ("iscsi", "tools")]
    return [schematic_id({"customization": {"extraKernelArgs": args, "systemExtensions": {"officialExtensions": names}}}) for names, args in wanted]


def test_images_lie_side_by_side_and_only_the_web_server_reads_them(site, converged):
    loaded = kernels(site)
    assert loaded["talos"] == f"/assets/talos/{TALOS_VERSION}/vmlinuz"
    assert len(set(loaded.values())) == 3
    for name in ("iscsi", "tools"):
        initramfs = (site.hosts["boot1"].root / "var/lib/matchbox" / loaded[name].lstrip("/")).with_name("initramfs.xz")
        assert initramfs.stat().st_mode & 0o777 == 0o640
        assert CLASSES[name]["extensions"][0].encode() not in (initramfs.parents[2] / "initramfs.xz").read_bytes()


def test_the_preview_names_what_the_run_then_does(site, converged):
    previewed, made = converged
    files = list(kernels(site).values())
    for process in (previewed, made):
        assert all(path.removeprefix("/assets/") in process.stdout for path in files)
        assert "lab.image=iscsi" in process.stdout
    assert recap(succeeded(converge(site)))["boot1"]["changed"] == 0


def test_no_schematic_id_is_seen(site, converged):
    """Neither in what a run prints, nor in what the boot host's journal, web server and files hold that others can read."""
    asked = (site.run.state / "downloads.jsonl").read_text()
    assert all(schematic in asked for schematic in ids(site)), "these are not the ids"
    host = site.hosts["boot1"]
    journal = host.exec(["journalctl", "--no-pager", "-o", "cat"]).stdout
    assert "AnsiballZ" in converged[1].stdout and "join_args=NOT_LOGGING_PARAMETER" in journal
    public = [path for path in (host.root / "var/lib/matchbox").rglob("*") if path.is_file() and path.stat().st_mode & 0o004]
    texts = [process.stdout for process in converged] + [journal] + [path.read_bytes().decode(errors="replace") for path in public]
    assert seen("\n".join(texts), *ids(site)) == []


def test_a_machine_boots_its_image_and_joins(site, converged):
    boot = site.boot("node1", "bios", mac=MAC)
    assert "lab.image=iscsi" in boot.cmdline
    assert boot.cmdline.count(next(arg for arg in boot.cmdline if arg.startswith("siderolink.api="))) == 1
    assert boot.join["accepted"]


def test_another_join_token_is_another_image_and_the_old_schematic_is_refused(site, converged):
    before, old = kernels(site), ids(site)
    site.omni.set_default_token(site.omni.create_token("next"))
    succeeded(converge(site, *ONLY_BOOT))
    after = kernels(site)
    assert after["talos"] == before["talos"]
    assert after["iscsi"] != before["iscsi"]
    named = {**CLASSES, "iscsi": {"version": TALOS_VERSION, "schematic": old[0]}}
    refused = converge(site, "-vvvv", omni_matchbox_classes=named)
    assert refused.returncode != 0
    assert "class iscsi: its schematic holds other join arguments than this run's" in refused.stdout
    assert "(the UKI trap); either let Omni make the schematic" in refused.stdout
    assert recap(refused)["boot1"]["changed"] == 0
    assert seen(refused.stdout, *old) == []
    assert kernels(site) == after


def test_an_archive_takes_the_place_of_the_factory(site, converged):
    path: pathlib.Path = site.run.state / "site.tar"
    site.inventory(
        site.variables(**DHCP, omni_matchbox_classes=CLASSES, omni_matchbox_machines=MACHINES, omni_matchbox_release_ca_path=str(pki.authority(site.pki)[0]))
    )
    succeeded(site.play(REPOSITORY / "playbooks/assets_export.yml", "-e", f"talos_assets_archive={path}"))
    before = kernels(site)
    nowhere = {"omni_matchbox_release_url": "https://nowhere.invalid", "omni_matchbox_factory_url": "https://nowhere.invalid"}
    archived = {**nowhere, "talos_assets_archive": str(path), "talos_assets_cache": str(site.run.state / "cache")}
    made = site.omni.request_counts()["CreateSchematic"]
    process = succeeded(converge(site, *ONLY_BOOT, **archived))
    assert changed_tasks(process) == []
    assert kernels(site) == before
    assert site.omni.request_counts()["CreateSchematic"] == made
