# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd has to be told so that a unit runs with the files that are there. Pure; :mod:`.systemd` asks and tells.

Whether a unit has read its files is computed from what is on the host, never remembered in a run: an interrupted run is
finished by the next. Two things tell it. The *stamp* (``/run/omni-matchbox/UNIT.loaded``) holds inode and change time of
every file as they were when the collection last started or reloaded the unit, and which invocation of the unit that was. While
files are being changed it says so, and the unit counts as out of date until all is done. Without a stamp of the unit's
present invocation (it was started by the boot or by somebody else) a file is unread if it changed after the unit started.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import typing as t

from ..common.errors import InputError

LOCAL_UNITS = "/etc/systemd/system/"
UNIT_DIRECTORIES = (LOCAL_UNITS, "/run/systemd/system/", "/usr/local/lib/systemd/system/", "/usr/lib/systemd/system/", "/lib/systemd/system/")
QUADLETS = "/etc/containers/systemd/"  # of which podman makes units whenever systemd reads unit files
PROPERTIES = ("LoadState", "ActiveState", "SubState", "UnitFileState", "NeedDaemonReload", "InactiveExitTimestamp", "InvocationID", "Type")

# A process of these types may still die of its configuration after systemd has called it started: it read nothing yet, or
# (dbus) it only has taken its name.
UNPROVEN_TYPES = ("simple", "exec", "idle", "dbus")


@dataclasses.dataclass(frozen=True)
class UnitState:
    """A unit as systemd sees it. ``started_at`` is in seconds since the epoch, 0.0 if it never started."""

    load: str = "not-found"
    active: str = "inactive"
    sub: str = "dead"
    unit_file: str = ""
    needs_reread: bool = False
    started_at: float = 0.0
    invocation: str = ""
    type: str = ""

    @property
    def running(self) -> bool:
        """Whether it does its work; a unit that waits to be restarted after a failure does not."""
        return self.active in ("active", "reloading")

    @property
    def enabled(self) -> bool:
        """Whether it comes with the boot, as far as a unit of its kind can be enabled (``static`` ones have no such wish)."""
        return self.unit_file in ("enabled", "static", "alias", "indirect", "generated")

    @property
    def proven(self) -> bool:
        """Whether systemd's word that it has started is enough."""
        return self.type not in UNPROVEN_TYPES


class UnitWish(t.NamedTuple):
    """How a unit should be. ``on_change`` is ``restart`` or ``reload``."""

    name: str
    enabled: bool
    started: bool
    on_change: str


class UnitPlan(t.NamedTuple):
    """What to tell systemd. ``enablement`` is ``enable``, ``disable`` or empty; ``action`` is ``start``, ``restart``,
    ``reload``, ``stop``, ``reset-failed`` or empty."""

    reread: bool = False
    enablement: str = ""
    action: str = ""

    @property
    def loads(self) -> bool:
        """Whether the unit reads its files in the course of it."""
        return self.action in ("start", "restart", "reload")


def full_name(unit: str) -> str:
    """``nginx`` as systemd writes it: ``nginx.service``."""
    kinds = (".service", ".socket", ".timer", ".path", ".mount", ".target")
    return unit if unit.endswith(kinds) else f"{unit}.service"


def is_unit_file(path: str) -> bool:
    """Whether systemd reads ``path`` itself (a unit file or a drop-in) or what is generated from it."""
    return path.startswith((*UNIT_DIRECTORIES, QUADLETS))


def parse_show(text: str) -> UnitState:
    """The answer of ``systemctl show --timestamp=us+utc --property=…`` with PROPERTIES."""
    values = dict(line.partition("=")[::2] for line in text.splitlines() if "=" in line)
    return UnitState(
        load=values["LoadState"],
        active=values["ActiveState"],
        sub=values["SubState"],
        unit_file=values["UnitFileState"],
        needs_reread=values["NeedDaemonReload"] == "yes",
        started_at=_seconds(values["InactiveExitTimestamp"]),
        invocation=values["InvocationID"],
        type=values.get("Type", ""),
    )


def _seconds(stamp: str) -> float:
    """``Tue 2026-11-24 06:23:57.381237 UTC`` in seconds since the epoch; 0.0 for what has not happened."""
    if not stamp:
        return 0.0
    moment = datetime.datetime.strptime(stamp.partition(" ")[2], "%Y-%m-%d %H:%M:%S.%f UTC")
    return moment.replace(tzinfo=datetime.timezone.utc).timestamp()


