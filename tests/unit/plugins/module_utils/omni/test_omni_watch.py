"""Watching resources: whatever breaks in between, the state in the end is what a List shows."""

from __future__ import annotations

import threading
import time

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni import errors
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.resources import (
    create_resource,
    delete_resource,
    list_resources,
    modify_resource,
)
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.watch import Change, Watch, wait_until

pytestmark = pytest.mark.thorough

pytest_plugins = ["support.omni"]

LABELS = "MachineLabels.omni.sidero.dev"
MACHINES = 20


def labels(number: int, **values: str) -> dict:
    return {"metadata": {"namespace": "default", "type": LABELS, "id": f"m{number}", "labels": values}, "spec": {}}


def relabel(client, number: int, **values: str) -> None:
    modify_resource(client, LABELS, f"m{number}", lambda resource: {**resource, "metadata": {**resource["metadata"], "labels": values}})


def change_much(omni, changes: int) -> None:
    """Labels made, changed, deleted and made again, and one that says that this is all."""
    client = omni.client()
    for number in range(changes):
        machine, step = number % MACHINES, number // MACHINES % 5
        if step == 0:
            create_resource(client, labels(machine, rack=str(number)))
        elif step == 4:
            delete_resource(client, LABELS, f"m{machine}")
        else:
            relabel(client, machine, rack=str(number))
    create_resource(client, labels(changes, done="yes"))


def follow(watch: Watch, until) -> list[Change]:
    """The changes until one that is as wanted; what is told together is all looked at."""
    seen = []
    for change in watch:
        seen += [change] if change else []
        if until(seen):
            return seen
    raise AssertionError


def assert_never_backwards(changes: list[Change]) -> None:
    versions: dict[str, int] = {}
    for change in changes:
        resource_id = (change.after or change.before)["metadata"]["id"]
        if change.after is None:
            assert versions.pop(resource_id) == change.before["metadata"]["version"]
        else:
            assert change.after["metadata"]["version"] > versions.get(resource_id, 0)
            assert (change.before or {"metadata": {"version": 0}})["metadata"]["version"] == versions.get(resource_id, 0)
            versions[resource_id] = change.after["metadata"]["version"]


EVERY_50 = {"kind": "truncate", "events": 50, "times": -1, "method": "Watch"}


@pytest.mark.parametrize(("number", "fault"), [(200, {}), (1000, EVERY_50)], ids=["200 unbroken", "1000 with a break every 50"])
def test_the_state_is_what_a_list_shows(omni, number, fault):
    if fault:
        omni.fail(**fault)
    watch = Watch(omni.client(sleep=lambda seconds: time.sleep(seconds / 100)), LABELS)
    writer = threading.Thread(target=change_much, args=(omni, number))
    writer.start()
    try:
        seen = follow(watch, lambda changes: changes and changes[-1].after and changes[-1].after["metadata"]["id"] == f"m{number}")
    finally:
        writer.join()
    assert watch.state == {item["metadata"]["id"]: item for item in list_resources(omni.client(), LABELS)}
    assert_never_backwards(seen)
    assert len(seen) > number / 3
    connections = omni.state.request_counts()["Watch"]
    assert connections == 1 if not fault else connections > 6


def test_what_changed_while_nobody_looked(omni):
    """Changed, removed, made anew with the version it had, and left alone."""
    client = omni.client()
    for number in range(4):
        create_resource(client, labels(number, rack="r1"))
    omni.fail("truncate", method="Watch", events=5)
    watch = Watch(omni.client(sleep=lambda _seconds: meanwhile()), LABELS)

    def meanwhile() -> None:
        relabel(client, 0, rack="r2")
        delete_resource(client, LABELS, "m1")
        delete_resource(client, LABELS, "m2")
        omni.state.clock = lambda: time.time() + 100
        create_resource(client, labels(2, rack="r3"))

    changes = iter(watch)
    assert [next(changes).after["metadata"]["id"] for _number in range(4)] == ["m0", "m1", "m2", "m3"]
    # Half a line of the next event is what breaks the connection.
    relabel(client, 3, rack="r4")
    told = {}
    for _number in range(5):
        change = next(changes)
        resource_id = (change.after or change.before)["metadata"]["id"]
        told.setdefault(resource_id, []).append(change.after and change.after["metadata"]["labels"]["rack"])
    assert told == {"m0": ["r2"], "m1": [None], "m2": [None, "r3"], "m3": ["r4"]}


