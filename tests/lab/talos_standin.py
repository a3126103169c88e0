"""The lab's stand-in for Talos images: Debian's kernel and an init of ours that registers at the lab's machine API.

It is not Talos: it has no disk, no API of its own and no WireGuard. What it shows is that a machine was given a working kernel,
initramfs and kernel arguments. With TALOS_ASSETS=DIRECTORY real images from there are booted instead.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import time

from .initramfs import with_file
from .run import Run
from .system import LabError, command, locked, require, say

ARCHITECTURES = ("amd64", "arm64")
SUITE = "bookworm"  # the same on every machine, whatever runs there
MODULES = ("virtio_pci", "virtio_net", "virtio_rng")  # the cloud kernel knows no other network cards
FILES = pathlib.Path(__file__).parent / "standin"
PROGRAMS = ("apt-get", "dpkg-deb", "depmod", "modprobe", "cpio", "xz")

# A package index of its own, so that no foreign architecture is added to the machine.
APT = """
APT::Architecture "{arch}"; APT::Architectures {{ "{arch}"; }}; APT::Sandbox::User "root";
Dir::State::Lists "{directory}/lists"; Dir::State::Status "{directory}/status"; Dir::Cache "{directory}";
Dir::Etc::SourceParts "-"; Dir::Etc::SourceList "{directory}/sources.list";
"""
SOURCE = f"deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian {SUITE} main\n"


def build(run: Run, arch: str = "amd64") -> pathlib.Path:
    """The directory with ``vmlinuz`` and ``initramfs.xz``, made at the first call (some seconds) and kept for later runs.

    The real images in $TALOS_ASSETS (those for arm64 in its directory ``arm64``) go first.
    """
    if real := os.environ.get("TALOS_ASSETS"):
        return _real(pathlib.Path(real), arch)
    if arch not in ARCHITECTURES:
        raise LabError(f"no stand-in for Talos on {arch}: {', '.join(ARCHITECTURES)}")
    require(PROGRAMS)
    recipe = hashlib.sha256(b"".join(path.read_bytes() for path in (pathlib.Path(__file__), *sorted(FILES.iterdir()))))
    directory = run.cache / f"talos-standin/{arch}-{recipe.hexdigest()[:8]}"
    with locked(run.cache / f"talos-standin-{arch}.lock") as lock:
        if not directory.exists():
            unfinished = directory.with_suffix(".new")
            shutil.rmtree(unfinished, ignore_errors=True)
            (unfinished / "build").mkdir(parents=True)
            _make(run, arch, unfinished, lock)
            shutil.rmtree(unfinished / "build")
            unfinished.rename(directory)
    return directory


def of_version(run: Run, version: str, arch: str = "amd64") -> pathlib.Path:
    """The same of one version, which the machine tells when it registers; real images are what they are."""
    images = build(run, arch)
    if os.environ.get("TALOS_ASSETS"):
        return images
    directory = run.state / "talos-standin" / f"{version}-{arch}"
    directory.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(images / "vmlinuz", directory / "vmlinuz")
    (directory / "initramfs.xz").write_bytes(with_file((images / "initramfs.xz").read_bytes(), "talos-version", version.encode()))
    return directory


def _real(assets: pathlib.Path, arch: str) -> pathlib.Path:
    directory = assets if arch == "amd64" else assets / arch
    for name in ("vmlinuz", "initramfs.xz"):
        if not (directory / name).is_file():
            raise LabError(f"TALOS_ASSETS: no {directory / name}")
    say(f"real Talos images from {directory}, not the stand-in")
    return directory


def _make(run: Run, arch: str, directory: pathlib.Path, lock: int) -> None:
    say(f"making the stand-in for Talos, {arch}")
    began = time.monotonic()
    build_directory = directory / "build"
    _download(run, arch, build_directory, lock)
    tree = build_directory / "tree"
    for package in build_directory.glob("*.deb"):
        command("dpkg-deb", "-x", package, tree)
    root = build_directory / "root"
    _fill(root, tree)
    shutil.copyfile(next(tree.glob("boot/vmlinuz-*")), directory / "vmlinuz")
    _pack(root, directory / "initramfs.xz")
    say(f"made the stand-in for Talos, {arch}, in {time.monotonic() - began:.0f} s")


def _download(run: Run, arch: str, directory: pathlib.Path, lock: int) -> None:
    """Gets Debian's cloud kernel and static busybox as .deb files."""
    for name in ("lists/partial", "archives/partial"):
        (directory / name).mkdir(parents=True)
    (directory / "status").touch()
    (directory / "sources.list").write_text(SOURCE)
    (directory / "apt.conf").write_text(APT.format(arch=arch, directory=directory))
    options = {"cwd": directory, "env": {**os.environ, "APT_CONFIG": str(directory / "apt.conf"), "LC_ALL": "C"}}

    def apt(*argv: str) -> str:
        return run.command("talos-standin", argv, capture_output=True, text=True, pass_fds=[lock], **options).stdout

    apt("apt-get", "-qq", "update")
    depends = apt("apt-cache", "depends", f"linux-image-cloud-{arch}")
    kernel = re.search(r"Depends: (linux-image-\S+)", depends)[1]
    apt("apt-get", "-qq", "download", kernel, "busybox-static")


def _fill(root: pathlib.Path, tree: pathlib.Path) -> None:
    """Puts busybox, our init and the modules, in the order in which they must be loaded, into the root of the initramfs."""
    for name in ("bin", "proc", "sys", "dev", "etc", "modules"):
        (root / name).mkdir(parents=True)
    shutil.copy(next(path for path in (tree / "bin/busybox", tree / "usr/bin/busybox") if path.exists()), root / "bin")
    for name, target in (("init.sh", "init"), ("lease.sh", "bin/lease")):
        shutil.copyfile(FILES / name, root / target)
        (root / target).chmod(0o755)
    (root / "bin/sh").symlink_to("busybox")
    version = next(tree.glob("lib/modules/*")).name
    command("depmod", "-b", tree, version)
    order: list[str] = []
    for module in MODULES:
        lines = command("modprobe", "-d", tree, "-S", version, "--show-depends", module).splitlines()
        order += [line.split()[1] for line in lines if line.startswith("insmod ") and line.split()[1] not in order]
    for path in order:
        shutil.copy(path, root / "modules")
    (root / "modules/order").write_text("".join(f"{pathlib.Path(path).name}\n" for path in order))


def _pack(root: pathlib.Path, initramfs: pathlib.Path) -> None:
    names = "\n".join(sorted(str(path.relative_to(root)) for path in root.rglob("*")))
    cpio = ["cpio", "-o", "-H", "newc", "--quiet", "-R", "0:0"]
    archive = subprocess.run(cpio, cwd=root, input=names.encode(), stdout=subprocess.PIPE, check=True).stdout
    # The kernel's unpacker knows no other checksum.
    packed = subprocess.run(["xz", "-9", "--check=crc32"], input=archive, stdout=subprocess.PIPE, check=True).stdout
    initramfs.write_bytes(packed)


def outcome(console: str) -> str | None:
    """What the stand-in said last of its registration: ``joined …`` or ``refused: …``; None if it did not come so far."""
    lines = re.findall(r"^LAB [\d.]+ ((?:joined |refused: ).*)$", console, re.MULTILINE)
    return lines[-1].strip() if lines else None
