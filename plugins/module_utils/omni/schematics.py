# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Schematics of the Image Factory, created through Omni, which puts the join arguments into them.

A schematic is named by what is in it: creating it again is no change. Its id is a secret, since the factory tells the
arguments to whoever knows it. Omni takes any version and any name of an extension; what does not exist shows only when the
factory is to build the image.
"""

from __future__ import annotations

from ..boot.customization import Customization
from ..boot.join_args import differences, join_args_in
from ..boot.kernel_args import join_token as token_in
from ..common.errors import InputError, OmniMatchboxError
from ..talos.version import Version
from .client import MANAGEMENT, OmniClient
from .errors import NotFoundError
from .resources import get_resource, list_resources

_TUNNEL_MODES = {False: 1, True: 2}


def check_version(client: OmniClient, text: str) -> str:
    """The Talos version as Omni names it (``1.11.4``); :class:`InputError` for one that this Omni does not support."""
    version = str(Version.parse(text)).lstrip("v")
    try:
        get_resource(client, "TalosVersions.omni.sidero.dev", version)
    except NotFoundError:
        known = ", ".join(sorted((item["metadata"]["id"] for item in list_resources(client, "TalosVersions.omni.sidero.dev")), key=Version.parse))
        raise InputError(f"talos_version: {client.endpoint} does not support Talos {version}; it supports {known}") from None
    return version


def find_media(client: OmniClient, architecture: str, customization: Customization) -> str:
    """The id of the installation media that stand for bare metal of this architecture, with the overlay if there is one."""
    if not customization.overlay:
        return f"metal-{architecture}.iso"
    media = [item for item in list_resources(client, "InstallationMedias.omni.sidero.dev", "ephemeral") if item["spec"].get("overlay")]
    fitting = [item for item in media if (item["spec"]["overlay"], item["spec"].get("architecture")) == (customization.overlay, architecture)]
    if not fitting:
        names = ", ".join(sorted({item["spec"]["overlay"] for item in media if item["spec"].get("architecture") == architecture})) or "none"
        raise InputError(f"overlay: {client.endpoint} has no overlay {customization.overlay!r} for {architecture}; it has {names}")
    if customization.secure_boot and fitting[0]["spec"].get("no_secure_boot"):
        raise InputError(f"secure_boot: boards with the overlay {customization.overlay} have no Secure Boot; leave one of the two out")
    return fitting[0]["metadata"]["id"]


def create_schematic(client: OmniClient, version: str, media_id: str, customization: Customization, join_args: list[str]) -> str:
    """The id of the schematic with these join arguments inside. Raises if Omni put others into it: no machine must boot with it."""
    token = token_in(join_args)
    body = {
        "talos_version": version,
        "media_id": media_id,
        "extensions": list(customization.extensions),
        "extra_kernel_args": list(customization.extra_kernel_args),
        "siderolink_grpc_tunnel_mode": _TUNNEL_MODES[any("grpc_tunnel=true" in arg for arg in join_args)],
        "join_token": token,
    }
    # Nothing is lost by asking again: what is in a schematic is its name.
    answer = client.read(MANAGEMENT + "CreateSchematic", body, secrets=[token])
    wrong = differences(join_args_in(answer["schematic_yml"]), join_args)
    if wrong:
        raise OmniMatchboxError(f"the schematic that {client.endpoint} made does not hold its join arguments: {'; '.join(wrong)}; run again")
    return answer["schematic_id"]


def factory_url(client: OmniClient) -> str:
    """The Image Factory at which this Omni creates schematics, as ``https://factory.talos.dev``."""
    return get_resource(client, "FeaturesConfigs.omni.sidero.dev", "features-config")["spec"].get("image_factory_base_url", "")
