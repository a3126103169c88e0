"""`--check --diff` on an untouched host tells all that the run then does; runs can be repeated, in part or whole, and interrupted."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import sys
import time
import typing as t

import pytest
from lab import pki
from lab.downloads import FAULTS_PATH, TALOS_RELEASES
from lab.hosts import Host
from lab.site import DHCP, DOWNLOADS_NAME, TALOS_VERSION, Site, changed_tasks, recap, succeeded
from lab.system import REPOSITORY, eventually
from overlay import overlay

ASSETS = "var/lib/matchbox/assets"
SERVICES = ("matchbox", "nginx", "omni-matchbox-dnsmasq")

# What is new on a host after the run although its preview named no such file, and why.
NOT_NAMED = {
    r"etc/(passwd|group|shadow|gshadow)-?": "users of packages, and the engine's, whose task says so",
    r"etc/systemd/system/multi-user\.target\.wants/.*": "the preview says of a unit that it is started and enabled",
    r"var/lib/matchbox/\.omni-matchbox/manifest\.json": "a list of the profiles and groups, each of which is named",
    r"var/lib/omni-matchbox/dnsmasq/leases": "dnsmasq writes it while it runs",
    r"etc/(ld\.so\.cache|rc\d\.d/.*)|var/cache/ldconfig/aux-cache": "made by the scripts of packages",
    r"etc/nginx/(modules|sites)-enabled/.*|var/www/html/index\.nginx-debian\.html": "made by the scripts of nginx's packages",
    r"usr/(lib|share)/.*/__pycache__/.*": "compiled by the scripts of Python's packages",
    r"var/cache/(apt|debconf)/.*|var/lib/(apt|dbus|dpkg|ucf)/.*": "what apt and dpkg note",
}


@pytest.fixture(scope="module")
def previewed(site):
    """The site after a preview and the run, with what host and run said: ``before``, ``preview``, ``between``, ``run``."""
    boot1 = site.hosts["boot1"]
    site.inventory(site.variables(**DHCP), {"boot1": {}})
    said = {"before": overlay(boot1), "preview": succeeded(site.converge("--check", "--diff")), "between": overlay(boot1)}
    return {**said, "run": succeeded(site.converge("--diff"))}


def packaged(host: Host) -> set[str]:
    """Every path that belongs to a package, as the host has it now that /lib is /usr/lib."""
    paths = host.exec(["sh", "-c", "cat /var/lib/dpkg/info/*.list"]).stdout.splitlines()
    return {path.lstrip("/") for path in paths} | {f"usr{path}" for path in paths}


def written(before: dict, host: Host) -> set[str]:
    """The files and links that were made or changed and are not a package's."""
    found = {path for path, state in overlay(host).items() if before.get(path) != state and not stat.S_ISDIR(state[0])}
    return found - packaged(host)


def test_a_preview_changes_nothing(previewed):
    assert previewed["between"] == previewed["before"]


def test_a_preview_names_every_file_that_is_written(site, previewed):
    text = previewed["preview"].stdout
    files = written(previewed["before"], site.hosts["boot1"])
    unnamed = {path for path in files if f"/{path}" not in text and f'"{path.removeprefix(ASSETS + "/")}"' not in text}
    unexpected = {path for path in unnamed if not any(re.fullmatch(pattern, path) for pattern in NOT_NAMED)}
    assert not unexpected
    named = files - unnamed
    assert {"etc/nginx/conf.d/omni-matchbox.conf", f"{ASSETS}/talos/{TALOS_VERSION}/vmlinuz", "var/lib/matchbox/profiles/talos.json"} <= named


def test_every_exception_from_that_is_needed(site, previewed):
    files = written(previewed["before"], site.hosts["boot1"])
    assert [pattern for pattern in NOT_NAMED if not any(re.fullmatch(pattern, path) for path in files)] == []


def test_a_preview_names_the_tasks_that_change_something(previewed):
    tasks = changed_tasks(previewed["preview"])
    assert tasks == changed_tasks(previewed["run"])
    assert len(tasks) == recap(previewed["run"])["boot1"]["changed"] > 0


def test_a_preview_shows_what_is_written(previewed):
    """Line by line what the run itself shows, but for nginx, which the script of its package starts before our task does."""
    preview, run = (diff_of(previewed[name].stdout) for name in ("preview", "run"))
    assert preview.pop("unit nginx.service") != run.pop("unit nginx.service")
    assert preview == run


