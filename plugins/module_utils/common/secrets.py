# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps join tokens out of what a module returns and out of the log of the host that it runs on."""

from __future__ import annotations

import json
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ..boot.kernel_args import redact, secrets_in


def hide(module: AnsibleModule, *options: str) -> None:
    """Have Ansible mask every form of the tokens in these options in this task's output, and nothing else of the options.

    The options must be marked ``no_log``: what a module was given is logged before anything of ours runs. Left at that, it would be too
    little (no encoded form is masked, nor a token that is part of a text) and too much (every harmless text of the options is blotted out).
    """
    texts = [text for option in options for text in texts_in(module.params[option])]
    module.no_log_values.difference_update(texts)
    module.no_log_values.update(secret for text in texts for secret in secrets_in(text))


def redacted(result: dict) -> dict:
    """What a module returns, with every token in it replaced by its short hash: also those of files, which no option told of."""
    return json.loads(redact(json.dumps(result, ensure_ascii=False)))


def texts_in(value: object) -> t.Iterator[str]:
    """What Ansible masks of a value: all texts and numbers in it, except the keys of dictionaries; not the id of a schematic, which stays masked."""
    if isinstance(value, dict):
        value = [inner for name, inner in value.items() if name != "schematic"]
    if isinstance(value, list):
        for inner in value:
            yield from texts_in(inner)
    elif value is not None and not isinstance(value, bool):
        yield str(value)
