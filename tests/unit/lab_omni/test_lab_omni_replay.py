"""How much of what a real Omni was recorded to answer the lab Omni answers alike, of the calls in use.

The recordings in ``HELD_TO_MORE`` are compared in the other files here, one test an exchange; all of them are alike.
``pytest -s`` shows the share.
"""

from __future__ import annotations

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.resources import create_resource
from lab.omni.state import parse_time
from support.replay import difference, recorded

pytestmark = pytest.mark.thorough

pytest_plugins = ["support.omni"]

HELD_TO_MORE = ("auth-errors", "expired-key", "join-tokens", "resources", "roles", "schematics", "service-accounts")
REPLAYED = ("labels", "clusters", "classes", "finalizers", "types", "selectors", "watch")
# When a file was recorded, where the time matters.
RECORDED_AT = {"finalizers": "2026-11-24T00:24:50Z", "classes": "2026-11-24T00:03:14Z"}

CONTROLLERS_TAKE = {"finalizers": 0, "types": 60}

IN_A_CLUSTER = "that machine was in a cluster, those of the lab Omni are free"
JUST_JOINED = "a machine that had joined a moment ago had not told what it is"
EXPLAINED = {
    ("clusters", "cluster: incompatible k8s"): "the lab Omni has no Talos 1.9.0",
    ("types", "list MachineStatuses ns=default"): IN_A_CLUSTER,
    ("types", "get MachineStatus (in cluster)"): IN_A_CLUSTER,
    ("selectors", "sort_by_field hostname"): JUST_JOINED,
    ("selectors", "sel omni.sidero.dev/arch != amd64"): JUST_JOINED,
}

MACHINE = "10001802-c798-4da7-a410-f09abb48c8d8"
VERSIONS = {"talos_version": "1.11.5", "kubernetes_version": "1.34.2"}
IN_LAB1 = {"omni.sidero.dev/cluster": "lab1", "omni.sidero.dev/role-controlplane": ""}
LAB1 = ("Clusters", "default", "lab1", VERSIONS, {})
PREPARED = {
    "classes": [
        ("EtcdManualBackups", "ephemeral", "lab1", {"backup_at": RECORDED_AT["classes"]}, {}),
        ("MachineClasses", "default", "metal64", {"match_labels": ["omni.sidero.dev/arch = amd64"]}, {}),
    ],
    "watch": [LAB1],
    "types": [
        LAB1,
        ("MachineSets", "default", "lab1-control-planes", {"update_strategy": 1}, IN_LAB1),
        ("MachineSetNodes", "default", MACHINE, {}, {**IN_LAB1, "omni.sidero.dev/machine-set": "lab1-control-planes"}),
    ],
}


def prepare(omni, name: str) -> None:
    """What was there when the recording began."""
    for number in range(6):
        omni.join(f"100{number}1802-c798-4da7-a410-f09abb48c8d8")
    for kind, namespace, resource_id, spec, labels in PREPARED.get(name, []):
        metadata = {"namespace": namespace, "type": f"{kind}.omni.sidero.dev", "id": resource_id, "labels": labels}
        create_resource(omni.client(clock=omni.state.clock), {"metadata": metadata, "spec": spec})
    # One recording does not show that somebody waited, another that nobody did.
    if name in CONTROLLERS_TAKE:
        omni.state.set(controllers_take=CONTROLLERS_TAKE[name])


@pytest.fixture(scope="module")
def differences() -> dict[tuple[str, str], str]:
    """What was found to differ, by file and case."""
    return {}


@pytest.mark.parametrize("name", REPLAYED)
def test_replay(make_omni, differences, name):
    clock = {"clock": lambda: parse_time(RECORDED_AT[name])} if name in RECORDED_AT else {}
    omni = make_omni(**clock)
    prepare(omni, name)
    for entry in recorded(name):
        found = difference(omni, entry)
        if found:
            differences[name, entry["case"]] = found
    here = {key: text for key, text in differences.items() if key[0] == name}
    assert here.keys() == {key for key in EXPLAINED if key[0] == name}, here


def test_the_share(differences):
    total = sum(len(recorded(name)) for name in HELD_TO_MORE + REPLAYED)
    share = 1 - len(differences) / total
    print(f"\nthe lab Omni answers {total - len(differences)} of {total} recorded exchanges alike ({share:.1%})")
    for (name, case), why in EXPLAINED.items():
        print(f"  {name}: {case}: {why}")
    assert total > 300
    assert share >= 0.95
