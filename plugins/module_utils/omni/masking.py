# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Has Ansible mask what is a secret in a resource that a module was given, and nothing else of it."""

from __future__ import annotations

import re
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ..common.secrets import hide
from .redaction import is_secret_id, secret_texts

_SHORTEST = 12
"""Characters; shorter parts of a machine configuration are words of its format, of which too much would be blotted out."""

_VALUE = re.compile(r"""[\s-]*(?:[^\s:]+:\s+)?["']?(.*?)["']?\s*""")
"""A line of YAML or JSON, from which Omni may quote the value alone."""


def mask_resource(module: AnsibleModule) -> None:
    """For the options ``type``, ``id`` and, if there is one, ``spec``, of which the last two are marked ``no_log``."""
    resource_type = module.params["type"]
    if module.params["id"] and not is_secret_id(resource_type):
        module.no_log_values.discard(module.params["id"])
    if "spec" not in module.params:
        return
    hide(module, "spec")
    texts = secret_texts(resource_type, module.params["spec"] or {})
    module.no_log_values.update(part for text in texts for part in _parts(text) if len(part) >= _SHORTEST)


def _parts(text: str) -> t.Iterator[str]:
    """What could be quoted of a text: all of it, a line, the value in a line."""
    yield text.strip()
    for line in text.splitlines():
        yield line.strip()
        yield _VALUE.fullmatch(line)[1]
