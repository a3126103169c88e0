"""What the demo reads and how it shows it: logs of a boot host as they were written, events of Ansible as it gave them."""

from __future__ import annotations

import io
import json
import os
import threading
import types

import pytest
from lab import boots, demo, owners
from lab.clients import GAVE_UP
from lab.playbook import Progress
from lab.terminal import Terminal, row, table

BIOS, UEFI = "52:54:00:53:0e:47", "52:54:00:f3:84:6f"
ON = 1795507115.66

JOURNAL = f"""\
1795507103.658284 boot1 systemd[1]: Started omni-matchbox-dnsmasq.service - DHCP and TFTP for machines that boot over the network.
1795507103.715316 boot1 dnsmasq[1707]: dnsmasq-dhcp[1707]: DHCP, IP range 10.77.0.100 -- 10.77.0.199, lease time 12h
1795507104.000001 boot1 dnsmasq[1707]: dnsmasq-dhcp[1707]: 71025012 DHCPACK(eth0) 10.77.0.105 {BIOS}
1795507121.073026 boot1 dnsmasq[1707]: dnsmasq-dhcp[1707]: 71025013 DHCPDISCOVER(eth0) {BIOS}
1795507121.073026 boot1 dnsmasq[1707]: dnsmasq-dhcp[1707]: 71025013 DHCPOFFER(eth0) 10.77.0.106 {BIOS}
1795507124.095212 boot1 dnsmasq[1707]: dnsmasq-dhcp[1707]: 71025013 DHCPACK(eth0) 10.77.0.106 {BIOS}
1795507131.853863 boot1 dnsmasq[1707]: dnsmasq-dhcp[1707]: 1685205275 DHCPACK(eth0) 10.77.0.128 {UEFI}
1795507131.948816 boot1 dnsmasq[1707]: dnsmasq-dhcp[1707]: 3992081518 DHCPACK(eth0) 10.77.0.106 {BIOS}
"""

ROM = '"-" "iPXE/1.0.0+git-20190125.36a4c85-5.1"'
UUID = "a94f9930-4f76-44c4-a5ff-afc0814ca9a2"
ACCESS_LOG = f"""\
10.77.0.106 - - [24/Nov/2026:07:58:44 +0000] "GET /boot.ipxe HTTP/1.1" 200 132 {ROM} 1795507124.274 0.001
10.77.0.106 - - [24/Nov/2026:07:58:44 +0000] "GET /ipxe?uuid={UUID}&mac=52-54-00-53-0e-47&arch=i386 HTTP/1.1" 200 468 {ROM} 1795507124.315 0.002
10.77.0.128 - - [24/Nov/2026:07:58:45 +0000] "GET /assets/talos/v1.11.4/vmlinuz HTTP/1.1" 404 162 {ROM} 1795507125.100 0.000
10.77.0.106 - - [24/Nov/2026:07:58:45 +0000] "GET /assets/talos/v1.11.4/vmlinuz HTTP/1.1" 200 14149568 {ROM} 1795507125.282 1.955
10.77.0.106 - - [24/Nov/2026:07:58:45 +0000] "HEAD /assets/talos/v1.11.4/initramfs.xz HTTP/1.1" 200 0 {ROM} 1795507125.300 0.000
10.77.0.106 - - [24/Nov/2026:07:58:45 +0000] "GET /assets/talos/v1.11.4/initramfs.xz HTTP/1.1" 200 962096 {ROM} 1795507125.484 0.000
"""


@pytest.mark.parametrize(
    ("mac", "since", "expected"),
    [
        (BIOS, ON, [(1795507124.095212, "10.77.0.106"), (1795507131.948816, "10.77.0.106")]),
        (BIOS, 0, [(1795507104.000001, "10.77.0.105"), (1795507124.095212, "10.77.0.106"), (1795507131.948816, "10.77.0.106")]),
        (UEFI, ON, [(1795507131.853863, "10.77.0.128")]),
        ("52:54:00:00:00:01", ON, []),
    ],
)
def test_leases_are_those_of_the_machine_since_it_was_powered_on(mac, since, expected):
    assert [(step.time, step.what) for step in boots.leases(JOURNAL, mac, since)] == expected


def test_what_was_sent_whole_to_the_machine_counts():
    assert boots.fetches(ACCESS_LOG, {"10.77.0.106"}, ON) == [
        boots.Step("iPXE", 1795507124.274, "/boot.ipxe"),
        boots.Step("kernel", 1795507125.282, "/assets/talos/v1.11.4/vmlinuz, 14.1 MB in 2.0 s"),
        boots.Step("initramfs", 1795507125.484, "/assets/talos/v1.11.4/initramfs.xz, 1.0 MB in 0.0 s"),
    ]
    assert boots.fetches(ACCESS_LOG, {"10.77.0.128"}, ON) == []
    assert boots.fetches(ACCESS_LOG, {"10.77.0.106"}, 1795507125.3) == boots.fetches(ACCESS_LOG, {"10.77.0.106"}, ON)[2:]


