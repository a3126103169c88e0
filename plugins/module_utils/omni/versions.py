# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Talos versions Omni supports, and which its clusters run."""

from __future__ import annotations

from ..talos.version import Version
from .client import OmniClient
from .resources import list_resources


def supported_versions(client: OmniClient) -> list[Version]:
    """What machines of this Omni may run, in order. Omni itself has them from the Image Factory, up to 15 minutes old."""
    resources = list_resources(client, "TalosVersions.omni.sidero.dev")
    return sorted(Version.parse(resource["spec"]["version"]) for resource in resources if not resource["spec"].get("unsupported"))


def cluster_versions(client: OmniClient) -> dict[str, Version]:
    """The Talos version of each cluster by its name."""
    resources = list_resources(client, "Clusters.omni.sidero.dev")
    return {resource["metadata"]["id"]: Version.parse(resource["spec"]["talos_version"]) for resource in resources}
