# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Talos versions and machine architectures. Pure."""

from __future__ import annotations

import dataclasses
import functools
import re
import typing as t

from ..common.errors import InputError

ARCHITECTURES = ("amd64", "arm64")
_OTHER_SPELLINGS = {
    "x86_64": "amd64",
    "x86-64": "amd64",
    "x64": "amd64",
    "aarch64": "arm64",
    "armv8": "arm64",
}

NEWEST = "omni"
"""What a class writes for the newest version that Omni supports."""

_NUMBER = r"(0|[1-9][0-9]*)"
_VERSION = re.compile(rf"v?{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?")
_MINOR = re.compile(rf"v?{_NUMBER}\.{_NUMBER}")


@functools.total_ordering
@dataclasses.dataclass(frozen=True)
class Version:
    """An exact Talos version, ordered as semantic versioning orders them; ``str()`` writes it as Talos does: ``v1.11.4``."""

    numbers: tuple[int, int, int]
    prerelease: tuple[str, ...] = ()

    @classmethod
    def parse(cls, value: object) -> Version:
        """The version that somebody wrote, with or without ``v``; :class:`InputError` for anything that is not an exact one."""
        if isinstance(value, float):
            raise InputError(f"{value} is a number in YAML (1.10 would become 1.1); write the full version in quotes, such as 'v1.11.4'")
        match = _VERSION.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise InputError(f"{value!r} is no exact Talos version; write it in full, such as v1.11.4")
        major, minor, patch, prerelease = match.groups()
        return cls((int(major), int(minor), int(patch)), tuple(prerelease.split(".")) if prerelease else ())

    @property
    def minor(self) -> tuple[int, int]:
        """What kernel arguments and upgrade paths go by: ``(1, 11)`` for v1.11.4."""
        return self.numbers[:2]

    def __str__(self) -> str:
        return "v" + ".".join(map(str, self.numbers)) + ("-" + ".".join(self.prerelease) if self.prerelease else "")

    def __lt__(self, other: Version) -> bool:
        return self._precedence() < other._precedence()

    def _precedence(self) -> tuple:
        """Semantic versioning's order: a release after its pre-releases, numbers as numbers and before words."""
        identifiers = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in self.prerelease)
        return self.numbers, not self.prerelease, identifiers


@dataclasses.dataclass(frozen=True)
class LooseVersion:
    """``v1.11`` (``minor`` is ``(1, 11)``) or ``omni`` (``minor`` is ``None``): a version that has to be found out."""

    minor: tuple[int, int] | None

    def __str__(self) -> str:
        return "v{}.{}".format(*self.minor) if self.minor else NEWEST

    def newest(self, versions: t.Iterable[Version]) -> Version | None:
        """The newest that fits. Pre-releases never do: who wants one names it."""
        fitting = [version for version in versions if not version.prerelease and self.minor in (None, version.minor)]
        return max(fitting, default=None)


def parse_wanted(value: object) -> Version | LooseVersion:
    """What a class may write as its version: :class:`InputError` for anything else."""
    if isinstance(value, float):
        raise InputError(f"{value} is a number in YAML (1.10 would become 1.1); write it in quotes, such as 'v1.11' or 'v1.11.4'")
    if value == NEWEST:
        return LooseVersion(None)
    match = _MINOR.fullmatch(value) if isinstance(value, str) else None
    if match:
        return LooseVersion((int(match.group(1)), int(match.group(2))))
    try:
        return Version.parse(value)
    except InputError:
        raise InputError(f"{value!r} is no Talos version; write v1.11.4, v1.11 for its newest patch, or {NEWEST} for the newest that Omni supports") from None


def parse_architecture(value: object) -> str:
    """``amd64`` or ``arm64``, the names that Talos uses; :class:`InputError` names the right one for other spellings."""
    if value in ARCHITECTURES:
        return str(value)
    known = _OTHER_SPELLINGS.get(str(value).lower(), " or ".join(ARCHITECTURES))
    raise InputError(f"architecture {value!r} is not known to Talos; write {known}")
