"""No join token and no service-account key is seen by anybody but Omni, Ansible's own process, the boot engine and the machines.

One story on two boot hosts, of which everything is recorded that anybody could look at: a first run, a machine that boots, a run without
a change, a rotation (previewed, refused for that machine's sake, done without pipelining), all that can be done with secrets by modules
(omni_secrets.yml), and a run in which every host fails in another way. ``boot1`` asks Omni; for ``boot2`` somebody has pasted the join
arguments into the inventory, and those of another Omni into a profile.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import pathlib
import stat

import pytest
from evidence import Evidence, host_files
from lab.omni import resources
from lab.omni.state import new_token
from lab.site import DHCP, TALOS_VERSION, Site
from lab.system import REPOSITORY
from support.secrets import holders, key_texts

CALLBACKS = {"default": "ansible.builtin.default", "json": "ansible.posix.json"}

# What can be seen, and a text that is there: so we have really looked.
CHANNELS = {
    "output": "jointoken=sha256:",
    "log": "jointoken=sha256:",
    "facts": "ansible_default_ipv4",
    "retry": "wrong-setting",
    "syslog": "service_account_key=NOT_LOGGING_PARAMETER",
    "journals": "join_args=NOT_LOGGING_PARAMETER",
    "web": "POST /api/omni.resources.ResourceService/Update HTTP/1.1",
    "processes": "AnsiballZ_matchbox_sync",
}

ROTATE = REPOSITORY / "playbooks/rotate_join_token.yml"
OMNI = pathlib.Path(__file__).with_name("omni_secrets.yml")

# Hosts that fail, and what is said of each.
FAILURES = {
    "wrong-setting": "class talos: unknown setting",
    "text-as-class": "class talos: expected settings with a Talos version",
    "token-in-class": "class talos: kernel_args has siderolink.api",
    "bare-token": "join arguments: number 2 is none of siderolink.api",
    "wrong-type": "omni_matchbox_kernel_params",
    "revoked-token": "is revoked; machines cannot join with it",
    "refused-key": "this Omni does not accept the key of service account gone",
    "cut-off-key": "service-account key: it is no base64 of JSON with name and pgp_key",
    "decoded-key": "service-account key: it is no base64 of JSON with name and pgp_key",
}


@dataclasses.dataclass(repr=False)
class Secrets:
    """What must not be seen, not even when a test fails. ``kept`` is the folder for those that the story makes, in files."""

    old: str
    other: str
    revoked: str
    key: str
    refused_key: str
    kept: pathlib.Path
    new: str = ""
    patch: str = dataclasses.field(default_factory=new_token)
    s3: str = dataclasses.field(default_factory=new_token)

    @property
    def variables(self) -> dict[str, str]:
        """For omni_secrets.yml."""
        return {"secret_token": self.new, "secret_patch": self.patch, "secret_s3": self.s3, "kept": str(self.kept)}

    def named(self) -> dict[str, list[str]]:
        """All of them by what to call them."""
        tokens = {"old token": [self.old], "new token": [self.new], "other token": [self.other], "revoked token": [self.revoked]}
        keys = {"key": key_texts(self.key), "refused key": key_texts(self.refused_key), "made key": key_texts(self.made("berlin.key"))}
        inside = {"patch": [self.patch, self.patch[::-1]], "S3 key": [self.s3], "schematic id": [self.made("schematic")]}
        return {**tokens, **keys, **inside}

    def made(self, name: str) -> str:
        """What the story made."""
        return (self.kept / name).read_text().strip()


@pytest.fixture(scope="module")
def site(lab_run):
    return Site(lab_run).up({"boot1": "bookworm", "boot2": "bookworm"})


@pytest.fixture(scope="module")
def secrets(site):
    """The secrets of the story. The lab Omni knows all but the other token and, since its account is gone again, the refused key."""
    omni = site.omni
    revoked = omni.create_token("revoked")
    omni.revoke_token(revoked)
    refused_key = site.account("gone")
    with omni.change() as content:
        content["accounts"] = [account for account in content["accounts"] if account["name"] != "gone"]
    kept = site.run.state / "kept"
    kept.mkdir(mode=0o700)
    return Secrets(omni.default_token(), new_token(), revoked, site.service_account_key, refused_key, kept)


@pytest.fixture(scope="module")
def evidence(site, secrets):
    """All that could be seen of the story."""
    evidence = Evidence(site)
    inventory(site, secrets, secrets.old)
    evidence.converge("first")
    assert site.boot("machine", "bios").join["accepted"]
    again = evidence.converge("again", stdout_callback=CALLBACKS["json"])
    assert [counts["changed"] for counts in told(again)["stats"].values()] == [0, 0]
    rotate(evidence)
    secrets.new = site.omni.default_token()
    inventory(site, secrets, secrets.new)
    evidence.converge("pasted", "--tags", "talos_boot", stdout_callback=CALLBACKS["json"])
    evidence.converge("omni", playbook=OMNI)
    faults(site, secrets)
    for name, callback in CALLBACKS.items():
        evidence.converge(f"failing-{name}", fails=True, stdout_callback=callback)
    evidence.collect()
    return evidence


def rotate(evidence: Evidence) -> None:
    """Rotates the token of boot1, the only boot host by now; the machine that has booted depends on the old one."""
    evidence.site.inventory(evidence.site.variables(), {"boot1": DHCP})
    named, forced = ("-e", "omni_matchbox_rotation_name=next"), ("-e", "omni_matchbox_rotation_force=true")
    evidence.converge("rotation-foreseen", "--check", *named, playbook=ROTATE)
    evidence.converge("rotation-refused", *named, playbook=ROTATE, fails=True, stdout_callback=CALLBACKS["json"])
    evidence.converge("rotation", *named, *forced, playbook=ROTATE, pipelining="false")


def inventory(site: Site, secrets: Secrets, token: str) -> None:
    """The inventory of the two hosts; what is pasted into boot2's has this token."""
    profile = {"id": "pasted", "boot": {"kernel": "/assets/other/vmlinuz", "args": ["console=ttyS0", *join_args(site, secrets.other)]}}
    pasted = {"omni_matchbox_kernel_params": join_args(site, token), "talos_boot_profiles": [profile]}
    site.inventory(site.variables(), {"boot1": {**DHCP, **secrets.variables}, "boot2": pasted})