def test_a_refused_registration_is_none():
    assert boots.registrations([REFUSED]) == []
    (step,) = boots.registrations([REFUSED, {**REFUSED, "accepted": True, "time": ON + 5}])
    assert (step.name, step.time) == ("registered", ON + 5)
    assert "sha256:9fc1dd38" in step.what


@pytest.mark.parametrize(
    "console",
    [
        "http://10.77.0.11/boot.ipxe... Connection reset (http://ipxe.org/0f0a6039)\nNo more network devices\n",
        "Boot failed: could not read the boot disk\n\nNo bootable device.\n",
        'BdsDxe: failed to start Boot0001 "UEFI PXEv4 (MAC:525400D3B4CF)" from PciRoot(0x0)/Pci(0x2,0x0): Protocol Error\n',
    ],
)
def test_firmware_that_has_given_up_is_known_by_what_it_prints(console):
    assert GAVE_UP.search(console)


REFUSED = {"accepted": False, "time": ON + 20, "token_hash": "sha256:9fc1dd38"}


@pytest.fixture
def watched(tmp_path, monkeypatch):
    """``watched(joins, …)`` is a boot of the BIOS machine of the logs above; ``watched.now`` is the time, in seconds since it was powered on."""
    log = tmp_path / boots.ACCESS_LOG
    log.parent.mkdir(parents=True)
    log.write_text(ACCESS_LOG)

    def watched(joins: list[dict], timeout: float = 90, **client: object) -> boots.Boot:
        site = types.SimpleNamespace(joins=lambda _uuid, _since: joins)
        machine = types.SimpleNamespace(**{"mac": BIOS, "uuid": UUID, "is_on": True, "gave_up": "", **client})
        boot = boots.Boot(site, types.SimpleNamespace(root=tmp_path), machine, timeout)
        boot.since = ON
        return boot

    watched.now = 20
    monkeypatch.setattr(boots, "time", types.SimpleNamespace(time=lambda: ON + watched.now))
    return watched


def test_a_boot_is_over_when_the_machine_has_registered(watched):
    boot = watched([REFUSED, {**REFUSED, "accepted": True, "time": ON + 21}], is_on=False)
    assert [step.name for step in boot.look(JOURNAL)] == list(boots.STEPS)
    assert (boot.next_step, boot.under_way, boot.problem) == ("", False, "")
    assert f"{boot.seconds(boot.steps['registered']):.1f}" == "21.0"
    assert boot.look(JOURNAL) == []


@pytest.mark.parametrize(
    ("joins", "client", "problem"),
    [
        ([], {}, ""),
        ([], {"timeout": 5}, "nothing for 5 s"),
        ([], {"is_on": False}, "it has turned itself off"),
        ([], {"gave_up": "No bootable device"}, "its firmware gave up: No bootable device"),
        ([REFUSED], {"is_on": False}, "the lab Omni refused its token sha256:9fc1dd38"),
    ],
)
def test_a_boot_that_goes_no_further_has_a_problem(watched, joins, client, problem):
    boot = watched(joins, **client)
    boot.look(JOURNAL)
    assert (boot.next_step, boot.problem) == ("registered", ""), "what has happened may not have been noted yet"
    watched.now += boots.LAG + 1
    boot.look(JOURNAL)
    assert boot.problem == problem


TOKEN = "gG49wupULYkdYeiy30aYfi0p1aVxm370kFUWkSeqQiXT"
JOIN = [
    f"siderolink.api=grpc://10.77.0.5:8090?jointoken={TOKEN}",
    "talos.events.sink=[fdae:41e4:649b:9303::1]:8091",
    "talos.logging.kernel=tcp://[fdae:41e4:649b:9303::1]:8092",
]


def test_the_parameters_are_shown_without_the_token():
    cmdline = f"vmlinuz initrd=initramfs.xz talos.platform=metal slab_nomerge= {' '.join(JOIN)} console=ttyS0"
    assert boots.parameters(cmdline) == JOIN
    shown = [boots.without_tokens(word, ["other", TOKEN]) for word in boots.parameters(cmdline)]
    assert shown == ["siderolink.api=grpc://10.77.0.5:8090?jointoken=sha256:9fc1dd38", *JOIN[1:]]


def started(role: str, task: str) -> str:
    name = f"usableapps.omni_matchbox.{role} : {task}" if role else task
    return json.dumps({"_event": "v2_playbook_on_task_start", "hosts": {}, "task": {"name": name, "path": "/site.yml:4"}})


def ended(outcome: str = "ok", **result: object) -> str:
    return json.dumps({"_event": f"v2_runner_on_{outcome}", "hosts": {"boot1": {"changed": False, "action": "x", **result}}})


def checked(role: str) -> list[str]:
    return [started(role, "Validating arguments against arg spec 'main' - What it does"), ended(msg="The arg spec validation passed")]


