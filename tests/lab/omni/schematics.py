"""The call that creates schematics, and the installation media that it refers to.

Schematics are made at the Image Factory whose authority is in the setting ``image_factory_ca``. Without one, an id is the digest of the
text, as the factory's is, and nothing is kept.
"""

from __future__ import annotations

import hashlib
import json
import ssl
import urllib.error
import urllib.request

from . import resources
from .calls import MANAGEMENT_SERVICE, ApiError, Call, require

PXE = "https://pxe.factory.talos.dev/pxe"
ENABLED = (2, "ENABLED")
OVERLAY_IMAGES = {"rpi_generic": "siderolabs/sbc-raspberrypi"}

FIELDS = {
    MANAGEMENT_SERVICE + "CreateSchematic": {
        "talos_version",
        "media_id",
        "extensions",
        "extra_kernel_args",
        "meta_values",
        "secure_boot",
        "siderolink_grpc_tunnel_mode",
        "join_token",
    }
}


def _create(call: Call) -> dict:
    """Neither the version nor the names of extensions are looked at, as in Omni; nor is the token."""
    require(call, "Operator")
    body, media_id = call.body, call.body.get("media_id", "")
    media = resources.MEDIA.get(media_id)
    if media is None:
        raise ApiError(2, f"resource InstallationMedias.omni.sidero.dev(ephemeral/{media_id}@undefined) doesn't exist")
    tunnel = body.get("siderolink_grpc_tunnel_mode", 0) in ENABLED
    token = body.get("join_token") or call.content["default_token"]["token_id"]
    args = resources.join_arguments(call.content, token, tunnel) + body.get("extra_kernel_args", [])
    text = _yaml(args, body.get("meta_values", {}), sorted(set(body.get("extensions", []))), media.get("overlay", ""))
    schematic_id = _at_factory(call.content, text) if call.content.get("image_factory_ca") else hashlib.sha256(text.encode()).hexdigest()
    answer = {"schematic_id": schematic_id, "pxe_url": f"{PXE}/{schematic_id}/{body.get('talos_version', '')}/metal-{media['architecture']}"}
    return {**answer, **({"grpc_tunnel_enabled": True} if tunnel else {}), "schematic_yml": text}


def _at_factory(content: dict, text: str) -> str:
    """The id that the Image Factory gives to the schematic."""
    context = ssl.create_default_context(cafile=content["image_factory_ca"])
    try:
        with urllib.request.urlopen(content["image_factory_base_url"] + "/schematics", text.encode(), timeout=10, context=context) as answer:
            return json.load(answer)["id"]
    except urllib.error.URLError as error:
        raise ApiError(2, f"failed to create schematic: {error.reason}") from None


def _yaml(args: list[str], meta: dict, extensions: list[str], overlay: str) -> str:
    """The schematic in Omni's layout."""
    lines = []
    if overlay:
        lines += ["overlay:", f"    image: {OVERLAY_IMAGES.get(overlay, 'siderolabs/sbc')}", f"    name: {overlay}"]
    lines += ["customization:", "    extraKernelArgs:", *(f"        - {arg}" for arg in args)]
    if meta:
        lines.append("    meta:")
        for key, value in sorted(meta.items(), key=lambda item: -int(item[0])):
            lines += [f"        - key: {key}", "          value: |", *(f"            {line}" for line in value.splitlines())]
    if extensions:
        lines += ["    systemExtensions:", "        officialExtensions:", *(f"            - {name}" for name in extensions)]
    return "\n".join(lines) + "\n"


CALLS = {MANAGEMENT_SERVICE + "CreateSchematic": _create}
