"""What playbooks leave where somebody could look, kept as files to search: one directory a channel, one file a run or a host."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

from lab import cgroups
from lab.hosts import Host
from lab.site import Site
from lab.system import REPOSITORY

# Gives a command a /dev of its own, in which /dev/log is our socket: what modules on the controller log would else go nowhere or to the machine.
OWN_DEV = """
mount -t overlay dev -o "lowerdir=/dev,upperdir=$1/upper,workdir=$1/work" /dev
mount -t tmpfs shm /dev/shm
mount -t devpts pts /dev/pts
mount --bind "$1/log" /dev/log
shift
exec "$@"
"""

SITE = REPOSITORY / "playbooks/site.yml"


class Evidence:
    """Runs site.yml on a site's controller and records all that can be seen of it.

    The channels are ``output``, ``log`` (ANSIBLE_LOG_PATH), ``retry``, ``facts``, ``temporary``, ``syslog``, ``processes``, ``journals``,
    ``web`` (what the web servers of the lab Omni and of the downloads log; a boot host's own is among its files).
    """

    def __init__(self, site: Site):
        self.site = site
        self.directory = site.run.state / "evidence"
        for name in ("output", "log", "retry", "facts", "temporary", "syslog", "processes", "journals", "web", "dev/upper", "dev/work"):
            (self.directory / name).mkdir(parents=True)
        (self.directory / "dev/upper/log").touch()

    def channel(self, name: str) -> pathlib.Path:
        """The directory of one channel."""
        return self.directory / name

    def converge(self, name: str, *words: object, playbook: pathlib.Path = SITE, fails: bool = False, **settings: str) -> str:
        """Runs site.yml with these words at ``-vvvv --diff``; returns its output.

        ``settings`` are Ansible's own: ``pipelining="false"`` is ANSIBLE_PIPELINING.
        """
        program = pathlib.Path(sys.executable).with_name("ansible-playbook")
        argv = [program, "-i", self.site.run.state / "inventory.json", playbook, "-vvvv", "--diff", *words]
        own_dev = ["sh", "-e", "-c", OWN_DEV, "sh", self.directory / "dev"]
        environment = self.site.environment({**self._environment(name), **{f"ANSIBLE_{key.upper()}": value for key, value in settings.items()}})
        with self._syslog(), Processes(self.site, self.channel("processes")):
            options = {"env": environment, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
            process = self.site.segment.exec([*own_dev, *argv], check=False, **options)
        (self.channel("output") / name).write_text(process.stdout)
        assert bool(process.returncode) == fails, f"{name} ended with {process.returncode}; its output ends:\n{process.stdout[-3000:]}"
        return process.stdout

    def _environment(self, name: str) -> dict[str, str]:
        return {
            "ANSIBLE_LOG_PATH": str(self.channel("log") / name),
            "ANSIBLE_RETRY_FILES_ENABLED": "true",
            "ANSIBLE_RETRY_FILES_SAVE_PATH": str(self.channel("retry")),
            "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(self.channel("facts")),
            "ANSIBLE_HOME": str(self.channel("temporary") / "ansible"),
            "TMPDIR": str(self.channel("temporary")),
        }

    @contextlib.contextmanager
    def _syslog(self) -> Iterator[None]:
        """Keeps what is sent to the controller's /dev/log."""
        log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        directory = os.open(self.directory / "dev", os.O_DIRECTORY)
        log.bind(f"/proc/self/fd/{directory}/log")  # a short path: there is a limit
        thread = threading.Thread(target=_keep, args=(log, self.channel("syslog") / "controller"))
        thread.start()
        try:
            yield
        finally:
            log.connect(f"/proc/self/fd/{directory}/log")
            log.send(b"")
            thread.join()
            log.close()
            os.close(directory)
            (self.directory / "dev/log").unlink()

    def collect(self) -> None:
        """What is kept elsewhere: the journals of the hosts, the logs of web servers."""
        for log in (self.site.omni.directory / "access.log", self.site.run.state / "downloads.jsonl"):
            shutil.copy(log, self.channel("web"))
        for host in self.site.hosts.values():
            journal = subprocess.run(host.command(["journalctl", "--output=export", "--all", "--no-pager"]), capture_output=True, check=True)
            (self.channel("journals") / host.name).write_bytes(journal.stdout)


def _keep(log: socket.socket, path: pathlib.Path) -> None:
    with path.open("ab") as file:
        while message := log.recv(65536):
            file.write(message + b"\n")


class Processes:
    """While it is entered, looks again and again at the arguments of all processes of hosts and controller, and at the environments of the hosts'.

    The controller's environment is left out: that is where a service-account key belongs.
    """

    PARTS = {"controller": ("cmdline",)}

    def __init__(self, site: Site, directory: pathlib.Path):
        self._groups = {"controller": site.run.label("exec"), **{host.name: host.label for host in site.hosts.values()}}
        self._directory = directory
        self._seen: dict[str, set[bytes]] = {name: set() for name in self._groups}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Processes:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._over.set()
        self._thread.join()
        for name, seen in self._seen.items():
            with (self._directory / name).open("ab") as file:
                file.write(b"\n".join(sorted(seen)))

    def _look(self) -> None:
        while not self._over.wait(0.05):
            for name, group in self._groups.items():
                for pid in cgroups.processes(group):
                    for part in self.PARTS.get(name, ("cmdline", "environ")):
                        with contextlib.suppress(OSError):  # it has ended
                            self._seen[name].add(pathlib.Path(f"/proc/{pid}/{part}").read_bytes())


def host_files(host: Host) -> list[pathlib.Path]:
    """Where all files of a host are that are not in its base system: the upper layer of its disk, and what it has in memory."""
    return [host.directory / "upper", *(pathlib.Path(f"/proc/{host.leader}/root") / name for name in ("tmp", "run", "dev/shm"))]
