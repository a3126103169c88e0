"""Every module that asks Omni, under every fault that the lab Omni can have: it succeeds, or it fails and nothing is half done; the next run succeeds."""

from __future__ import annotations

import dataclasses
import json
import typing as t

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.resources import create_resource
from support.secrets import key_texts, seen

pytestmark = pytest.mark.thorough

pytest_plugins = ["support.omni"]

CLUSTERS = "Clusters.omni.sidero.dev"
VERSIONS = {"talos_version": "1.11.4", "kubernetes_version": "1.33.5"}


@dataclasses.dataclass
class Scenario:
    """A module with its parameters, what is there before, and the call that decides; ``steps`` are the changes that it makes."""

    module: str
    params: dict
    call: str
    prepare: t.Callable = lambda _omni, _modules, _params: None
    steps: int = 1


def cluster(omni, _modules, _params) -> None:
    create_resource(omni.client(), {"metadata": {"namespace": "default", "type": CLUSTERS, "id": "berlin"}, "spec": VERSIONS})


def token(omni, _modules, _params) -> None:
    omni.state.create_token("berlin")


def account(omni, modules, params) -> None:
    result = modules.run("omni_service_account", {**params, "state": "present", "role": "Reader", "lifetime": "2h", "renew_before": "1h"})
    assert result["changed"], result
    assert omni.faults == []


ACCOUNT = {"name": "berlin", "key_path": "KEY_PATH"}
SCENARIOS = {
    "kernel params": Scenario("omni_kernel_params", {}, "GetMachineJoinConfig", steps=0),
    "schematic": Scenario("omni_schematic", {"talos_version": "1.11.4"}, "CreateSchematic", steps=0),
    "tokens listed": Scenario("omni_join_token_info", {}, "List", steps=0),
    "resources listed": Scenario("omni_resource_info", {"type": "TalosVersions.omni.sidero.dev"}, "List", steps=0),
    "token made": Scenario("omni_join_token", {"name": "berlin"}, "CreateJoinToken"),
    "token made the default": Scenario("omni_join_token", {"name": "berlin", "default": True}, "Update", steps=2),
    "token revoked": Scenario("omni_join_token", {"name": "berlin", "revoked": True}, "Update", token),
    "token deleted": Scenario("omni_join_token", {"name": "berlin", "state": "absent"}, "Delete", token),
    "account made": Scenario("omni_service_account", {**ACCOUNT, "role": "Reader"}, "CreateServiceAccount"),
    "account renewed": Scenario("omni_service_account", {**ACCOUNT, "role": "Reader"}, "RenewServiceAccount", account),
    "account deleted": Scenario("omni_service_account", {**ACCOUNT, "state": "absent"}, "DestroyServiceAccount", account),
    "resource made": Scenario("omni_resource", {"type": CLUSTERS, "id": "berlin", "spec": VERSIONS}, "Create"),
    "resource changed": Scenario("omni_resource", {"type": CLUSTERS, "id": "berlin", "spec": {"talos_version": "1.11.5"}}, "Update", cluster),
    "resource removed": Scenario("omni_resource", {"type": CLUSTERS, "id": "berlin", "state": "absent"}, "Teardown", cluster),
}
CONFLICT = json.dumps({"code": 6, "message": "failed to update: resource update conflict: expected version '\\x01', actual version '\\x02'"})
FAULTS = {
    "latency": {"kind": "delay", "seconds": 0.2},
    "reset before": {"kind": "reset"},
    "reset after": {"kind": "reset-after"},
    "truncated": {"kind": "truncate"},
    "401": {"kind": "answer", "status": 401},
    "409": {"kind": "answer", "status": 409, "body": CONFLICT},
    "429": {"kind": "answer", "status": 429},
    "500": {"kind": "answer", "status": 500},
    "503": {"kind": "answer", "status": 503},
}
PASSING = ("latency", "reset before", "reset after", "truncated", "429", "503")
"""Faults that no module may fail of if they happen once."""


def view(omni, tmp_path) -> dict:
    """What the modules change, without what is another each time."""
    content = omni.state.read()
    default = content["default_token"]["token_id"]
    items = [item for found in content["resources"].values() for item in found.values()]
    return {
        "tokens": sorted((record["name"], record.get("revoked", False), key == default) for key, record in content["tokens"].items()),
        "accounts": sorted((entry["name"], entry["role"]) for entry in content["accounts"]),
        "resources": [(item["metadata"]["id"], item["spec"]) for item in items if "torn_down" not in item],
        "files": sorted((path.name, path.stat().st_mode) for path in tmp_path.iterdir()),
    }


# The one that asks most of a module is always tried, the others take a minute.
@pytest.mark.parametrize("fault", [name if name == "reset after" else pytest.param(name, marks=pytest.mark.slow) for name in FAULTS])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_under_a_fault(make_omni, modules, tmp_path, scenario, fault):
    scenario, omni = SCENARIOS[scenario], make_omni()
    params = {**omni.params, **{name: str(tmp_path / "omni.key") if value == "KEY_PATH" else value for name, value in scenario.params.items()}}
    scenario.prepare(omni, modules, params)
    before = view(omni, tmp_path)
    omni.fail(method=scenario.call, **FAULTS[fault])
    first = modules.run(scenario.module, params)
    assert omni.faults == [], "the fault did not happen"
    if scenario.module not in ("omni_kernel_params", "omni_schematic"):
        assert seen(json.dumps(first), *omni.state.read()["tokens"], *key_texts(omni.key)) == []
    after_first = view(omni, tmp_path)
    assert not (fault in PASSING and first.get("failed")), first
    if first.get("failed"):
        assert "\n" not in first["msg"]
        assert f"{scenario.call}" in first["msg"]
        if scenario.steps < 2:
            assert after_first == before, "it is half done"
    second = modules.run(scenario.module, params)
    assert not second.get("failed"), second
    done = view(omni, tmp_path)
    assert bool(scenario.steps) == (done != before)
    if not first.get("failed"):
        assert (second["changed"], done) == (False, after_first)
    assert not modules.run(scenario.module, params, check=True)["changed"]


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_an_omni_that_is_not_up(make_omni, modules, tmp_path, scenario):
    """However long it is tried, nothing is done then."""
    scenario, omni = SCENARIOS[scenario], make_omni()
    params = {**omni.params, **{name: str(tmp_path / "omni.key") if value == "KEY_PATH" else value for name, value in scenario.params.items()}}
    scenario.prepare(omni, modules, params)
    before = view(omni, tmp_path)
    omni.fail("answer", status=503, method=scenario.call, times=-1)
    message = modules.run(scenario.module, params)["msg"]
    assert f"/{scenario.call}" in message
    assert "check that Omni and what it depends on are up, then run again (HTTP 503, code 14)" in message
    if scenario.steps < 2:
        assert view(omni, tmp_path) == before
