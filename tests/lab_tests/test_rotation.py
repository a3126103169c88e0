"""The join token is replaced under machines that boot: nobody is stranded, and nothing is revoked before everybody can do without it."""

from __future__ import annotations

import pathlib
import re
import shlex
import sys

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.boot.kernel_args import token_hash
from lab.clients import Client
from lab.omni.state import parse_time, show_time
from lab.segment import NETWORK
from lab.site import DHCP, OMNI, TALOS_VERSION, Site, recap, succeeded
from lab.system import REPOSITORY, eventually

ROTATE = "usableapps.omni_matchbox.rotate_join_token"
NAME = "berlin-2027-1"
NAMED = ("-e", f"omni_matchbox_rotation_name={NAME}")
PREVIEW, PREPARE, NOW = ("--check",), ("--tags", "prepare"), ("-e", "omni_matchbox_rotation_force=true")
WAIT = ("-e", "omni_matchbox_rotation_wait=3600")
NOTE = "var/lib/matchbox/.omni-matchbox/replaced-join-tokens.json"
DOWN = {"boot1": {}, "boot2": {"ansible_host": f"{NETWORK}.99"}}
INSTALLED = "10001802-c798-4da7-a410-f09abb48c8d8"

# Of those that change something, and of what follows them.
STEPS = [
    "Look which join token machines boot with",
    "Make the new join token",
    "Note which join token is being replaced",
    "talos_boot : Ask Omni",
    "talos_boot : Write profiles and groups",
    "Look what machines boot with now",
    "Revoke the old join token",
    "Look at the join tokens again",
    "Forget the old join token",
]

JOIN = """
import sys, urllib.request
url, token = sys.argv[1:]
urllib.request.urlopen(urllib.request.Request(url, f"token={token}\\nuuid=10001802-c798-4da7-a410-f09abb48ffff\\ncmdline=\\n".encode()))
"""


class Rotation:
    """A site in DHCP mode, of which one machine waits in RAM, one was installed, and one is off after it has registered."""

    def __init__(self, site: Site):
        self.site, self.omni = site, site.omni
        site.inventory(self.variables())
        succeeded(site.converge())
        self.old = self.omni.default_token()
        self.waiting = Client(site.run, site.segment, "waiting", "bios").power_on()
        self.off = site.boot("off", "bios").client
        assert eventually(lambda: site.joins(self.waiting.uuid), 120), self.waiting.console
        with self.omni.change() as content:
            # Omni gives a machine that is installed a token of its own.
            content["machines"][INSTALLED] = {**content["machines"][self.off.uuid], "token": "of its own"}

    def variables(self, **more: object) -> dict:
        classes = {"talos": {"version": TALOS_VERSION, "kernel_args": ["console=ttyS0", "lab.stay"]}}
        return self.site.variables(**DHCP, omni_matchbox_classes=classes, **more)

    def run(self, *words: str, **options):
        return self.site.play(ROTATE, *NAMED, *words, **options)

    @property
    def tokens(self) -> dict[str, dict]:
        return self.omni.read()["tokens"]

    @property
    def served(self) -> str:
        return (self.site.hosts["boot1"].root / "var/lib/matchbox/profiles/talos.json").read_text()


def interrupt(site: Site, name: str, task: str, *words: str) -> None:
    """A rotation that is killed (signal 9) with all its processes as soon as it says that a task begins."""
    run = site.ansible_service(name, "ansible-playbook", ROTATE, *words)
    assert eventually(lambda: task in run.output or not run.running, timeout=120)
    assert run.process.poll() is None, run.output
    run.stop()


@pytest.fixture(scope="module")
def rotation(lab_run):
    return Rotation(Site(lab_run).up({"boot1": "bookworm"}))


def test_a_preview_says_what_would_happen_and_changes_nothing(rotation):
    before = rotation.omni.read()["tokens"], rotation.omni.default_token(), rotation.served
    text = succeeded(rotation.run(*PREVIEW)).stdout
    assert (rotation.omni.read()["tokens"], rotation.omni.default_token(), rotation.served) == before
    assert f"{NAME} (yet to be made)" in text
    assert token_hash(rotation.old) in text
    assert rotation.waiting.uuid in text
    assert rotation.off.uuid in text
    assert INSTALLED not in text


