# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a boot engine answers to machines of each group, asked as a machine asks."""

from __future__ import annotations

import typing as t
import urllib.error
import urllib.parse

from ansible.module_utils.urls import open_url

from ..boot.join_args import join_args_in
from ..common.errors import OmniMatchboxError
from .model import Group

_TIMEOUT = 30


class NoAnswerError(OmniMatchboxError):
    """The engine does not answer, or not with a boot script."""


def served_join_args(url: str, groups: t.Iterable[Group]) -> dict[str, list[str]]:
    """Group → the join arguments in the script that a machine of the group is served, none for one that joins no Omni.

    ``url`` is the engine's. A machine of a group is one that says of itself what the group's selector holds.
    """
    return {group.id: join_args_in(_script(url, group)) for group in groups}


def _script(url: str, group: Group) -> str:
    address = f"{url.rstrip('/')}/ipxe?{urllib.parse.urlencode(group.selector)}"
    try:
        with open_url(address, timeout=_TIMEOUT, use_proxy=False) as answer:
            return answer.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        raise NoAnswerError(f"{address}: the boot engine answers {error.code}, so machines of group {group.id!r} do not boot; see its log") from error
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise NoAnswerError(f"{address}: the boot engine does not answer ({reason}); start it, or give its url") from error