def faults(site: Site, secrets: Secrets) -> None:
    """An inventory of hosts, all of them boot1, each with another fault; the secrets are in it."""
    args, key = join_args(site, secrets.new), secrets.key
    hosts = {
        "wrong-setting": {"omni_matchbox_classes": {"talos": {"version": TALOS_VERSION, "kernal_args": []}}},
        "text-as-class": {"omni_matchbox_classes": {"talos": args[0]}},
        "token-in-class": {"omni_matchbox_classes": {"talos": {"version": TALOS_VERSION, "kernel_args": args}}},
        "bare-token": {"omni_matchbox_kernel_params": [f"{args[0]} {secrets.new}"]},
        "wrong-type": {"omni_matchbox_kernel_params": {"siderolink.api": args[0]}},
        "revoked-token": {"omni_matchbox_join_token": secrets.revoked},
        "refused-key": {"omni_matchbox_service_account_key": secrets.refused_key},
        "cut-off-key": {"omni_matchbox_service_account_key": key[:-50]},
        "decoded-key": {"omni_matchbox_service_account_key": json.loads(base64.b64decode(key))},
    }
    address = {"ansible_host": site.hosts["boot1"].address}
    site.inventory(site.variables(omni_matchbox_service_account_key=key), {name: {**address, **fault} for name, fault in hosts.items()})


def join_args(site: Site, token: str) -> list[str]:
    """The join arguments with this token, as Omni would show them."""
    return resources.join_arguments(site.omni.read(), token, False)


@pytest.mark.parametrize("channel", CHANNELS)
def test_no_secret_shows(evidence, secrets, channel):
    directory = evidence.channel(channel)
    assert holders(secrets.named(), directory) == {}
    assert any(CHANNELS[channel] in path.read_text(errors="replace") for path in directory.iterdir())


@pytest.mark.parametrize(("name", "profiles"), [("boot1", {"talos": "new token"}), ("boot2", {"talos": "new token", "pasted": "other token"})])
def test_on_a_boot_host_only_profiles_hold_a_token(evidence, secrets, name, profiles):
    """They are the engine's to read and nobody else's. The logs of web server, engine and dnsmasq are among what is searched."""
    host = evidence.site.hosts[name]
    upper = host.directory / "upper"
    paths = {profile: upper / f"var/lib/matchbox/profiles/{profile}.json" for profile in profiles}
    assert holders(secrets.named(), *host_files(host)) == {str(paths[profile]): held for profile, held in profiles.items()}
    matchbox = next(line.split(":")[2] for line in (upper / "etc/group").read_text().splitlines() if line.startswith("matchbox:"))
    for path in paths.values():
        status = path.stat()
        assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0o640, 0, int(matchbox))


def test_what_the_story_made_is_where_it_belongs(evidence, secrets):
    """And the search finds it there. The new token was not written anywhere but to profiles, so it is not among this."""
    assert holders(secrets.named(), secrets.kept).keys() == {str(secrets.kept / name) for name in ("berlin.key", "schematic")}
    assert [stat.S_IMODE(path.stat().st_mode) for path in secrets.kept.iterdir()] == [0o600, 0o600]


def test_the_machine_was_served(evidence):
    """So the logs of those who served it were there to be searched."""
    host = evidence.site.hosts["boot1"]
    assert "GET /ipxe?" in (host.directory / "upper/var/log/nginx/omni-matchbox.log").read_text()
    assert b"DHCPACK" in (evidence.channel("journals") / "boot1").read_bytes()


def test_no_temporary_file_is_left(evidence):
    places = [evidence.channel("temporary")]
    for host in evidence.site.hosts.values():
        root = pathlib.Path(f"/proc/{host.leader}/root")
        places += [root / name for name in ("root/.ansible", "tmp", "var/tmp")]
    assert [path for place in places for path in place.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("callback", CALLBACKS)
@pytest.mark.parametrize("host", FAILURES)
def test_a_failure_says_what_is_wrong(evidence, host, callback):
    output = (evidence.channel("output") / f"failing-{callback}").read_text()
    assert FAILURES[host] in said(output, host, callback)


def said(output: str, host: str, callback: str) -> str:
    """What the output says of the failure of one host."""
    if callback == "default":
        return output.partition(f"fatal: [{host}")[2].partition("\n}\n")[0]
    results = [task["hosts"].get(host, {}) for task in told(output)["plays"][0]["tasks"]]
    return str([result for result in results if result.get("failed")])


def told(output: str) -> dict:
    """What Ansible's JSON callback told; before and after it there are other lines."""
    return json.loads(output[output.index("\n{") :].rpartition("\n}")[0] + "}")
