"""The machine API's stand-in: who may join, and what is seen of whom."""

from __future__ import annotations

import hashlib
import json
import time

import pytest
import requests
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.resources import list_resources

pytest_plugins = ["support.omni"]

MACHINE_ID = "10031802-c798-4da7-a410-f09abb48c8d8"
CMDLINE = "talos.platform=metal siderolink.api=grpc://10.77.0.5:8090?grpc_tunnel=true&jointoken=x quoted='a b'"


def post(omni, path: str, token: str, machine_id: str = MACHINE_ID.upper()) -> requests.Response:
    body = f"token={token}\nuuid={machine_id}\nmac=52:54:00:AA:00:01\naddress=10.77.0.101\nrouter=10.77.0.1\ndns=10.77.0.2\nuptime=7.51\ntalos_version=1.11.4\n"
    return requests.post(omni.server.machine_url + path, data=f"{body}cmdline={CMDLINE}\n", timeout=10)


def machines(omni) -> list[dict]:
    return list_resources(omni.client(), "MachineStatuses.omni.sidero.dev")


def test_a_machine_with_a_good_token_is_there_with_what_it_said(omni):
    token = omni.state.default_token()
    assert post(omni, "/lab/join", token).status_code == 200
    (machine,) = machines(omni)
    assert machine["metadata"]["id"] == MACHINE_ID
    assert machine["metadata"]["labels"]["omni.sidero.dev/talos-version"] == "v1.11.4"
    assert "omni.sidero.dev/connected" in machine["metadata"]["labels"]
    assert machine["spec"]["connected"] is True
    assert machine["spec"]["network"]["network_links"][0]["hardware_address"] == "52:54:00:aa:00:01"
    assert machine["spec"]["kernel_cmdline"] == CMDLINE
    assert [item["metadata"]["id"] for item in list_resources(omni.client(), "Machines.omni.sidero.dev")] == [MACHINE_ID]
    (status,) = list_resources(omni.client(), "JoinTokenStatuses.omni.sidero.dev")
    assert status["spec"]["use_count"] == "1"


def test_every_attempt_is_written_down_where_only_its_owner_reads_it(omni):
    token = omni.state.default_token()
    post(omni, "/lab/join", token)
    post(omni, "/lab/join", "wrong")
    accepted, refused = omni.state.records("joins.jsonl")
    assert abs(accepted.pop("time") - time.time()) < 60
    assert accepted == {
        "accepted": True,
        "token": token,
        "token_hash": "sha256:" + hashlib.sha256(token.encode()).hexdigest()[:8],
        "uuid": MACHINE_ID,
        "mac": "52:54:00:aa:00:01",
        "address": "10.77.0.101",
        "router": "10.77.0.1",
        "dns": "10.77.0.2",
        "uptime": "7.51",
        "talos_version": "1.11.4",
        "cmdline": CMDLINE,
    }
    assert (refused["accepted"], refused["token"]) == (False, "wrong")
    assert (omni.state.directory / "joins.jsonl").stat().st_mode & 0o777 == 0o600


def spoil(omni, how: str) -> str:
    """A token that machines cannot join with."""
    if how == "unknown":
        return "doesnotexist"
    token = omni.state.create_token("spoiled", "2020-01-01T00:00:00Z" if how == "expired" else "")
    if how == "revoked":
        omni.state.revoke_token(token)
    return token


@pytest.mark.parametrize("how", ["unknown", "revoked", "expired"])
def test_a_machine_without_a_good_token_is_nowhere_but_in_the_log(omni, how):
    answer = post(omni, "/lab/join", spoil(omni, how))
    assert (answer.status_code, answer.text) == (403, "unauthorized\n")
    for kind in ("MachineStatuses", "Machines"):
        assert list_resources(omni.client(), f"{kind}.omni.sidero.dev") == []
    (line,) = [json.loads(line) for line in (omni.state.directory / "omni.log").read_text().splitlines()]
    assert line["msg"] == "machine is not allowed to join using secure join flow"
    assert line["machine"] == MACHINE_ID


def test_a_revoked_token_that_is_taken_back_is_good_again(omni):
    token = omni.state.default_token()
    omni.state.revoke_token(token)
    assert post(omni, "/lab/join", token).status_code == 403
    omni.state.revoke_token(token, revoked=False)
    assert post(omni, "/lab/join", token).status_code == 200


def test_a_machine_stays_connected_while_it_is_seen(omni):
    token, now = omni.state.default_token(), time.time()
    omni.state.set(disconnect_after=60)
    omni.state.clock = lambda: now
    post(omni, "/lab/join", token)
    omni.state.clock = lambda: now + 50
    assert post(omni, "/lab/seen", token).status_code == 200
    omni.state.clock = lambda: now + 100
    assert machines(omni)[0]["spec"]["connected"] is True
    omni.state.clock = lambda: now + 111
    (machine,) = machines(omni)
    assert "connected" not in machine["spec"]
    assert "omni.sidero.dev/disconnected" in machine["metadata"]["labels"]


@pytest.mark.parametrize(
    ("path", "token", "machine_id", "status"),
    [
        ("/lab/seen", "", MACHINE_ID, 400),
        ("/lab/join", "", MACHINE_ID, 400),
        ("/lab/join", "x", "", 400),
        ("/lab/seen", "x", MACHINE_ID, 403),
        ("/lab/other", "x", MACHINE_ID, 404),
    ],
)
def test_other_requests(omni, path, token, machine_id, status):
    assert post(omni, path, token, machine_id).status_code == status
