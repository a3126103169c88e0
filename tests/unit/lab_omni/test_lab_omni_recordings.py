"""What a real Omni was recorded to answer, the lab Omni answers too."""

from __future__ import annotations

import base64
import json
import pathlib
import re

import pysequoia
import pytest
import requests
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.auth import ServiceAccount
from lab.omni.accounts import create_account
from lab.omni.state import parse_time
from support.replay import opened, shape

pytest_plugins = ["support.omni"]

RECORDINGS = pathlib.Path(__file__).resolve().parents[2] / "recordings/omni"

RECORDED_FINGERPRINT = "3a249367fbbb32d2babcc7d9b3d1094c944083a3"
RECORDED_AT = 1795477541
INITIAL_TOKEN = "REDACTED-JOINTOKEN-4"


def recorded(name: str) -> list[dict]:
    return json.loads((RECORDINGS / name).read_text())


def by_case(entry: dict) -> str:
    return str(entry.get("case"))


def ask(omni, account: ServiceAccount, entry: dict) -> requests.Response:
    """Make a recorded request again, signed by ``account`` at the lab Omni's time."""
    headers = account.signed_headers(entry["path"].removeprefix("/api"), entry["metadata"] or {}, omni.state.clock())
    return requests.post(omni.server.endpoint + entry["path"], json=entry["request"], headers=headers, verify=omni.ca_path, timeout=10)


class Signer:
    """Signs the recorded payloads anew, since their signatures and the key were not recorded."""

    def __init__(self, key: str):
        self.secret = pysequoia.Tsk.from_bytes(json.loads(base64.b64decode(key))["pgp_key"].encode())
        self.fingerprint = self.secret.extract_certificate().fingerprint

    def headers(self, entry: dict) -> dict:
        headers = dict(entry["headers"])
        names = {name.lower().removeprefix("grpc-metadata-"): name for name in headers}
        if "x-sidero-signature" in names:
            version, identity, fingerprint, _signature = headers[names["x-sidero-signature"]].split(" ")
            ours = {RECORDED_FINGERPRINT: self.fingerprint, RECORDED_FINGERPRINT.upper(): self.fingerprint.upper()}
            payload = headers.get(names.get("x-sidero-payload"), "")
            signature = self.signature(payload.encode(), entry["case"])
            headers[names["x-sidero-signature"]] = f"{version} {identity} {ours.get(fingerprint, fingerprint)} {signature}"
        return headers

    def signature(self, payload: bytes, case: str) -> str:
        armored = case == "armored signature"
        signature = pysequoia.sign(self.secret.signer(), payload, mode=pysequoia.SignatureMode.DETACHED, armor=armored)
        if case == "corrupted signature byte":
            signature = signature[:-1] + bytes([signature[-1] ^ 1])
        return "!!!" if case == "signature not base64" else base64.b64encode(signature).decode()


@pytest.mark.parametrize("entry", recorded("auth-errors.json"), ids=by_case)
def test_signatures_and_malformed_requests(make_omni, entry):
    omni = make_omni(clock=lambda: RECORDED_AT)
    request = entry["request"]
    answer = requests.request(
        entry["method"],
        omni.server.endpoint + entry["path"],
        headers={"Accept-Encoding": "gzip", **Signer(omni.key).headers(entry)},
        data=request if isinstance(request, str) else json.dumps(request),
        verify=omni.ca_path,
        timeout=10,
    )
    assert answer.status_code == entry["status"]
    assert answer.headers["Content-Type"] == entry["response_headers"]["Content-Type"]
    assert answer.headers.get("Content-Encoding") == entry["response_headers"].get("Content-Encoding")
    response = entry["response"]
    if isinstance(response, str):
        assert answer.text == response
    elif answer.status_code == 200:
        assert shape(opened(answer.json())) == shape(opened(response))
    else:
        assert answer.json() == response


