"""How long the module matchbox_sync takes for 10,000 machines, beside the least that writes or reads as many files.

The module's time is that from its parsed arguments to its result, in a process of its own. What is compared takes turns.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

from lab.run import Run
from lab.site import Site, succeeded
from lab.system import REPOSITORY, LabError
from support.modules import module_input

from .figures import Figure, ratios

MACHINES = 10_000
ROUNDS = 5
COPIES = 200
LOAD = pathlib.Path(__file__).parent / "load"
FOLDERS = ("profiles", "groups")
JOIN_ARGS = [
    "siderolink.api=grpc://192.168.1.8:8090?jointoken=w7uVuW3zbVKIYQuzEcyetAHeYMeo5q2L9RvkAVfCfSCD",
    "talos.events.sink=[fdae:41e4:649b:9303::1]:8091",
    "talos.logging.kernel=tcp://[fdae:41e4:649b:9303::1]:8092",
]


def figures() -> Iterator[Figure]:
    """First runs, runs with nothing and with one thing to do, memory; then the same as tasks over ssh."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        yield from _first(root)
        yield from _again(root / "data0")
        (root / "new").mkdir()
        yield Figure("sync_pss_mb_10000", "MB", [_peak(_site(root / "new"))], "goal: at most 300")
    yield from _over_ssh()


def _first(root: pathlib.Path) -> Iterator[Figure]:
    ours, floors = [], []
    for number in range(ROUNDS):
        data = root / f"data{number}"
        data.mkdir()
        ours.append(_sync(_site(data), written=MACHINES + 3))
        floors.append(_write(_files(data), root / f"plain{number}"))
    yield Figure("sync_first_10000_seconds", "s", ours)
    yield Figure("sync_first_10000_vs_floor", "x", ratios(ours, floors), "goal: at most 2")


def _again(data: pathlib.Path) -> Iterator[Figure]:
    """The machine that changes its class goes back before the next round."""
    noops, ones, floors = [], [], []
    for number in range(2 * ROUNDS):
        floors.append(_read(data))
        noops.append(_sync(_site(data, changed=number % 2), written=0))
        ones.append(_sync(_site(data, changed=(number + 1) % 2), written=1))
    yield Figure("sync_noop_10000_seconds", "s", noops)
    yield Figure("sync_noop_10000_vs_floor", "x", ratios(noops, floors), "goal: at most 4")
    yield Figure("sync_one_change_10000_vs_noop", "x", ratios(ones, noops), "goal: at most 1.2")


def _site(data: pathlib.Path, *, changed: int = 0) -> dict:
    """The options for a site whose machines are known by MAC address or UUID, one of them in another class if it is ``changed``."""
    machines = {f"node{number}": _machine(number) for number in range(MACHINES)}
    machines["node1"]["class"] = ["talos", "serial"][changed]
    classes = {"talos": {"version": "v1.11.4", "default": True}, "serial": {"version": "v1.11.4", "kernel_args": ["console=ttyS0"]}}
    return {"data_path": str(data), "classes": classes, "machines": machines, "join_args": JOIN_ARGS}


def _machine(number: int) -> dict:
    if number % 2:
        return {"mac": f"52:54:00:00:{number // 256:02x}:{number % 256:02x}", "class": ["talos", "serial"][number % 3 == 0]}
    return {"uuid": f"4c4c4544-0051-3510-8052-{number:012x}", "class": "talos"}


def _command() -> tuple[list[str], dict]:
    return [sys.executable, str(LOAD / "sync.py")], {**os.environ, "PYTHONPATH": str(REPOSITORY / "build/collections")}


def _sync(params: dict, *, written: int) -> float:
    command, environment = _command()
    process = subprocess.run(command, input=module_input(params, False), env=environment, capture_output=True, text=True, check=False)
    result = json.loads(process.stdout or "{}")
    if result.get("written") != written:
        raise LabError(f"matchbox_sync wrote {result.get('written')} files, not {written}: {process.stdout[-500:]}{process.stderr[-500:]}")
    return result["seconds"]


def _peak(params: dict) -> float:
    """The most memory that a run has to itself, in megabytes, looked at every few milliseconds."""
    command, environment = _command()
    with tempfile.TemporaryFile("w+") as stdin:
        stdin.write(module_input(params, False))
        stdin.seek(0)
        process = subprocess.Popen(command, stdin=stdin, stdout=subprocess.DEVNULL, env=environment)
    peak = 0
    while process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            lines = pathlib.Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
            peak = max([peak, *(int(line.split()[1]) for line in lines if line.startswith("Pss:"))])
        time.sleep(0.005)
    return peak * 1024 / 1e6


def _files(data: pathlib.Path) -> dict[str, bytes]:
    return {f"{folder}/{path.name}": path.read_bytes() for folder in FOLDERS for path in (data / folder).iterdir()}


def _write(files: dict[str, bytes], root: pathlib.Path) -> float:
    """Writes, syncs and renames files, and nothing else."""
    for folder in ("staged", *FOLDERS):
        (root / folder).mkdir(parents=True)
    began = time.perf_counter()
    for number, (name, content) in enumerate(files.items()):
        staged = f"{root}/staged/{number}"
        with open(staged, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.rename(staged, f"{root}/{name}")
    return time.perf_counter() - began


def _read(data: pathlib.Path) -> float:
    """Reads and parses files, and nothing else."""
    began = time.perf_counter()
    for folder in FOLDERS:
        for name in os.listdir(data / folder):
            with open(f"{data}/{folder}/{name}", "rb") as file:
                json.loads(file.read())
    return time.perf_counter() - began


def _over_ssh() -> Iterator[Figure]:
    """A task on a lab host, and a loop that copies the same files, each as ansible-playbook times them."""
    profiles = [{"id": "talos", "boot": {"kernel": "/k"}}]
    groups = [{"id": f"node{number}", "profile": "talos", "selector": {"mac": _machine(2 * number + 1)["mac"]}} for number in range(COPIES)]
    with Run() as run:
        site = Site(run).up({"boot1": "bookworm"})
        site.inventory({"profiles": profiles, "groups_of_site": groups})
        syncs, copies = [], []
        for _round in range(2):
            process = site.ansible("ansible-playbook", LOAD / "sync.yml", environment={"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}, stdout=subprocess.PIPE)
            tasks = json.loads(succeeded(process).stdout)["plays"][0]["tasks"]
            _folders, sync, copy = [_seconds(task["task"]["duration"]) for task in tasks]
            syncs.append(sync)
            copies.append(copy)
    yield Figure("sync_task_200_seconds", "s", syncs)
    yield Figure("sync_vs_copy_loop_200", "x", ratios(copies, syncs), "goal: at least 50")


def _seconds(duration: dict[str, str]) -> float:
    began, ended = (datetime.datetime.fromisoformat(duration[name].rstrip("Z")) for name in ("start", "end"))
    return (ended - began).total_seconds()
