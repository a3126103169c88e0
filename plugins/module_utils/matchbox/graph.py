# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must come before what. Pure."""

from __future__ import annotations

import collections
import itertools
import typing as t

Node = tuple[str, ...]
BARRIER = "barrier"


class Graph:
    """Nodes, and for each those that come after it. Everything keeps the order of adding, so that the same input gives the same output."""

    def __init__(self) -> None:
        self._after: dict[Node, dict[Node, None]] = {}
        self._barriers = itertools.count()

    def add(self, node: Node) -> None:
        """A node that may have no neighbours."""
        self._after.setdefault(node, {})

    def __contains__(self, node: Node) -> bool:
        return node in self._after

    def order(self, first: Node, then: Node) -> None:
        """``first`` comes before ``then``. A node needs no order with itself: it happens at once."""
        self.add(first)
        self.add(then)
        if first != then:
            self._after[first][then] = None

    def order_all(self, firsts: t.Collection[Node], thens: t.Collection[Node]) -> None:
        """Each of ``firsts`` comes before each of ``thens``. A node that stands for nothing keeps the edges few."""
        if len(firsts) * len(thens) <= len(firsts) + len(thens) or not set(firsts).isdisjoint(thens):
            for first, then in itertools.product(firsts, thens):
                self.order(first, then)
            return
        barrier = (BARRIER, str(next(self._barriers)))
        for first in firsts:
            self.order(first, barrier)
        for then in thens:
            self.order(barrier, then)

    def levels(self) -> list[list[Node]]:
        """The nodes in batches: each in the first one that what comes before it allows. There must be no circles."""
        level = dict.fromkeys(self._after, 0)
        batches: dict[int, list[Node]] = collections.defaultdict(list)
        for node in _trimmed(self._after):
            is_real = node[0] != BARRIER
            if is_real:
                batches[level[node]].append(node)
            for then in self._after[node]:
                level[then] = max(level[then], level[node] + is_real)
        return [batches[number] for number in sorted(batches)]

    def circles(self) -> list[list[Node]]:
        """Circles that share no node, as many as are found; empty only if there are none at all."""
        found: list[list[Node]] = []
        after = _in_circles(self._after)
        while after:
            # Whatever is in there has a neighbour that is too: following one of them always leads into a circle.
            more = list(_circles_of({node: next(iter(thens)) for node, thens in after.items()}))
            found += more
            after = _in_circles(_only(after, set(after).difference(*more)))
        return found


def _in_circles(after: dict[Node, dict[Node, None]]) -> dict[Node, dict[Node, None]]:
    """The part of a graph that lies in circles and between them."""
    before: dict[Node, dict[Node, None]] = {node: {} for node in after}
    for node, thens in after.items():
        for then in thens:
            before[then][node] = None
    return _only(after, set(after).difference(_trimmed(after), _trimmed(before)))


def _only(after: dict[Node, dict[Node, None]], nodes: set[Node]) -> dict[Node, dict[Node, None]]:
    return {node: {then: None for then in thens if then in nodes} for node, thens in after.items() if node in nodes}


def _trimmed(after: dict[Node, dict[Node, None]]) -> t.Iterator[Node]:
    """The nodes that can be reached without entering a circle, each after all that come before it."""
    waits = collections.Counter(then for thens in after.values() for then in thens)
    ready = collections.deque(node for node in after if not waits[node])
    while ready:
        node = ready.popleft()
        yield node
        for then in after[node]:
            waits[then] -= 1
            if not waits[then]:
                ready.append(then)


def _circles_of(following: dict[Node, Node]) -> t.Iterator[list[Node]]:
    """The circles of a graph in which each node has one that follows."""
    seen: set[Node] = set()
    for start in following:
        path: list[Node] = []
        node = start
        while node not in seen:
            seen.add(node)
            path.append(node)
            node = following[node]
        if node in path:
            yield path[path.index(node) :]
