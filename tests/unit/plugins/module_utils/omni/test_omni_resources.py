"""Writes of resources while others write too, and while answers are lost: each change is made, once."""

from __future__ import annotations

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import InputError, OmniMatchboxError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni import errors
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.auth import ServiceAccount
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.client import OmniClient
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.resources import (
    create_resource,
    default_namespace,
    delete_resource,
    find_resource,
    get_resource,
    modify_resource,
    update_resource,
)
from lab.omni.accounts import create_account

pytest_plugins = ["support.omni"]

LABELS = "MachineLabels.omni.sidero.dev"
CLUSTERS = "Clusters.omni.sidero.dev"
VERSIONS = {"talos_version": "1.11.4", "kubernetes_version": "1.33.5"}
LOSSES = ["reset", "reset-after", "truncate"]


def cluster(**spec) -> dict:
    return {"metadata": {"namespace": "default", "type": CLUSTERS, "id": "berlin", "annotations": {"by": "us"}}, "spec": {**VERSIONS, **spec}}


def relabel(client, **changes: str) -> None:
    """Put labels to those that are there."""

    def change(resource: dict) -> dict:
        metadata = resource["metadata"]
        return {**resource, "metadata": {**metadata, "labels": {**metadata.get("labels", {}), **changes}}}

    modify_resource(client, LABELS, "m1", change)


def labels(omni) -> dict:
    return get_resource(omni.client(), LABELS, "m1")["metadata"].get("labels", {})


@pytest.mark.parametrize("kind", LOSSES)
def test_created_once(omni, kind):
    omni.fail(kind, method="Create")
    create_resource(omni.client(), cluster())
    assert get_resource(omni.client(), CLUSTERS, "berlin")["spec"] == VERSIONS
    assert omni.state.request_counts()["Create"] == 1


def test_created_by_somebody_else_meanwhile(omni):
    create_resource(omni.client(), cluster(talos_version="1.11.5"))
    omni.fail("reset", method="Create")
    with pytest.raises(errors.ConflictError, match="somebody else created one of the same id meanwhile"):
        create_resource(omni.client(), cluster())
    with pytest.raises(errors.ConflictError, match="already exists; choose another id"):
        create_resource(omni.client(), cluster())


def test_created_by_somebody_else_with_other_labels_meanwhile(omni):
    """Some types have nothing but labels."""
    resource = {"metadata": {"namespace": "default", "type": LABELS, "id": "m1", "labels": {"rack": "r1"}}, "spec": {}}
    create_resource(omni.client(), resource)
    omni.fail("reset", method="Create")
    with pytest.raises(errors.ConflictError, match="somebody else created one of the same id meanwhile"):
        create_resource(omni.client(), {**resource, "metadata": {**resource["metadata"], "labels": {"rack": "r2"}}})
    omni.fail("reset-after", method="Create")
    create_resource(omni.client(), {**resource, "metadata": {**resource["metadata"], "id": "m2"}})


@pytest.mark.parametrize("kind", LOSSES)
def test_updated_once(omni, kind):
    create_resource(omni.client(), cluster())
    version = get_resource(omni.client(), CLUSTERS, "berlin")["metadata"]["version"]
    omni.fail(kind, method="Update")
    update_resource(omni.client(), CLUSTERS, "berlin", lambda spec: {**spec, "talos_version": "1.11.5"})
    found = get_resource(omni.client(), CLUSTERS, "berlin")
    assert (found["spec"]["talos_version"], found["metadata"]["version"]) == ("1.11.5", version + 1)
    # The rest was sent back as it was.
    assert len(found["metadata"]["finalizers"]) == 11
    assert found["metadata"]["annotations"] == {"by": "us"}


