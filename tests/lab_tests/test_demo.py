"""``make demo`` as a visitor runs it: what it prints when all goes well, and when something is broken from outside meanwhile."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

import pytest
from lab import bases, owners, talos_standin
from lab.hosts import Host
from lab.omni.state import TOKEN_LENGTH, State
from lab.run import Run
from lab.segment import Segment
from lab.system import REPOSITORY

POWER_ON = re.compile(r"^Power on: m1 \(BIOS, (?P<m1>[0-9a-f:]{17})\) and m2 \(UEFI, (?P<m2>[0-9a-f:]{17})\)$", re.MULTILINE)
STEPS = ["address", "iPXE", "kernel", "initramfs", "registered"]
UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


class Demo:
    """A demo that runs; ``output`` is what it has printed so far."""

    def __init__(self, *argv: str):
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "tests")}
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "cwd": REPOSITORY, "text": True}
        self.process = subprocess.Popen(argv or [sys.executable, "-m", "lab.demo"], env=environment, **options)
        self.output = ""

    def until(self, text: str) -> str:
        """Reads on until a line with ``text``; gives all that was printed."""
        for line in self.process.stdout:
            self.output += line
            if text in line:
                return self.output
        raise AssertionError(f"it ended before '{text}':\n{self.output}")

    def end(self) -> str:
        """Reads the rest."""
        self.output += self.process.stdout.read()
        self.process.wait()
        return self.output

    @property
    def run(self) -> Run:
        """The run of the lab that it told."""
        return Run(re.search(r"\(run (\w+)\)$", self.output, re.MULTILINE)[1])

    def steps(self, machine: str) -> list[str]:
        """The steps that a machine has done, in the order in which they were shown."""
        return re.findall(rf"^ +[\d.]+ s  {machine} +(\S+) +(?! *failed)", self.output, re.MULTILINE)

    @property
    def left(self) -> list[str]:
        """What it has left on the machine."""
        return self.run.leftovers() + ([str(self.run.state)] if self.run.state.exists() else [])


@pytest.fixture
def start():
    """Starts demos; none outlives the test."""
    started = []

    def start(*argv: str) -> Demo:
        started.append(Demo(*argv))
        return started[-1]

    yield start
    for demo in started:
        demo.process.terminate()
        demo.end()
        demo.run.clean()


def shows_two_registered_machines(demo: Demo) -> None:
    """What every demo that went well has printed."""
    macs = POWER_ON.search(demo.output)
    for name, firmware in (("m1", "BIOS"), ("m2", "UEFI")):
        assert demo.steps(name) == STEPS
        assert re.search(rf"^{name} +{firmware} +{macs[name]} +{UUID} +\d+\.\d$", demo.output, re.MULTILINE)
    told = r"What m1 and m2 read in /proc/cmdline.*\n  siderolink\.api=grpc://10\.77\.0\.5:8090\?jointoken=sha256:[0-9a-f]{8}\n"
    assert re.search(told + r"  talos\.events\.sink=\[\S+\]:8091\n  talos\.logging\.kernel=tcp://\[\S+\]:8092\n", demo.output)
    first, second = re.findall(r" s  ok=\d+ changed=(\d+) failed=0$", demo.output, re.MULTILINE)
    assert int(first) > 0
    assert int(second) == 0


def shows_no_secret(demo: Demo) -> None:
    """Nothing that could be a join token, and no colours."""
    assert not re.search(rf"\b[0-9A-Za-z]{{{TOKEN_LENGTH}}}\b", demo.output)
    assert "\x1b" not in demo.output


def test_the_demo_shows_two_machines_that_register_and_leaves_nothing(start):
    demo = start("make", "--no-print-directory", "demo")
    demo.end()
    assert demo.process.returncode == 0, demo.output
    shows_two_registered_machines(demo)
    shows_no_secret(demo)
    assert demo.left == []


def test_a_step_that_fails_is_shown_with_what_was_noted_about_it(start):
    demo = start()
    demo.until("Power on: ")
    (host,) = Host.all(demo.run, Segment(demo.run))
    host.exec(["systemctl", "stop", "nginx"])
    demo.end()
    assert demo.process.returncode == 1, demo.output
    macs = POWER_ON.search(demo.output)
    assert f"FAILED: m1 (BIOS, {macs['m1']}) did not come to the step 'iPXE', m2 (UEFI, {macs['m2']}) did not come to" in demo.output
    assert demo.steps("m1") == demo.steps("m2") == ["address"]
    _shown, _failed, evidence = demo.output.partition("FAILED: ")
    assert "  boot1, services:\n    omni-matchbox-dnsmasq is active, nginx is inactive, matchbox is active\n" in evidence
    for name in ("m1", "m2"):
        assert re.search(rf"  {name}, dnsmasq:\n(    .*\n)*    .*DHCPACK\(eth0\) \S+ {macs[name]}", evidence)
        assert re.search(rf"  {name}, nginx:\n    \(nothing\)\n", evidence)
        assert re.search(rf"  {name}, console:\n(    .*\n)*    .*boot\.ipxe\.\.\. Connection re", evidence)
    shows_no_secret(demo)
    assert demo.left == []


@pytest.mark.slow
def test_a_machine_that_omni_refuses_is_shown(start):
    demo = start()
    demo.until("Power on: ")
    omni = State(demo.run.state / "omni")
    omni.revoke_token(omni.default_token())
    demo.end()
    assert demo.process.returncode == 1, demo.output
    assert demo.steps("m1") == demo.steps("m2") == STEPS[:-1]
    assert len(re.findall(r"^ +[\d.]+ s  m[12] +registered +failed: the lab Omni refused its token sha256:", demo.output, re.MULTILINE)) == 2
    assert len(re.findall(r"  m[12], lab Omni:\n    .*machine is not allowed to join", demo.output)) == 2
    assert len(re.findall(r"^    LAB [\d.]+ refused: unauthorized$", demo.output, re.MULTILINE)) == 2
    shows_no_secret(demo)
    assert demo.left == []


@pytest.mark.parametrize(("number", "step"), [(signal.SIGINT, "The lab, "), (signal.SIGTERM, "preflight ")])
def test_a_demo_that_is_interrupted_removes_what_it_made(number, step, start):
    demo = start()
    demo.until(step)
    demo.process.send_signal(number)
    demo.end()
    assert demo.process.returncode == 128 + number, demo.output
    assert "Interrupted: removing what was made." in demo.output
    assert "Traceback" not in demo.output
    assert demo.left == []


@pytest.mark.slow
def test_a_kept_demo_can_be_looked_at_as_it_says(start, tmp_path, monkeypatch):
    with Run() as run:
        bases.base(run, "trixie")
        talos_standin.build(run)
    for name in ("base", "debs", "ssh", "talos-standin"):
        (tmp_path / name).symlink_to(owners.cache_directory() / name)
    monkeypatch.setenv("LAB", str(tmp_path))  # so that it is not the lab of this checkout
    monkeypatch.setenv("DEMO_SUITE", "trixie")
    demo = start("make", "--no-print-directory", "demo", "KEEP=1")
    demo.end()
    assert demo.process.returncode == 0, demo.output
    shows_two_registered_machines(demo)
    shows_no_secret(demo)
    script = tmp_path / "script"
    script.write_text("shopt -s expand_aliases\n" + re.search(r" in this directory:\n((?:  .*\n|\n)*)", demo.output)[1])
    looked = subprocess.run(["bash", "-ex", script], stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert looked.returncode == 0, looked.stderr
    for seen in (r"machine  m1 bios .* on, joined", r"Active: active \(running\)", "Debian GNU/Linux", "#!ipxe\nkernel /assets/.*jointoken="):
        assert re.search(seen, looked.stdout), looked.stdout
    assert len(re.findall(rf"^{UUID} [0-9a-f:]{{17}} 10\.77\.0\.1\d\d ", looked.stdout, re.MULTILINE)) == 2
    assert re.search(r"^m3 uefi [\d.]+ s: joined ", looked.stdout, re.MULTILINE)
    assert demo.left == []