def test_one_resource_or_those_with_a_label(omni):
    client = omni.client()
    for number, rack in enumerate(("r1", "r2", "r1")):
        create_resource(client, labels(number, rack=rack))
    one = Watch(omni.client(), LABELS, resource_id="m1")
    assert [change.after["metadata"]["id"] for change in follow(one, bool)] == ["m1"]
    some = Watch(omni.client(), LABELS, selector="rack = r1")
    assert [change.after["metadata"]["id"] for change in follow(some, lambda changes: len(changes) == 2)] == ["m0", "m2"]
    relabel(client, 2, rack="r2")
    assert [change.before["metadata"]["id"] for change in follow(some, bool)] == ["m2"]


def test_silence_is_told(omni):
    watch = Watch(omni.client(), LABELS, silence=0.05)
    changes = iter(watch)
    assert next(changes) is None
    assert watch.complete
    assert [next(changes) for _number in range(3)] == [None] * 3
    assert omni.state.request_counts() == {"Watch": 2}


@pytest.mark.parametrize(
    ("kind", "details", "error"),
    [
        ("reset", {}, errors.UnreachableError),
        ("truncate", {"events": 0}, errors.UnreachableError),
        ("answer", {"status": 503}, errors.UnavailableError),
    ],
)
def test_what_breaks_every_connection_is_raised_in_the_end(omni, kind, details, error):
    omni.fail(kind, times=-1, **details)
    pauses: list[float] = []
    with pytest.raises(error):
        next(iter(Watch(omni.client(sleep=pauses.append), LABELS)))
    assert pauses == [0.5, 1, 2]


@pytest.mark.parametrize(("resource_type", "selector", "error"), [("Foos", "", errors.PermissionDeniedError), (LABELS, "a ,, x", errors.InvalidRequestError)])
def test_what_is_refused_is_not_tried_again(omni, resource_type, selector, error):
    watch = Watch(omni.client(sleep=lambda _seconds: pytest.fail("it was tried again")), resource_type, selector=selector)
    with pytest.raises(error, match="ResourceService/Watch of"):
        next(iter(watch))


def test_an_error_in_the_middle_of_a_stream(omni, monkeypatch):
    """Omni has sent the status by then."""
    client = omni.client()
    line = b'{"error":{"code":7,"message":"no access is permitted"}}'
    monkeypatch.setattr("requests.Response.iter_lines", lambda *_arguments, **_options: iter([line]))
    with pytest.raises(errors.PermissionDeniedError, match="HTTP 200, code 7"):
        next(iter(Watch(client, LABELS)))


def test_waiting(omni):
    watch = Watch(omni.client(), LABELS, resource_id="m1", silence=0.2)
    later = threading.Timer(0.2, create_resource, [omni.client(), labels(1, rack="r1")])
    later.start()
    assert wait_until(watch, bool, 20)
    later.join()
    assert watch.state["m1"]["metadata"]["labels"] == {"rack": "r1"}
    assert not wait_until(watch, lambda state: not state, 0.3)


def test_an_event_of_a_kind_that_nobody_knows(omni, monkeypatch):
    """It is passed over, before and after all that there is was told."""
    lines = [b'{"result":{"event":{}}}', b'{"result":{"event":{"event_type":4}}}', b'{"result":{"event":{"event_type":9,"resource":"{}"}}}']
    monkeypatch.setattr("requests.Response.iter_lines", lambda *_arguments, **_options: iter(lines))
    watch = Watch(omni.client(sleep=lambda _seconds: omni.server.stop()), LABELS)
    changes = iter(watch)
    assert (next(changes), watch.complete, watch.state) == (None, True, {})
    with pytest.raises(errors.UnreachableError):
        next(changes)


def test_waiting_goes_on_while_omni_starts_again(omni):
    """However often it cannot be reached within the time that there is for waiting."""
    create_resource(omni.client(), labels(1, rack="r1"))
    omni.fail("reset", method="Watch", times=9)
    watch = Watch(omni.client(), LABELS, resource_id="m1", silence=0.2)
    assert wait_until(watch, bool, 60)
    assert omni.faults == []


def test_waiting_for_an_omni_that_stays_away(omni):
    watch = Watch(omni.client(), LABELS, resource_id="m1", silence=0.2)
    omni.server.stop()
    with pytest.raises(errors.UnreachableError, match="Connection refused"):
        wait_until(watch, bool, 0.2)


def test_a_secret_id_is_shown_as_its_hash(omni):
    omni.fail("answer", status=404, body='{"error":{"code":5,"message":"resource JoinTokenStatuses(default/secret-token) doesn\'t exist"}}')
    watch = Watch(omni.client(), "JoinTokenStatuses.omni.sidero.dev", resource_id="secret-token", secret_id=True)
    with pytest.raises(errors.NotFoundError, match="default/sha256:") as caught:
        next(iter(watch))
    assert "secret-token" not in str(caught.value)