def diff_of(text: str) -> dict[str, list[str]]:
    """What --diff shows of each file or unit."""
    parts = [part.partition("\n") for part in text.split("--- before: ")[1:]]
    return {name: [line for line in shown.splitlines() if re.match(r"[-+@]", line)] for name, _newline, shown in parts}


@pytest.mark.parametrize("words", [(), *(("--tags", tag) for tag in ("matchbox", "talos_boot", "gateway", "firewall", "dnsmasq"))], ids=" ".join)
def test_another_run_changes_nothing(site, previewed, words):
    process = succeeded(site.converge(*words))
    assert recap(process)["boot1"]["changed"] == 0
    if words:
        assert f"usableapps.omni_matchbox.{words[1]} : " in process.stdout


class Moment(t.NamedTuple):
    """When a run is killed: during ``task``, ``seconds`` after it began, or when it hangs in a download.

    ``on_host``: what works for it on the host is killed too. Otherwise that goes on, as it does when somebody kills ansible-playbook.
    """

    task: str
    seconds: float = 0
    on_host: bool = False


FETCHING = Moment("talos_assets : Fetch the Talos images")
MOMENTS = {
    "bookworm": [
        Moment("preflight : Look at the boot host"),
        Moment("matchbox : Install what runs the embedded engine", 1),
        Moment("matchbox : Run the embedded engine", 0.5, on_host=True),
        Moment("gateway : Serve port 80 and port 443", 0.5),
    ],
    "trixie": [
        Moment("matchbox : Give the engine a user of its own", on_host=True),
        FETCHING,
        Moment("gateway : Make a self-signed certificate", 0.5, on_host=True),
        Moment("dnsmasq : Serve DHCP and TFTP", 0.5, on_host=True),
    ],
}


def test_an_interrupted_run_is_finished_by_the_next_one(site):
    suite = site.hosts["boot1"].suite
    host = site.add_host("boot2", suite, "10.77.0.12").wait()
    site.inventory(site.variables(**DHCP), {"boot2": {}})
    for number, moment in enumerate(MOMENTS[suite]):
        interrupt(site, host, f"killed-{number}", moment)
    succeeded(site.converge())
    for service in SERVICES:
        assert host.exec(["systemctl", "is-active", service]).stdout == "active\n"
        assert host.exec(["systemctl", "is-enabled", service]).stdout == "enabled\n"
    assert recap(succeeded(site.converge()))["boot2"]["changed"] == 0


def interrupt(site: Site, host: Host, name: str, moment: Moment) -> None:
    """A run that is killed (signal 9) with its process group, in the middle of a task; of the last task, the host may have done all there is to do."""
    set_faults(site, {f"/{TALOS_RELEASES}/{TALOS_VERSION}/initramfs-amd64.xz": {"kind": "stall"}} if moment == FETCHING else {})
    run = site.ansible_service(name, "ansible-playbook", REPOSITORY / "playbooks/site.yml")
    assert eventually(lambda: moment.task in run.output or not run.running, timeout=180)
    if moment == FETCHING:
        assert eventually(lambda: list((host.root / ASSETS).glob(".omni-matchbox-staging/progress.json")), timeout=180)
    time.sleep(moment.seconds)
    assert run.process.poll() is None, run.output
    os.killpg(run.process.pid, signal.SIGKILL)
    if moment.on_host:
        host.exec(["systemctl", "kill", "--signal=KILL", "ssh.service"])
        assert eventually(lambda: ":22 " in host.exec(["ss", "-Hlnt"]).stdout, timeout=30)
    assert "PLAY RECAP" not in run.output
    set_faults(site, {})


PUT = """
import ssl, sys, urllib.request
url, body, authority = sys.argv[1:]
urllib.request.urlopen(urllib.request.Request(url, body.encode(), method="PUT"), context=ssl.create_default_context(cafile=authority))
"""


def set_faults(site: Site, faults: dict) -> None:
    """Tells the download server what goes wrong from now on."""
    site.segment.exec([sys.executable, "-c", PUT, f"https://{DOWNLOADS_NAME}{FAULTS_PATH}", json.dumps(faults), pki.authority(site.pki)[0]])
