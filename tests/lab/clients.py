"""Machines without a disk that boot from the segment, in QEMU without KVM."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import time
import uuid as uuids

from . import cgroups, namespaces
from .firmware import firmware, prepare, qemu
from .run import Run, Service
from .segment import Segment
from .system import LabError, command, eventually, read, tail

MILESTONE = re.compile(r"(SeaBIOS|>>Start |\s*NBP file|Next server|Filename|net\d: \d|(http|tftp)://|LAB )")
# iPXE, SeaBIOS and OVMF when there is nothing more that they could try.
GAVE_UP = re.compile(r"No more network devices|No bootable device|BdsDxe: failed to start|BdsDxe: No bootable option")

LIMIT = 1800  # seconds; a machine that nobody turns off ends by itself


class Client:
    """A machine of a run. It ends when it powers itself off or wants a reboot; its console can be read at any time.

    ``mac`` and ``uuid`` are new ones for each object unless given, so that a name can be booted again as another machine;
    ``all()`` gives the machines as they were booted last. ``memory`` is in MiB.
    """

    def __init__(
        self,
        run: Run,
        segment: Segment,
        name: str,
        firmware_name: str,
        *,
        mac: str | None = None,
        uuid: str | None = None,
        memory: int | None = None,
    ):
        self.run, self.segment, self.name, self.memory = run, segment, name, memory
        self.firmware_name, self.firmware = firmware_name, firmware(firmware_name)
        self.mac = (mac or random_mac()).lower()
        self.uuid = (uuid or str(uuids.uuid4())).lower()
        self.label = run.label(f"client-{name}")
        self.directory = run.state / "clients" / name
        self.console_path = self.directory / "console"
        self._service: Service | None = None
        self._on_since = 0.0

    @classmethod
    def all(cls, run: Run, segment: Segment) -> list[Client]:
        """The machines that were turned on in the run, on or off now."""
        paths = sorted(run.state.glob("clients/*/machine.json"))
        return [cls(run, segment, path.parent.name, **json.loads(path.read_text())) for path in paths]

    @property
    def console(self) -> str:
        """What the machine printed since it was turned on: firmware, iPXE, kernel, init."""
        return read(self.console_path)

    @property
    def screen(self) -> list[str]:
        """The complete lines of the console, without what erases and moves on a screen."""
        text = re.sub(r"\x1b(c|\[[\d;?=]*[A-Za-z])|[ \d%]*\x08+ *\x08*", "", self.console.rpartition("\n")[0])
        return [line.strip() for line in text.splitlines()]

    @property
    def milestones(self) -> list[str]:
        """The lines that tell how far the boot has come."""
        return [line for line in self.screen if MILESTONE.match(line)]

    @property
    def gave_up(self) -> str:
        """What its firmware said when there was nothing that it could boot; empty if it did not say so."""
        found = GAVE_UP.search(self.console)
        return found[0] if found else ""

    @property
    def is_on(self) -> bool:
        """Whether the machine is on."""
        return self._service.running if self._service else cgroups.populated(self.label)

    def power_on(self) -> Client:
        """Turns the machine on and returns at once."""
        self.off()
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        prepare(self.firmware, self.directory)
        identity = {"firmware_name": self.firmware_name, "mac": self.mac, "uuid": self.uuid, "memory": self.memory}
        (self.directory / "machine.json").write_text(json.dumps(identity))
        tap = self._add_tap()
        argv = qemu(self.firmware, self.directory, name=self.label, mac=self.mac, uuid=self.uuid, tap=tap, memory=self.memory)
        name = f"client-{self.name}"
        self._service = self.run.service(name, ["timeout", LIMIT, *argv], namespace=self.segment.namespace, log=self.console_path)
        self._on_since = time.monotonic()
        return self

    def _add_tap(self) -> str:
        tap = namespaces.interface(self.label)
        enter = ["nsenter", f"--net={namespaces.NAMED / self.segment.namespace}"]
        command(*enter, "ip", "tuntap", "add", "dev", tap, "mode", "tap")
        command(*enter, "ip", "link", "set", tap, "master", "br0", "up")
        return tap

    def wait(self, timeout: float) -> float:
        """Waits until the machine has powered itself off; gives the seconds it was on. It is turned off if it takes longer."""
        ended = eventually(lambda: not self.is_on, timeout)
        seconds = time.monotonic() - self._on_since
        self.off()
        if not ended:
            raise LabError(f"the machine {self.name} is still on after {timeout} s; its console ends:\n{tail(self.console_path)}")
        return seconds

    def off(self) -> None:
        """Pulls the plug: the machine is off and its interface gone; the console stays."""
        cgroups.kill(self.label)
        namespaces.unplug(self.label, self.segment.namespace)


def random_mac() -> str:
    """A MAC address of the locally administered range, such as QEMU uses."""
    return "52:54:00:" + secrets.token_bytes(3).hex(":")
