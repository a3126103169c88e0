"""What is tried again, when, and what is not: a change that may have been made is not made twice."""

from __future__ import annotations

import socket
import threading

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni import errors
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.auth import ServiceAccount
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.client import RESOURCES, OmniClient
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.resources import create_resource, get_resource, list_resources

pytest_plugins = ["support.omni"]

VERSIONS = "SysVersions.system.sidero.dev"


def ask(client: OmniClient) -> dict:
    """A call that any account may make."""
    return get_resource(client, VERSIONS, "current", "ephemeral")


PASSING = [
    ("answer", {"status": 503, "body": '{"code":14,"message":"failed"}'}),
    ("answer", {"status": 429, "body": '{"code":8,"message":"failed"}'}),
    ("answer", {"status": 503, "body": "<html>nginx</html>"}),
    ("answer", {"status": 502, "body": "<html>nginx</html>"}),
    ("answer", {"status": 429, "body": "<html>nginx</html>"}),
    ("answer", {"status": 503, "body": '{"message":"no healthy upstream"}'}),
    ("reset", {}),
    ("reset-after", {}),
    ("truncate", {}),
]


@pytest.mark.parametrize(("kind", "details"), PASSING)
def test_a_read_is_tried_again_with_growing_pauses(omni, kind, details):
    pauses: list[float] = []
    omni.fail(kind, times=3, **details)
    ask(omni.client(sleep=pauses.append))
    assert pauses == [0.5, 1, 2]
    omni.fail(kind, times=4, **details)
    with pytest.raises((errors.UnavailableError, errors.UnreachableError)):
        ask(omni.client(sleep=pauses.append))
    assert omni.faults == []


@pytest.mark.parametrize(("asked", "waited"), [("7", [7.0, 1.0]), ("0", [0.5, 1.0]), ("3600", [60.0, 1.0]), ("soon", [0.5, 1.0])])
def test_as_long_as_omni_asks_for(omni, asked, waited):
    pauses: list[float] = []
    omni.fail("answer", status=429, headers={"Retry-After": asked})
    omni.fail("answer", status=503)
    ask(omni.client(sleep=pauses.append))
    assert pauses == waited


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 500, 501, 502])
def test_nothing_else_is_tried_again(omni, status):
    omni.fail("answer", status=status, body='{"code":13,"message":"failed"}')
    omni.fail("answer", status=500)
    with pytest.raises(errors.OmniError):
        ask(omni.client(sleep=lambda _seconds: pytest.fail("it was tried again")))
    assert len(omni.faults) == 1


LABELS = "MachineLabels.omni.sidero.dev"


def create(client: OmniClient) -> dict:
    """A call that must not be made twice: the second one is refused."""
    return client.write(RESOURCES + "Create", {"resource": {"metadata": {"namespace": "default", "type": LABELS, "id": "m1"}, "spec": "{}"}})


@pytest.mark.parametrize("details", [{"status": 503}, {"status": 429}, {"status": 429, "body": "<html>nginx</html>"}])
def test_a_write_that_was_refused_for_now_is_tried_again(omni, details):
    omni.fail("answer", times=3, **details)
    create(omni.client())
    assert [item["metadata"]["id"] for item in list_resources(omni.client(), LABELS)] == ["m1"]


@pytest.mark.parametrize(("kind", "made"), [("reset", []), ("reset-after", ["m1"]), ("truncate", ["m1"])])
def test_a_write_that_may_have_arrived_is_not(omni, kind, made):
    omni.fail(kind)
    with pytest.raises(errors.UnreachableError) as caught:
        create(omni.client(sleep=lambda _seconds: pytest.fail("it was tried again")))
    assert caught.value.sent
    assert [item["metadata"]["id"] for item in list_resources(omni.client(), LABELS)] == made


def test_a_write_that_was_refused_by_something_before_omni_may_have_arrived(omni):
    """Some proxies say 503 also when the connection broke that they had sent it over. Then it is looked before it is sent again."""
    omni.fail("answer", status=503, body="upstream connect error or disconnect/reset before headers", headers={"Retry-After": "7"})
    with pytest.raises(errors.UnreachableError) as caught:
        create(omni.client(sleep=lambda _seconds: pytest.fail("it was tried again")))
    assert (caught.value.sent, caught.value.retry_after) == (True, 7)
    pauses: list[float] = []
    omni.fail("answer", status=503, body="<html>", headers={"Retry-After": "7"})
    create_resource(omni.client(sleep=pauses.append), {"metadata": {"namespace": "default", "type": LABELS, "id": "m1"}, "spec": {}})
    assert pauses == [7]


def test_a_handshake_that_is_cut_is_a_broken_connection(omni):
    """As by a load balancer that has nobody behind it for a moment."""
    pauses: list[float] = []
    with socket.create_server(("127.0.0.1", 0)) as cutting:
        threading.Thread(target=lambda: [cutting.accept()[0].close() for _attempt in range(4)]).start()
        client = OmniClient(f"https://127.0.0.1:{cutting.getsockname()[1]}", ServiceAccount(omni.key), ca_path=omni.ca_path, sleep=pauses.append)
        with pytest.raises(errors.UnreachableError, match="the connection broke off|Connection reset by peer"):
            ask(client)
    assert pauses == [0.5, 1, 2]


def test_a_write_that_met_nobody_is_tried_again(omni):
    omni.server.stop()
    pauses: list[float] = []
    with pytest.raises(errors.UnreachableError, match="Connection refused") as caught:
        create(omni.client(sleep=pauses.append))
    assert (caught.value.sent, pauses) == (False, [0.5, 1, 2])
