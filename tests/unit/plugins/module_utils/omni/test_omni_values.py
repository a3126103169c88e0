"""What is the same to Omni though it is written otherwise; what may be shown of a resource."""

from __future__ import annotations

import json

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.boot.kernel_args import token_hash
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import InputError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.redaction import is_secret_id, is_secret_spec, redacted
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.values import check_enumerations, fulfils, merged, same

SCHEMATIC = "37af7754bc1978b7978996defa57ff20b72b08c1b7729be6a0518fa2ff0a4d75"


@pytest.mark.parametrize(
    ("has", "wanted", "alike"),
    [
        ({}, {"a": False, "b": 0, "c": "", "d": [], "e": {}, "f": None}, True),
        ({"size": "53687091200"}, {"size": 53687091200}, True),
        ({"count": 3}, {"count": "3"}, True),
        ({"count": 3}, {"count": 4}, False),
        ({"code": "7"}, {"code": "007"}, False),
        ({"on": True}, {"on": False}, False),
        ({"on": True}, {"on": 1}, False),
        ({"version": "1.11"}, {"version": 1.11}, False),
        ({"list": ["a", "b"]}, {"list": ["b", "a"]}, False),
        ({"a": {"b": {"c": 0}}}, {}, True),
        ({"a": "true"}, {"a": True}, True),
    ],
)
def test_same(has, wanted, alike):
    assert same(has, wanted) is alike


@pytest.mark.parametrize(
    ("has", "wanted", "result"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}}, {"a": {"x": 1, "y": 3}}),
        ({"a": {"x": 1, "y": 2}}, {"a": {"y": None}}, {"a": {"x": 1}}),
        ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": "7"}, {"a": 7}, {"a": "7"}),
        ({}, {"a": {"x": None, "y": [{"z": None}]}}, {"a": {"y": [{}]}}),
        ({"a": 1}, {"a": {"x": 2}}, {"a": {"x": 2}}),
    ],
)
def test_merged(has, wanted, result):
    before = json.dumps(has)
    assert merged(has, wanted) == result
    assert json.dumps(has) == before


@pytest.mark.parametrize(
    ("condition", "fulfilled"),
    [
        ({}, True),
        ({"ready": True}, True),
        ({"ready": False}, False),
        ({"locked": False, "machines": {"total": 3, "lost": 0}}, True),
        ({"machines": {"total": "3"}}, True),
        ({"machines": {"total": 4}}, False),
        ({"nothing": {"inside": {"of": ""}}}, True),
        ({"ready": {"x": 1}}, False),
    ],
)
def test_fulfils(condition, fulfilled):
    assert fulfils({"ready": True, "phase": 3, "machines": {"total": 3, "healthy": 2}}, condition) is fulfilled


def test_names_of_numbers():
    has = {"update_strategy": 1, "inner": {"mode": 2}, "on": True, "size": "5"}
    check_enumerations(has, {"update_strategy": "1", "inner": {"mode": 3}, "on": "yes", "size": "big", "other": "Rolling"})
    with pytest.raises(InputError, match=r"spec\.inner\.mode: Omni keeps a number here, which is 2 now; write a number instead of 'Fast'"):
        check_enumerations(has, {"inner": {"mode": "Fast"}})


def resource(kind: str, spec: dict, resource_id: str = "an-id") -> dict:
    return {"metadata": {"namespace": "default", "type": f"{kind}.omni.sidero.dev", "id": resource_id, "version": 3}, "spec": spec}


@pytest.mark.parametrize(
    ("kind", "spec", "shown"),
    [
        ("MachineLabels", {}, {}),
        ("Clusters", {"talos_version": "1.11.4"}, {"talos_version": "1.11.4"}),
        ("DefaultJoinTokens", {"token_id": "abc"}, {"token_id": token_hash("abc")}),
        ("ConnectionParams", {"args": "x=grpc://o?jointoken=abc y"}, {"args": f"x=grpc://o?jointoken={token_hash('abc')} y"}),
        ("Links", {"node_unique_token": "abc", "connected": True}, {"node_unique_token": token_hash("abc"), "connected": True}),
        ("MachineUpgradeStatuses", {"schematic_id": SCHEMATIC}, {"schematic_id": token_hash(SCHEMATIC)}),
        ("Any", {"image": f"ghcr.io/x@sha256:{SCHEMATIC}"}, {"image": f"ghcr.io/x@sha256:{SCHEMATIC}"}),
        ("Any", {"url": f"https://f/image/{SCHEMATIC}/v1"}, {"url": f"https://f/image/{token_hash(SCHEMATIC)}/v1"}),
        ("ConfigPatches", {"data": "machine: {}", "n": 1}, {"data": token_hash("machine: {}"), "n": 1}),
        ("EtcdBackupS3Configs", {"bucket": "b", "region": ""}, {"bucket": token_hash("b"), "region": ""}),
        ("Configs", {"list": ["a", {"b": "c"}]}, {"list": [token_hash("a"), {"b": token_hash("c")}]}),
    ],
)
def test_what_is_shown(kind, spec, shown):
    result = redacted(resource(kind, spec))
    assert result["spec"] == shown
    assert result["metadata"]["id"] == "an-id"
    assert redacted(result) == result


def test_ids_that_are_secrets():
    assert redacted(resource("JoinTokens", {"name": "x"}, "abc"))["metadata"]["id"] == token_hash("abc")
    assert is_secret_id("JoinTokenStatuses.omni.sidero.dev")
    assert not is_secret_id("Machines.omni.sidero.dev")
    assert is_secret_spec("ConfigPatches.omni.sidero.dev")
