"""A whole site of the lab: boot hosts, a lab Omni, a download server with the stand-in for Talos, and a controller that runs playbooks.

What runs in the boot hosts is real (systemd, nginx, dnsmasq, firewalls, ssh); Omni, Talos and where they are downloaded from are stand-ins.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import re
import subprocess
import sys
import time
from collections.abc import Mapping

from . import bases, cgroups, pki, talos_standin
from .clients import Client
from .downloads import TALOS_RELEASES, put_talos_release
from .hosts import CERTIFICATES, Host
from .omni.state import State
from .run import Run, Service
from .segment import NETWORK, Segment
from .system import REPOSITORY, LabError, command, eventually, last_line

OMNI, DOWNLOADS = f"{NETWORK}.5", f"{NETWORK}.6"
OMNI_NAME, DOWNLOADS_NAME = "omni.lab.example", "downloads.lab.example"
BOOT_HOST = f"{NETWORK}.11"
TALOS_VERSION = "v1.11.4"

# The addresses that a boot host in DHCP mode gives away.
DHCP = {
    "omni_matchbox_dhcp_mode": "dhcp",
    "omni_matchbox_dhcp_range": {"start": f"{NETWORK}.100", "end": f"{NETWORK}.199"},
    "omni_matchbox_dhcp_router": f"{NETWORK}.1",
    "omni_matchbox_dhcp_name_servers": [f"{NETWORK}.1"],
}


@dataclasses.dataclass
class Boot:
    """One boot of a machine; ``join`` is what the machine API was told, None if the machine did not come so far."""

    client: Client
    since: float
    join: dict | None

    @property
    def seconds(self) -> float:
        """From power on to the machine's request to register."""
        return self.join["time"] - self.since

    @property
    def cmdline(self) -> list[str]:
        """The kernel arguments as the machine itself read them."""
        assert self.join, f"{self.client.name} did not ask to register; its console ends:\n{self.client.console[-3000:]}"
        return self.join["cmdline"].split()