STATS = '{"_event":"v2_playbook_on_stats","stats":{"boot1":{"changed":1,"failures":0,"ok":28,"skipped":7}}}'
INSTALLED = [*checked("gateway"), started("gateway", "Install nginx"), ended(changed=True)]
LOOKED = [*checked("preflight"), started("preflight", "Look"), ended(), started("talos_boot", "Ask Omni"), ended()]
SAID = [started("firewall", "Say it"), ended(action="ansible.builtin.debug", msg="No firewall is active.")]
LOOP = {"msg": "One or more items failed", "results": [{"changed": True}, {"failed": True, "msg": "no such file"}]}


@pytest.mark.parametrize(
    ("output", "rows"),
    [
        ([started("", "Gathering Facts"), ended(), *checked("omni_matchbox"), STATS], []),
        (INSTALLED, ["gateway     Install nginx"]),
        ([*INSTALLED, STATS], ["gateway     Install nginx"]),
        ([*LOOKED, *INSTALLED], ["preflight   nothing changed", "gateway     Install nginx"]),
        ([*LOOKED, STATS], ["preflight   nothing changed"]),
        ([*checked("firewall"), *SAID, STATS], ["firewall    No firewall is active."]),
        ([*INSTALLED[:3], ended("failed", msg="no nginx")], ["gateway     Install nginx FAILED on boot1: no nginx"]),
        ([*INSTALLED[:3], ended("failed", **LOOP)], ["gateway     Install nginx FAILED on boot1: no such file"]),
        ([started("", "Gathering Facts"), ended("unreachable", msg="no route")], ["Gathering Facts UNREACHABLE on boot1: no route"]),
        ([*INSTALLED[:3], ended("failed", censored="hidden")], ["gateway     Install nginx FAILED on boot1: hidden"]),
    ],
)
def test_a_playbook_is_told_by_what_it_changes(output, rows):
    progress = Progress()
    assert [row for line in output for row in progress.feed(line)] == rows


def test_progress_knows_what_runs_and_how_it_ended():
    progress = Progress()
    assert progress.under_way == "ansible-playbook"
    for line in ["", "ERROR! the playbook could not be found", "[1]", *INSTALLED[:3]]:
        progress.feed(line)
    assert progress.said == ["ERROR! the playbook could not be found", "[1]"]
    assert progress.under_way == "gateway: Install nginx"
    progress.feed(STATS)
    assert progress.counts["boot1"]["ok"] == 28


def test_a_table_has_columns_and_its_last_one_stands_right():
    rows = [("name", "firmware", "seconds"), ("m1", "BIOS", "9.8"), ("m22222", "UEFI", "16.0")]
    assert table(rows) == ["name    firmware  seconds", "m1      BIOS          9.8", "m22222  UEFI         16.0"]


def test_a_long_row_goes_on_below_its_text():
    assert row("one two three", 3.14159, 20) == ["    3.1 s  one two", "           three"]


class Screen(io.StringIO):
    """A terminal, as far as it says so."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "variables", "colours", "in_place"),
    [
        (io.StringIO, {}, False, False),
        (Screen, {}, True, True),
        (Screen, {"NO_COLOR": "1"}, False, True),
        (Screen, {"TERM": "dumb"}, False, False),
    ],
)
def test_colours_and_lines_in_place_are_for_terminals(stream, variables, colours, in_place, monkeypatch):
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TERM": "xterm", **variables}.items():
        monkeypatch.setenv(name, value)
    terminal = Terminal(stream())
    terminal.row("registered", style="green")
    assert ("\x1b[32m" in terminal.stream.getvalue()) is colours
    assert ("\r" in terminal.stream.getvalue()) is in_place
    assert "registered" in terminal.stream.getvalue()


def test_a_log_is_not_silent_while_something_is_under_way():
    terminal, told = Terminal(io.StringIO(), patience=0), threading.Event()

    def what() -> str:
        if terminal.stream.getvalue():
            told.set()
        return "waiting for m1"

    with terminal.doing(what):
        assert told.wait(60)
    assert terminal.stream.getvalue().splitlines()[0].endswith(" s  waiting for m1 ...")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The empty cache of a lab, for root."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("LAB", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"DEMO_SUITE": "sid"}, "no base system sid, only bookworm, trixie"),
        ({"TALOS_ASSETS": "/talos"}, "TALOS_ASSETS is set, but real Talos cannot join the lab Omni: unset it for the demo"),
    ],
)
def test_what_cannot_be_shown_is_said_in_a_line(variables, said, cache, monkeypatch, capsys):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert demo.main([]) == 1
    assert capsys.readouterr() == ("", f"lab: {said}\n")
    assert list(cache.iterdir()) == []


def test_without_root_one_line_says_so(cache, monkeypatch, capsys):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert demo.main([]) == 1
    assert capsys.readouterr() == ("", "lab: the lab makes network namespaces, cgroups and mounts: run it as root\n")
    assert list(cache.iterdir()) == []


def test_a_lab_that_is_up_is_not_replaced_by_a_demo_to_keep(cache, capsys):
    name = owners.default_name(cache)
    owners.record(cache / "run" / name, owners.KEPT)
    assert demo.main(["--keep"]) == 1
    assert capsys.readouterr() == ("", f"lab: the lab {name} is up: 'make lab-down' removes it\n")
