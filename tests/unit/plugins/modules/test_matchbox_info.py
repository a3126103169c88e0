"""The module matchbox_info: what is in a data directory and what is wrong with it."""

from __future__ import annotations

import json
import urllib.parse

import pytest

TOKEN = "w7uVuW3zbVKIYQuzEcyetAHeYMeo5q2L9RvkAVfCfSC+/="
JOINING = {"id": "talos", "boot": {"kernel": "/k", "args": [f"siderolink.api=grpc://x:8090?jointoken={urllib.parse.quote(TOKEN, safe='')}", "a"]}}


@pytest.fixture
def data(tmp_path):
    for folder in ("profiles", "groups"):
        (tmp_path / folder).mkdir()
    (tmp_path / "profiles/talos.json").write_text(json.dumps(JOINING))
    (tmp_path / "groups/default.json").write_text('{"profile": "talos"}')
    return tmp_path


def test_a_good_directory(modules, data):
    result = modules.converge("matchbox_info", {"data_path": str(data)})
    assert not result["changed"]
    assert [profile["id"] for profile in result["profiles"]] == ["talos"]
    assert result["groups"] == [{"id": "default", "name": "", "profile": "talos", "selector": {}}]
    for name in ("unused", "broken", "never_win", "without_profile", "surprising"):
        assert result[name] == []


def test_what_is_wrong_is_a_result(modules, data):
    (data / "groups/node1.json").write_text('{"selector": {"mac": "52:54"}}')
    (data / "groups/node2.json").write_text('{"selector": {"uuid": "4C"}, "profile": "x"}')
    (data / "profiles/rescue.json").write_text('{"id": "rescue", "nmae": "r", "boot": {"kernel": "/k"}}')
    result = modules.converge("matchbox_info", {"data_path": str(data)})
    assert result["unused"] == ["rescue"]
    found = {name: [finding["file"] for finding in result[name]] for name in ("broken", "never_win", "without_profile", "surprising")}
    assert found == {
        "broken": ["groups/node1.json"],
        "never_win": ["groups/node2.json"],
        "without_profile": ["groups/node2.json"],
        "surprising": ["profiles/rescue.json"],
    }


def test_tokens_show_as_a_hash_wherever_they_stand(modules, data):
    (data / "groups/odd.json").write_text(
        json.dumps({"name": f"jointoken={TOKEN}", "profile": f"jointoken={TOKEN}", "selector": {"UUID": f"jointoken={TOKEN}"}})
    )
    printed = json.dumps(modules.converge("matchbox_info", {"data_path": str(data)}))
    assert "siderolink.api=grpc://x:8090?jointoken=sha256:" in printed
    for form in (TOKEN, urllib.parse.quote(TOKEN, safe="")):
        assert form not in printed


def test_refused(modules, data):
    message = modules.refuse("matchbox_info", {"data_path": str(data / "missing")})
    assert message == f"data_path {data}/missing: No such file or directory; name the data directory of the boot engine"
