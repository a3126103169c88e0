# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Omni's resources: what it knows and wants, each with a type, an id, metadata and a specification.

Fields with a zero value (``false``, ``0``, ``""``) are left out of a specification by Omni: read them with a default.
Large integers are strings, enumerations are integers.
"""

from __future__ import annotations

import json

from .client import RESOURCES, OmniClient


def get_resource(client: OmniClient, resource_type: str, resource_id: str, namespace: str = "default", *, secret_id: bool = False) -> dict:
    """One resource as ``{"metadata": {...}, "spec": {...}}``; raises :class:`..omni.errors.NotFoundError`.

    ``secret_id`` says that the id itself is a secret, as a join token's is.
    """
    body = {"namespace": namespace, "type": resource_type, "id": resource_id}
    return json.loads(client.read(RESOURCES + "Get", body, secrets=[resource_id] if secret_id else [])["body"])


def list_resources(client: OmniClient, resource_type: str, namespace: str = "default") -> list[dict]:
    """All resources of a type, each as :func:`get_resource` returns it, in the order of their ids."""
    answer = client.read(RESOURCES + "List", {"namespace": namespace, "type": resource_type})
    return [json.loads(item) for item in answer.get("items", [])]
