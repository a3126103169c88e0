# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugins of modules whose result is a secret."""

from __future__ import annotations

from ansible.plugins.action import ActionBase

from .once import ask_once, question_of


class UnseenAction(ActionBase):
    """Runs the module of the same name, once for all hosts that ask the same, and keeps its result out of sight.

    A module's own wish not to be logged is not heard by Ansible, an action plugin's is.
    """

    def run(self, tmp=None, task_vars=None):
        """The module's result; ``register`` keeps all of it, output shows it only if it is an error."""
        super().run(tmp, task_vars)
        result = ask_once(self._question(), lambda: self._execute_unseen(task_vars))
        if not result.get("failed"):
            result["_ansible_no_log"] = True
            # Up to ansible-core 2.18, the summary of a loop's results does not look at the results.
            self._task.no_log = True
        return result

    def _question(self) -> dict:
        """All that the result depends on."""
        return question_of(self)

    def _execute_unseen(self, task_vars) -> dict:
        """The module's result. Where it is not the controller that asks, Ansible would show at -vvv what comes over ssh."""
        context = self._connection._play_context
        no_log, context.no_log = context.no_log, True
        try:
            return self._execute_module(task_vars=task_vars)
        finally:
            context.no_log = no_log
