# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the join token out of what a module returns."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule

from ..boot.kernel_args import join_secrets


def hide(module: AnsibleModule, join_args: list[str] | None) -> None:
    """Have Ansible mask every form of the token in this task's output, and nothing else of the join arguments.

    ``no_log`` masks the values as they were given. That is too little (no encoded form is masked) and too much: the two
    arguments without a secret would be blotted out of every diff.
    """
    if join_args:
        module.no_log_values.difference_update(join_args)
        module.no_log_values.update(join_secrets(join_args))
