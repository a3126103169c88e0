# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that knows AnsibleModule's life cycle: every module of the collection is run from here."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule

from .argspec import ArgumentSpec
from .errors import OmniMatchboxError


def run_module(spec: ArgumentSpec, work: t.Callable[[AnsibleModule], dict]) -> t.NoReturn:
    """Run ``work`` with the module's parameters and end the process with its result.

    ``work`` returns what the task returns (``changed``, ``diff`` and the module's own values). It computes its plan
    first and applies it only ``if not module.check_mode``, so that check mode tells what the real run then does.
    An :class:`OmniMatchboxError` becomes the task's one-line failure; anything else is a defect and keeps its traceback.
    """
    module = AnsibleModule(supports_check_mode=True, **spec.to_kwargs())
    _hide_converted(module)
    try:
        result = work(module)
    except OmniMatchboxError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


def _hide_converted(module: AnsibleModule) -> None:
    """Ansible masks secrets as they were given; where a dictionary was given for a text, the text that it became would be shown."""
    for name, option in module.argument_spec.items():
        value = module.params[name]
        if option.get("no_log") and isinstance(value, str) and value:
            module.no_log_values.add(value)
