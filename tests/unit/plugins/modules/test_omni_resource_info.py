"""The module omni_resource_info as Ansible runs it, against a lab Omni."""

from __future__ import annotations

import json

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.boot.kernel_args import token_hash
from lab.omni.accounts import create_account
from support.secrets import key_texts, seen

pytest_plugins = ["support.omni"]

MODULE = "omni_resource_info"
MACHINES = [f"100{number}1802-c798-4da7-a410-f09abb48c8d8" for number in range(3)]


def get(modules, omni, **params) -> list[dict]:
    result = modules.converge(MODULE, {**omni.params, **params})
    assert not result["changed"]
    assert seen(json.dumps(result), *omni.state.read()["tokens"], *key_texts(omni.key)) == []
    return result["resources"]


def ids(resources: list[dict]) -> list[str]:
    return [resource["metadata"]["id"] for resource in resources]


def test_all_one_and_some(modules, omni):
    statuses = {"type": "MachineStatuses.omni.sidero.dev"}
    assert get(modules, omni, **statuses) == []
    for machine in MACHINES:
        omni.join(machine)
    assert ids(get(modules, omni, **statuses)) == MACHINES
    assert ids(get(modules, omni, **statuses, id=MACHINES[1])) == [MACHINES[1]]
    assert get(modules, omni, **statuses, id="nobody") == []
    modules.run("omni_resource", {**omni.params, "type": "MachineLabels.omni.sidero.dev", "id": MACHINES[2], "labels": {"rack": "r1"}})
    assert ids(get(modules, omni, **statuses, selector="omni.sidero.dev/available, rack = r1")) == [MACHINES[2]]
    assert ids(get(modules, omni, **statuses, selector="!rack")) == MACHINES[:2]


def test_the_namespace_is_the_one_of_the_type(modules, omni):
    (version,) = get(modules, omni, type="SysVersions.system.sidero.dev")
    assert version["spec"]["backend_version"] == "v1.4.11"
    assert get(modules, omni, type="SysVersions.system.sidero.dev", namespace="default") == []


@pytest.mark.parametrize("kind", ["JoinTokens", "JoinTokenStatuses", "DefaultJoinTokens", "ConnectionParams", "MachineStatuses"])
def test_types_that_hold_a_token(modules, omni, kind):
    token = omni.state.default_token()
    omni.join(MACHINES[0])
    with omni.state.change() as content:
        content["machines"][MACHINES[0]]["cmdline"] = f"siderolink.api=grpc://10.5.0.1:8090?jointoken={token} talos.platform=metal"
    assert token_hash(token) in json.dumps(get(modules, omni, type=f"{kind}.omni.sidero.dev"))
    if kind.startswith("JoinToken"):
        assert ids(get(modules, omni, type=f"{kind}.omni.sidero.dev", id=token)) == [token_hash(token)]


def test_a_token_that_omni_does_not_know_is_not_shown_either(modules, omni):
    result = modules.run(MODULE, {**omni.params, "type": "JoinTokens.omni.sidero.dev", "id": "no-such-token-anywhere"})
    assert result["resources"] == []
    assert "no-such-token-anywhere" not in json.dumps(result)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"type": "Foos.omni.sidero.dev"}, "has no type 'Foos.omni.sidero.dev'"),
        ({"type": "MachineStatuses.omni.sidero.dev", "selector": "a ,, b"}, "found ',', expected: identifier after ','; write a selector like"),
        ({"type": "MachineStatuses.omni.sidero.dev", "selector": "a", "id": "b"}, "parameters are mutually exclusive: id|selector"),
        ({"type": "KubernetesUsages.omni.sidero.dev"}, "are not listed; ask for one by its id"),
        ({"type": "EtcdBackups.omni.sidero.dev"}, "cluster ID must be specified in query; give a selector"),
    ],
)
def test_what_is_refused(modules, omni, params, words):
    assert words in modules.refuse(MODULE, {**omni.params, **params})


def test_it_takes_a_reader(modules, omni):
    key = create_account(omni.state, "nobody", "None")
    message = modules.refuse(MODULE, {**omni.params, "service_account_key": key, "type": "Machines.omni.sidero.dev"})
    assert "has the role None, this needs Reader" in message
