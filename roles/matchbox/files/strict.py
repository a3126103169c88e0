# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data directory as upstream has it: read anew for each request, nothing kept."""

from __future__ import annotations

import functools
import logging
import os
import typing as t

from http_answer import NOT_FOUND, Answer
from omni_matchbox_core.matchbox import select
from omni_matchbox_core.matchbox.directory import load_profile, parsed, read_group_files
from omni_matchbox_core.matchbox.model import Group
from omni_matchbox_core.matchbox.reader import UnreadableError, read_group, shown
from scripts import script

LOG = logging.getLogger("engine")


class StrictData:
    """A data directory, and at the same time what there is to know about it at any moment."""

    faults: t.Sequence[str] = ()

    def __init__(self, path: str) -> None:
        self.path = path
        # The same text is the same group, however often it is read.
        self._read_group = functools.lru_cache(maxsize=100_000)(read_group)

    def start(self) -> None:
        """There is nothing to prepare."""

    def state(self) -> StrictData:
        """What a request is answered from."""
        return self

    def figures(self) -> dict[str, float]:
        """Nothing is counted, since nothing is kept."""
        return {}

    @property
    def problem(self) -> str:
        """Why machines cannot be answered; empty if they can."""
        try:
            for folder in ("groups", "profiles"):
                os.listdir(os.path.join(self.path, folder))
        except OSError as error:
            return f"{error.filename}: {error.strerror}"
        return ""

    def group(self, labels: dict[str, str]) -> Group | None:
        """The group of a machine with these labels."""
        groups = []
        for name, content in read_group_files(self.path).items():
            group = parsed(self._read_group, content)
            if isinstance(group, Group):
                groups.append(group)
            else:
                LOG.warning("group %s is skipped: %s", shown(name), group)
        return select.select(select.best_first(groups), labels)

    def script(self, page: bytes, name: str) -> Answer:
        """What ``page`` answers the machines of the profile that a group names."""
        try:
            return script(page, load_profile(self.path, name))
        except UnreadableError as error:
            LOG.warning("profile %s is not there: %s", shown(name), error)
            return NOT_FOUND
