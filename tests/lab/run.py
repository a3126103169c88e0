"""A run of the lab: everything that one test session or one `lab up` makes, found and removed by its name.

Every cgroup and network namespace that a run makes is called RUN-something, its mounts lie below its state directory. So
`Run(name).clean()` needs nothing but the name, also after the process that made it was killed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence

from . import cgroups, mounts, namespaces, owners, packages
from .system import LabError, eventually, last_line, locked, read, require

SOCKETS = pathlib.Path("/run/lab")  # however deep the repository lies: the path of a socket has 107 characters at most


@dataclasses.dataclass
class Service:
    """A background process of a run, with all of its children."""

    group: str
    log: pathlib.Path
    process: subprocess.Popen

    @property
    def running(self) -> bool:
        """Whether any process of the service is there."""
        return self.process.poll() is None or cgroups.populated(self.group)

    @property
    def output(self) -> str:
        """What it printed so far."""
        return read(self.log)

    def stop(self) -> None:
        """Ends it at once."""
        cgroups.kill(self.group)
        self.process.wait()


class Run:
    """One run. Making the object touches nothing; ``start()`` (or ``with``) does.

    ``cache`` holds base systems, packages and images for all runs (default: $LAB, else build/lab of the repository),
    ``state`` the consoles, logs and overlays of this one. A ``kept`` run outlives the process that made it; others are
    removed by the next start of any run.
    """

    def __init__(self, name: str | None = None, cache: str | os.PathLike | None = None, *, kept: bool = False):
        self.cache = owners.cache_directory(cache)
        self.name = name or owners.default_name(self.cache, "" if kept else f"p{os.getpid()}")
        self.kept = kept
        if not re.fullmatch("[a-z0-9]{1,24}", self.name):
            raise LabError(f"a run cannot be called '{self.name}': 1 to 24 small letters and digits")
        self.state = self.cache / "run" / self.name
        self.services: dict[str, Service] = {}

    def __enter__(self) -> Run:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if not self.kept:
            self.clean()

    def keep(self) -> None:
        """From now on the run outlives this process."""
        owners.record(self.state, owners.KEPT)
        self.kept = True

    def start(self) -> Run:
        """Removes runs whose owner is gone, then begins this one; a kept run that is there goes on."""
        require()
        with locked(self.cache / "run.lock"):
            _clean_dead(self.cache)
            owner = owners.recorded(self.state)
            if not (owner == owners.KEPT and self.kept):
                if owners.alive(owner):
                    raise LabError(f"the run {self.name} is in use ({owner}): clean it or choose another name")
                self.clean()
                owners.record(self.state, owners.KEPT if self.kept else owners.current())
        return self

    @property
    def sockets(self) -> pathlib.Path:
        """A directory for sockets of the run."""
        directory = SOCKETS / self.label("sockets")
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return directory

    @property
    def started(self) -> bool:
        """Whether the run is there, made by this process or another."""
        return bool(owners.recorded(self.state))

    def label(self, name: str) -> str:
        """What ``name`` of this run is called on the machine: its cgroup, its network namespace."""
        if not re.fullmatch("[a-z0-9-]+", name):
            raise LabError(f"nothing in a run can be called '{name}': small letters, digits and dashes")
        return f"{self.name}-{name}"

    def service(
        self,
        name: str,
        argv: Sequence[object],
        *,
        namespace: str | None = None,
        env: Mapping[str, str] | None = None,
        log: pathlib.Path | None = None,
    ) -> Service:
        """Starts a background process in a network namespace; its output goes to ``log`` or NAME.log in the state directory.

        ``env`` is added to the environment. The process is in its cgroup before it is ``argv``: cleaning finds it at any moment.
        """
        if cgroups.populated(self.label(name)):
            raise LabError(f"{name} runs already in the run {self.name}")
        words = [str(word) for word in argv]
        if namespace:
            # Not `ip netns exec`: its own mount namespace would hold other runs' mounts after they are unmounted.
            words = ["nsenter", f"--net={namespaces.NAMED / namespace}", *words]
        words, entry = self._entering(name, words)
        log = log or self.state / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                words,
                env={**os.environ, **(env or {}), **entry},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.services[name] = Service(self.label(name), log, process)
        return self.services[name]

    def command(self, name: str, argv: Sequence[object], *, check: bool = True, **options: object) -> subprocess.CompletedProcess:
        """Runs a command in the foreground, in the cgroup of ``name``; ``options`` are those of subprocess.run."""
        words, entry = self._entering(name, [str(word) for word in argv])
        environment = options.pop("env", None) or os.environ
        process = subprocess.run(words, env={**environment, **entry}, check=False, **options)
        if check and process.returncode:
            said = last_line(process.stderr or process.stdout or "") if options.get("text") else ""
            raise LabError(f"{shlex.join(map(str, argv))}: exit status {process.returncode} {said}".rstrip())
        return process

    def _entering(self, name: str, words: list[str]) -> tuple[list[str], dict[str, str]]:
        cgroups.create(self.label(name))
        return cgroups.entering(self.label(name), words)

    def leftovers(self) -> list[str]:
        """What of the run is on the machine, apart from its state directory, as lines to show."""
        prefix = f"{self.name}-"
        return [
            *(f"cgroup {group}" for group in cgroups.named(prefix)),
            *(f"mount {mount}" for mount in self._mounts()),
            *(f"namespace {namespace}" for namespace in namespaces.named(prefix)),
            *(f"directory {directory}" for directory in _directories(prefix)),
        ]

    def clean(self) -> None:
        """Removes all that carries the run's name, whoever made it and whatever state it is in; keeps downloaded packages.

        Again if need be: a command that a killed owner had just started may still be ending.
        """
        require(())
        for _attempt in range(5):
            self._remove()
            if not self.leftovers():
                break
            eventually(lambda: not self.leftovers(), timeout=0.2)
        for service in self.services.values():
            service.process.wait()
        self.services.clear()
        if left := self.leftovers():
            raise LabError(f"of the run {self.name} there cannot be removed: {', '.join(left)}")
        while self.state.exists():
            with contextlib.suppress(FileNotFoundError):  # another process cleans the same run
                for host in self.state.glob("hosts/*/suite"):
                    packages.keep(self.cache, host.read_text(), host.parent / "upper")
                shutil.rmtree(self.state)

    def _mounts(self) -> list[str]:
        return mounts.below(self.state) + mounts.of_hosts(f"{self.name}-[^/]+")

    def _remove(self) -> None:
        prefix = f"{self.name}-"
        for group in cgroups.named(prefix):
            cgroups.kill(group)
        for mount in self._mounts():
            mounts.unmount(mount)
        for namespace in namespaces.named(prefix):
            namespaces.delete(namespace)
        for directory in _directories(prefix):
            shutil.rmtree(directory, ignore_errors=True)


def clean_dead(cache: str | os.PathLike | None = None) -> list[str]:
    """Removes the runs whose owner is gone; gives their names."""
    require(())
    cache = owners.cache_directory(cache)
    with locked(cache / "run.lock"):
        return _clean_dead(cache)


def _clean_dead(cache: pathlib.Path) -> list[str]:
    names = owners.dead(cache)
    for name in names:
        Run(name, cache).clean()
    return names


def _directories(prefix: str) -> list[pathlib.Path]:
    """What the tools of the lab keep by name: sockets, resolv.conf of a namespace, systemd-nspawn's directory of a host."""
    places = [SOCKETS, namespaces.CONFIGURATION, *mounts.NSPAWN.glob("*")]
    return [path for place in places for path in sorted(place.glob(f"{prefix}*"))]
