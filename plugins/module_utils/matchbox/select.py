# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which group a request gets. Pure.

The most selectors win; among equals the greatest text of ``key=value`` pairs, so that ``uuid`` beats ``serial`` beats ``mac``; among
equal texts the first file.
"""

from __future__ import annotations

import re
import typing as t
import urllib.parse

from .model import Group, hardware_address

_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def labels(raw_query: bytes) -> dict[str, str]:
    """What a machine says about itself: the query as it was sent, without the question mark.

    Pieces with a raw ``;`` or a bad escape count for nothing, and of equal keys the first counts. An unreadable ``mac`` is as if never
    sent. Bytes that are no UTF-8 are kept (``surrogateescape``).
    """
    found: dict[str, str] = {}
    for piece in raw_query.split(b"&"):
        if piece and b";" not in piece and not _BAD_ESCAPE.search(piece):
            key, _equals, value = piece.partition(b"=")
            found.setdefault(_decoded(key), _decoded(value))
    read = {key: hardware_address(value) if key.lower() == "mac" else value for key, value in found.items()}
    return {key: value for key, value in read.items() if value is not None}


def _decoded(text: bytes) -> str:
    return urllib.parse.unquote_to_bytes(text.replace(b"+", b" ")).decode("utf-8", "surrogateescape")


def precedence(group: Group) -> tuple[int, str]:
    """Greater for the group that wins. Code points sort as the bytes of UTF-8 do."""
    return len(group.selector), ",".join(sorted(f"{key}={value}" for key, value in group.selector.items()))


def best_first(groups: t.Iterable[Group]) -> list[Group]:
    """``groups``, given in the order of their files, in the order in which they are tried."""
    return sorted(groups, key=precedence, reverse=True)


def matches(group: Group, found: dict[str, str]) -> bool:
    """Whether a machine with these labels is in ``group``. A label that was not sent counts as empty."""
    return all(found.get(key, "") == value for key, value in group.selector.items())


def select(groups: t.Iterable[Group], found: dict[str, str]) -> Group | None:
    """The group of a machine with these labels, of ``groups`` in the order of :func:`best_first`."""
    return next((group for group in groups if matches(group, found)), None)
