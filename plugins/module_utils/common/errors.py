# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exceptions of the collection. Pure: the boot engine and the planner use them too.

The program raises these; only :mod:`..common.run` turns them into a failed task.
"""

from __future__ import annotations


class OmniMatchboxError(Exception):
    """Something a person can act on: one line that says what is wrong, where, and what to do about it."""


class InputError(OmniMatchboxError):
    """What somebody wrote (a variable, an option, a file) is wrong. Raised before anything is changed."""
