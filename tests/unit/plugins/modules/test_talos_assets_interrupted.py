"""talos_assets is interrupted at any moment: no wrong or partial file has its final name, and what had come is not fetched again."""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess

import pytest
from lab.downloads import TALOS_RELEASES, Downloads
from lab.system import eventually
from support import images

pytestmark = pytest.mark.thorough

VERSION = "v1.11.4"
FOLDER = f"{TALOS_RELEASES}/{VERSION}"
SIZES = {f"/{FOLDER}/vmlinuz-amd64": 2_000_000, f"/{FOLDER}/initramfs-amd64.xz": 3_000_000}
NAMES = {f"/{FOLDER}/vmlinuz-amd64": "vmlinuz", f"/{FOLDER}/initramfs-amd64.xz": "initramfs.xz"}
STAGING = ".omni-matchbox-staging"
MOST_AGAIN = 1024 * 1024
RUNS = 100
IN_SHORT = 20


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """A release with larger images."""
    root = tmp_path_factory.mktemp("released")
    images.release(root, VERSION, kernel=images.kernel(size=2_000_000), initramfs=images.initramfs(size=3_000_000))
    return root


@pytest.fixture
def server(released):
    with Downloads(released) as running:
        yield running


@pytest.fixture
def disk(tmp_path):
    """The assets folder, on a file system of 8 MB."""
    assert os.geteuid() == 0, "a small file system is mounted for this test: run it as root"
    assets = tmp_path / "assets"
    assets.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "lab", assets], check=True)
    yield assets
    subprocess.run(["umount", assets], check=True)


@pytest.fixture
def params(disk, server):
    return {"assets_path": str(disk), "release_url": f"{server.url}/{TALOS_RELEASES}", "images": [{"version": VERSION}], "timeout": 30, "retries": 0}


def staged(assets) -> list[int]:
    """The sizes of the parts that have come; 0 while there is none."""
    sizes = []
    for path in assets.glob(f"{STAGING}/*"):
        with contextlib.suppress(FileNotFoundError):
            sizes += [path.stat().st_size] if path.suffix != ".json" else []
    return sorted(sizes, reverse=True) or [0]


def reset(modules, params, server, path, at) -> None:
    """The connection is reset."""
    server.fault(path, "reset", at=at, times=1)
    assert modules.run("talos_assets", params)["failed"]


def killed(modules, params, server, path, at) -> None:
    """The process is killed in the middle of a file."""
    server.fault(path, "stall", at=at)
    process = modules.start("talos_assets", params)
    assert eventually(lambda: any(entry["method"] == "GET" and entry["path"] == path for entry in list(server.requests)), timeout=30)
    process.kill()
    process.communicate()


def filled(modules, params, server, path, at) -> None:
    """Somebody else fills the disk meanwhile."""
    disk = params["assets_path"]
    server.fault(path, "stall", at=at)
    process = modules.start("talos_assets", params)
    assert eventually(lambda: any(entry["method"] == "GET" and entry["path"] == path for entry in list(server.requests)), timeout=30)
    with open(f"{disk}/other", "wb", buffering=0) as other, contextlib.suppress(OSError):
        while True:
            other.write(bytes(4096))
    server.faults.clear()
    result = json.loads(process.communicate()[0])
    os.unlink(f"{disk}/other")
    assert result["failed"] or at == SIZES[path]


@pytest.mark.parametrize("seed", [pytest.param(seed, marks=[] if seed < IN_SHORT else pytest.mark.slow) for seed in range(RUNS)])
def test_an_interrupted_run_is_finished_by_the_next(modules, params, server, disk, seed):
    chance = random.Random(seed)
    path = chance.choice(list(SIZES))
    interrupt = (reset, killed, filled)[seed % 3]
    interrupt(modules, params, server, path, chance.randrange(SIZES[path]))
    server.faults.clear()
    right = {NAMES[path]: (server.root / path.lstrip("/")).read_bytes() for path in SIZES}
    there = {file.name: file.read_bytes() for file in disk.glob(f"talos/{VERSION}/*")}
    assert all(content == right[name] for name, content in there.items())
    parts = staged(disk)
    server.requests.clear()
    again = modules.run("talos_assets", params)
    assert not again.get("failed"), again
    assert {file.name: file.read_bytes() for file in disk.glob(f"talos/{VERSION}/*")} == right
    assert not (disk / STAGING).exists()
    asked = [(entry["path"], entry["range"]) for entry in server.requests if entry["method"] == "GET" and entry["path"] in SIZES]
    fetched = sum(SIZES[path] - int((start or "bytes=0-")[len("bytes=") : -1]) for path, start in asked)
    missing = sum(SIZES.values()) - sum(map(len, there.values())) - sum(parts)
    assert fetched - missing <= MOST_AGAIN
    assert not modules.run("talos_assets", params)["changed"]
