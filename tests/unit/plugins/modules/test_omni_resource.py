"""The module omni_resource as Ansible runs it, against a lab Omni."""

from __future__ import annotations

import json
import threading

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.boot.kernel_args import token_hash
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.resources import create_resource, find_resource, get_resource, modify_resource
from lab.omni.accounts import create_account
from lab.omni.state import new_token
from support.secrets import key_texts, seen

pytestmark = pytest.mark.thorough

pytest_plugins = ["support.omni"]

MODULE = "omni_resource"
LABELS = "MachineLabels.omni.sidero.dev"
CLUSTERS = "Clusters.omni.sidero.dev"
VERSIONS = {"talos_version": "1.11.4", "kubernetes_version": "1.33.5"}


@pytest.fixture
def resources(modules, omni):
    """Runs the module with all its promises, and with the lab Omni watched; no result shows a token or the key."""
    modules.elsewhere = omni.state.read

    def hidden(result):
        assert seen(json.dumps(result), *omni.state.read()["tokens"], *key_texts(omni.key)) == []
        return result

    class Resources:
        def converge(self, **params) -> dict:
            return hidden(modules.converge(MODULE, {**omni.params, **params}))

        def refuse(self, foreseen: bool = True, **params) -> str:
            return hidden(modules.refuse(MODULE, {**omni.params, **params}, foreseen=foreseen))

    return Resources()


def cluster(omni, **changes) -> None:
    create_resource(omni.client(), {"metadata": {"namespace": "default", "type": CLUSTERS, "id": "berlin"}, "spec": {**VERSIONS, **changes}})


def test_the_life_of_a_resource(resources, omni):
    wanted = {"type": CLUSTERS, "id": "berlin"}
    made = resources.converge(**wanted, spec=VERSIONS, annotations={"by": "ansible"})
    assert made["changed"]
    assert made["diff"] == {"before": {}, "after": {"annotations": {"by": "ansible"}, "spec": VERSIONS}}
    assert made["resource"]["metadata"]["namespace"] == "default"
    holders = made["resource"]["metadata"]["finalizers"]
    assert len(holders) == 11

    changed = resources.converge(**wanted, spec={"talos_version": "1.11.5", "features": {"enable_workload_proxy": True, "disk_encryption": False}})
    assert changed["diff"]["before"] == made["diff"]["after"]
    assert changed["diff"]["after"]["spec"] == {**VERSIONS, "talos_version": "1.11.5", "features": {"enable_workload_proxy": True, "disk_encryption": False}}
    # Nobody's hold on it was lost.
    assert changed["resource"]["metadata"]["finalizers"] == holders
    assert changed["resource"]["metadata"]["annotations"] == {"by": "ansible"}

    replaced = resources.converge(**wanted, spec=VERSIONS, update="replace", annotations={})
    assert (replaced["resource"]["spec"], "annotations" in replaced["resource"]["metadata"]) == (VERSIONS, False)
    gone = resources.converge(**wanted, state="absent")
    assert (gone["changed"], gone["resource"], gone["diff"]["after"]) == (True, None, {})
    assert find_resource(omni.client(), CLUSTERS, "berlin") is None


def test_labels_are_texts_and_go_when_they_are_none(resources):
    wanted = {"type": LABELS, "id": "10001802-c798-4da7-a410-f09abb48c8d8"}
    made = resources.converge(**wanted, labels={"rack": 7, "spare": True, "empty": ""})
    assert made["resource"]["metadata"]["labels"] == {"rack": "7", "spare": "true", "empty": ""}
    assert resources.converge(**wanted, labels={"spare": None})["resource"]["metadata"]["labels"] == {"rack": "7", "empty": ""}
    assert resources.converge(**wanted, labels={"a": "b"}, update="replace")["resource"]["metadata"]["labels"] == {"a": "b"}
    assert resources.converge(**wanted, state="absent")["changed"]


def test_nothing_to_do(resources, omni):
    cluster(omni, backup_configuration={"enabled": True, "interval": "3600s"})
    same = [
        {},
        {"labels": {}, "spec": {}},
        {"spec": {"backup_configuration": {"enabled": True}, "features": {"disk_encryption": False}}},
        {"spec": {"install_image": None}},
        {"spec": {**VERSIONS, "backup_configuration": {"enabled": True, "interval": "3600s"}}, "update": "replace"},
    ]
    for params in same:
        assert not resources.converge(type=CLUSTERS, id="berlin", **params)["changed"], params
    assert not resources.converge(type=CLUSTERS, id="munich", state="absent")["changed"]


