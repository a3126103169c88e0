"""What systemd is told: unit and files in, plan out."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import InputError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.host.units import (
    UnitPlan,
    UnitState,
    UnitWish,
    full_name,
    parse_show,
    plan_unit,
    stamp_text,
    telling_lines,
    unit_diff,
    unread,
)

WISH = UnitWish("a.service", enabled=True, started=True, on_change="reload")
GONE = UnitWish("a.service", enabled=False, started=False, on_change="restart")
NEW = UnitState()
STOPPED = UnitState("loaded", "inactive", "dead", "disabled")
RUNNING = UnitState("loaded", "active", "running", "enabled", started_at=1000.0, invocation="i1", type="forking")
FAILED = dataclasses.replace(RUNNING, active="failed", sub="failed")
CRASHING = dataclasses.replace(RUNNING, active="activating", sub="auto-restart")
STALE = dataclasses.replace(RUNNING, needs_reread=True)
STATIC = dataclasses.replace(RUNNING, unit_file="static")
GENERATED = dataclasses.replace(RUNNING, unit_file="generated")
CONFIGURATION, UNIT_FILE, DROP_IN = "/etc/a.conf", "/etc/systemd/system/a.service", "/etc/systemd/system/a.service.d/b.conf"
QUADLET = "/etc/containers/systemd/a.container"

# As systemd 252 says it.
SHOWN = """Type=forking
LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled
InactiveExitTimestamp=Tue 2026-11-24 06:23:57.381237 UTC
NeedDaemonReload=no
InvocationID=9595d1ac9ebf46daaa429c334944ca2d
"""
SHOWN_MISSING = """Type=notify
LoadState=not-found
ActiveState=inactive
SubState=dead
UnitFileState=
InactiveExitTimestamp=
NeedDaemonReload=no
InvocationID=
"""


def test_the_answer_of_systemd_is_understood():
    assert parse_show(SHOWN) == UnitState("loaded", "active", "running", "enabled", False, 1795501437.381237, "9595d1ac9ebf46daaa429c334944ca2d", "forking")
    assert parse_show(SHOWN_MISSING) == UnitState(type="notify")


@pytest.mark.parametrize(("given", "name"), [("nginx", "nginx.service"), ("nginx.service", "nginx.service"), ("a.socket", "a.socket"), ("a.b", "a.b.service")])
def test_a_unit_is_called_by_its_full_name(given, name):
    assert full_name(given) == name


@pytest.mark.parametrize(
    ("wish", "state", "changed", "unread_files", "plan"),
    [
        (WISH, NEW, [], [], UnitPlan(False, "enable", "start")),
        (WISH, NEW, [CONFIGURATION, UNIT_FILE], [], UnitPlan(True, "enable", "start")),
        (WISH, STOPPED, [], [], UnitPlan(False, "enable", "start")),
        (WISH, RUNNING, [], [], UnitPlan()),
        (WISH, RUNNING, [CONFIGURATION], [], UnitPlan(action="reload")),
        (WISH._replace(on_change="restart"), RUNNING, [CONFIGURATION], [], UnitPlan(action="restart")),
        (WISH, RUNNING, [], [CONFIGURATION], UnitPlan(action="reload")),
        (WISH, RUNNING, [UNIT_FILE], [], UnitPlan(True, "", "restart")),
        (WISH, RUNNING, [], [CONFIGURATION, UNIT_FILE], UnitPlan(action="restart")),
        (WISH, RUNNING, [CONFIGURATION, DROP_IN], [], UnitPlan(True, "", "restart")),
        (WISH, STALE, [], [], UnitPlan(reread=True)),
        (WISH, STATIC, [], [], UnitPlan()),
        (WISH, GENERATED, [], [], UnitPlan()),
        (WISH, GENERATED, [QUADLET], [], UnitPlan(True, "", "restart")),
        (WISH, GENERATED, [UNIT_FILE, QUADLET], [], UnitPlan(True, "enable", "restart")),
        (GONE, GENERATED, [QUADLET], [], UnitPlan(True, "", "stop")),
        (WISH, FAILED, [], [], UnitPlan(action="start")),
        (WISH, CRASHING, [], [], UnitPlan(action="start")),
        (WISH, CRASHING, [CONFIGURATION], [], UnitPlan(action="restart")),
        (WISH._replace(enabled=False), RUNNING, [], [], UnitPlan(enablement="disable")),
        (WISH._replace(enabled=False), NEW, [], [], UnitPlan(action="start")),
        (GONE, NEW, [], [], UnitPlan()),
        (GONE, STOPPED, [], [], UnitPlan()),
        (GONE, STOPPED, [CONFIGURATION], [], UnitPlan()),
        (GONE, RUNNING, [UNIT_FILE], [CONFIGURATION], UnitPlan(True, "disable", "stop")),
        (GONE, CRASHING, [], [], UnitPlan(False, "disable", "stop")),
        (GONE, FAILED, [], [], UnitPlan(False, "disable", "reset-failed")),
        (GONE, STATIC, [], [], UnitPlan(action="stop")),
        (GONE, dataclasses.replace(STOPPED, load="masked", unit_file="masked"), [], [], UnitPlan()),
    ],
)
def test_a_plan_says_what_is_to_be_told(wish, state, changed, unread_files, plan):
    assert plan_unit(wish, state, changed, unread_files) == plan


def test_a_masked_unit_is_refused():
    masked = dataclasses.replace(STOPPED, load="masked", unit_file="masked")
    with pytest.raises(InputError, match="a.service is masked on this host: unmask it with 'systemctl unmask a.service'"):
        plan_unit(WISH, masked, [])


OLD, NEWER, NOW_THERE = [1, 900 * 10**9], [2, 1001 * 10**9], [3, 800 * 10**9]
FILES = {"/a": OLD, "/b": OLD, "/gone": None}
CHANGED = {**FILES, "/a": NEWER}
OTHER_START = dataclasses.replace(RUNNING, invocation="i2")


@pytest.mark.parametrize(
    ("stamp", "files", "expected"),
    [
        ("", FILES, set()),
        ("", CHANGED, {"/a"}),
        (stamp_text(RUNNING, FILES), FILES, set()),
        (stamp_text(RUNNING, CHANGED), CHANGED, set()),  # reloaded after the file had changed
        (stamp_text(RUNNING, FILES), CHANGED, {"/a"}),
        (stamp_text(RUNNING, FILES), {**FILES, "/gone": NOW_THERE}, {"/gone"}),
        (stamp_text(RUNNING, {**FILES, "/gone": NOW_THERE}), FILES, {"/gone"}),  # a removal that was not followed by a reload
        (stamp_text(RUNNING, FILES), {**FILES, "/new": NOW_THERE}, {"/new"}),
        (stamp_text(RUNNING, FILES), {**FILES, "/gone as well": None}, set()),
        (stamp_text(RUNNING, None), FILES, set(FILES)),  # a run that ended while it changed files
        (stamp_text(OTHER_START, None), FILES, set()),  # but then somebody else started the unit
        (stamp_text(OTHER_START, CHANGED), CHANGED, {"/a"}),
        ('{"invocation": "i1"', FILES, set()),
        ("[]", CHANGED, {"/a"}),
    ],
)
def test_what_a_unit_has_not_read_as_it_is_now(stamp, files, expected):
    assert unread(RUNNING, stamp, files) == expected


@pytest.mark.parametrize(
    ("wish", "state", "changed", "before", "after"),
    [
        (WISH, NEW, [], "stopped, disabled", "started, enabled"),
        (WISH, RUNNING, [CONFIGURATION], "started, enabled", "reloaded, enabled"),
        (WISH, RUNNING, [UNIT_FILE], "started, enabled", "restarted, enabled"),
        (WISH, STALE, [], "started, enabled, unit file not read again", "started, enabled"),
        (WISH, STATIC, [CONFIGURATION], "started, static", "reloaded, static"),
        (WISH, FAILED, [], "failed, enabled", "started, enabled"),
        (GONE, RUNNING, [], "started, enabled", "stopped, disabled"),
        (GONE, FAILED, [], "failed, enabled", "stopped, disabled"),
    ],
)
def test_a_diff_tells_what_happens_to_the_unit(wish, state, changed, before, after):
    plan = plan_unit(wish, state, changed)
    header = "unit a.service"
    assert unit_diff(wish, state, plan) == [{"before_header": header, "after_header": header, "before": f"{before}\n", "after": f"{after}\n"}]


@pytest.mark.parametrize(("wish", "state"), [(WISH, RUNNING), (WISH, STATIC), (GONE, STOPPED), (GONE, NEW)])
def test_a_diff_of_nothing_is_empty(wish, state):
    assert unit_diff(wish, state, plan_unit(wish, state, [])) == []


def line(message, identifier="dnsmasq", invocation="new") -> dict:
    return {"MESSAGE": message, "SYSLOG_IDENTIFIER": identifier, "_SYSTEMD_INVOCATION_ID": invocation}


BY_SYSTEMD = line("a.service: Failed with result 'exit-code'.", "systemd", "init")


@pytest.mark.parametrize(
    ("entries", "lines"),
    [
        ([], []),
        ([BY_SYSTEMD], [BY_SYSTEMD["MESSAGE"]]),
        ([line("exiting on SIGTERM", invocation="old"), line("bad option"), BY_SYSTEMD], ["bad option"]),
        ([line("dnsmasq: port taken"), line("port taken")], ["dnsmasq: port taken"]),
        ([line([255, 254]), line("  "), line("text")], ["text"]),
        ([line(str(number)) for number in range(10, 20)], ["14", "15", "16", "17", "18", "19"]),
    ],
)
def test_of_a_journal_the_lines_that_tell_why_are_taken(entries, lines):
    assert telling_lines(entries, former="old") == lines
