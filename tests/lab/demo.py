"""The main job, shown while it happens: a boot host is made by site.yml, and machines that are powered on join Omni.

Whatever is printed was read from what happened: Ansible's events, the journal of the boot host's dnsmasq, its nginx' log and the
registrations at the lab Omni.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping

from . import bases, owners, talos_standin
from .boots import PARAMETERS, Boot, host_evidence, parameters, without_tokens
from .clients import Client
from .playbook import CALLBACK, Progress
from .run import Run
from .site import BOOT_HOST, DHCP, DOWNLOADS_NAME, OMNI_NAME, TALOS_VERSION, Site
from .system import REPOSITORY, LabError, require, say
from .terminal import Terminal, table

MACHINES = {"m1": "bios", "m2": "uefi"}
PLAYBOOK = "playbooks/site.yml"
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

INTRODUCTION = """\
Two machines without an operating system boot over the network and join Omni.

  real      the boot host: Debian with systemd, ssh, nginx, dnsmasq and the
            collection's boot engine, made by ansible-playbook over ssh;
            SeaBIOS and UEFI firmware, iPXE, DHCP, TFTP, HTTP, TLS
  stand-in  Omni: a lab Omni that admits machines with a valid join token;
            Talos: Debian's kernel with an init of the lab's that registers;
            the hardware: QEMU without KVM, slower than a real machine"""

AROUND = """\
  alias lab='PYTHONPATH=tests build/venv/bin/python -m lab'

  lab status                                  # the boot host and the machines
  lab console m1                              # all that m1 printed
  lab run boot1 systemctl status nginx        # a command in the boot host
  # a shell in the boot host, as Ansible has it
  lab run segment ssh -i {key} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null root@{host}
  # what m1 is told to boot, with the join token of this lab
  lab run segment curl -s "http://{host}/ipxe?mac={mac}"
  # the machines that the lab Omni knows
  PYTHONPATH=tests build/venv/bin/python -m lab.omni machines --state {omni}

  make lab-boot NAME=m3 FIRMWARE=uefi         # one more machine
  make lab-down                               # removes all of it"""


class Failure(LabError):
    """What failed; ``evidence`` holds the lines that tell why: where they were noted → the last ones."""

    def __init__(self, text: str, evidence: Mapping[str, list[str]] | None = None):
        super().__init__(text)
        self.evidence = evidence or {}


