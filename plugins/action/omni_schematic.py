# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the result of the module of the same name out of sight."""

from __future__ import annotations

from ..plugin_utils.unseen import UnseenAction


class ActionModule(UnseenAction):
    """The result holds the id of the schematic, which is as good as a join token."""

    def _question(self) -> dict:
        """In check mode nothing is made, and there is no id."""
        return {**super()._question(), "check": self._task.check_mode}
