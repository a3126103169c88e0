# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Argument specifications that can be put together from parts."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass
class ArgumentSpec:
    """The options of a module with the rules between them, as :class:`AnsibleModule` takes them."""

    options: dict = dataclasses.field(default_factory=dict)
    mutually_exclusive: list = dataclasses.field(default_factory=list)
    required_together: list = dataclasses.field(default_factory=list)
    required_one_of: list = dataclasses.field(default_factory=list)
    required_if: list = dataclasses.field(default_factory=list)
    required_by: dict = dataclasses.field(default_factory=dict)
    add_file_common_args: bool = False

    def merged(self, *others: ArgumentSpec) -> ArgumentSpec:
        """This specification with the options and rules of ``others`` added; neither is changed."""
        parts = (self,) + others
        return ArgumentSpec(
            options={name: option for part in parts for name, option in part.options.items()},
            mutually_exclusive=[rule for part in parts for rule in part.mutually_exclusive],
            required_together=[rule for part in parts for rule in part.required_together],
            required_one_of=[rule for part in parts for rule in part.required_one_of],
            required_if=[rule for part in parts for rule in part.required_if],
            required_by={option: needed for part in parts for option, needed in part.required_by.items()},
            add_file_common_args=any(part.add_file_common_args for part in parts),
        )

    def to_kwargs(self) -> dict:
        """The keyword arguments for :class:`AnsibleModule`."""
        kwargs = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        kwargs["argument_spec"] = kwargs.pop("options")
        return kwargs
