"""Files as upstream reads them. The recordings under tests/unit/engine say the same through the engine; here is why a file is skipped."""

from __future__ import annotations

import json

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.document import MAX_DEPTH, Members, Number, parse
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.model import Boot, Group, Profile
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.reader import UnreadableError, read_group, read_profile
from hypothesis import given
from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(alphabet=st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(alphabet=st.characters(exclude_categories=["Cs"])), inner),
)


def plain(value):
    if isinstance(value, Members):
        return {key: plain(inner) for key, inner in value}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return json.loads(value) if isinstance(value, Number) else value


@given(JSON, st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_good_json_is_read_as_everywhere(value, ascii_only, indent):
    assert plain(parse(json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode())) == value


@given(st.text(alphabet='{}[]:,"\\u0019.-+eEtrueflasn \n\t\x00\u00a0'))
def test_what_is_json_and_what_is_not_is_the_same_as_everywhere(text):
    def refuse(constant):
        raise ValueError(constant)

    try:
        expected = json.loads(text, parse_constant=refuse)
    except ValueError:
        with pytest.raises(ValueError, match="."):
            parse(text.encode())
    else:
        assert plain(parse(text.encode())) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'"a\xff\xe2\x82b"', "a\ufffd\ufffd\ufffdb"),
        (b'"\xed\xa0\x80"', "\ufffd\ufffd\ufffd"),
        (rb'"\ud800x\udc00\ud83d\ude00"', "\ufffdx\ufffd\U0001f600"),
        (b" 1e400 ", "1e400"),
        (b'{"a":1,"a":2}', [("a", "1"), ("a", "2")]),
    ],
)
def test_bytes_and_spellings(data, expected):
    assert parse(data) == expected


@pytest.mark.parametrize(("depth", "good"), [(MAX_DEPTH, True), (MAX_DEPTH + 1, False)])
def test_depth(depth, good):
    document = b"[" * depth + b"]" * depth
    if good:
        assert isinstance(parse(document), list)
    else:
        with pytest.raises(ValueError, match="levels deep"):
            parse(document)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no JSON: expected a value at character 0"),
        ("{} {}", "no JSON: something follows the document at character 3"),
        ("\ufeff{}", "no JSON: expected a value at character 0"),
        ('{"a" 1}', "no JSON: expected ':' at character 5"),
        ('{"a":1]', "no JSON: expected ',' or '}' at character 6"),
        ("{a:1}", "no JSON: expected a key in double quotes at character 1"),
        ("[]", "the file is no object"),
        ('{"selector":[]}', "selector is no object"),
        ('{"selector":{"q":1}}', "selector.q is no text"),
        ('{"selector":{"Mac":"zz"}}', "selector.Mac is no MAC address"),
        ('{"Profile":5}', "profile is no text"),
        ('{"metadata":{"a":[1e400],"a":1}}', "metadata holds a number that is too large"),
    ],
)
def test_groups_that_are_skipped(text, reason):
    with pytest.raises(UnreadableError) as skipped:
        read_group(text.encode())
    assert str(skipped.value) == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("null", "it has no id"),
        ('{"id":"p","id":""}', "it has no id"),
        ('{"id":"p","boot":{"args":"a b"}}', "args is no list"),
        ('{"id":"p","boot":{"args":["a",1]}}', "args[1] is no text"),
        ('{"id":"p","boot":[]}', "boot is no object"),
    ],
)
def test_profiles_that_are_not_there(text, reason):
    with pytest.raises(UnreadableError) as skipped:
        read_profile(text.encode())
    assert str(skipped.value) == reason


def test_repeated_keys_null_and_keys_in_any_case():
    assert read_group(b"{}") == read_group(b"null") == Group()
    assert read_group(b'{"SELECTOR":{"a":"1"},"\xc5\xbfelector":{"b":null},"name":"x","name":null}') == Group(name="x", selector={"a": "1", "b": ""})
    assert read_group(b'{"selector":{"a":"1"},"selector":null,"metadata":{"a":1,"b":{"x":1}},"metadata":{"b":{}}}') == Group(metadata={"a": 1.0, "b": {}})
    merged = read_profile(b'{"id":"p","boot":{"\xe2\x84\xaaernel":"/a","args":["1","2"]},"boot":{"args":[null,"3","4"],"initrd":[null]}}')
    assert merged == Profile("p", boot=Boot("/a", [""], ["1", "3", "4"]))
