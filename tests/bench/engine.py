"""How many machines the boot engine answers in a second, beside the least that answers one, and beside upstream if it is there.

One client, wrk with eight connections, asks for as many different machines as there are groups. What is compared with each other
takes turns. The environment variable MATCHBOX_BIN names a real Matchbox.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator

from lab.system import LabError, command
from support import engine

from .figures import Figure, ratios

ROUNDS = 9
SECONDS = 3
SIZES = (1, 100, 1000, 10_000)
# From how many groups on we want to be ahead of upstream.
AHEAD = 50
MOST = SIZES[-1]
LOAD = pathlib.Path(__file__).parent / "load"


def figures() -> Iterator[Figure]:
    """Rates and what they are compared with, then what an index of 10,000 groups costs."""
    binary = os.environ.get("MATCHBOX_BIN")
    sizes = sorted({*SIZES, AHEAD}) if binary else SIZES
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        root = pathlib.Path(folder)
        root.chmod(0o755)
        for size in sizes:
            _write_site(root / f"data{size}", size)
        engine.install(root / "engine")
        engine.install(root / "bare")
        shutil.copyfile(LOAD / "bare.py", root / "bare/engine.py")
        subjects = {"bare": stack.enter_context(_served(root / "bare", root / f"data{MOST}", MOST))}
        subjects |= {f"engine {size}": stack.enter_context(_served(root / "engine", root / f"data{size}", size)) for size in sizes}
        if binary:
            subjects |= {f"upstream {size}": stack.enter_context(_upstream(pathlib.Path(binary), root / f"data{size}", size)) for size in sizes}
        order = list(subjects.values())
        for _round in range(ROUNDS):
            for subject in order:
                subject.load()
            # Who goes first has no advantage in the next round.
            order.reverse()
        yield from _rates(subjects, sizes)
        yield Figure("engine_pss_mb_10000", "MB", [_pss(subjects[f"engine {MOST}"].process)], "goal: at most 150")
        yield Figure("engine_edit_seen_s_10000", "s", [_edit_seen(subjects[f"engine {MOST}"], number) for number in range(ROUNDS)], "goal: at most 1")
        yield Figure("engine_index_s_10000", "s", [_index_seconds(root) for _start in range(ROUNDS)], "goal: below 1")


def _rates(subjects: dict, sizes) -> Iterator[Figure]:
    bare, most = subjects["bare"].rates, subjects[f"engine {MOST}"]
    yield Figure("bare_wsgi_rps", "1/s", bare)
    for size in sizes:
        yield Figure(f"engine_rps_{size}", "1/s", subjects[f"engine {size}"].rates)
    yield Figure("engine_10000_vs_bare", "x", ratios(most.rates, bare), "goal: at least 0.5")
    yield Figure("engine_10000_vs_1", "x", ratios(most.rates, subjects["engine 1"].rates), "goal: at least 0.9")
    yield Figure("engine_p99_ms_10000", "ms", most.latencies)
    for size in sizes if f"upstream {MOST}" in subjects else ():
        upstream = subjects[f"upstream {size}"].rates
        yield Figure(f"upstream_rps_{size}", "1/s", upstream)
        goal = {AHEAD: "goal: at least 1", MOST: "goal: at least 400"}.get(size, "")
        yield Figure(f"engine_vs_upstream_{size}", "x", ratios(subjects[f"engine {size}"].rates, upstream), goal)


@dataclasses.dataclass
class Subject:
    """A server on ``port`` with ``size`` groups, and what was measured of it."""

    process: object
    port: int
    data: pathlib.Path
    size: int
    rates: list[float] = dataclasses.field(default_factory=list)
    latencies: list[float] = dataclasses.field(default_factory=list)

    def client(self, seconds: int) -> list[str]:
        """What asks for so long."""
        options = ["-t1", "-c8", "--timeout", "60s", f"-d{seconds}s", "-s", str(LOAD / "machines.lua")]
        return ["wrk", *options, f"http://127.0.0.1:{self.port}", "--", str(self.size)]

    def load(self) -> None:
        """Ask for a while."""
        result = json.loads(command(*self.client(SECONDS)).splitlines()[-1])
        if result["failed"] or not result["requests"]:
            raise LabError(f"{self.data.name}: {result['failed']} of {result['requests']} requests failed")
        self.rates.append(result["requests"] / result["seconds"])
        self.latencies.append(result["p99_ms"])


@contextlib.contextmanager
def _served(program: pathlib.Path, data: pathlib.Path, size: int) -> Iterator[Subject]:
    port = engine.free_port()
    with engine.process(engine.command(program, port), port, engine.environment(data, None, strict=False)) as process:
        yield Subject(process, port, data, size)


@contextlib.contextmanager
def _upstream(binary: pathlib.Path, data: pathlib.Path, size: int) -> Iterator[Subject]:
    port = engine.free_port()
    with engine.upstream(binary, data, data, port) as process:
        yield Subject(process, port, data, size)


def _write_site(path: pathlib.Path, size: int) -> None:
    """A group for each machine that machines.lua asks for, and ten profiles."""
    for folder in ("groups", "profiles"):
        (path / folder).mkdir(parents=True)
    args = [f"argument{number}=value" for number in range(10)]
    for number in range(10):
        boot = {"kernel": f"/assets/talos/v1.{number}/vmlinuz", "initrd": [f"/assets/talos/v1.{number}/initramfs.xz"], "args": args}
        (path / f"profiles/profile{number}.json").write_text(json.dumps({"id": f"profile{number}", "boot": boot}, indent=2))
    for number in range(size):
        _write_group(path, number, f"profile{number % 10}")


def _write_group(path: pathlib.Path, number: int, profile: str) -> None:
    group = {"id": f"machine{number}", "name": f"machine {number}", "profile": profile, "selector": {"mac": _mac(number)}}
    (path / f"groups/machine{number}.json").write_text(json.dumps(group, indent=2))


def _mac(number: int) -> str:
    return f"52:54:00:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"


def _get(port: int, target: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{target}", timeout=60) as answer:
        return answer.read().decode()


def _pss(process) -> float:
    """The memory of a process and its children, what they share counted once."""
    ids = [process.pid, *map(int, pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split())]
    texts = [pathlib.Path(f"/proc/{number}/smaps_rollup").read_text() for number in ids]
    return sum(int(re.search(r"^Pss: +(\d+) kB", text, re.MULTILINE).group(1)) for text in texts) / 1024


def _edit_seen(subject: Subject, number: int) -> float:
    """How long after an edit in place its machine gets the new script, while others ask."""
    load = subprocess.Popen(subject.client(60), stdout=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        _write_group(subject.data, number, "profile9")
        began = time.monotonic()
        while "/v1.9/" not in _get(subject.port, f"/ipxe?mac={_mac(number)}"):
            time.sleep(0.01)
        return time.monotonic() - began
    finally:
        load.kill()
        load.wait()


def _index_seconds(root: pathlib.Path) -> float:
    """What the engine itself says, just after its start."""
    with _served(root / "engine", root / f"data{MOST}", MOST) as subject:
        return float(re.search(r"^omni_matchbox_engine_index_seconds (.+)$", _get(subject.port, "/metrics"), re.MULTILINE).group(1))
