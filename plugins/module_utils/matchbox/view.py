# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The groups and profiles that decide what a machine boots: those on disk, or those that a plan leaves there."""

from __future__ import annotations

import contextlib
import functools
import os
import typing as t

from .changes import Plan
from .directory import load_profile, read_groups
from .findings import Finding
from .model import Group, Profile
from .reader import UnreadableError, read_profile, shown
from .steps import GROUPS, PROFILES
from .store import Store
from .wanted import wanted_site


class View(t.NamedTuple):
    """``groups`` by file name, in the order that decides between equals; files that count for nothing; what finds a profile by its name."""

    groups: dict[str, Group]
    skipped: list[Finding]
    load: t.Callable[[str], Profile]


@contextlib.contextmanager
def viewed(params: dict) -> t.Iterator[View]:
    """What a module's parameters ask about, held as it is: the plan of a site if they describe one, else the files."""
    data_path = params["data_path"]
    has_plan = any(params[option] for option in ("classes", "machines", "profiles", "groups"))
    store = Store(data_path, set_attributes=lambda path: None)
    with store.locked(missing_is_empty=has_plan):
        if has_plan:
            yield plan_view(data_path, store.plan(wanted_site(params), scope=params["scope"], purge=params["purge"]))
        else:
            yield files_view(data_path)


def files_view(data_path: str) -> View:
    """The data directory as it is."""
    found = read_groups(data_path)
    groups = {name: group for name, group in found.items() if isinstance(group, Group)}
    skipped = [
        Finding(f"{GROUPS}/{shown(name)}.json", str(error))
        for name, error in found.items()
        if isinstance(error, UnreadableError) and os.path.lexists(os.path.join(data_path, GROUPS, f"{name}.json"))
    ]
    return View(groups, skipped, functools.partial(load_profile, data_path))


def plan_view(data_path: str, plan: Plan) -> View:
    """The data directory as it will be when ``plan`` has been carried out."""
    texts = {change.key: change.after for change in plan.changes}
    on_disk = files_view(data_path)

    def load(name: str) -> Profile:
        text = texts.get(f"{PROFILES}/{name}", "")
        if text is None:
            raise UnreadableError("it is removed by this plan")
        return read_profile(text.encode()) if text else on_disk.load(name)

    names = sorted(plan.after.groups, key=lambda name: os.fsencode(f"{name}.json"))
    skipped = [finding for finding in on_disk.skipped if finding.file.removesuffix(".json") not in texts]
    return View({name: plan.after.groups[name] for name in names}, skipped, load)
