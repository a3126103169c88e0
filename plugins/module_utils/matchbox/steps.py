# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order in which the files of a change are written. Pure."""

from __future__ import annotations

import dataclasses
import typing as t

from .model import Group
from .select import precedence

PROFILES = "profiles"
GROUPS = "groups"


@dataclasses.dataclass(frozen=True)
class Change:
    """One file of the data directory that is written or removed: ``folder/id.json``, its text before and after.

    ``before`` is ``None`` if there is no such file yet, ``after`` if there is to be none. Of a group's file, ``group`` is what is
    written or removed; ``None`` if upstream cannot read what is removed.
    """

    folder: str
    id: str
    before: str | None
    after: str | None
    group: Group | None = None

    @property
    def key(self) -> str:
        """The object's name in results and in the manifest."""
        return f"{self.folder}/{self.id}"

    @property
    def removes(self) -> bool:
        return self.after is None


def in_order(changes: t.Iterable[Change]) -> list[Change]:
    """Profiles before the groups that need them, removals last and the other way round.

    A group is written before the less specific ones, from which it keeps its machines; it is removed after them.
    """
    by_id = sorted(changes, key=lambda change: change.id)
    profiles = [change for change in by_id if change.folder == PROFILES]
    groups = sorted((change for change in by_id if change.folder == GROUPS), key=_rank)
    return [
        *(change for change in profiles if not change.removes),
        *(change for change in reversed(groups) if not change.removes),
        *(change for change in groups if change.removes),
        *(change for change in profiles if change.removes),
    ]


def _rank(change: Change) -> tuple[int, str]:
    return precedence(change.group) if change.group else (-1, "")