@pytest.mark.parametrize("kind", LOSSES)
def test_deleted_though_the_answer_was_lost(omni, kind):
    create_resource(omni.client(), cluster())
    omni.fail(kind, method="Teardown")
    delete_resource(omni.client(), CLUSTERS, "berlin")
    assert find_resource(omni.client(), CLUSTERS, "berlin") is None
    delete_resource(omni.client(), CLUSTERS, "berlin")


def test_what_others_change_meanwhile_is_kept(omni):
    create_resource(omni.client(), {"metadata": {"namespace": "default", "type": LABELS, "id": "m1"}, "spec": {}})
    rivals = [{"theirs": "1"}, {"theirs": "2"}]

    def contested(resource: dict) -> dict:
        if rivals:
            relabel(omni.client(), **rivals.pop())
        return {**resource, "metadata": {**resource["metadata"], "labels": {**resource["metadata"].get("labels", {}), "ours": "3"}}}

    modify_resource(omni.client(), LABELS, "m1", contested)
    assert labels(omni) == {"theirs": "1", "ours": "3"}


def test_a_change_that_is_always_contested_is_given_up(omni):
    create_resource(omni.client(), {"metadata": {"namespace": "default", "type": LABELS, "id": "m1"}, "spec": {}})
    counter = iter(range(100))

    def contested(resource: dict) -> dict:
        relabel(omni.client(), theirs=str(next(counter)))
        return {**resource, "metadata": {**resource["metadata"], "labels": {"ours": "3"}}}

    with pytest.raises(errors.VersionConflictError, match="somebody else changed it meanwhile; run again"):
        modify_resource(omni.client(), LABELS, "m1", contested)
    assert next(counter) == 4


def test_nothing_is_sent_if_nothing_changes(omni):
    create_resource(omni.client(), cluster())
    update_resource(omni.client(), CLUSTERS, "berlin", lambda spec: {**spec, "install_image": ""})
    assert "Update" not in omni.state.request_counts()


def test_a_delete_that_takes_longer_than_an_answer(omni):
    """Omni answers a Delete when all is done; meanwhile one looks."""
    create_resource(omni.client(), cluster())
    omni.state.set(controllers_take=1)
    delete_resource(omni.client(timeout=0.3), CLUSTERS, "berlin")
    assert find_resource(omni.client(), CLUSTERS, "berlin") is None


def test_what_does_not_go_is_named_with_its_holders(omni):
    create_resource(omni.client(), cluster())
    omni.state.set(controllers_take=3600)
    pauses: list[float] = []
    with pytest.raises(OmniMatchboxError, match="berlin at https://.* is still there, held by TalosUpgradeStatusController, .*; run again"):
        delete_resource(omni.client(sleep=pauses.append), CLUSTERS, "berlin", patience=3)
    assert pauses == [1.0, 1.0, 1.0]


class Slow(OmniClient):
    """A client whose every change takes longer than it waits for an answer."""

    changes = 0

    def write(self, *_arguments, **_options):
        self.changes += 1
        raise errors.TimedOutError("no answer within 30 seconds")


def test_answers_that_do_not_come_cost_patience(omni):
    create_resource(omni.client(), cluster())
    client = Slow(omni.server.endpoint, ServiceAccount(omni.key), ca_path=omni.ca_path, timeout=30, sleep=lambda _seconds: None)
    with pytest.raises(OmniMatchboxError, match="berlin at https://.* is still there"):
        delete_resource(client, CLUSTERS, "berlin", patience=60)
    assert client.changes == 2


def test_namespaces(omni):
    assert default_namespace(omni.client(), "EtcdManualBackups.omni.sidero.dev") == "ephemeral"
    assert default_namespace(omni.client(create_account(omni.state, "nobody", "None")), LABELS) == "default"
    with pytest.raises(InputError, match="has no type 'Cluster.omni.sidero.dev'; write it in full and in the plural"):
        default_namespace(omni.client(), "Cluster.omni.sidero.dev")
    omni.fail("answer", status=403)
    assert default_namespace(omni.client(), "EtcdManualBackups.omni.sidero.dev") == "default"