class Demo:
    """The parts of the demo, one method each, in their order."""

    def __init__(self, terminal: Terminal, run: Run, suite: str, timeout: float):
        self.terminal, self.run, self.suite, self.timeout = terminal, run, suite, timeout
        self.site = Site(run)
        self.succeeded = False

    def show(self) -> None:
        """All of it; a Failure says what went wrong."""
        self.make_lab()
        self.converge("site", PLAYBOOK)
        boots = self.boot()
        self.report(boots)
        if changed := self.converge("again", f"{PLAYBOOK}, again"):
            raise Failure(f"the second run of {PLAYBOOK} changed {changed} things")
        self.succeeded = True

    def make_lab(self) -> None:
        """The network segment, the stand-ins and the bare boot host."""
        site, made = self.site, self._made
        self.terminal.heading(f"The lab, on this machine alone (run {self.run.name})")
        made("the network segment 10.77.0.0/24", site.segment.up)
        made(f"lab Omni https://{OMNI_NAME}", site.start_omni)
        made("the stand-in for Talos (made once, then cached)", lambda: talos_standin.build(self.run))
        made(f"downloads https://{DOWNLOADS_NAME}, Talos {TALOS_VERSION}", site.start_downloads)
        made(f"the base system {self.suite} (made once, then cached)", lambda: bases.base(self.run, self.suite))
        made(f"boot1, a bare host at {BOOT_HOST}", lambda: site.add_host("boot1", self.suite, BOOT_HOST).wait())
        variables = site.variables(**DHCP)
        # Registered machines stay on, as they do with Talos.
        variables["omni_matchbox_classes"]["talos"]["kernel_args"].append("lab.stay")
        site.inventory(variables)

    def _made(self, what: str, make: Callable[[], object]) -> None:
        with self.terminal.doing(lambda: what):
            make()
        self.terminal.row(what)

    def converge(self, name: str, title: str) -> int:
        """Runs site.yml against the boot host; gives how much it changed."""
        self.terminal.heading(f"ansible-playbook {title}")
        progress, shown = Progress(), 0
        service = self.site.ansible_service(name, "ansible-playbook", REPOSITORY / PLAYBOOK, environment=CALLBACK)
        with self.terminal.doing(lambda: progress.under_way):
            ended = False
            while not ended:
                time.sleep(0.1)
                ended = service.process.poll() is not None
                lines = service.output.rpartition("\n")[0].splitlines()
                for line in lines[shown:]:
                    for row in progress.feed(line):
                        self.terminal.row(self._without_tokens(row))
                shown = len(lines)
        if service.process.returncode:
            evidence = {"ansible-playbook": progress.said[-12:]} if progress.said else {}
            raise Failure(f"{PLAYBOOK} stopped at {progress.under_way}", evidence)
        counts = progress.counts["boot1"]
        self.terminal.row(f"ok={counts['ok']} changed={counts['changed']} failed={counts['failures']}", style="green")
        return counts["changed"]

    def boot(self) -> list[Boot]:
        """Powers the machines on, all at once, and shows each step until they have registered."""
        site, host = self.site, self.site.hosts["boot1"]
        # Not by the host's systemd, which would keep it running when we are gone.
        follow = ["journalctl", "--follow", "--lines=all", "--output=short-unix", "--unit=omni-matchbox-dnsmasq"]
        journal = self.run.service("journal", ["nsenter", f"--target={host.leader}", "--all", *follow])
        boots = [Boot(site, host, Client(self.run, site.segment, *machine), self.timeout) for machine in MACHINES.items()]
        self.terminal.heading(f"Power on: {' and '.join(_titled(boot) for boot in boots)}")
        for boot in boots:
            boot.power_on()
        with self.terminal.doing(lambda: f"waiting for {_awaited(boots)}"):
            while any(boot.under_way for boot in boots):
                time.sleep(0.1)
                self._show_steps([boot for boot in boots if boot.under_way], journal.output)
        noted = journal.output
        journal.stop()
        self._check(boots, noted)
        return boots

    def _show_steps(self, boots: list[Boot], journal: str) -> None:
        new = [(step.time, boot, step) for boot in boots for step in boot.look(journal)]
        for _time, boot, step in sorted(new, key=lambda found: found[0]):
            style = "green" if step.name == "registered" else ""
            self.terminal.row(f"{boot.client.name:<5}{step.name:<12}{step.what}", seconds=boot.seconds(step), style=style)
        for boot in boots:
            if boot.problem:
                self.terminal.row(f"{boot.client.name:<5}{boot.next_step:<12}failed: {boot.problem}", style="red")

    def _check(self, boots: list[Boot], journal: str) -> None:
        failed = [boot for boot in boots if boot.problem]
        if failed:
            sources = {"boot1": host_evidence(self.site.hosts["boot1"]), **{boot.client.name: boot.evidence(journal) for boot in failed}}
            found = {f"{name}, {where}": lines for name, evidence in sources.items() for where, lines in evidence.items()}
            steps = ", ".join(f"{_titled(boot)} did not come to the step '{boot.next_step}'" for boot in failed)
            raise Failure(steps, found)
        for boot in boots:
            names = sorted(word.partition("=")[0] for word in parameters(boot.joins[-1]["cmdline"]))
            if names != sorted(PARAMETERS):
                raise Failure(f"{boot.client.name} was booted with {', '.join(names) or 'none'} of {', '.join(PARAMETERS)}")

    def report(self, boots: list[Boot]) -> None:
        """The machines that have registered, and by which kernel parameters."""
        self.terminal.heading("Registered with the lab Omni, seconds from power on")
        rows = [("name", "firmware", "MAC", "UUID", "seconds")]
        for boot in boots:
            client = boot.client
            rows.append((client.name, client.firmware_name.upper(), client.mac, client.uuid, f"{boot.seconds(boot.steps['registered']):.1f}"))
        for line in table(rows):
            self.terminal.line(line)
        told: dict[tuple[str, ...], list[str]] = {}
        for boot in boots:
            told.setdefault(tuple(parameters(boot.joins[-1]["cmdline"])), []).append(boot.client.name)
        for words, names in told.items():
            self.terminal.line()
            self.terminal.line(f"What {' and '.join(names)} read in /proc/cmdline, the join token as its short hash:")
            for word in words:
                self.terminal.line(f"  {self._without_tokens(word)}")

    def explain(self, failure: LabError) -> None:
        """What failed and what was noted about it."""
        self.terminal.line()
        self.terminal.line(f"FAILED: {self._without_tokens(str(failure))}", "red")
        evidence = failure.evidence if isinstance(failure, Failure) else {}
        for where, lines in evidence.items():
            self.terminal.line(f"  {where}:", "bold")
            for line in lines or ["(nothing)"]:
                self.terminal.line(f"    {self._without_tokens(line)}")

    def invite(self) -> None:
        """How to look around in what was left standing."""
        m1 = Client.all(self.run, self.site.segment)[0]
        key, omni = (os.path.relpath(path, REPOSITORY) for path in (bases.ssh_key(self.run), self.site.omni.directory))
        self.terminal.heading("All of it is still there. Look around, as root and in this directory:")
        self.terminal.line(AROUND.format(key=key, host=BOOT_HOST, mac=m1.mac, omni=omni))

    def _without_tokens(self, text: str) -> str:
        known = (self.site.omni.directory / "state.json").exists()
        return without_tokens(text, self.site.omni.read()["tokens"] if known else [])