class Site:
    """The parts of a site, made one by one or by ``up()``."""

    def __init__(self, run: Run):
        self.run = run
        self.segment = Segment(run)
        self.hosts: dict[str, Host] = {}
        self.pki = run.state / "pki"
        self.omni = State(run.state / "omni")
        self.released = run.state / "released"

    def up(self, suites: Mapping[str, str] | None = None) -> Site:
        """Segment, lab Omni, download server and boot hosts (name → Debian release; addresses from .11 on)."""
        self.segment.up()
        self.start_omni()
        self.start_downloads()
        for suite in set((suites or {}).values()):
            bases.base(self.run, suite)
        for place, (name, suite) in enumerate((suites or {}).items()):
            self.add_host(name, suite, f"{NETWORK}.{11 + place}")
        for host in self.hosts.values():
            host.wait()
        return self

    @property
    def is_up(self) -> bool:
        """Whether the lab Omni and the download server run, started by this process or another."""
        return all(cgroups.populated(self.run.label(name)) for name in ("omni", "downloads"))

    def add_host(self, name: str, suite: str, address: str) -> Host:
        """Boots a host that trusts the lab's authority; ``wait()`` for it before it is used."""
        authority, _key = pki.authority(self.pki)
        host = Host(self.run, self.segment, name, address, suite=suite, files={f"/{CERTIFICATES}/lab.crt": authority.read_text()})
        self.hosts[name] = host.start()
        return host

    def start_omni(self) -> None:
        """The lab Omni with its machine API, an Admin's key and one join token."""
        self.omni = self._start_omni("omni", OMNI, self.pki)

    def add_omni(self, name: str, address: str, machine_port: int = 8090) -> tuple[State, dict[str, str]]:
        """Another lab Omni, with an authority of its own, and the inventory variables of who belongs to it."""
        state = self._start_omni(name, address, self.run.state / f"pki-{name}", machine_port)
        return state, {
            "omni_matchbox_endpoint": f"https://{name}.lab.example",
            "omni_matchbox_service_account_key": service_account_key(state),
            "omni_matchbox_ca_path": str(pki.authority(self.run.state / f"pki-{name}")[0]),
        }

    def _start_omni(self, name: str, address: str, authority: pathlib.Path, machine_port: int = 8090) -> State:
        state = State(self.run.state / name)
        certificate, key = pki.certificate(authority, [f"{name}.lab.example", address])
        self.segment.add_name(f"{name}.lab.example", address)
        self._tool("lab.omni", "init", "--state", state.directory, "--address", address, "--machine-port", machine_port)
        state.set(image_factory_base_url=f"https://{DOWNLOADS}", image_factory_ca=str(pki.authority(self.pki)[0]))
        serve = ["serve", "--state", state.directory, "--address", address, "--machine-port", machine_port, "--certificate", certificate, "--key", key]
        self._serve(name, address, ["lab.omni", *serve])
        return state

    def start_downloads(self) -> None:
        """The download server and Image Factory, with the stand-in published as a Talos release."""
        certificate, key = pki.certificate(self.pki, [DOWNLOADS_NAME, DOWNLOADS])
        self.segment.add_name(DOWNLOADS_NAME, DOWNLOADS)
        self.publish(TALOS_VERSION)
        log = self.run.state / "downloads.jsonl"
        serve = ["--root", self.released, "--address", DOWNLOADS, "--port", 443, "--certificate", certificate, "--key", key, "--log", log]
        self._serve("downloads", DOWNLOADS, ["lab.factory", *serve])

    def publish(self, version: str, architecture: str = "amd64") -> None:
        """Publish the stand-in as the Talos release ``version``, beside what that release has for other architectures."""
        images = talos_standin.of_version(self.run, version, architecture)
        put_talos_release(self.released, version, images / "vmlinuz", images / "initramfs.xz", architecture)

    def _serve(self, name: str, address: str, argv: list) -> None:
        endpoint = self.segment.endpoint(name, address)
        environment = {"PYTHONPATH": str(REPOSITORY / "tests")}
        service = self.run.service(name, [sys.executable, "-m", *argv], namespace=endpoint.namespace, env=environment)
        if not eventually(lambda: "ready" in service.output or not service.running, timeout=20) or not service.running:
            raise LabError(f"{argv[0]} does not start: {last_line(service.output)}")

    def _tool(self, module: str, *words: object) -> str:
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "tests")}
        return command(sys.executable, "-m", module, *words, env=environment).strip()

    @property
    def service_account_key(self) -> str:
        """The key of an account of the lab Omni."""
        return service_account_key(self.omni)

    def account(self, name: str, *words: object) -> str:
        """The key of another account; ``words`` are options of the lab Omni's command ``account``."""
        path = self._tool("lab.omni", "account", "--state", self.omni.directory, name, *words)
        return pathlib.Path(path).read_text().strip()

    def variables(self, **more: object) -> dict:
        """The inventory variables of a site like this one."""
        return {
            "omni_matchbox_endpoint": f"https://{OMNI_NAME}",
            "omni_matchbox_ca_path": str(pki.authority(self.pki)[0]),
            "omni_matchbox_release_url": f"https://{DOWNLOADS_NAME}/{TALOS_RELEASES}",
            "omni_matchbox_factory_url": f"https://{DOWNLOADS_NAME}",
            "omni_matchbox_factory_ca_path": str(pki.authority(self.pki)[0]),
            "omni_matchbox_classes": {"talos": {"version": TALOS_VERSION, "kernel_args": ["console=ttyS0"]}},
            "matchbox_install_method": "embedded",
            **more,
        }

    def inventory(self, variables: Mapping[str, object], hosts: Mapping[str, Mapping[str, object]] | None = None) -> pathlib.Path:
        """Writes the inventory; ``hosts`` holds variables of single hosts (default: all hosts, with none).

        A name in it that is no host of the site stands for one with its variable ``ansible_host``.
        """
        addresses = {name: {"ansible_host": host.address} for name, host in self.hosts.items()}
        hosts = {name: {**addresses.get(name, {}), **own} for name, own in (hosts or dict.fromkeys(self.hosts, {})).items()}
        login = {"ansible_user": "root", "ansible_ssh_private_key_file": str(bases.ssh_key(self.run))}
        path = self.run.state / "inventory.json"
        path.write_text(json.dumps({"all": {"vars": {**login, **variables}, "children": {"boot_hosts": {"hosts": hosts}}}}, indent=2))
        return path

    def ansible(self, program: str, *words: object, environment: Mapping[str, str] | None = None, **options: object) -> subprocess.CompletedProcess:
        """Runs ``ansible-playbook`` or another of Ansible's programs on the segment, as the site's controller does."""
        argv = self._ansible(program, *words)
        return self.segment.exec(argv, check=False, text=True, env=self.environment(environment), **options)

    def ansible_service(self, name: str, program: str, *words: object, environment: Mapping[str, str] | None = None) -> Service:
        """The same in the background, to read its output while it runs; each run needs another ``name``."""
        variables = self.environment(environment)
        unset = [f"--unset={variable}" for variable in os.environ.keys() - variables.keys()]
        return self.run.service(name, ["env", *unset, *self.segment.command(self._ansible(program, *words))], env=variables)

    def _ansible(self, program: str, *words: object) -> list:
        return [str(pathlib.Path(sys.executable).parent / program), "-i", self.run.state / "inventory.json", *words]

    def converge(self, *words: object, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess:
        """Runs site.yml and returns when it has ended, whatever the end was."""
        return self.play(REPOSITORY / "playbooks/site.yml", *words, environment=environment)

    def play(self, playbook: object, *words: object, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess:
        """The same of any playbook."""
        return self.ansible("ansible-playbook", playbook, *words, environment=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def boot(self, name: str, firmware: str, *, timeout: float = 120, **identity: str) -> Boot:
        """Powers a machine on, waits until it has asked to register (or is off, or the time is over) and turns it off."""
        client = Client(self.run, self.segment, name, firmware, **identity)
        since = time.time()
        client.power_on()
        eventually(lambda: self.joins(client.uuid, since) or not client.is_on, timeout)
        eventually(lambda: talos_standin.outcome(client.console) or not client.is_on, 10)
        client.off()
        joins = self.joins(client.uuid, since)
        return Boot(client, since, joins[-1] if joins else None)

    def joins(self, uuid: str, since: float = 0) -> list[dict]:
        """What the machine said each time it asked the lab Omni's machine API to register, accepted or not."""
        return [join for join in self.omni.records("joins.jsonl") if join["uuid"] == uuid and join["time"] >= since]

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """The controller's environment: nothing that the machine sets for other programs decides which certificates are accepted."""
        kept = {name: value for name, value in os.environ.items() if not name.endswith("CA_BUNDLE") and not name.startswith(("SSL_CERT", "ANSIBLE_"))}
        return {
            **kept,
            "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / "build/collections"),
            "ANSIBLE_HOME": str(self.run.state / "ansible"),
            "ANSIBLE_HOST_KEY_CHECKING": "false",
            "ANSIBLE_PIPELINING": "true",
            # Of this run alone: the hosts of all runs have the same addresses.
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.run.sockets),
            "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=60s -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR",
            "ANSIBLE_NOCOLOR": "true",
            "ANSIBLE_PYTHON_INTERPRETER": "auto_silent",
            "OMNI_SERVICE_ACCOUNT_KEY": self.service_account_key,
            **(more or {}),
        }


def service_account_key(omni: State) -> str:
    """The Admin's key that a lab Omni was made with."""
    return (omni.directory / "service-account-key").read_text().strip()


def recap(process: subprocess.CompletedProcess) -> dict[str, dict[str, int]]:
    """The play recap of a run: host → counts (``changed``, ``failed`` …)."""
    lines = process.stdout.rpartition("PLAY RECAP")[2].splitlines()
    counts = {line.split(":")[0].strip(): re.findall(r"(\w+)=(\d+)", line) for line in lines if ":" in line}
    return {host: {name: int(number) for name, number in pairs} for host, pairs in counts.items()}


def changed_tasks(process: subprocess.CompletedProcess) -> list[str]:
    """The names of the tasks that changed something, or would in check mode, in their order."""
    tasks = [said.partition("\n") for said in re.split(r"^TASK \[", process.stdout, flags=re.MULTILINE)[1:]]
    return [name.rpartition("]")[0] for name, _newline, said in tasks if re.search(r"^changed: ", said, re.MULTILINE)]


def succeeded(process: subprocess.CompletedProcess) -> subprocess.CompletedProcess:
    """A run that ended well; what it printed is the error message if it did not."""
    assert process.returncode == 0, process.stdout
    return process
