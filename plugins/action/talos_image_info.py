# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module of the same name, once for all hosts that ask the same: so they also get the same answer."""

from __future__ import annotations

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..plugin_utils.once import ask_once, question_of
from ..plugin_utils.progress import waiting

display = Display()


class ActionModule(ActionBase):
    """Its result holds no secret, so it is shown as usual."""

    def run(self, tmp=None, task_vars=None):
        """The module's result."""
        super().run(tmp, task_vars)
        return ask_once(question_of(self), lambda: self._asked(task_vars))

    def _asked(self, task_vars):
        """The module's result. An image is made when it is first asked for, which takes minutes."""
        with waiting("Versions and images, from Omni and the Image Factory", display.display):
            return self._execute_module(task_vars=task_vars)