def _awaited(boots: list[Boot]) -> str:
    return ", ".join(f"{boot.client.name} {boot.next_step}" for boot in boots if boot.under_way)


def _titled(boot: Boot) -> str:
    return f"{boot.client.name} ({boot.client.firmware_name.upper()}, {boot.client.mac})"


def _end(number: int, _frame: object) -> None:
    """Ends the demo at a signal; what it made is removed on the way, and no further signal disturbs that."""
    for each in ENDS:
        signal.signal(each, signal.SIG_IGN)
    raise SystemExit(128 + number)


def parser() -> argparse.ArgumentParser:
    """The options."""
    result = argparse.ArgumentParser(prog="lab.demo", description=__doc__)
    suite = os.environ.get("DEMO_SUITE", bases.SUITES[0])
    result.add_argument("--suite", default=suite, help="Debian release of the boot host (default: $DEMO_SUITE, else bookworm)")
    result.add_argument("--timeout", type=float, default=90, metavar="SECONDS", help="for each step of a machine (default: 90)")
    result.add_argument("--keep", action="store_true", help="leave everything standing and say how to look around")
    return result


def prepare(options: argparse.Namespace) -> Run:
    """The run of this demo; one that is kept is the lab of this checkout, that `make lab-…` mean."""
    require()
    if options.suite not in bases.SUITES:
        raise LabError(f"no base system {options.suite}, only {', '.join(bases.SUITES)}")
    if os.environ.get("TALOS_ASSETS"):
        raise LabError("TALOS_ASSETS is set, but real Talos cannot join the lab Omni: unset it for the demo")
    run = Run(Run(kept=True).name if options.keep else None)
    if owners.recorded(run.state) == owners.KEPT:
        raise LabError(f"the lab {run.name} is up: 'make lab-down' removes it")
    return run


def perform(terminal: Terminal, options: argparse.Namespace) -> bool:
    """Shows the demo in a run of its own, which is then removed, or kept if all went well; gives whether it did."""
    began = time.monotonic()
    run = prepare(options)
    for number in ENDS:
        signal.signal(number, _end)
    terminal.line(INTRODUCTION)
    with run:
        demo = Demo(terminal, run, options.suite, options.timeout)
        try:
            demo.show()
        except SystemExit:
            terminal.line("Interrupted: removing what was made.")
            raise
        except LabError as failure:
            demo.explain(failure)
        if demo.succeeded and options.keep:
            run.keep()
            demo.invite()
        ended = time.monotonic()
    terminal.line()
    terminal.line(f"The demo took {ended - began:.0f} s.")
    if not run.kept:
        hint = "; 'make demo KEEP=1' leaves it standing" if demo.succeeded else ""
        terminal.line(f"What it made was removed in {time.monotonic() - ended:.1f} s{hint}.")
    return demo.succeeded


def main(argv: list[str] | None = None) -> int:
    """Shows the demo; the exit status is 0 if all of it happened."""
    options = parser().parse_args(argv)
    try:
        return 0 if perform(Terminal(sys.stdout), options) else 1
    except LabError as error:
        say(str(error))
        return 1


if __name__ == "__main__":
    sys.exit(main())