def test_a_reader_cannot_rotate(rotation):
    key = rotation.site.account("reader", "--role", "Reader")
    process = rotation.run(environment={"OMNI_SERVICE_ACCOUNT_KEY": key})
    assert process.returncode != 0
    assert "Admin" in process.stdout
    assert list(rotation.tokens) == [rotation.old]


def test_part_of_the_boot_hosts_is_refused(rotation):
    rotation.site.inventory(rotation.variables(), DOWN)
    process = rotation.run("--limit", "boot1")
    assert process.returncode != 0
    assert "run it without --limit. Left out: boot2" in process.stdout
    assert list(rotation.tokens) == [rotation.old]


def test_a_run_that_was_interrupted_is_prepared_by_the_next_one(rotation):
    rotation.site.inventory(rotation.variables())
    interrupt(rotation.site, "killed", "talos_boot : Write profiles and groups", *NAMED)
    succeeded(rotation.run(*PREPARE))
    assert [record["name"] for record in rotation.tokens.values()].count(NAME) == 1
    new = rotation.omni.default_token()
    assert rotation.tokens[new]["name"] == NAME
    assert new in rotation.served
    assert not rotation.tokens[rotation.old].get("revoked")


def test_nothing_is_revoked_while_machines_have_nothing_else(rotation):
    process = rotation.run()
    assert process.returncode != 0
    message = re.search(r"is all that 2 machines have to be let in with \(([^)]*)\)", process.stdout)
    assert message, process.stdout
    assert set(message[1].split(", ")) == {rotation.waiting.uuid, rotation.off.uuid}
    assert not rotation.tokens[rotation.old].get("revoked")


def test_a_machine_that_was_off_boots_with_the_new_token(rotation):
    off = rotation.off
    boot = rotation.site.boot("off", "bios", mac=off.mac, uuid=off.uuid)
    assert (boot.join["accepted"], boot.join["token"]) == (True, rotation.omni.default_token())


def test_nothing_is_revoked_while_a_boot_host_is_down(rotation):
    rotation.site.inventory(rotation.variables(), DOWN)
    process = rotation.run(*NOW)
    assert process.returncode != 0
    assert recap(process)["boot2"]["unreachable"] == 1
    assert "Revoke the old join token" not in process.stdout
    assert not rotation.tokens[rotation.old].get("revoked")


def test_it_waits_for_the_machines_and_then_revokes(rotation):
    rotation.site.inventory(rotation.variables())
    host, waiting = rotation.site.hosts["boot1"], rotation.waiting
    run = rotation.site.ansible_service("waiting", "ansible-playbook", ROTATE, *NAMED, *WAIT)
    assert eventually(lambda: "FAILED - RETRYING" in run.output or not run.running, 120)
    assert waiting.is_on
    assert waiting.uuid in run.output
    waiting.power_on()
    assert eventually(lambda: not run.running, 240)
    assert run.process.returncode == 0, run.output
    assert [record["name"] for record in rotation.tokens.values() if not record.get("revoked")] == [NAME]
    assert not (host.root / NOTE).exists()


def test_nothing_that_was_connected_is_dropped(rotation):
    seen = {uuid: machine["seen"] for uuid, machine in rotation.omni.read()["machines"].items()}
    assert eventually(lambda: rotation.omni.read()["machines"][rotation.waiting.uuid]["seen"] > seen[rotation.waiting.uuid], 30)
    assert rotation.waiting.is_on
    assert set(seen) == {rotation.waiting.uuid, rotation.off.uuid, INSTALLED}


def test_who_kept_the_old_token_is_refused(rotation):
    refused = rotation.site.segment.exec([sys.executable, "-c", JOIN, f"http://{OMNI}:8090/lab/join", rotation.old], check=False)
    assert refused.returncode != 0
    assert not rotation.omni.records("joins.jsonl")[-1]["accepted"]