def test_the_namespace_is_the_one_of_its_type(resources, omni):
    made = resources.converge(type="EtcdManualBackups.omni.sidero.dev", id="berlin", spec={"backup_at": omni.state.timestamp()})
    assert made["resource"]["metadata"]["namespace"] == "ephemeral"
    resources.converge(type=LABELS, id="m1", namespace="elsewhere")
    assert get_resource(omni.client(), LABELS, "m1", "elsewhere")["metadata"]["version"] == 1


def test_a_patch_is_a_secret(resources, omni, modules):
    secret = "machine:\n  token: a-secret-of-the-cluster\n"
    made = resources.converge(type="ConfigPatches.omni.sidero.dev", id="500-berlin", spec={"data": secret}, labels={"a": "b"})
    assert made["resource"]["spec"] == {"data": token_hash(secret)}
    assert made["diff"]["after"] == {"labels": {"a": "b"}, "spec": {"data": token_hash(secret)}}
    assert seen(json.dumps(made), "a-secret-of-the-cluster") == []
    assert get_resource(omni.client(), "ConfigPatches.omni.sidero.dev", "500-berlin")["spec"] == {"data": secret}
    for quoted in ("bad line: token: a-secret-of-the-cluster", "cannot unmarshal !!str `a-secret-of-the-cluster` into bool"):
        omni.fail("answer", status=400, body=json.dumps({"code": 3, "message": quoted}), method="Update")
        refused = modules.run(MODULE, {**omni.params, "type": "ConfigPatches.omni.sidero.dev", "id": "500-berlin", "spec": {"data": secret + "#"}})
        assert refused["msg"].startswith("ResourceService/Update of ConfigPatches")
        assert seen(json.dumps(refused), "a-secret-of-the-cluster") == []


def test_a_secret_in_a_field_that_omni_quotes(resources, omni):
    """As of a token that another Omni made."""
    stranger = new_token()
    message = resources.refuse(type="DefaultJoinTokens.omni.sidero.dev", id="default", spec={"token_id": stranger}, foreseen=False)
    assert 'no token with id "' in message
    assert seen(message, stranger) == []


def test_a_token_is_its_id(resources, omni):
    token = omni.state.create_token("berlin")
    wanted = {"type": "JoinTokens.omni.sidero.dev", "id": token}
    revoked = resources.converge(**wanted, spec={"revoked": True})
    assert revoked["resource"]["metadata"]["id"] == token_hash(token)
    assert revoked["diff"]["after"]["spec"] == {"name": "berlin", "revoked": True}
    assert resources.converge(**wanted, state="absent")["changed"]
    assert token not in omni.state.read()["tokens"]


def test_waiting_for_what_follows(modules, omni):
    """A cluster is ready once the machine of its node is known; whoever waits sees it."""
    machine = "10001802-c798-4da7-a410-f09abb48c8d8"
    cluster(omni)
    role = {"omni.sidero.dev/cluster": "berlin", "omni.sidero.dev/role-controlplane": ""}
    for kind, resource_id, labels in (
        ("MachineSets.omni.sidero.dev", "berlin-control-planes", role),
        ("MachineSetNodes.omni.sidero.dev", machine, {**role, "omni.sidero.dev/machine-set": "berlin-control-planes"}),
    ):
        modules.run(MODULE, {**omni.params, "type": kind, "id": resource_id, "labels": labels})
    wait = {**omni.params, "type": CLUSTERS, "id": "berlin", "wait_for": {"ready": True, "machines": {"healthy": 1}}}
    wait = {**wait, "wait_for_type": "ClusterStatuses.omni.sidero.dev"}
    failed = modules.run(MODULE, {**wait, "wait_timeout": 1})
    assert "wait_for: ClusterStatuses.omni.sidero.dev of Clusters.omni.sidero.dev berlin" in failed["msg"]
    assert "was not as wanted within 1 seconds, it is {'machines': {'total': 1, 'requested': 1}, 'phase': 3}" in failed["msg"]
    joining = threading.Timer(0.5, omni.join, [machine])
    joining.start()
    waited = modules.run(MODULE, {**wait, "wait_timeout": 60})
    joining.join()
    assert (waited["changed"], waited["waited_for"]["spec"]["ready"]) == (False, True)
    assert "waited_for" not in modules.run(MODULE, {**wait, "wait_timeout": 1}, check=True)


