"""What the lab Omni does with resources that clients write, beyond single recorded answers: versions, holders, removal, what is taken without a word."""

from __future__ import annotations

import json
import time

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.client import RESOURCES
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.errors import NotFoundError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.resources import (
    create_resource,
    find_resource,
    get_resource,
    list_resources,
)

pytest_plugins = ["support.omni"]

CLUSTERS, LABELS, SETS, NODES, LINKS, STATUSES = (
    f"{name}.omni.sidero.dev" for name in ("Clusters", "MachineLabels", "MachineSets", "MachineSetNodes", "Links", "MachineStatuses")
)
MACHINE = "10001802-c798-4da7-a410-f09abb48c8d8"
IN_BERLIN = {"omni.sidero.dev/cluster": "berlin", "omni.sidero.dev/role-controlplane": ""}


def create(omni, kind: str, resource_id: str, spec: dict | None = None, namespace: str = "default", **labels: str) -> None:
    metadata = {"namespace": namespace, "type": kind, "id": resource_id, "labels": labels}
    create_resource(omni.client(), {"metadata": metadata, "spec": spec or {}})


def berlin(omni) -> None:
    """A cluster of one machine."""
    create(omni, CLUSTERS, "berlin", {"talos_version": "1.11.4", "kubernetes_version": "1.33.5"})
    create(omni, SETS, "berlin-control-planes", {"update_strategy": "Rolling"}, **IN_BERLIN)
    create(omni, NODES, MACHINE, **IN_BERLIN, **{"omni.sidero.dev/machine-set": "berlin-control-planes"})


def call(omni, verb: str, kind: str, resource_id: str) -> dict:
    return omni.client().write(RESOURCES + verb, {"namespace": "default", "type": kind, "id": resource_id})


def test_what_is_torn_down_goes_when_its_controllers_have_let_go(omni):
    now = time.time()
    omni.state.clock = lambda: now
    omni.state.set(controllers_take=10)
    berlin(omni)
    call(omni, "Teardown", CLUSTERS, "berlin")
    going = get_resource(omni.client(), CLUSTERS, "berlin")["metadata"]
    assert (going["phase"], len(going["finalizers"]), going["version"]) == ("tearingDown", 11, 13)
    omni.state.clock = lambda: now + 10
    assert [find_resource(omni.client(), *which) for which in ((CLUSTERS, "berlin"), (SETS, "berlin-control-planes"), (NODES, MACHINE))] == [None] * 3


def test_a_node_that_is_torn_down_stays_until_it_is_deleted(omni):
    omni.state.set(controllers_take=0)
    berlin(omni)
    call(omni, "Teardown", NODES, MACHINE)
    assert get_resource(omni.client(), NODES, MACHINE)["metadata"]["phase"] == "tearingDown"
    call(omni, "Delete", NODES, MACHINE)
    assert find_resource(omni.client(), NODES, MACHINE) is None


def test_delete_waits_and_may_find_that_a_controller_was_first(omni):
    omni.state.set(controllers_take=0.3)
    berlin(omni)
    began = time.time()
    with pytest.raises(NotFoundError, match="failed to destroy: resource Clusters"):
        call(omni, "Delete", CLUSTERS, "berlin")
    assert time.time() - began >= 0.3


def test_who_removes_a_link_removes_the_machine(omni):
    omni.join(MACHINE)
    call(omni, "Teardown", LINKS, MACHINE)
    assert get_resource(omni.client(), LINKS, MACHINE)["metadata"]["phase"] == "tearingDown"
    omni.state.set(controllers_take=0)
    assert list_resources(omni.client(), STATUSES) == []


def test_labels_of_a_machine(omni):
    omni.join(MACHINE)
    create(omni, LABELS, MACHINE, rack="r1", **{"omni.sidero.dev/foo": "bar"})
    shown = get_resource(omni.client(), STATUSES, MACHINE)["metadata"]["labels"]
    # What looks like one of Omni's own is taken, and nobody is told that it has no effect.
    assert (shown["rack"], "omni.sidero.dev/foo" in shown) == ("r1", False)
    assert get_resource(omni.client(), LABELS, MACHINE)["metadata"]["labels"] == {"rack": "r1", "omni.sidero.dev/foo": "bar"}


def test_in_a_wrong_namespace_it_is_taken_and_never_looked_at(omni):
    omni.join(MACHINE)
    create(omni, LABELS, MACHINE, namespace="elsewhere", rack="r1")
    assert "rack" not in get_resource(omni.client(), STATUSES, MACHINE)["metadata"]["labels"]


def test_a_node_of_a_machine_that_nobody_has_seen_is_taken_and_the_cluster_never_ready(omni):
    berlin(omni)
    status = get_resource(omni.client(), "ClusterStatuses.omni.sidero.dev", "berlin")["spec"]
    assert status == {"machines": {"total": 1, "requested": 1}, "phase": 3}
    omni.join(MACHINE)
    status = get_resource(omni.client(), "ClusterStatuses.omni.sidero.dev", "berlin")["spec"]
    assert (status["ready"], status["machines"]["healthy"]) == (True, 1)


def test_names_of_enumerations_come_back_as_numbers(omni):
    berlin(omni)
    assert get_resource(omni.client(), SETS, "berlin-control-planes")["spec"] == {"update_strategy": 1}


def test_a_machine_needs_a_moment_to_tell_what_it_is(omni):
    omni.state.set(details_after=60)
    omni.join(MACHINE)
    assert "talos_version" not in get_resource(omni.client(), STATUSES, MACHINE)["spec"]
    omni.state.set(details_after=0)
    assert get_resource(omni.client(), STATUSES, MACHINE)["spec"]["talos_version"] == "v1.11.4"


def test_the_last_write_wins_if_it_says_so(omni):
    create(omni, LABELS, "m1", rack="r1")
    metadata = {"namespace": "default", "type": LABELS, "id": "m1", "version": "undefined", "labels": {"rack": "r2"}}
    omni.client().write(RESOURCES + "Update", {"resource": {"metadata": metadata, "spec": "{}"}})
    assert get_resource(omni.client(), LABELS, "m1")["metadata"]["labels"] == {"rack": "r2"}


@pytest.mark.parametrize(
    ("selector", "fits"),
    [
        ("", True),
        ("rack", True),
        ("!rack", False),
        ("spare", False),
        ("!spare, rack = r1", True),
        ("rack == r2", False),
        ("rack != r2", True),
        ("spare != yes", True),
        ("rack in (r1, r2)", True),
        ("rack notin (r1, r2)", False),
        ("spare notin (yes)", True),
        ("mem > 32GiB, mem <= 64GiB", True),
        ("mem < 64 GiB", False),
        ("rack > 3", False),
        ("spare > 3", False),
    ],
)
def test_selectors(omni, selector, fits):
    create(omni, LABELS, "m1", rack="r1", mem="64GiB")
    assert bool(list_resources(omni.client(), LABELS, selector=selector)) == fits


def test_all_types_tell_their_namespace(omni):
    found = {item["spec"]["type"]: item["spec"]["defaultNamespace"] for item in list_resources(omni.client(), "ResourceDefinitions.meta.cosi.dev", "meta")}
    assert (found[LABELS], found["EtcdManualBackups.omni.sidero.dev"], found["SysVersions.system.sidero.dev"]) == ("default", "ephemeral", "ephemeral")
    assert json.dumps(found)
