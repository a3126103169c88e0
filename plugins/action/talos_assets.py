# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module of the same name and says how far it is, or has the controller fetch and copies what the boot host lacks."""

from __future__ import annotations

import os

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..module_utils.common.errors import OmniMatchboxError
from ..module_utils.talos.staging import PROGRESS, STAGING
from ..plugin_utils.depot import Depot
from ..plugin_utils.poller import run_and_watch
from ..plugin_utils.progress import Report

display = Display()


class ActionModule(ActionBase):
    """First it is looked what is to be done, which is all there is to a run with nothing to do and to check mode."""

    def run(self, tmp=None, task_vars=None):
        """The module's result."""
        super().run(tmp, task_vars)
        if self._task.args.get("source") == "controller":
            return self._copied(task_vars)
        look = self._look(self._task.args, task_vars)
        if self._ends_with(look):
            return look
        if not look["files"]:
            return self._execute_module(task_vars=task_vars)
        report = self._report(task_vars, "Talos images")
        state = os.path.join(str(self._task.args["assets_path"]), STAGING, PROGRESS)
        result = run_and_watch(self, self._task.args, task_vars, state, report.heard)
        report.finished()
        return result

    def _look(self, arguments: dict, task_vars: dict) -> dict:
        """The result in check mode."""
        before, self._task.check_mode = self._task.check_mode, True
        try:
            return self._execute_module(module_args=arguments, task_vars=task_vars)
        finally:
            self._task.check_mode = before

    def _ends_with(self, look: dict) -> bool:
        return bool(look.get("failed") or self._task.check_mode or not look["changed"])

    def _report(self, task_vars: dict, what: str) -> Report:
        return Report(f"{task_vars['inventory_hostname']}: {what}", display.display)

    def _copied(self, task_vars: dict) -> dict:
        """The module's result, with files that are copied from the controller."""
        arguments = {**{name: value for name, value in self._task.args.items() if name != "ca_path"}, "incoming": "/"}
        look = self._look(arguments, task_vars)
        if look.get("failed") or not look["files"]:
            return look if self._ends_with(look) else self._execute_module(module_args=arguments, task_vars=task_vars)
        try:
            depot = Depot(self._task.args, {file["path"] for file in look["files"]})
            if self._task.check_mode:
                depot.look()
                return self._look({**depot.arguments(), "incoming": "/"}, task_vars)
            depot.fill(self._report(task_vars, "Talos images to the controller"))
        except OmniMatchboxError as error:
            raise AnsibleActionFail(str(error)) from None
        result = self._copy(depot, task_vars)
        result["warnings"] = result.get("warnings", []) + depot.warnings
        return result

    def _copy(self, depot: Depot, task_vars: dict) -> dict:
        """Copy what is missing, and have the module put it in place."""
        report = self._report(task_vars, "Talos images to the boot host")
        shell = self._connection._shell
        folder = shell.join_path(self._make_tmp_path(), "images")
        for source, name, state in depot.files():
            report.heard(state)
            target = shell.join_path(folder, name)
            self._low_level_execute_command(f"mkdir -p {shell.quote(os.path.dirname(target))}", sudoable=False)
            self._transfer_file(source, target)
        self._fixup_perms2([shell.tmpdir, folder])
        result = self._execute_module(module_args={**depot.arguments(), "incoming": folder}, task_vars=task_vars)
        report.finished()
        return result
