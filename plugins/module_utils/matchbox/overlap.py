# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which selectors can match one machine together, and which of two then wins. Pure.

Found without comparing all pairs: selectors are put together by their label names, and two such classes are joined by the values
of the labels that they share.
"""

from __future__ import annotations

import collections
import itertools
import typing as t

# A selector in an order of its own: sorted pairs of label and value.
Selector = tuple[tuple[str, str], ...]


class Overlap(t.NamedTuple):
    """Each of ``winners`` can match a machine that also each of ``losers`` matches, and then wins.

    ``contained``: a machine that a winner matches is matched by every loser too.
    """

    winners: list[Selector]
    losers: list[Selector]
    contained: bool


def selector_of(labels: t.Mapping[str, str]) -> Selector:
    """The selector of a group, hashable."""
    return tuple(sorted(labels.items()))


def rank(selector: Selector) -> tuple[int, str]:
    """Greater for the selector that wins, as :func:`.select.precedence` of its group."""
    return len(selector), ",".join(sorted(f"{key}={value}" for key, value in selector))


def overlaps(selectors: t.Iterable[Selector]) -> t.Iterator[Overlap]:
    """All overlaps among different ``selectors``; each pair is in exactly one of them."""
    classes = _by_labels(selectors)
    for one, other in itertools.combinations(classes, 2):
        shared = one & other
        # Of two overlapping selectors with different labels the labels alone decide who wins: the values of shared labels are the same.
        for ones, others in _joined(classes[one], classes[other], shared):
            winners, losers = (ones, others) if rank(ones[0]) > rank(others[0]) else (others, ones)
            yield Overlap(winners, losers, contained=len(shared) == len(losers[0]))


class Neighbours:
    """Where a selector stands to those of a few others that can match one machine with it."""

    def __init__(self, others: t.Iterable[Selector]) -> None:
        self._others = _by_labels(others)
        self._classes: dict[tuple[str, ...], list[tuple[list[str], frozenset]]] = {}

    def place_of(self, selector: t.Mapping[str, str]) -> tuple:
        """The same for two selectors that stand alike to all of the others; empty if none of the others overlaps it."""
        labels = tuple(selector)
        if labels not in self._classes:
            self._classes[labels] = list(self._shared(frozenset(labels)))
        places = []
        for shared, known in self._classes[labels]:
            values = tuple([selector[label] for label in shared])
            places.append(values if values in known else None)
        return (labels, *places) if any(place is not None for place in places) else ()

    def _shared(self, labels: frozenset) -> t.Iterator[tuple[list[str], frozenset]]:
        """For each class of the others the labels that it has too, and the values of these."""
        for known, selectors in self._others.items():
            shared = sorted(known & labels)
            yield shared, frozenset(tuple([dict(selector)[label] for label in shared]) for selector in selectors)


def _joined(one: list[Selector], other: list[Selector], shared: frozenset) -> t.Iterator[tuple[list[Selector], list[Selector]]]:
    """The members of two classes that agree in the shared labels, put together by the values of these."""
    by_value = _by_values(other, shared)
    for values, members in _by_values(one, shared).items():
        if values in by_value:
            yield members, by_value[values]


def _by_labels(selectors: t.Iterable[Selector]) -> dict[frozenset, list[Selector]]:
    """Put together by their label names."""
    classes: dict[frozenset, list[Selector]] = collections.defaultdict(list)
    for selector in selectors:
        classes[frozenset(key for key, value in selector)].append(selector)
    return classes


def _by_values(selectors: list[Selector], labels: frozenset) -> dict[Selector, list[Selector]]:
    found: dict[Selector, list[Selector]] = collections.defaultdict(list)
    for selector in selectors:
        found[tuple(pair for pair in selector if pair[0] in labels)].append(selector)
    return found
