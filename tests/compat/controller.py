"""A host of the lab as the controller of a site: its own Python with an ansible-core that is not the one of build/venv."""

from __future__ import annotations

import dataclasses
import pathlib
import re
import shutil
import subprocess
import sys

from lab import bases
from lab.hosts import CERTIFICATES, Host
from lab.site import Site
from lab.system import REPOSITORY, command, locked

HOME = pathlib.PurePosixPath("/root/omni_matchbox")
VENV = pathlib.PurePosixPath("/root/venv")
WHEELS = pathlib.PurePosixPath("/root/wheels")
KEY = pathlib.PurePosixPath("/root/.ssh/id_ed25519")
COLLECTIONS = "build/collections/ansible_collections"

# What the tests start: certificates, packet filters, clocks, processes.
PACKAGES = ("python3-venv", "openssl", "nftables", "faketime", "openssh-client")


@dataclasses.dataclass(frozen=True)
class Core:
    """A release of ansible-core and the Debian release whose Python it runs on."""

    version: str
    suite: str
    python: str

    @property
    def requirements(self) -> list[str]:
        """What the controller installs: besides ansible-core the same as build/venv, as far as the tests need it."""
        needed = re.compile(r"(gunicorn|hypothesis|prometheus_client|pysequoia|pytest|pytest-xdist|requests)==")
        pinned = (REPOSITORY / "tests/requirements.txt").read_text().splitlines()
        return [f"ansible-core=={self.version}", *filter(needed.match, pinned)]

    def wheels(self) -> pathlib.Path:
        """The folder with all of them, got by the Python of this process, which knows the way to the package index."""
        folder = REPOSITORY / "build/compat" / self.version
        stamp = folder / "stamp"
        wanted = "\n".join([self.python, *self.requirements])
        with locked(folder.with_name(f"{self.version}.lock")):
            if not stamp.exists() or stamp.read_text() != wanted:
                shutil.rmtree(folder, ignore_errors=True)
                options = ["--quiet", "--only-binary", ":all:", "--python-version", self.python, "--dest", folder]
                command(sys.executable, "-m", "pip", "download", "--disable-pip-version-check", *options, *self.requirements)
                stamp.write_text(wanted)
        return folder


class Controller:
    """A host that runs playbooks and unit tests from a copy of the repository."""

    def __init__(self, site: Site, host: Host, core: Core):
        self.site, self.host, self.core = site, host, core

    def install(self) -> Controller:
        """Puts the repository, the virtual environment and the lab's key into the host."""
        self._copy_repository()
        shutil.copytree(self.core.wheels(), self.path(WHEELS))
        key = self.path(KEY)
        shutil.copyfile(bases.ssh_key(self.site.run), key)
        key.chmod(0o600)
        self.host.exec(["apt-get", "-qq", "update"])
        self.host.exec(["apt-get", "-qq", "-y", "install", "--no-install-recommends", *PACKAGES])
        self.host.exec(["python3", "-m", "venv", VENV])
        self.host.exec([VENV / "bin/pip", "install", "--quiet", "--no-index", f"--find-links={WHEELS}", *self.core.requirements])
        return self

    def path(self, inside: pathlib.PurePosixPath) -> pathlib.Path:
        """Where the machine sees a path of the host."""
        return self.host.root / str(inside).lstrip("/")

    def _copy_repository(self) -> None:
        names = command("git", "-C", REPOSITORY, "ls-files", "--cached", "--others", "--exclude-standard").splitlines()
        target = self.path(HOME)
        for name in names:
            if (REPOSITORY / name).is_file():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(REPOSITORY / name, target / name)
        shutil.copytree(REPOSITORY / COLLECTIONS / "ansible", target / COLLECTIONS / "ansible")
        (target / COLLECTIONS / "usableapps").mkdir()
        (target / COLLECTIONS / "usableapps/omni_matchbox").symlink_to("../../../..")

    def run(self, program: str, *words: object) -> subprocess.CompletedProcess:
        """Runs a program of the virtual environment in the repository; what it said on standard error is with what it printed."""
        settings = {name: value for name, value in self.site.environment().items() if name.startswith(("ANSIBLE_", "OMNI_"))}
        settings |= {
            "ANSIBLE_COLLECTIONS_PATH": HOME / "build/collections",
            "ANSIBLE_HOME": "/root/ansible",
            "ANSIBLE_DEPRECATION_WARNINGS": "true",
            "PATH": f"{VENV}/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        }
        variables = [f"{name}={value}" for name, value in settings.items()]
        argv = ["env", f"--chdir={HOME}", *variables, program, *words]
        return subprocess.run(self.host.command(argv), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)

    def converge(self, variables: dict) -> subprocess.CompletedProcess:
        """Runs site.yml on the boot hosts of the site."""
        own = {"ansible_ssh_private_key_file": str(KEY), "omni_matchbox_ca_path": f"/{CERTIFICATES}/lab.crt"}
        inventory = self.site.inventory({**variables, **own}, hosts={"boot1": {}})
        self.host.write(f"{HOME}/inventory.json", inventory.read_text())
        return self.run("ansible-playbook", "-i", "inventory.json", "playbooks/site.yml")
