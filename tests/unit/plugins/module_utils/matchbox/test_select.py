"""Which group a request gets. The recordings under tests/unit/engine hold this to what a real Matchbox chose."""

from __future__ import annotations

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.model import Group, hardware_address
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.select import Index, best_first, labels, select
from hypothesis import given
from hypothesis import strategies as st

# Few keys and values, so that groups tie and match often.
PAIRS = st.dictionaries(st.sampled_from(["a", "a-", "ab", "b", "\uffff", "\U00010000"]), st.sampled_from(["", "1", "2"]), max_size=4)
GROUPS = st.lists(PAIRS, max_size=8).map(lambda selectors: [Group(id=str(number), selector=pairs) for number, pairs in enumerate(selectors)])


@given(GROUPS, PAIRS, st.randoms())
def test_the_order_of_files_decides_between_equal_selectors_only(groups, found, random):
    chosen = select(best_first(groups), found)
    shuffled = random.sample(groups, len(groups))
    again = select(best_first(shuffled), found)
    assert chosen == Index(groups).select(found) == next(iter(Index(groups).matching(found)), None)
    assert (chosen and chosen.selector) == (again and again.selector)
    if chosen:
        assert chosen == next(group for group in groups if group.selector == chosen.selector)


@given(GROUPS, PAIRS)
def test_the_chosen_group_has_the_most_selectors_and_then_the_greatest_bytes(groups, found):
    chosen = select(best_first(groups), found)
    matching = [group for group in groups if all(found.get(key, "") == value for key, value in group.selector.items())]
    assert (chosen is None) == (not matching)
    for other in matching:
        assert len(other.selector) <= len(chosen.selector)
        if len(other.selector) == len(chosen.selector):
            assert text(other) <= text(chosen)


def text(group: Group) -> bytes:
    return b",".join(sorted(f"{key}={value}".encode() for key, value in group.selector.items()))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"", {}),
        (b"a=1&a=2&&b", {"a": "1", "b": ""}),
        (b"a=1;b=2&c=3", {"c": "3"}),
        (b"a=%zz&b=%2&c=%41+%2B", {"c": "A +"}),
        (b"A=1&%61=2&=x", {"A": "1", "a": "2", "": "x"}),
        (b"a=\xc3\xbc%FF", {"a": "\u00fc\udcff"}),
        (b"mac=52-54-00-AB-CD-EF&MAC=zz&Mac=5254.00ab.cdef", {"mac": "52:54:00:ab:cd:ef", "Mac": "52:54:00:ab:cd:ef"}),
        (b"mac=zz&mac=52:54:00:12:34:56", {}),
    ],
)
def test_labels(query, expected):
    assert labels(query) == expected


@pytest.mark.parametrize(
    ("spelled", "expected"),
    [
        ("52:54:00:AB:CD:EF", "52:54:00:ab:cd:ef"),
        ("5254.00ab.cdef", "52:54:00:ab:cd:ef"),
        ("525400abcdef", "52:54:00:ab:cd:ef"),
        ("02-00-5e-10-00-00-00-01", "02:00:5e:10:00:00:00:01"),
        ("0200.5e10.0000.0001", "02:00:5e:10:00:00:00:01"),
        ("-".join(["0f"] * 20), ":".join(["0f"] * 20)),
        ("52:54:00:0:0:1", None),
        ("52:54:00-ab:cd:ef", None),
        ("52:54:00:ab:cd", None),
        ("52:54:00:ab:cd:ef:00", None),
        (" 52:54:00:ab:cd:ef", None),
        ("52:54:00:ab:cd:ef\n", None),
        ("\uff15\uff12:54:00:ab:cd:ef", None),
        ("", None),
    ],
)
def test_hardware_addresses(spelled, expected):
    assert hardware_address(spelled) == expected
