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
        """Each of ``firsts`` comes before each of ``thens`` but itself. Nodes that stand for nothing keep the edges few."""
        both = set(firsts).intersection(thens)
        in_both = [node for node in dict.fromkeys(firsts) if node in both]
        self._order_apart([node for node in firsts if node not in both], thens)
        self._order_apart(in_both, [node for node in thens if node not in both])
        for chain in (in_both, in_both[::-1]):
            self._order_chain(chain)

    def _order_apart(self, firsts: t.Collection[Node], thens: t.Collection[Node]) -> None:
        """Each of ``firsts`` comes before each of ``thens``, which are others."""
        if len(firsts) * len(thens) <= len(firsts) + len(thens):
            for first, then in itertools.product(firsts, thens):
                self.order(first, then)
            return
        barrier = self._barrier()
        for first in firsts:
            self.order(first, barrier)
        for then in thens:
            self.order(barrier, then)

    def _order_chain(self, nodes: list[Node]) -> None:
        """Each node comes before all that stand behind it."""
        earlier = None
        for node in nodes:
            barrier = self._barrier()
            if earlier:
                self.order(earlier, node)
                self.order(earlier, barrier)
            self.order(node, barrier)
            earlier = barrier

    def _barrier(self) -> Node:
        return BARRIER, str(next(self._barriers))

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
        """Circles that share no node, so many that without their nodes none would be left."""
        found: list[list[Node]] = []
        done: set[Node] = set()
        for start in self._after:
            # The way to where we are, each node with those that it still leads to.
            path = {start: iter(self._after[start])} if start not in done else {}
            while path:
                node = next(reversed(path))
                then = next((then for then in path[node] if then not in done), None)
                if then is None:
                    done.add(node)
                    del path[node]
                elif then in path:
                    found.append(_cut(path, then))
                    done.update(found[-1])
                else:
                    path[then] = iter(self._after[then])
        return found


def _cut(path: dict[Node, t.Iterator[Node]], first: Node) -> list[Node]:
    """The end of a path from ``first`` on, which is taken off."""
    circle = [path.popitem()[0]]
    while circle[-1] != first:
        circle.append(path.popitem()[0])
    return circle[::-1]


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