def test_a_version_that_is_another(resources, omni):
    cluster(omni)
    version = get_resource(omni.client(), CLUSTERS, "berlin")["metadata"]["version"]
    wanted = {"type": CLUSTERS, "id": "berlin", "version": version, "spec": {"talos_version": "1.11.5"}}
    message = resources.refuse(**{**wanted, "version": version - 1})
    assert f"has version {version}, not {version - 1}; look at what changed" in message
    modify_resource(omni.client(), CLUSTERS, "berlin", lambda resource: {**resource, "spec": {**resource["spec"], "talos_version": "1.10.8"}})
    assert f"has version {version + 1}, not {version}" in resources.refuse(**wanted)
    assert f"has version {version + 1}, not {version}" in resources.refuse(**{**wanted, "state": "absent"})
    # The run after it finds the next version, and nothing to do.
    assert resources.converge(**{**wanted, "version": version + 1})["resource"]["metadata"]["version"] == version + 2


def test_a_version_is_still_the_one_when_the_answer_was_lost(omni, modules):
    cluster(omni)
    version = get_resource(omni.client(), CLUSTERS, "berlin")["metadata"]["version"]
    omni.fail("reset-after", method="Update")
    wanted = {"type": CLUSTERS, "id": "berlin", "version": version, "spec": {"talos_version": "1.11.5"}}
    result = modules.run(MODULE, {**omni.params, **wanted})
    assert (result["changed"], result["resource"]["spec"]["talos_version"]) == (True, "1.11.5")


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"type": "Foos.omni.sidero.dev", "id": "x"}, "type: https://.* has no type 'Foos.omni.sidero.dev'; write it in full and in the plural"),
        (
            {"type": "MachineSets.omni.sidero.dev", "id": "set", "spec": {"update_strategy": "Rolling"}},
            "spec.update_strategy: Omni keeps a number here, which is 1",
        ),
        ({"type": LABELS, "id": "going", "labels": {"a": "b"}}, "is being removed; wait until it is gone, then run again"),
    ],
)
def test_what_is_refused_at_once(resources, omni, params, words):
    cluster(omni)
    role = {"omni.sidero.dev/cluster": "berlin", "omni.sidero.dev/role-worker": ""}
    with omni.state.change() as content:
        made = {"created": omni.state.timestamp(), "updated": omni.state.timestamp(), "namespace": "default", "owner": "", "phase": "running", "version": 1}
        sets = {"type": "MachineSets.omni.sidero.dev", "id": "set", "labels": role}
        content["resources"][sets["type"]] = {"default/set": {"metadata": {**made, **sets}, "spec": {"update_strategy": 1}}}
        going = {"type": LABELS, "id": "going", "phase": "tearingDown"}
        content["resources"][LABELS] = {"default/going": {"metadata": {**made, **going}, "spec": {}}}
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(resources.refuse(**params))


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"type": CLUSTERS, "id": "berlin", "spec": {**VERSIONS, "talos_version": "1.11.99"}}, 'invalid talos version "1.11.99"'),
        ({"type": CLUSTERS, "id": "berlin", "spec": {"colour": "blue"}}, 'unknown field "colour"; check the spelling'),
        ({"type": "MachineStatuses.omni.sidero.dev", "id": "x"}, "only read access is permitted; Omni keeps such resources itself"),
    ],
)
def test_what_omni_refuses(resources, params, words):
    assert words in resources.refuse(**params, foreseen=False)


def test_it_takes_an_operator(resources, omni):
    key = create_account(omni.state, "reader", "Reader")
    message = resources.refuse(service_account_key=key, type=LABELS, id="m1", foreseen=False)
    assert "service account reader has the role Reader, this needs Operator" in message


def test_a_locked_cluster_is_not_removed(resources, omni):
    cluster(omni)
    resources.converge(type=CLUSTERS, id="berlin", annotations={"omni.sidero.dev/cluster-locked": ""})
    assert 'the cluster "berlin" is locked' in resources.refuse(type=CLUSTERS, id="berlin", state="absent", foreseen=False)


def test_what_is_held_is_waited_for_no_longer_than_asked(resources, omni, modules):
    cluster(omni)
    omni.state.set(controllers_take=3600)
    failed = modules.run(MODULE, {**omni.params, "type": CLUSTERS, "id": "berlin", "state": "absent", "wait_timeout": 1})
    assert "is still there, held by TalosUpgradeStatusController, " in failed["msg"]
    assert "a machine may be out of reach; run again" in failed["msg"]
    omni.state.set(controllers_take=0)
    # It was on its way already.
    assert not resources.converge(type=CLUSTERS, id="berlin", state="absent")["changed"]
