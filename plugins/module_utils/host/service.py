# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service of a boot host: files, the unit that reads them, and the way from what is there to what is wanted."""

from __future__ import annotations

import dataclasses
import shlex

from ..common.errors import OmniMatchboxError
from . import placement
from .commands import run
from .files import FileChange, file_diff, plan_files, wanted_files
from .systemd import Unit, identities, reread_units
from .units import UnitPlan, UnitState, UnitWish, full_name, plan_unit, unit_diff, unread


@dataclasses.dataclass
class ServicePlan:
    """What has to be done: ``files`` first, then ``unit``. ``state`` is the unit as it was, ``unread`` what it has not read."""

    files: list[FileChange]
    unit: UnitPlan
    state: UnitState
    unread: set[str]
    diff: list[dict]

    @property
    def changed(self) -> bool:
        """Whether anything has to be done."""
        return bool(self.files) or self.unit != UnitPlan()


class Service:
    """The options of the module ``boot_host_service``, ready to be planned and applied."""

    def __init__(self, params: dict):
        self._wanted = wanted_files(params["files"], params["secrets"] or {}, params["absent"])
        self._reads = params["reads"]
        self._validate_after = params["validate_after"]
        self._wish = None
        if params["unit"]:
            self._wish = UnitWish(full_name(params["unit"]), params["enabled"], params["state"] == "started", params["on_change"])
            self._unit = Unit(self._wish.name)

    def plan(self) -> ServicePlan:
        """Compare what is wanted with what is there. Reads only."""
        changes = plan_files(self._wanted, placement.observe(self._wanted))
        diff = file_diff(changes)
        if not self._wish:
            return ServicePlan(changes, UnitPlan(), UnitState(), set(), diff)
        state = self._unit.show()
        unread_files = unread(state, self._unit.stamp(), self._identities()) if state.running else set()
        changed = [change.path for change in changes if change.after.kind != "directory"]
        unit = plan_unit(self._wish, state, changed, unread_files)
        return ServicePlan(changes, unit, state, unread_files, diff + unit_diff(self._wish, state, unit))

    def validate(self, plan: ServicePlan, *, lenient: bool) -> None:
        """Examine the new files before anything is changed; ``lenient`` in check mode, where less may be there yet."""
        if not lenient:
            placement.require_places(plan.files)
        placement.validate(plan.files, lenient=lenient)

    def apply(self, plan: ServicePlan) -> None:
        """Carry out ``plan``. If something fails, files and unit are as they were; what is interrupted, the next run finishes."""
        if plan.unit.action in ("stop", "reset-failed"):
            self._unit.tell(plan.unit.action)
        if plan.unit.enablement == "disable":
            self._unit.tell("disable")
        if self._wish and plan.files:
            self._unit.write_stamp(None)
        placed: list[FileChange] = []
        loading = False
        try:
            for change in plan.files:
                placed.append(change)
                placement.place(change.path, change.after)
            if plan.files or plan.unit.loads:
                self._validate_in_place()
            if plan.unit.reread:
                reread_units()
            if plan.unit.enablement == "enable":
                self._unit.tell("enable")
            if plan.unit.loads:
                loading = True
                self._unit.load(plan.unit.action)
        except OmniMatchboxError as error:
            raise OmniMatchboxError(f"{error}{self._roll_back(plan, placed, loading=loading)}") from error
        if self._wish and (plan.files or plan.unit.loads):
            self._unit.write_stamp(self._identities())

    def _validate_in_place(self) -> None:
        if not self._validate_after:
            return
        output = run(*self._validate_after)
        if output.code:
            raise OmniMatchboxError(f"'{shlex.join(self._validate_after)}' finds fault: {output.complaint or f'exit status {output.code}'}")

    def _roll_back(self, plan: ServicePlan, placed: list[FileChange], *, loading: bool) -> str:
        """Put back what was there, have the unit run with it if it ran before, and say so in words that follow the error."""
        if not placed:
            return ""
        was_running = plan.state.running
        try:
            if loading and not was_running:
                self._unit.tell("stop")
            if plan.unit.enablement == "enable" and loading:
                self._unit.tell("disable")
            for change in reversed(placed):
                placement.place(change.path, change.before)
            if plan.unit.reread:
                reread_units()
            if loading and was_running:
                self._unit.load(plan.unit.action)
            if was_running and (loading or not plan.unread):
                self._unit.write_stamp(self._identities())
        except OmniMatchboxError as error:
            return f"; putting back what was there failed too: {error}"
        return "; the former files are back in place" + (f" and {self._wish.name} runs with them" if loading and was_running else "")

    def _identities(self) -> dict:
        return identities([item.path for item in self._wanted if item.state.kind != "directory"] + self._reads)
