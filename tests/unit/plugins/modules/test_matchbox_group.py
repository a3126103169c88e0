"""The module matchbox_group: one group."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def data(tmp_path):
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/talos.json").write_text('{"id": "talos", "boot": {"kernel": "/k"}}')
    return tmp_path


FIELDS = {"name": "Node 1", "profile": "talos", "selector": {"mac": "52:54:00:12:34:56"}, "metadata": {"rack": {"row": 3, "spare": False}}}


def test_all_fields(modules, data):
    result = modules.converge("matchbox_group", {"data_path": str(data), "id": "node1", **FIELDS})
    assert (result["changed"], result["written"], result["removed"]) == (True, ["groups/node1"], [])
    assert json.loads((data / "groups/node1.json").read_text()) == {"id": "node1", **FIELDS}
    assert result["diff"] == [
        {
            "before_header": f"{data}/groups/node1.json",
            "after_header": f"{data}/groups/node1.json",
            "before": "",
            "after": json.dumps({"id": "node1", **FIELDS}, indent=2) + "\n",
        },
        {
            "before_header": "what machines boot",
            "after_header": "what machines boot",
            "before": "mac=52:54:00:12:34:56 boots nothing\n",
            "after": "mac=52:54:00:12:34:56 boots talos\n",
        },
    ]
    assert result["machines"] == [{"before": "nothing", "after": "talos", "count": 1, "machines": ["mac=52:54:00:12:34:56"]}]


def test_a_token_that_somebody_put_into_a_selector_does_not_show(modules, data):
    selector = {"url": "x?jointoken=SECRET"}
    result = modules.converge("matchbox_group", {"data_path": str(data), "id": "node1", "profile": "talos", "selector": selector})
    assert result["machines"][0]["machines"][0].startswith("url=x?jointoken=sha256:")
    assert all("SECRET" not in part[side] for part in result["diff"] for side in ("before", "after"))


def test_removed(modules, data):
    modules.run("matchbox_group", {"data_path": str(data), "id": "node1", "profile": "talos"})
    result = modules.converge("matchbox_group", {"data_path": str(data), "id": "node1", "state": "absent"})
    assert (result["changed"], result["written"], result["removed"]) == (True, [], ["groups/node1"])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"profile": None}, "group g: profile is missing; give an id such as 'talos'"),
        ({"profile": "rescue"}, "group g: there is no profile 'rescue', neither given nor on disk; add it or name another"),
        ({"selector": {"mac": 41138123456}}, "group g: selector.mac is the number 41138123456; write it as '52:54:00:12:34:56'"),
        ({"selector": {"UUID": "x"}}, "group g: selector.UUID never matches; write it in lower case, uuid, as machines send it"),
        ({"metadata": {"a": ["x\ny"]}}, "group g: metadata.a number 1 has a line break or another control character; write it on one line"),
        ({"state": "absent", "id": "a/b"}, "group: id 'a/b' is no id; begin with a letter or digit, go on with letters, digits, '.', '_' and '-'"),
    ],
)
def test_refused(modules, data, params, message):
    assert modules.refuse("matchbox_group", {"data_path": str(data), "id": "g", "profile": "talos", **params}) == message
