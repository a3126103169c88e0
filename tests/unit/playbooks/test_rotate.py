"""rotate_join_token.yml over two boot hosts with engines of their own, all on this machine, against a lab Omni."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest
from support import engine, images
from support.modules import REPOSITORY
from support.secrets import key_texts, seen

pytest_plugins = ["support.omni"]
# Seven runs of playbooks at -vvvv.
pytestmark = pytest.mark.slow

HOSTS = ("boot1", "boot2")
ROTATE = REPOSITORY / "playbooks/rotate_join_token.yml"
PROFILES = "- hosts: all\n  roles: [usableapps.omni_matchbox.talos_boot]\n"


class Hosts:
    """Two boot hosts, each with a folder and the port of its engine."""

    def __init__(self, root: pathlib.Path, releases: pathlib.Path, ports: dict[str, int], omni):
        self.root, self.releases, self.ports, self.omni = root, releases, ports, omni

    def data(self, host: str) -> pathlib.Path:
        return self.root / host / "data"

    def served(self, host: str) -> str:
        return (self.data(host) / "profiles/talos.json").read_text()

    @property
    def revoked(self) -> dict[str, bool]:
        """Name → whether the token is revoked."""
        return {record["name"]: record.get("revoked", False) for record in self.omni.state.read()["tokens"].values()}

    def play(self, playbook: pathlib.Path, *words: str, **more: object) -> subprocess.CompletedProcess:
        """Runs a playbook with further variables; however much it prints, no token and no key is shown."""
        local = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": sys.executable}
        omni = {"omni_matchbox_endpoint": self.omni.server.endpoint, "omni_matchbox_ca_path": str(self.omni.ca_path)}
        boot = {
            "omni_matchbox_classes": {"talos": {"version": "v1.11.4"}},
            "omni_matchbox_release_url": str(self.releases),
            "omni_matchbox_engine_group": "nogroup",
        }
        hosts = {
            host: {
                "omni_matchbox_data_path": str(self.data(host)),
                "omni_matchbox_assets_path": str(self.root / host / "assets"),
                "omni_matchbox_engine_port": port,
            }
            for host, port in self.ports.items()
        }
        inventory = {"all": {"children": {"boot_hosts": {"hosts": hosts, "vars": {**local, **omni, **boot, **more}}}}}
        (self.root / "inventory.json").write_text(json.dumps(inventory))
        program = pathlib.Path(sys.executable).with_name("ansible-playbook")
        process = subprocess.run(
            [program, "-i", self.root / "inventory.json", playbook, "-vvvv", "--diff", *words],
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            env={
                **os.environ,
                "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / "build/collections"),
                "ANSIBLE_HOME": str(self.root / "home"),
                "OMNI_SERVICE_ACCOUNT_KEY": self.omni.key,
            },
        )
        assert seen(process.stdout, *self.omni.state.read()["tokens"], *key_texts(self.omni.key)) == []
        return process

    def write_profiles(self, **more: object) -> None:
        """What the hosts serve before: profiles with the site's token."""
        (self.root / "profiles.yml").write_text(PROFILES)
        made = self.play(self.root / "profiles.yml", **more)
        assert made.returncode == 0, made.stdout

    def rotate(self, *words: str, **more: object) -> subprocess.CompletedProcess:
        """The rotation to a token that is called berlin-2027-1."""
        return self.play(ROTATE, *words, omni_matchbox_rotation_name="berlin-2027-1", **more)


@pytest.fixture
def hosts(omni):
    """Boot hosts that serve nothing yet."""
    with engine.public_folder() as root:
        engine.install(root / "engine")
        (root / "mirror").mkdir()
        release = images.release(root / "mirror", "v1.11.4", "amd64", images.kernel("amd64", seed=1), images.initramfs(seed=2))
        for host in HOSTS:
            (root / host / "data").mkdir(parents=True)
            (root / host / "assets").mkdir()
        data = [root / host / "data" for host in HOSTS]
        with engine.running(root / "engine", data[0], None) as first, engine.running(root / "engine", data[1], None) as second:
            yield Hosts(root, release.parent, dict(zip(HOSTS, (first, second))), omni)


def test_nothing_is_done_before_every_boot_host_answers(hosts):
    """All hosts of an Omni share one new token, and a host whose engine is down stops all of them."""
    hosts.write_profiles()
    working, hosts.ports = hosts.ports, {**hosts.ports, "boot2": 9}
    failed = hosts.rotate()
    assert failed.returncode != 0
    assert "the boot engine does not answer" in failed.stdout
    assert hosts.revoked == {"initial token": False}
    hosts.ports = working
    done = hosts.rotate()
    assert done.returncode == 0, done.stdout
    assert hosts.revoked == {"initial token": True, "berlin-2027-1": False}
    assert all(hosts.omni.state.default_token() in hosts.served(host) for host in HOSTS)


def test_a_boot_host_that_serves_something_else_stops_the_revocation(hosts):
    """The engine of boot2 reads what is not written: the new profile is there, and machines get the old one."""
    hosts.write_profiles()
    hosts.ports["boot2"] = hosts.ports["boot1"]
    (hosts.data("boot1") / "groups/other.json").write_text(json.dumps({"id": "other", "profile": "other", "selector": {"uuid": "1"}}))
    profile = hosts.served("boot1")
    (hosts.data("boot1") / "profiles/other.json").write_text(profile)
    (hosts.data("boot1") / "profiles/other.json").chmod(0o644)
    stopped = hosts.rotate()
    assert stopped.returncode != 0
    assert "group other: siderolink.api is " in stopped.stdout
    assert hosts.revoked == {"initial token": False, "berlin-2027-1": False}


def test_a_site_that_names_its_token_leaves_omnis_default_alone(hosts):
    state = hosts.omni.state
    default, old = state.default_token(), state.create_token("berlin-2026-4")
    hosts.write_profiles(omni_matchbox_join_token_name="berlin-2026-4")
    assert old in hosts.served("boot1")
    done = hosts.rotate(omni_matchbox_join_token_name="berlin-2027-1")
    assert done.returncode == 0, done.stdout
    assert state.default_token() == default
    assert hosts.revoked == {"initial token": False, "berlin-2026-4": True, "berlin-2027-1": False}