def stamp_text(state: UnitState, files: t.Mapping[str, t.Any] | None) -> str:
    """A stamp: the unit's present invocation has read ``files`` (path to identity), or has not read what is there (None)."""
    return json.dumps({"invocation": state.invocation, "files": files}, sort_keys=True)


def unread(state: UnitState, stamp: str, files: t.Mapping[str, t.Any]) -> set[str]:
    """Those of ``files`` (path to ``[inode, change time in ns]``, None for an absent one) that a running unit has not read as they are."""
    try:
        noted = json.loads(stamp)
        if noted["invocation"] == state.invocation:
            if noted["files"] is None:
                return set(files)
            return {path for path in {**files, **noted["files"]} if files.get(path) != noted["files"].get(path)}
    except (ValueError, TypeError, KeyError):
        pass  # no stamp, or half of one
    return {path for path, identity in files.items() if identity is not None and identity[1] / 1e9 > state.started_at}


def plan_unit(wish: UnitWish, state: UnitState, changed: t.Collection[str], unread_files: t.Collection[str] = ()) -> UnitPlan:
    """What to tell systemd when the files ``changed`` (paths) are about to be changed and the unit has not read ``unread_files``."""
    if state.load == "masked" and (wish.started or wish.enabled):
        raise InputError(f"{wish.name} is masked on this host: unmask it with 'systemctl unmask {wish.name}', or do without it")
    # What a generated unit does at the boot is written where it is generated from, not in the unit file that takes its place.
    enabled = state.enabled and not (state.unit_file == "generated" and LOCAL_UNITS + wish.name in changed)
    enablement = ""
    if wish.enabled != enabled and (wish.enabled or state.unit_file.startswith("enabled")):
        enablement = "enable" if wish.enabled else "disable"
    reread = state.needs_reread or any(map(is_unit_file, changed))
    return UnitPlan(reread, enablement, _action(wish, state, [*changed, *unread_files]))


def _action(wish: UnitWish, state: UnitState, to_read: t.Collection[str]) -> str:
    if not wish.started:
        if state.active == "failed":
            return "reset-failed"
        return "" if state.active == "inactive" else "stop"
    if state.active in ("inactive", "failed"):
        return "start"
    if not state.running:  # it is on its way up, for the first time or again after a failure
        return "restart" if to_read else "start"
    if not to_read:
        return ""
    # A reload would not change what the unit file says about the process.
    return "restart" if any(map(is_unit_file, to_read)) else wish.on_change


def unit_diff(wish: UnitWish, state: UnitState, plan: UnitPlan) -> list[dict]:
    """The plan as Ansible shows it; nothing if there is nothing to tell."""
    done = {"start": "started", "restart": "restarted", "reload": "reloaded", "stop": "stopped", "reset-failed": "stopped"}
    activity = {"active": "started", "reloading": "started", "inactive": "stopped"}.get(state.active, state.active)
    enablement = "enabled" if state.unit_file.startswith("enabled") else state.unit_file or "disabled"
    before = [activity, enablement] + ["unit file not read again"] * state.needs_reread
    after = [done.get(plan.action, activity), f"{plan.enablement}d" if plan.enablement else enablement]
    if before == after:
        return []
    header = f"unit {wish.name}"
    return [{"before_header": header, "after_header": header, "before": ", ".join(before) + "\n", "after": ", ".join(after) + "\n"}]


def telling_lines(entries: t.Iterable[dict], former: str = "", limit: int = 6) -> list[str]:
    """Of a unit's journal entries (``journalctl --output=json``) the last that tell why it failed.

    The program's own words count; systemd's about it only if the program said nothing. What the ``former`` invocation said while
    it ended is left out, and what was said twice (on standard error and to syslog) is told once.
    """
    said: dict[bool, list[str]] = {True: [], False: []}
    for entry in entries:
        message = entry.get("MESSAGE")
        if not isinstance(message, str) or (former and entry.get("_SYSTEMD_INVOCATION_ID") == former):
            continue
        texts = said[entry.get("SYSLOG_IDENTIFIER") == "systemd"]
        if message.strip() and not any(text.endswith(message.strip()) for text in texts):
            texts.append(message.strip())
    return (said[False] or said[True])[-limit:]
