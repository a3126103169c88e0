"""JSON as upstream's engine takes it: Python's own parser is used where it takes and means the same."""

from __future__ import annotations

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox import document
from hypothesis import example, given
from hypothesis import strategies as st

PIECES = ["{", "}", "[", "]", ":", ",", '"a"', '"\\n"', '"\\u0041"', '"\\ud800"', "1", "-0", "1.5e3", "01", "1.", "NaN", "-Infinity", "true", "null", " ", "\n"]
ODD = ["\x0c", '"x\ty"', '"é"', "\ufeff", '"', "'", "\\", '"\\x"', "1e400", "\xa0", "{}", '{"a":1,"a":[2]}', "//"]


def shown(value: object) -> object:
    """Values that are equal only if their kinds are: objects, lists, numbers and texts are all lists or texts of Python."""
    return (type(value).__name__, [shown(item) for item in value] if isinstance(value, (list, tuple)) else value)


def outcome(parse, data) -> object:
    try:
        return shown(parse(data))
    except ValueError as error:
        return str(error)


values = st.recursive(st.sampled_from(PIECES + ODD), lambda inner: st.lists(inner).map(lambda items: "[" + ",".join(items) + "]"))
objects = st.dictionaries(st.sampled_from(['"a"', '"b"']), values).map(lambda pairs: "{" + ",".join(f"{key}:{value}" for key, value in pairs.items()) + "}")


@given(st.one_of(values, objects, st.lists(st.sampled_from(PIECES + ODD)).map("".join)))
@example("NaN")
@example("[1,-1.50e3]")
@example('{"a": "\\ud83d\\ude00", "a": "\\ud800"}')
def test_the_short_way_and_the_long_way_read_the_same(text):
    assert outcome(document.parse, text.encode()) == outcome(document._parse, text)


def test_what_is_deep_is_read_the_long_way():
    assert isinstance(document.parse(b"[" * 10_000 + b"]" * 10_000), list)
    with pytest.raises(ValueError, match="more than 10000 levels deep"):
        document.parse(b"[" * 10_001 + b"]" * 10_001)
