"""The engine as a process, and what its tests tell about the recordings."""

from __future__ import annotations

import dataclasses
import pathlib

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


@pytest.fixture(scope="session")
def served():
    """An engine, started once for all tests."""
    with engine.public_folder() as root:
        engine.install(root / "engine")
        with engine.running(root / "engine", root / "current/data", root / "current/assets") as port:
            yield Served(root, port)


def pytest_terminal_summary(terminalreporter):
    """How many recorded answers the engine was held to, and which were left out and why."""
    lines = [
        value for report in terminalreporter.stats.get("passed", []) for name, value in report.user_properties if name == "recordings" and report.when == "call"
    ]
    if lines:
        terminalreporter.section("recorded answers of Matchbox v0.11.0")
        for line in lines:
            terminalreporter.write_line(line)
