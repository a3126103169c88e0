"""The command line, and what the lab says without root."""

from __future__ import annotations

import gzip
import lzma
import os
import subprocess

import pytest
from lab import cli, talos_standin
from lab.run import Run


@pytest.mark.parametrize("argv", [["status"], ["run", "boot1", "true"], ["boot", "m1"], ["site"]])
def test_a_lab_that_is_not_up_is_named(argv, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LAB", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert cli.main(["--run", "nothere", *argv]) == 1
    assert capsys.readouterr().err == "lab: the lab nothere is not up: 'make lab-up'\n"


@pytest.mark.parametrize("argv", [["up"], ["down"], ["status"]])
def test_without_root_one_line_says_so(argv, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LAB", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert cli.main(argv) == 1
    assert capsys.readouterr().err == "lab: the lab makes network namespaces, cgroups and mounts: run it as root\n"
    assert list(tmp_path.iterdir()) == []


def test_a_checkout_has_more_than_one_lab(tmp_path, monkeypatch):
    monkeypatch.setenv("LAB", str(tmp_path))
    names = [Run(cli.parser().parse_args([*argv, "status"]).run, kept=True).name for argv in ([], ["--run", "+other"], ["--run", "own"])]
    assert names[1:] == [f"{names[0]}other", "own"]


@pytest.mark.parametrize("host", ["boot1", "boot1=", "=10.77.0.11", "boot1=192.168.1.8"])
def test_a_host_has_a_name_and_an_address_of_the_segment(host, capsys):
    with pytest.raises(SystemExit):
        cli.parser().parse_args(["up", "--host", host])
    assert "is not NAME=10.77.0.NUMBER" in capsys.readouterr().err


def test_a_command_for_a_host_keeps_its_own_options():
    options = cli.parser().parse_args(["run", "boot1", "ls", "-l", "--all"])
    assert (options.host, options.argv) == ("boot1", ["ls", "-l", "--all"])


@pytest.mark.parametrize(
    ("console", "outcome"),
    [
        ("iPXE 1.21\nLAB 2.90 address 10.77.0.115 router 10.77.0.1 dns 10.77.0.1\n", None),
        ("LAB 3.27 joined omni.lab.test 304bca1b\n[  3.3] reboot: Power down\n", "joined omni.lab.test 304bca1b"),
        ("LAB 3.27 joined omni.lab.test 304bca1b\nLAB 8.4 refused: removed\n", "refused: removed"),
        ("kernel says LAB 3 joined\n", None),
    ],
)
def test_outcome_of_a_boot(console, outcome):
    assert talos_standin.outcome(console) == outcome


def test_real_images_are_taken_as_they_are(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TALOS_ASSETS", str(tmp_path))
    run = Run("none", tmp_path / "cache")
    (tmp_path / "arm64").mkdir()
    for name in ("vmlinuz", "initramfs.xz", "arm64/vmlinuz"):
        (tmp_path / name).touch()
    assert talos_standin.build(run) == talos_standin.of_version(run, "v1.11.4") == tmp_path
    assert capsys.readouterr().err == f"lab: real Talos images from {tmp_path}, not the stand-in\n" * 2
    with pytest.raises(talos_standin.LabError, match=r"^TALOS_ASSETS: no .*/arm64/initramfs.xz$"):
        talos_standin.build(run, "arm64")


def test_a_version_of_the_stand_in_is_a_file_in_its_initramfs(tmp_path, monkeypatch):
    monkeypatch.delenv("TALOS_ASSETS", raising=False)
    monkeypatch.setattr(talos_standin, "build", lambda _run, _arch: tmp_path)
    (tmp_path / "vmlinuz").write_bytes(b"kernel")
    stand_in = lzma.compress(b"the archive of the stand-in")
    (tmp_path / "initramfs.xz").write_bytes(stand_in)
    images = talos_standin.of_version(Run("none", tmp_path / "cache"), "v1.11.5")
    assert (images / "vmlinuz").read_bytes() == b"kernel"
    initramfs = (images / "initramfs.xz").read_bytes()
    assert initramfs.startswith(stand_in)
    added = gzip.decompress(initramfs[len(stand_in) :].lstrip(b"\0"))
    subprocess.run(["cpio", "--extract", "--quiet"], cwd=images, input=added, check=True)
    assert (images / "talos-version").read_text() == "v1.11.5"
    assert "$(cat /talos-version" in (talos_standin.FILES / "init.sh").read_text()
