# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wanted in a data directory, from a module's parameters. Pure."""

from __future__ import annotations

import collections
import dataclasses
import typing as t

from ..boot.kernel_args import JOIN_ARGS_PLACEHOLDER, fill_join_args, validate_join_args
from ..boot.plan import boot_plan
from ..common.errors import InputError
from .model import Group, Profile
from .select import precedence
from .steps import GROUPS, PROFILES
from .validate import valid_group, valid_profile


@dataclasses.dataclass(frozen=True)
class Wanted:
    """Objects that are to be there, and the keys of those that are not. Whatever else is there is left to the purge."""

    profiles: list[Profile] = dataclasses.field(default_factory=list)
    groups: list[Group] = dataclasses.field(default_factory=list)
    absent: frozenset[str] = frozenset()

    def objects(self) -> dict[str, Profile | Group]:
        """Key → object."""
        return {
            **{f"{PROFILES}/{profile.id}": profile for profile in self.profiles},
            **{f"{GROUPS}/{group.id}": group for group in self.groups},
        }


def wanted_site(params: dict) -> Wanted:
    """The objects of a whole site: those of its boot plan, and those given whole in ``profiles`` and ``groups``."""
    if not params["scope"]:
        raise InputError("scope: is empty, so what is written would be nobody's; give a name such as 'site'")
    plan = boot_plan(params["classes"], params["machines"], params["images"])
    join_args = params["join_args"]
    profiles = [wanted_profile(profile, join_args, f"class {profile['id']}", variables=False) for profile in plan.profiles]
    profiles += [wanted_profile(profile, join_args, f"profiles: number {place}") for place, profile in enumerate(params["profiles"], 1)]
    groups = [valid_group(group, f"machine {group['id']}") for group in plan.groups]
    groups += [valid_group(group, f"groups: number {place}") for place, group in enumerate(params["groups"], 1)]
    _check_unique("profile", profiles)
    _check_unique("group", groups)
    _check_distinct(groups)
    return Wanted(profiles, groups)


def wanted_profile(data: dict, join_args: list[str] | None, place: str, *, variables: bool = True) -> Profile:
    """The profile in ``data`` with the join arguments in place of the placeholder. The rest is as in :func:`.valid_profile`."""
    profile = valid_profile(data, place, variables=variables)
    boot = profile.boot
    if boot is None:
        return profile
    if join_args:
        validate_join_args(join_args)
    elif JOIN_ARGS_PLACEHOLDER in boot.args:
        raise InputError(f"profile {profile.id}: {JOIN_ARGS_PLACEHOLDER} stands for Omni's join arguments; give them as join_args")
    boot = dataclasses.replace(boot, args=fill_join_args(boot.args, join_args))
    for text in (boot.kernel, *boot.initrd, *boot.args):
        if JOIN_ARGS_PLACEHOLDER in text:
            raise InputError(f"profile {profile.id}: {JOIN_ARGS_PLACEHOLDER} is part of a longer text; make it an argument of its own")
    return dataclasses.replace(profile, boot=boot)


def _check_unique(kind: str, objects: t.Sequence[Profile | Group]) -> None:
    for name, times in collections.Counter(thing.id for thing in objects).items():
        if times > 1:
            raise InputError(f"{kind} {name}: is given {times} times; rename or remove one")


def _check_distinct(groups: list[Group]) -> None:
    """Of groups with the same selectors one is never used, and which one depends on file names."""
    taken: dict[tuple[int, str], str] = {}
    for group in groups:
        selectors = precedence(group)
        if selectors in taken:
            shown = selectors[1] or "every machine"
            raise InputError(f"group {group.id}: selects {shown}, as group {taken[selectors]} does; change or remove one")
        taken[selectors] = group.id
