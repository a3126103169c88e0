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


class Index:
    """Groups, given in the order of their files, put so that finding one takes no longer when there are many.

    Groups with the same label names are in one table, by their values. A request is looked up in each table: sites have few of them.
    """

    def __init__(self, groups: t.Iterable[Group]) -> None:
        tables: dict[tuple[str, ...], dict[tuple[str, ...], tuple[str, Group]]] = {}
        for group in groups:
            keys = tuple(sorted(group.selector))
            # Of equal selectors the first file counts.
            tables.setdefault(keys, {}).setdefault(tuple(group.selector[key] for key in keys), (precedence(group)[1], group))
        self._tables = sorted(tables.items(), key=lambda item: len(item[0]), reverse=True)

    def matching(self, found: dict[str, str]) -> list[Group]:
        """All groups of a machine with these labels, the one that wins first."""
        hits = [hit for keys, table in self._tables if (hit := table.get(tuple(found.get(key, "") for key in keys)))]
        return [group for text, group in sorted(hits, key=lambda hit: (len(hit[1].selector), hit[0]), reverse=True)]

    def select(self, found: dict[str, str]) -> Group | None:
        """The group of a machine with these labels."""
        best: tuple[str, Group] | None = None
        for keys, table in self._tables:
            if best and len(keys) < len(best[1].selector):
                break
            hit = table.get(tuple(found.get(key, "") for key in keys))
            if hit and (best is None or hit[0] > best[0]):
                best = hit
        return best and best[1]
