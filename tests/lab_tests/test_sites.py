"""Several boot hosts in one run: each belongs to its Omni, its machines boot what was said of them, and what else runs there stays as it was.

``boot1`` and ``boot3`` belong to one Omni, ``boot2`` to another; ``boot1`` boots by the profile of a site that began by hand; ``boot3`` was a
web server and a name server before.
"""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import json

import pytest
from lab import foreign
from lab.clients import random_mac
from lab.hosts import Host
from lab.omni.resources import join_arguments
from lab.omni.state import State
from lab.segment import NETWORK
from lab.site import TALOS_VERSION, Boot, Site, succeeded
from lone import alone
from support.seed import SEED_CLASS, SEED_JOIN_ARGS, SEED_PROFILE
from support.visitor import Visitor

NEXT_VERSION = "v1.12.0"
MAC, UUID = random_mac(), "0f2d6c5a-6f3e-4a57-9b53-0b1a4e6f7d20"
CLASSES = {
    "talos": {**SEED_CLASS, "default": True},
    "next": {"version": NEXT_VERSION, "kernel_args": ["console=ttyS0"]},
}
MACHINES = {"by-mac": {"mac": MAC.upper().replace(":", "-"), "class": "next"}, "by-uuid": {"uuid": UUID.upper(), "class": "next"}}

# Once per question: Omni's mode, the arguments, the state of the token, and for each set of classes the versions that it supports.
ASKED_ONCE = {"Get": 2, "GetMachineJoinConfig": 1, "List": 1}
ASKED_FOR_TWO_SETS = {**ASKED_ONCE, "List": 2}

OWNERS_FILES = {
    "/var/www/html/index.html": "the owner's default page\n",
    "/etc/nginx/sites-enabled/shop": 'server { listen 80; server_name shop.example; location / { return 200 "the owner\'s shop\\n"; } }\n',
    "/etc/dnsmasq.d/owner.conf": "address=/printer.example/192.0.2.5\n",
}
OWNERS_PLACES = ("etc/nginx", "etc/dnsmasq.d", "etc/dnsmasq.conf", "etc/default/dnsmasq", "var/www")
OURS = {"etc/nginx/conf.d/omni-matchbox.conf", "etc/nginx/omni-matchbox.crt", "etc/nginx/omni-matchbox.key"}


@dataclasses.dataclass
class Sites:
    """The boot hosts with the Omnis that they belong to."""

    site: Site
    second: State
    hosts: dict[str, dict]
    owners: dict
    first_run: list[dict[str, int]] = dataclasses.field(default_factory=list)

    @property
    def first(self) -> State:
        return self.site.omni

    def omni_of(self, name: str) -> State:
        return self.second if name == "boot2" else self.first

    def asked_by(self, *words: str) -> list[dict[str, int]]:
        """What a run of site.yml asks the first and the second Omni, by method."""
        omnis = (self.first, self.second)
        before = [collections.Counter(omni.request_counts()) for omni in omnis]
        succeeded(self.site.converge(*words))
        return [dict(collections.Counter(omni.request_counts()) - old) for omni, old in zip(omnis, before)]

    def join_args(self, name: str) -> list[str]:
        """The three arguments in the default profile of a boot host."""
        profile = json.loads((self.site.hosts[name].root / "var/lib/matchbox/profiles/talos.json").read_text())
        return profile["boot"]["args"][-3:]


def arguments(omni: State) -> list[str]:
    return join_arguments(omni.read(), omni.default_token(), False)


def owners_state(host: Host) -> dict:
    """The owner's files, and which processes serve them."""
    paths = [path for place in OWNERS_PLACES for path in [host.root / place, *(host.root / place).rglob("*")] if path.is_file()]
    names = {str(path.relative_to(host.root)): path.read_bytes() for path in paths}
    services = host.exec(["systemctl", "show", "--property=Id,MainPID,InvocationID", "nginx", "dnsmasq"]).stdout
    return {"services": services, **{name: content for name, content in names.items() if name not in OURS}}


@pytest.fixture(scope="module")
def sites(lab_run):
    """All after the first run, in which every host is made."""
    site = Site(lab_run).up({"boot1": "bookworm", "boot2": "trixie", "boot3": "bookworm"})
    site.publish(NEXT_VERSION)
    second, variables = site.add_omni("second", f"{NETWORK}.7")
    owned = site.hosts["boot3"]
    owned.exec(["apt-get", "-qq", "update"])
    owned.exec(["apt-get", "-qq", "-y", "install", "--no-install-recommends", "nginx-light", "dnsmasq"])
    for path, content in OWNERS_FILES.items():
        owned.write(path, content)
    owned.exec(["systemctl", "restart", "nginx", "dnsmasq"])
    hosts = {"boot1": {"omni_matchbox_classes": CLASSES, "omni_matchbox_machines": MACHINES}, "boot2": variables, "boot3": {}}
    sites = Sites(site, second, hosts, owners_state(owned))
    site.inventory(site.variables(), hosts)
    sites.first_run = sites.asked_by()
    foreign.start(lab_run, site.segment)
    return sites


