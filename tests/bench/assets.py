"""How fast, how light and how sparing the images of a boot host are fetched.

The download server of the lab runs in a process of its own and speaks TLS. Everything is on one machine, so server and client share its
processors: what counts is the comparison with other clients of the same server.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator

from lab import pki
from lab.downloads import FAULTS_PATH, TALOS_RELEASES
from lab.system import REPOSITORY, LabError, eventually
from support import images
from support.modules import ModuleRunner

from .figures import Figure, ratios

SIZE = 100_000_000
VERSIONS = ("v1.11.4", "v1.12.0")
PAIRS = 5
IMAGES = 20
MIB = 1024 * 1024
CURL = """
for url in "$@"; do
    (
        file=$(mktemp -p . image.XXXXXX)
        curl --silent --show-error --fail --cacert "$CA" --output "$file" "$url" && sha256sum "$file" >/dev/null && sync "$file"
    ) &
done
wait
"""
NOOP = """
import sys, time
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.download import Access
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.talos.assets import Wanted
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.talos.fetching import have_assets
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.talos.files import image_to_have
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.talos.source import Source
root, url, *versions = sys.argv[1:]
began = time.perf_counter()
wanted = Wanted(root, [image_to_have({"version": version, "architecture": "amd64"}) for version in versions], url)
plan = have_assets(wanted, Source(Access()), check=False, lock_seconds=1)
assert not plan.changed, plan.diff()
print((time.perf_counter() - began) * 1000)
"""


class Server:
    """The download server in a process of its own."""

    def __init__(self, folder: pathlib.Path):
        self.root, self.log = folder / "released", folder / "log.jsonl"
        self.root.mkdir()
        certificate, key = pki.certificate(folder / "pki", ["127.0.0.1"])
        self.authority = folder / "pki/ca.crt"
        argv = ["--root", self.root, "--certificate", certificate, "--key", key, "--log", self.log]
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "tests")}
        self.process = subprocess.Popen([sys.executable, "-m", "lab.downloads", *map(str, argv)], stdout=subprocess.PIPE, text=True, env=environment)
        self.url = self.process.stdout.readline().split()[1]

    @property
    def releases(self) -> str:
        return f"{self.url}/{TALOS_RELEASES}"

    def faults(self, faults: dict) -> None:
        """What goes wrong from now on."""
        context = ssl.create_default_context(cafile=self.authority)
        urllib.request.urlopen(urllib.request.Request(self.url + FAULTS_PATH, json.dumps(faults).encode(), method="PUT"), context=context)

    def requests(self) -> list[dict]:
        """All requests so far."""
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.communicate()


def figures() -> Iterator[Figure]:
    """``assets_vs_curl``, ``assets_pss_mb``, ``assets_refetched_mib`` and ``assets_noop_ms_20``, and what is behind them."""
    with tempfile.TemporaryDirectory(prefix="bench-assets-") as name, contextlib.closing(Server(pathlib.Path(name))) as server:
        folder = pathlib.Path(name)
        for seed, version in enumerate(VERSIONS):
            images.release(server.root, version, kernel=images.kernel(size=SIZE, seed=seed), initramfs=images.initramfs(size=SIZE, seed=seed))
        yield from _rates(folder, server)
        yield Figure("assets_refetched_mib", "MiB", [_refetched(folder, server, share) for share in (0.1, 0.5, 0.9)], "goal: at most 1")
        yield from _noop(folder, server)


def _rates(folder: pathlib.Path, server: Server) -> Iterator[Figure]:
    """The module as a process, from its start to its end, beside a shell that starts a curl for each file."""
    ours, theirs, memory = [], [], []
    for pair in range(PAIRS):
        for who in ("ours", "theirs") if pair % 2 else ("theirs", "ours"):
            with tempfile.TemporaryDirectory(dir=folder) as target:
                began = time.monotonic()
                if who == "ours":
                    memory.append(_fetch(server, target, *VERSIONS))
                    ours.append(time.monotonic() - began)
                else:
                    _curl(server, target)
                    theirs.append(time.monotonic() - began)
    fetched, curled = ([4 * SIZE / 1e6 / seconds for seconds in runs] for runs in (ours, theirs))
    yield Figure("assets_mb_per_second", "MB/s", fetched)
    yield Figure("curl_mb_per_second", "MB/s", curled)
    yield Figure("assets_vs_curl", "x", ratios(fetched, curled), "goal: at least 0.9 (of curl's rate)")
    yield Figure("assets_pss_mb", "MB", memory, "goal: at most 64")


def _params(server: Server, target: str, *versions: str) -> dict:
    return {"assets_path": target, "release_url": server.releases, "ca_path": str(server.authority), "images": [{"version": version} for version in versions]}


def _fetch(server: Server, target: str, *versions: str) -> float:
    """Run the module; the most memory (proportional set size, in MB) that it was seen to have."""
    process = ModuleRunner(watched=pathlib.Path(target)).start("talos_assets", _params(server, target, *versions))
    most = 0.0
    while process.poll() is None:
        most = max(most, _pss(process.pid))
        time.sleep(0.05)
    result = json.loads(process.stdout.read())
    if result.get("failed"):
        raise LabError(result["msg"])
    return most


def _pss(process: int) -> float:
    with contextlib.suppress(OSError, ProcessLookupError):
        lines = pathlib.Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        return next((int(line.split()[1]) / 1000 for line in lines if line.startswith("Pss:")), 0.0)
    return 0.0


def _curl(server: Server, target: str) -> None:
    urls = [f"{server.releases}/{version}/{name}" for version in VERSIONS for name in ("vmlinuz-amd64", "initramfs-amd64.xz")]
    subprocess.run(["bash", "-c", CURL, "curl", *urls], cwd=target, env={**os.environ, "CA": str(server.authority)}, check=True)
    if sum(path.stat().st_size for path in pathlib.Path(target).iterdir()) != 4 * SIZE:
        raise LabError("curl did not fetch all files")


def _refetched(folder: pathlib.Path, server: Server, share: float) -> float:
    """What a run fetches of a file again that one before had, when it was killed at this share of it, in MiB."""
    path = f"/{TALOS_RELEASES}/{VERSIONS[0]}/initramfs-amd64.xz"
    with tempfile.TemporaryDirectory(dir=folder) as target:
        server.faults({path: {"kind": "stall", "at": int(SIZE * share)}})
        process = ModuleRunner(watched=pathlib.Path(target)).start("talos_assets", _params(server, target, VERSIONS[0]))
        place = pathlib.Path(target)
        if not eventually(lambda: (place / f"talos/{VERSIONS[0]}/vmlinuz").exists() and _staged(place) >= SIZE * share - MIB, timeout=120):
            raise LabError("the download did not come so far")
        process.kill()
        process.communicate()
        there, before = _staged(place), len(server.requests())
        server.faults({})
        _fetch(server, target, VERSIONS[0])
        starts = [entry["range"] for entry in server.requests()[before:] if entry["path"] == path and entry["method"] == "GET"]
        return sum(there - int((start or "bytes=0-")[len("bytes=") : -1]) for start in starts) / MIB


def _staged(target: pathlib.Path) -> int:
    return max((path.stat().st_size for path in target.glob(".omni-matchbox-staging/*")), default=0)


def _noop(folder: pathlib.Path, server: Server) -> Iterator[Figure]:
    """Inside the module, when all is there: from what is wanted to the plan that there is nothing to do."""
    versions = [f"v1.11.{patch}" for patch in range(100, 100 + IMAGES)]
    for version in versions:
        images.release(server.root, version)
    with tempfile.TemporaryDirectory(dir=folder) as target:
        _fetch(server, target, *versions)
        before = len(server.requests())
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "build/collections")}
        argv = [sys.executable, "-c", NOOP, target, server.releases, *versions]
        runs = [float(subprocess.run(argv, env=environment, check=True, capture_output=True, text=True).stdout) for _run in range(PAIRS)]
        yield Figure("assets_noop_ms_20", "ms", runs, "goal: at most 100")
        yield Figure("assets_noop_requests", "", [len(server.requests()) - before], "goal: 0")