def test_the_number_of_recorded_signature_cases():
    """A recording that lost its content must not pass for tested."""
    assert [len(recorded(name)) for name in ("auth-errors.json", "join-tokens.json", "roles.json", "resources.json", "expired-key.json")] == [45, 39, 36, 9, 13]


def test_join_tokens_in_their_order(make_omni):
    """The whole life of tokens; everything but times must be as recorded."""
    omni = make_omni(address="10.5.0.1", clock=lambda: parse_time("2026-11-23T23:49:15Z"))
    for number in range(6):
        omni.join(f"100{number}1802-c798-4da7-a410-f09abb48c8d8")
    account = ServiceAccount(omni.key)
    tokens = {INITIAL_TOKEN: omni.state.default_token()}
    for entry in recorded("join-tokens.json"):
        answer = ask(omni, account, {**entry, "request": json.loads(replaced(json.dumps(entry["request"]), tokens))})
        if entry["path"].endswith("CreateJoinToken"):
            tokens[entry["response"]["id"]] = answer.json()["id"]
        assert answer.status_code == entry["status"], entry["case"]
        got = json.loads(replaced(answer.text, {ours: name for name, ours in tokens.items()}))
        assert timeless(opened(got)) == timeless(opened(entry["response"])), entry["case"]


def replaced(text: str, names: dict[str, str]) -> str:
    for old, new in names.items():
        text = text.replace(old, new)
    return text


def timeless(answer):
    """Without times; and without the version of statuses, which counts how often Omni's controllers looked at them."""
    for item in [answer.get("body"), *answer.get("items", [])]:
        if item:
            del item["metadata"]["created"], item["metadata"]["updated"]
            if item["metadata"]["type"].startswith("JoinTokenStatuses"):
                del item["metadata"]["version"]
    return answer


@pytest.mark.parametrize("entry", recorded("roles.json"), ids=by_case)
def test_roles(omni, entry):
    omni.join("10001802-c798-4da7-a410-f09abb48c8d8")
    role = {"ro": "Reader", "op": "Operator", "none": "None", "short": "Admin"}[entry["role"]]
    answer = ask(omni, ServiceAccount(create_account(omni.state, entry["role"], role)), entry)
    assert answer.status_code == entry["status"]
    got, expected = opened(answer.json()), opened(entry["response"])
    if answer.status_code != 200:
        assert got == expected
    elif "MachineStatuses" in entry["case"]:
        # What they look like is in resources.json; the recorded one is in a cluster by now.
        assert got["total"] == 1
    else:
        assert shape(got) == shape(expected)


@pytest.mark.parametrize("entry", recorded("resources.json"), ids=by_case)
def test_resources(omni, entry):
    omni.join("10031802-c798-4da7-a410-f09abb48c8d8")
    answer = ask(omni, ServiceAccount(omni.key), entry)
    assert answer.status_code == entry["status"]
    got, expected = opened(answer.json()), opened(entry["response"])
    if answer.status_code == 200:
        assert shape(got)
        assert shape(got) <= shape(expected)
        assert len(got.get("items", [])) == len(expected.get("items", []))
    else:
        assert without_ids(got) == without_ids(expected)


def without_ids(answer: dict) -> dict:
    return {**answer, "message": re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", answer["message"])}


def test_a_key_works_until_the_second_of_its_expiry(omni):
    """Recorded: 200 for 55 seconds, 401 at 60, for a key of 70 seconds that was dated back by some."""
    assert [entry["status"] for entry in recorded("expired-key.json")][-2:] == [200, 401]
    entry = recorded("resources.json")[6]
    account = ServiceAccount(create_account(omni.state, "short", "Admin", 70))
    ends = account.expiration.timestamp()
    headers = account.signed_headers(entry["path"].removeprefix("/api"), entry["metadata"], ends - 1)
    statuses = []
    for now in (ends - 1, ends):
        omni.state.clock = lambda now=now: now
        answer = requests.post(omni.server.endpoint + entry["path"], json=entry["request"], headers=headers, verify=omni.ca_path, timeout=10)
        statuses.append(answer.status_code)
    assert statuses == [200, 401]
