"""Engines as processes, and what their tests tell about the recordings."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import shutil
import time

import pytest
from support import engine, recordings


@dataclasses.dataclass
class Served:
    """An engine whose files are those that the link ``root/current`` points to."""

    root: pathlib.Path
    port: int

    def switch(self, name: str) -> pathlib.Path:
        """Serve the folder ``root/name`` from the next request on."""
        (self.root / "next").symlink_to(name)
        (self.root / "next").rename(self.root / "current")
        return self.root / name

    def send(self, case: dict) -> recordings.Answer:
        """The answer to a recorded request."""
        return recordings.send(self.port, case)

    def get(self, target: str) -> tuple[int, str]:
        """Status and body."""
        answer = self.send({"request": f"GET {target}"})
        return answer.status, answer.body.decode()


class Indexed(Served):
    """An engine that looks for changes several times a second."""

    def switch(self, name: str) -> pathlib.Path:
        """Serve the folder ``root/name``, which has the folders of a data directory."""
        if (self.root / "current").is_symlink() and os.readlink(self.root / "current") == name:
            return self.root / name
        before = self.figure("loaded_timestamp_seconds")
        path = super().switch(name)
        self.eventually(lambda: self.figure("loaded_timestamp_seconds") != before)
        return path

    def figure(self, name: str) -> float:
        """One of the engine's metrics."""
        return float(re.search(rf"^omni_matchbox_engine_{name} (.+)$", self.get("/metrics")[1], re.MULTILINE).group(1))

    def eventually(self, true) -> None:
        """Wait for what must become true."""
        end = time.monotonic() + 20
        while not true():
            assert time.monotonic() < end, "it did not become true"
            time.sleep(0.02)


@pytest.fixture(scope="session")
def served():
    """An engine that reads at every request, started once for all tests."""
    with engine.public_folder() as root:
        engine.install(root / "engine")
        with engine.running(root / "engine", root / "current/data", root / "current/assets", strict=True) as port:
            yield Served(root, port)


@pytest.fixture(scope="session")
def indexed():
    """An engine with an index, started once for all tests."""
    with engine.public_folder() as root:
        engine.install(root / "engine")
        with engine.running(root / "engine", root / "current/data", root / "current/assets") as port:
            served = Indexed(root, port)
            recordings.lay_out("seed", root / "first")
            served.switch("first")
            yield served


@pytest.fixture(scope="session")
def upstream():
    """A real Matchbox, which the environment variable MATCHBOX_BIN names."""
    with engine.public_folder() as root:
        shutil.copy(os.environ["MATCHBOX_BIN"], root / "matchbox")
        served = Served(root, engine.free_port())
        recordings.lay_out("seed", root / "first")
        served.switch("first")
        with engine.upstream(root / "matchbox", root / "current/data", root / "current/assets", served.port):
            yield served


def pytest_terminal_summary(terminalreporter):
    """How many recorded answers the engine was held to, and which were left out and why."""
    lines = [
        value for report in terminalreporter.stats.get("passed", []) for name, value in report.user_properties if name == "recordings" and report.when == "call"
    ]
    if lines:
        terminalreporter.section("recorded answers of Matchbox v0.11.0")
        for line in lines:
            terminalreporter.write_line(line)
