# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of Omni that make something and have no version to be told apart by: made once, also if an answer is lost."""

from __future__ import annotations

import typing as t

from .client import PAUSES, OmniClient
from .errors import ConflictError, UnreachableError


def change_once(client: OmniClient, method: str, body: dict, look: t.Callable[[], dict | None]) -> dict:
    """The answer to a change, or what ``look`` finds of it where the answer was lost; it is sent again only if that is nothing.

    ``look`` returns ``None`` as long as the change has not been made. An :class:`.errors.UnreachableError` with ``sent`` means
    that nobody can tell whether it has.
    """
    lost: UnreachableError | None = None
    for pause in (*PAUSES, None):
        try:
            return client.write(method, body)
        except UnreachableError as error:
            if not error.sent:
                raise lost or error from None
            lost = error
        except ConflictError:
            # Of our own first attempt, which arrived after we had looked.
            if not lost:
                raise
        found = _found(look, lost)
        if found is not None:
            return found
        if pause is not None:
            client.sleep(max(pause, lost.retry_after))
    raise lost


def _found(look: t.Callable[[], dict | None], lost: UnreachableError) -> dict | None:
    try:
        return look()
    except UnreachableError:
        raise lost from None