def test_each_omni_is_asked_once_for_all_its_hosts(sites):
    assert sites.first_run == [ASKED_FOR_TWO_SETS, ASKED_ONCE]


@pytest.mark.parametrize("name", ["boot1", "boot2", "boot3"])
def test_each_host_has_the_parameters_of_its_omni(sites, name):
    assert arguments(sites.first) != arguments(sites.second)
    assert sites.join_args(name) == arguments(sites.omni_of(name))


def test_a_machine_registers_with_the_omni_of_its_boot_host(sites):
    with alone(sites.site, "boot2"):
        boot = sites.site.boot("second", "bios")
    joined = [join for join in sites.second.records("joins.jsonl") if join["uuid"] == boot.client.uuid]
    assert [(join["accepted"], join["token"]) for join in joined] == [(True, sites.second.default_token())], boot.client.console
    assert sites.first.records("joins.jsonl") == []


def test_three_hosts_of_one_omni_ask_it_once(sites):
    sites.site.inventory(sites.site.variables(), {**sites.hosts, "boot2": {}})
    assert sites.asked_by("--tags", "talos_boot") == [ASKED_FOR_TWO_SETS, {}]
    assert sites.join_args("boot2") == arguments(sites.first)


def test_a_limited_run_asks_only_the_omni_of_that_host(sites):
    sites.site.inventory(sites.site.variables(), sites.hosts)
    assert sites.asked_by("--tags", "talos_boot", "--limit", "boot2") == [{}, ASKED_ONCE]
    assert sites.join_args("boot2") == arguments(sites.second)


def test_a_site_that_began_by_hand_has_its_profile_byte_for_byte(sites):
    expected = SEED_PROFILE
    for old, new in zip(SEED_JOIN_ARGS, arguments(sites.first)):
        expected = expected.replace(old, new)
    host = sites.site.hosts["boot1"]
    assert (host.root / "var/lib/matchbox/profiles/talos.json").read_bytes() == expected.encode()
    for name in ("vmlinuz", "initramfs.xz"):
        link = host.root / "var/lib/matchbox/assets/talos" / name
        assert link.is_symlink()
        assert link.resolve() == link.parent / TALOS_VERSION / name
        assert link.stat().st_size > 0


@pytest.fixture(scope="module")
def boots(sites) -> dict[str, Boot]:
    """Three machines at the same time: one that nobody named, one named by its MAC address, one by its UUID."""
    identities = {"nobody": {}, "by-mac": {"mac": MAC}, "by-uuid": {"uuid": UUID}}
    with alone(sites.site, "boot1"), concurrent.futures.ThreadPoolExecutor() as pool:
        started = {name: pool.submit(sites.site.boot, name, "bios", **identity) for name, identity in identities.items()}
        return {name: boot.result() for name, boot in started.items()}


def test_a_machine_boots_by_the_profile_that_was_begun_by_hand(sites, boots):
    boot = boots["nobody"]
    assert boot.cmdline == [*SEED_CLASS["kernel_args_exact"], *arguments(sites.first)]
    assert boot.join["accepted"]


@pytest.mark.parametrize("name", ["by-mac", "by-uuid"])
def test_named_machines_boot_the_class_that_they_were_given(boots, name):
    boot = boots[name]
    assert boot.cmdline
    assert (boot.join["talos_version"], boot.join["accepted"]) == (NEXT_VERSION, True)
    assert f"/assets/talos/{NEXT_VERSION}/vmlinuz" in boot.client.console


def test_the_owners_web_site_and_name_server_go_on_untouched(sites):
    host, visitor = sites.site.hosts["boot3"], Visitor(sites.site.segment)
    assert owners_state(host) == sites.owners
    assert visitor.resolve(host.address, "printer.example") == "192.0.2.5"
    assert visitor.get(host.address, "/", headers={"Host": "shop.example"}).body == b"the owner's shop\n"
    assert visitor.get(host.address, "/", headers={"Host": "other.example"}).body == b"the owner's default page\n"
    assert visitor.get(host.address, "/boot.ipxe").body.startswith(b"#!ipxe\n")
    assert visitor.get(host.address, "/").headers["location"] == f"https://{host.address}/"
