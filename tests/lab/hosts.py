"""Hosts with a real systemd: one overlay on a base system, one network namespace, one cgroup each."""

from __future__ import annotations

import contextlib
import pathlib
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence

from . import bases, cgroups, mounts, namespaces, packages
from .run import Run, Service
from .segment import ROUTER, Segment
from .system import LabError, command, eventually, last_line, tail

CERTIFICATES = "usr/local/share/ca-certificates"

# systemd-nspawn ends with 133 when the host wants a reboot; with --keep-unit it is ours to start it again.
AGAIN_AFTER_REBOOT = 'status=133; while [ $status = 133 ]; do "$@"; status=$?; done'

NSPAWN_ENVIRONMENT = {
    "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",  # cgroup2 alone inside, also on a hybrid machine: newer systemd wants nothing else
    "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network",  # /proc/sys/net, for roles that set sysctls
}

# Never more capabilities than these: with CAP_SYS_TIME a host sets the clock of the whole machine.
NSPAWN = ("systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--console=pipe")
NSPAWN += ("--capability=CAP_NET_ADMIN,CAP_NET_RAW", "--resolv-conf=off", "--timezone=off", "--link-journal=no")

ENVIRONMENT = {"HOME": "/root", "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}


class Host:
    """A host of a run. What is up is found again by another process that makes the object with the same names."""

    def __init__(
        self,
        run: Run,
        segment: Segment,
        name: str,
        address: str,
        *,
        suite: str = "bookworm",
        files: Mapping[str, str | bytes] | None = None,
    ):
        """``files`` maps absolute paths to contents that are there at the first boot.

        A certificate below /usr/local/share/ca-certificates is trusted as soon as the host is up.
        """
        self.run, self.segment, self.name, self.address, self.suite = run, segment, name, address, suite
        self.files = {path.lstrip("/"): content for path, content in (files or {}).items()}
        self.label = run.label(f"host-{name}")
        self.directory = run.state / "hosts" / name
        self.root = self.directory / "root"
        self.console = self.directory / "console"
        self._service: Service | None = None
        if suite not in bases.SUITES:
            raise LabError(f"host {name}: no base system {suite}, only {', '.join(bases.SUITES)}")

    @classmethod
    def all(cls, run: Run, segment: Segment) -> list[Host]:
        """The hosts that the run has made."""
        return [
            cls(run, segment, path.parent.name, path.read_text(), suite=path.with_name("suite").read_text())
            for path in sorted(run.state.glob("hosts/*/address"))
        ]

    def up(self) -> Host:
        """Boots the host from a fresh overlay and waits until its systemd has started everything."""
        self.start()
        return self.wait()

    def start(self) -> Host:
        """Boots the host without waiting for it."""
        base = bases.base(self.run, self.suite)
        self.down()
        self._make_root(base)
        self.segment.attach(self.label, self.address)
        argv = [*NSPAWN, f"--directory={self.root}", f"--machine={self.label}", f"--hostname={self.name}"]
        argv.append(f"--network-namespace-path={namespaces.NAMED / self.label}")
        words = ["sh", "-c", AGAIN_AFTER_REBOOT, "sh", *argv]
        self._service = self.run.service(f"host-{self.name}", words, env=NSPAWN_ENVIRONMENT, log=self.console)
        return self

    def _make_root(self, base: pathlib.Path) -> None:
        for name in ("upper", "work", "root"):
            (self.directory / name).mkdir(parents=True)
        (self.directory / "suite").write_text(self.suite)
        (self.directory / "address").write_text(self.address)
        lower = f"{packages.layer(self.run.cache, self.suite)}:{base}"
        options = f"lowerdir={lower},upperdir={self.directory}/upper,workdir={self.directory}/work"
        command("mount", "-t", "overlay", self.label, "-o", options, self.root)
        (self.root / "etc/resolv.conf").unlink(missing_ok=True)
        self.write("/etc/resolv.conf", f"nameserver {ROUTER}\n")
        self.write("/etc/hostname", f"{self.name}\n")
        self.write("/etc/hosts", f"127.0.0.1 localhost\n{self.address} {self.name}\n")
        for path, content in self.files.items():
            self.write(path, content)

    def write(self, path: str, content: str | bytes) -> None:
        """Writes a file of the host, at any time; the directories above it are made."""
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)

    def wait(self, timeout: float = 60) -> Host:
        """Waits until systemd has started everything; a failed unit does not matter (state ``degraded``)."""
        eventually(lambda: self.is_up or not self._is_on, timeout)
        if not self.is_up:
            raise LabError(f"the host {self.name} does not boot; its console ends:\n{tail(self.console)}")
        if any(path.startswith(CERTIFICATES) for path in self.files):
            self.exec(["update-ca-certificates"])
        return self

    @property
    def is_up(self) -> bool:
        """Whether its systemd has started everything, failed units or not."""
        return self.state in ("running", "degraded")

    @property
    def _is_on(self) -> bool:
        return self._service.running if self._service else cgroups.populated(self.label)

    @property
    def state(self) -> str:
        """What the host's systemd says of itself: starting, running, degraded …; empty if there is nobody to ask."""
        leader = self._find_leader()
        if not leader:
            return ""
        argv = ["nsenter", f"--target={leader}", "--all", "systemctl", "is-system-running"]
        return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip()

    @property
    def leader(self) -> int:
        """The host's first process, as the machine numbers it; another one after each reboot."""
        leader = self._find_leader()
        if not leader:
            raise LabError(f"the host {self.name} is not up")
        return leader

    def _find_leader(self) -> int | None:
        for pid in cgroups.processes(self.label):
            with contextlib.suppress(OSError):
                status = pathlib.Path(f"/proc/{pid}/status").read_text()
                numbers = next(line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:"))
                if numbers[1:] == ["1"]:
                    return pid
        return None

    def command(self, argv: Sequence[object]) -> list[str]:
        """The command line that runs ``argv`` in the host.

        By the host's own systemd: nsenter alone would give it our capabilities, and the one to set the clock sets everybody's.
        """
        enter = ["nsenter", f"--target={self.leader}", "--all"]
        run = ["systemd-run", "--quiet", "--pipe", "--wait", "--collect", "--service-type=exec"]
        variables = [f"--setenv={name}={value}" for name, value in ENVIRONMENT.items()]
        words = [str(word).replace("$", "$$") for word in argv]  # systemd would expand variables
        return [*enter, *run, *variables, "--", *words]

    def exec(self, argv: Sequence[object], *, check: bool = True, stdin: str | None = None) -> subprocess.CompletedProcess:
        """Runs a command in the host as root, with its output as text; a failure is an error with what the command said last."""
        process = subprocess.run(self.command(argv), input=stdin or "", capture_output=True, text=True, check=False)
        if check and process.returncode:
            said = last_line(process.stderr or process.stdout)
            raise LabError(f"{self.name}: {shlex.join(map(str, argv))}: exit status {process.returncode}: {said}")
        return process

    def reboot(self) -> Host:
        """Reboots the host and waits until it is up again; address, files and firewall rules on disk stay."""
        before = self.leader
        self.exec(["systemctl", "reboot"], check=False)
        if not eventually(lambda: self._find_leader() not in (before, None), timeout=60):
            raise LabError(f"the host {self.name} does not reboot; its console ends:\n{tail(self.console)}")
        return self.wait()

    def down(self) -> None:
        """Stops the host at once and removes every trace of it, in whatever state it is; keeps the packages it downloaded."""
        cgroups.kill(self.label)
        for mount in [*mounts.below(self.directory), *mounts.of_hosts(self.label)]:
            mounts.unmount(mount)
        namespaces.delete(self.label)
        namespaces.unplug(self.label, self.segment.namespace)
        if self.directory.exists():
            packages.keep(self.run.cache, self.suite, self.directory / "upper")
            shutil.rmtree(self.directory)
