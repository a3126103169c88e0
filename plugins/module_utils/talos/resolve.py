# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which exact version a loosely named one means. Pure: whoever calls has asked Omni and the Image Factory.

What is written counts in this order: an exact version; what a variable pins; what the boot hosts' lock files say it meant, so that
running again does not move a site (a new host adopts what its neighbours have); the newest that Omni supports and the Image Factory
has, without those that it knows to be broken. Where Omni is not asked, it is the newest that lies on a boot host.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..common.errors import InputError
from .lock import Lock
from .version import LooseVersion, Version

PINS = "omni_matchbox_images_lock"
REFRESH = "omni_matchbox_versions_refresh"


@dataclasses.dataclass(frozen=True)
class Candidates:
    """What a loosely named version may mean. ``None``: that source was not asked."""

    supported: list[Version] | None = None
    published: list[Version] | None = None
    present: t.Sequence[Version] = ()

    def newest(self, wanted: LooseVersion) -> Version:
        """The newest that fits ``wanted``; :class:`InputError` that says what there is."""
        if self.supported is None:
            found = wanted.newest(self.present)
            if found is None:
                raise InputError(
                    f"{wanted} means the newest version that Omni supports, but Omni is not asked (no service-account key) and no boot host has one;"
                    f" write an exact version, or what it means into {PINS}: {{versions: {{{wanted}: v1.11.4}}}}"
                )
            return found
        found = wanted.newest(version for version in self.supported if self.published is None or version in self.published)
        if found is None:
            there = "" if wanted.newest(self.supported) is None else ", but the Image Factory has none of them that is not broken"
            raise InputError(f"{wanted}: there is no such version; Omni supports {spoken(newest_patches(self.supported))}{there}")
        return found


def settled(wanted: LooseVersion, pins: dict[str, str], locks: dict[str, Lock], refresh: bool = False) -> Version | None:
    """What ``wanted`` is pinned to or meant before on the hosts of the run (host → lock); ``None`` if that is open.

    Hosts that disagree are an :class:`InputError`, unless it is pinned or ``refresh`` asks anew.
    """
    if str(wanted) in pins:
        return Version.parse(pins[str(wanted)])
    if refresh:
        return None
    meant: dict[str, list[str]] = {}
    for host, lock in locks.items():
        if str(wanted) in lock.versions:
            meant.setdefault(lock.versions[str(wanted)], []).append(host)
    if len(meant) > 1:
        said = " and ".join(f"{version} on {', '.join(sorted(hosts))}" for version, hosts in sorted(meant.items()))
        raise InputError(f"{wanted} means {said}; say what it means in {PINS}, or ask anew with {REFRESH}: true")
    return Version.parse(next(iter(meant))) if meant else None


def moves(versions: dict[str, str], locks: dict[str, Lock]) -> dict[str, dict[str, list[str]]]:
    """What means another version than it did: ``v1.11`` → ``{"before": ["v1.11.3"], "after": ["v1.11.4"]}``."""
    before = {wanted: sorted({lock.versions[wanted] for lock in locks.values() if wanted in lock.versions}) for wanted in versions}
    return {wanted: {"before": before[wanted], "after": [version]} for wanted, version in versions.items() if before[wanted] not in ([], [version])}


def newest_patches(versions: t.Iterable[Version]) -> list[Version]:
    """The newest release of each minor version, in order."""
    newest: dict[tuple[int, int], Version] = {}
    for version in sorted(version for version in versions if not version.prerelease):
        newest[version.minor] = version
    return list(newest.values())


def spoken(versions: t.Iterable[Version]) -> str:
    """``v1.10.8, v1.11.5``."""
    return ", ".join(map(str, versions)) or "none"
