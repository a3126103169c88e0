# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Has Ansible mask what is a secret in a resource that a module was given, and nothing else of it."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule

from ..common.secrets import hide, texts_in
from .redaction import is_secret_id, is_secret_spec

_SHORTEST = 12
"""Characters; shorter parts of a machine configuration are words of its format, of which too much would be blotted out."""


def mask_resource(module: AnsibleModule) -> None:
    """For the options ``type``, ``id`` and, if there is one, ``spec``, of which the last two are marked ``no_log``."""
    resource_type = module.params["type"]
    if module.params["id"] and not is_secret_id(resource_type):
        module.no_log_values.discard(module.params["id"])
    if "spec" not in module.params:
        return
    hide(module, "spec")
    if is_secret_spec(resource_type):
        parts = [part.strip() for text in texts_in(module.params["spec"]) for part in (text, *text.splitlines())]
        module.no_log_values.update(part for part in parts if len(part) >= _SHORTEST)
