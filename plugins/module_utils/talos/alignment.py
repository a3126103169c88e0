# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the Talos versions of the classes go with Omni and with the clusters that machines join. Pure.

When a machine is given to a cluster, Omni moves it to the cluster's version. Talos is upgraded one minor version at a time, so what
it booted must not be further away than that.
"""

from __future__ import annotations

import typing as t

from .resolve import newest_patches, spoken
from .version import Version


def unsupported(classes: dict[str, Version], supported: list[Version]) -> list[str]:
    """A line for each class with a version that Omni does not support."""
    return [
        f"class {name}: Omni does not support Talos {version}; it supports {spoken(_would_do(version, supported))}"
        for name, version in classes.items()
        if version not in supported
    ]


def too_far(classes: dict[str, Version], clusters: dict[str, Version], members: t.Iterable[tuple[str, str, str]], supported: list[Version]) -> list[str]:
    """A line for each class and cluster that are more than one minor version apart.

    ``members`` are machine, class and cluster; of a cluster that does not exist yet nothing is known.
    """
    lines: dict[tuple[str, str], str] = {}
    for machine, name, cluster in members:
        if cluster in clusters and _apart(classes[name], clusters[cluster]) > 1:
            fitting = newest_patches(version for version in supported if _apart(version, clusters[cluster]) <= 1)
            lines.setdefault(
                (name, cluster),
                f"class {name}: its machine {machine} goes to cluster {cluster}, which has Talos {clusters[cluster]}; from {classes[name]} that is more than"
                f" one minor version; {spoken(fitting)} would do",
            )
    return list(lines.values())


def _would_do(version: Version, supported: list[Version]) -> list[Version]:
    """Of the same minor version if there is one, else of each."""
    newest = newest_patches(supported)
    return [other for other in newest if other.minor == version.minor] or newest


def _apart(one: Version, other: Version) -> float:
    """In minor versions."""
    return abs(one.minor[1] - other.minor[1]) if one.minor[0] == other.minor[0] else float("inf")