def test_another_run_changes_nothing(rotation):
    """The rotation is over: what is Omni's default now is not replaced by itself."""
    assert recap(succeeded(rotation.run()))["boot1"]["changed"] == 0


def test_it_revokes_at_once_if_told_to(rotation):
    replaced = rotation.omni.default_token()
    succeeded(rotation.site.play(ROTATE, "-e", "omni_matchbox_rotation_name=berlin-2027-2", *NOW))
    assert rotation.tokens[replaced]["revoked"]
    assert rotation.tokens[rotation.omni.default_token()]["name"] == "berlin-2027-2"


def test_a_token_that_ends_soon_is_said_and_renewed_if_that_is_wanted(rotation):
    token = rotation.omni.default_token()
    ends = show_time(rotation.omni.clock() + 5 * 86400)
    with rotation.omni.change() as content:
        content["tokens"][token]["expiration_time"] = ends
    plain = succeeded(rotation.site.converge("--tags", "talos_boot"))
    assert f"join token {token_hash(token)} ends at {ends}" in re.sub(r"\s+", " ", plain.stdout)
    assert (recap(plain)["boot1"]["changed"], rotation.tokens[token]["expiration_time"]) == (0, ends)
    renewing = succeeded(rotation.site.converge("--tags", "talos_boot", "-e", '{"omni_matchbox_token_renew": true}'))
    assert recap(renewing)["boot1"]["changed"] == 1
    assert rotation.tokens[token]["expiration_time"] == show_time(parse_time(ends) + 90 * 86400)


@pytest.mark.slow
def test_it_can_be_interrupted_at_each_step(rotation):
    """At any moment machines boot with a token that is good, and the next run does what is left."""
    rotation.waiting.off()
    with rotation.omni.change() as content:
        content["machines"].clear()
    for number, task in enumerate(STEPS):
        old, name = rotation.omni.default_token(), f"step-{number}"
        named = ("-e", f"omni_matchbox_rotation_name={name}")
        interrupt(rotation.site, f"killed-{number}", task, *named)
        assert [record.get("revoked", False) for token, record in rotation.tokens.items() if token in rotation.served] == [False]
        succeeded(rotation.site.play(ROTATE, *named))
        tokens, new = rotation.tokens, rotation.omni.default_token()
        assert [token for token, record in tokens.items() if record["name"] == name] == [new]
        assert [token for token in tokens if token in rotation.served] == [new]
        assert (tokens[old]["revoked"], tokens[new].get("revoked", False)) == (True, False)
        assert not (rotation.site.hosts["boot1"].root / NOTE).exists()


def test_after_omni_was_redeployed_one_run_has_machines_join_the_new_one(rotation):
    omni, variables = rotation.site.add_omni("redeployed", f"{NETWORK}.8", machine_port=18090)
    omni.set(events_port=18091, logs_port=18092)
    rotation.site.inventory(rotation.variables(**variables))
    succeeded(rotation.site.converge())
    client = Client(rotation.site.run, rotation.site.segment, "redeployed", "bios").power_on()
    assert eventually(lambda: client.uuid in omni.read()["machines"] or not client.is_on, 120), client.console
    client.off()
    (joined,) = omni.records("joins.jsonl")
    assert (joined["accepted"], joined["token"]) == (True, omni.default_token())
    for argument in (f"siderolink.api=grpc://{NETWORK}.8:18090?", "talos.events.sink=[fdae:41e4:649b:9303::1]:18091", ":18092"):
        assert argument in joined["cmdline"]


def test_the_guide_has_the_commands_that_were_run():
    guide = pathlib.Path(REPOSITORY / "docs/guide.md").read_text()
    start = ["ansible-playbook", "-i", "inventory.yml", ROTATE, *NAMED]
    shown = [shlex.split(line) for line in re.findall(rf"^    (ansible-playbook .*{ROTATE}.*)$", guide, re.MULTILINE)]
    assert shown == [[*start, *words] for words in (PREVIEW, PREPARE, (), WAIT, NOW)]
