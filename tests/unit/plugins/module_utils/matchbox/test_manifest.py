"""Who manages what in a data directory."""

from __future__ import annotations

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import OmniMatchboxError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.manifest import Manifest


def test_scopes():
    manifest = Manifest({"a": ["profiles/p", "groups/g"], "b": ["profiles/p"], "empty": []})
    assert manifest == Manifest.parse(manifest.text().encode(), "m")
    assert list(manifest.scopes) == ["a", "b"]
    assert manifest.only_of("a") == {"groups/g"}
    assert manifest.only_of("b") == manifest.only_of("c") == set()
    assert manifest.without(["profiles/p"]) == Manifest({"a": ["groups/g"]})
    assert manifest.with_scope("b", ["groups/h"]).of("b") == {"groups/h"}
    assert manifest.of("b") == {"profiles/p"}


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"scopes": []}', '{"scopes": {"a": 5}}', '{"scopes": {"a": [5]}}', '{"scopes": {"a": ["profiles/../x"]}}', "\xff", "[" * 10**5]
)
def test_damaged(text):
    with pytest.raises(OmniMatchboxError, match="^/d/manifest.json is damaged; remove it"):
        Manifest.parse(text.encode("latin-1"), "/d/manifest.json")
