"""Runs modules as Ansible does and holds all of them to the same promises."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import typing as t

from support import zygote

PACKAGE = "ansible_collections.usableapps.omni_matchbox.plugins.modules"
REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


@dataclasses.dataclass
class ModuleRunner:
    """Runs modules; ``watched`` is the tree that check mode must leave as it is, and so must be what ``elsewhere`` returns.

    With an ``interpreter`` (a command) each run is a new process of it, which costs some tenths of a second more.
    """

    watched: pathlib.Path
    elsewhere: t.Callable[[], object] = lambda: None
    environment: dict = dataclasses.field(default_factory=dict)
    interpreter: list = dataclasses.field(default_factory=list)

    def run(self, name: str, params: dict, *, check: bool = False) -> dict:
        """The result of one run, failed or not. A crash (no JSON) is an assertion error with what was printed."""
        stdout, stderr = self._finished(name, params, check)
        try:
            result = json.loads(stdout)
        except ValueError:
            raise AssertionError(f"{name} printed no result:\n{stdout}\n{stderr}") from None
        assert not result.get("exception"), result["exception"]
        assert not result.get("deprecations"), result["deprecations"]
        return result

    def _finished(self, name: str, params: dict, check: bool) -> tuple[str, str]:
        # A fork has imported already, so what PYTHONPATH says would come too late for it.
        if not self.interpreter and "PYTHONPATH" not in self.environment:
            return self.begin(name, params, check=check).output()
        return self.start(name, params, check=check).communicate()

    def begin(self, name: str, params: dict, *, check: bool = False) -> zygote.Run:
        """One run, without an interpreter of its own, that goes on while the test does something else, such as ending it."""
        return zygote.start(f"{PACKAGE}.{name}", module_input(params, check), {**os.environ, **self.environment})

    def command(self, name: str) -> list:
        """The command line of a module, which reads its arguments from standard input."""
        return [*(self.interpreter or [sys.executable]), "-m", f"{PACKAGE}.{name}"]

    def start(self, name: str, params: dict, *, check: bool = False) -> subprocess.Popen:
        """One run as :meth:`begin` has it, by an interpreter of its own."""
        with tempfile.TemporaryFile("w+") as stdin:
            stdin.write(module_input(params, check))
            stdin.seek(0)
            return subprocess.Popen(
                self.command(name),
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONPATH": str(REPOSITORY / "build/collections"), **self.environment},
            )

    def snapshot(self) -> tuple:
        """All that a run may change, as it is now."""
        return snapshot(self.watched), self.elsewhere()

    def converge(self, name: str, params: dict) -> dict:
        """Check, run, check again, run again: check mode predicts the run and touches nothing, the second run changes nothing.

        Returns the result of the first real run.
        """
        before = self.snapshot()
        predicted = self.run(name, params, check=True)
        assert not predicted.get("failed"), predicted
        assert self.snapshot() == before, f"{name} changed something in check mode"
        real = self.run(name, params)
        assert not real.get("failed"), real
        assert outcome(predicted) == outcome(real), f"{name} predicted otherwise than it did"
        if not real["changed"]:
            assert self.snapshot() == before, f"{name} changed something and said changed=false"
        after = self.snapshot()
        for check in (True, False):
            again = self.run(name, params, check=check)
            assert not again.get("failed"), again
            assert not again["changed"], f"{name} changed something again: {again.get('diff')}"
            assert self.snapshot() == after
        return real

    def refuse(self, name: str, params: dict, *, foreseen: bool = True) -> str:
        """The one-line error of a run, real and in check mode, that fails and touches nothing.

        ``foreseen=False``: only the real run can know, as what a download turns out to be.
        """
        before = self.snapshot()
        messages = []
        for check in (True, False) if foreseen else (False,):
            result = self.run(name, params, check=check)
            assert result.get("failed"), f"{name} accepted {params}: {result}"
            messages.append(result["msg"])
            assert self.snapshot() == before, f"{name} failed and changed something"
        assert messages[0] == messages[-1]
        assert "\n" not in messages[0], f"more than one line: {messages[0]}"
        return messages[0]


def module_input(params: dict, check: bool) -> str:
    """What Ansible hands to a module."""
    return json.dumps({"ANSIBLE_MODULE_ARGS": {**params, "_ansible_check_mode": check, "_ansible_diff": True, "_ansible_remote_tmp": "/tmp"}})


def outcome(result: dict) -> dict:
    """What check mode must predict exactly."""
    return {name: result.get(name) for name in ("changed", "diff", "machines")}


def warnings(result: dict) -> list[str]:
    """The texts of a result's warnings; ansible-core 2.19 and later wrap each."""
    return [warning if isinstance(warning, str) else warning["event"]["msg"] for warning in result.get("warnings", [])]


def snapshot(root: pathlib.Path) -> dict:
    """Every path below ``root`` with type, mode, owner, inode, modification time and content."""
    found = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        content = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        times = None if path.is_dir() else status.st_mtime_ns
        found[str(path.relative_to(root))] = (status.st_mode, status.st_uid, status.st_gid, status.st_ino, times, content)
    return found
