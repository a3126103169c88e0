"""What must come before what: few edges that mean the same as many, and circles."""

from __future__ import annotations

import itertools

from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.graph import BARRIER, Graph
from hypothesis import given
from hypothesis import strategies as st

NODES = st.sampled_from([("write", name) for name in "abcdefgh"])
ORDERS = st.lists(st.tuples(st.lists(NODES, max_size=6), st.lists(NODES, max_size=6)), max_size=4)


def reached(graph: Graph, start: tuple, leaving_out: frozenset = frozenset()) -> set:
    """What comes after a node, however many others are in between."""
    found: set = set()
    waiting = [start]
    while waiting:
        new = [then for then in graph._after[waiting.pop()] if then not in found and then not in leaving_out]
        found.update(new)
        waiting += new
    return found


@given(ORDERS)
def test_all_before_all_but_themselves(orders):
    graph, plain = Graph(), Graph()
    for firsts, thens in orders:
        graph.order_all(firsts, thens)
        for first, then in itertools.product(firsts, thens):
            plain.order(first, then)
    for node in plain._after:
        assert {then for then in reached(graph, node) if then[0] != BARRIER} == reached(plain, node)


@given(st.lists(st.tuples(NODES, NODES)))
def test_circles(edges):
    graph = Graph()
    for first, then in edges:
        graph.order(first, then)
    circles = graph.circles()
    nodes = [node for circle in circles for node in circle]
    assert len(nodes) == len(set(nodes))
    for circle in circles:
        assert all(then in graph._after[node] for node, then in zip(circle, circle[1:] + circle[:1]))
    gone = frozenset(nodes)
    assert not any(node in reached(graph, node, gone) for node in set(graph._after) - gone)
    if not circles:
        levels = {node: number for number, batch in enumerate(graph.levels()) for node in batch}
        assert all(levels[first] < levels[then] for first, then in edges if first != then)
